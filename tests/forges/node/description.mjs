// GitHub's own description of its API, reduced by reduce.mjs: requests are checked against it, and answers completed to it.
import { readFileSync } from 'node:fs'

import Ajv from 'ajv'
import addFormats from 'ajv-formats'

const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/

/** The description of one kind of server: `api.github.com` or `ghes-3.19`. */
export class Description {
  constructor(version, clock) {
    this.clock = clock
    this.version = version
    const text = JSON.parse(readFileSync(new URL(`openapi-${version}.json`, import.meta.url)).toString().replaceAll('"#/$defs/', '"defs#/$defs/'))
    this.ajv = addFormats(new Ajv({ strict: false, allErrors: true, coerceTypes: false, inlineRefs: false }))
    this.coercing = addFormats(new Ajv({ strict: false, allErrors: true, coerceTypes: 'array', inlineRefs: false }))
    this.definitions = {}
    this.operations = []
    for (const [key, value] of Object.entries(text)) {
      const [kind, name] = key.split(/ (.*)/s)
      if (kind === '$defs') this.definitions[name] = value
      if (kind !== 'paths') continue
      const pattern = new RegExp(`^${name.replaceAll('.', '\\.').replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`)
      for (const [method, operation] of Object.entries(value)) {
        this.operations.push({ key: `${method} ${name}`, name, method, pattern, ...operation })
      }
    }
    // A schema of its own: what several others refer to is compiled once.
    for (const ajv of [this.ajv, this.coercing]) ajv.addSchema({ $id: 'defs', $defs: this.definitions })
    this.values = new WeakMap()
  }

  /** The operation that a request asks for, with its path's parameters; null for what is not described. */
  find(method, path) {
    const matching = this.operations.filter((each) => each.method === method.toLowerCase() && each.pattern.test(path))
    // Most literal first: …/issues/comments/{comment_id} before …/issues/{issue_number}/comments.
    matching.sort((a, b) => a.name.split('{').length - b.name.split('{').length)
    const operation = matching[0]
    return operation ? { operation, values: { ...operation.pattern.exec(path).groups } } : null
  }

  errors(schema, value, ajv = this.ajv) {
    const validate = ajv.compile(schema) // which ajv does once per schema
    return validate(value) ? [] : validate.errors.map((each) => `${each.instancePath || '/'} ${each.message}`)
  }

  /** The schema of `{value: …}`, the same object for the same schema: values are coerced where they are members. */
  ofValue(schema) {
    if (!this.values.has(schema)) this.values.set(schema, { type: 'object', properties: { value: schema } })
    return this.values.get(schema)
  }

  /** What is wrong with a request: its parameters, its headers, its body. */
  requestErrors({ operation, values }, query, headers, body) {
    const found = []
    for (const { name, in: place, required, schema } of operation.parameters) {
      const value = place === 'path' ? decodeURIComponent(values[name] ?? '') : query.get(name)
      if (value === null) {
        if (required) found.push(`query: ${name} is missing`)
        continue
      }
      if (place === 'path' || place === 'query') {
        found.push(...this.errors(this.ofValue(schema), { value }, this.coercing).map((each) => `${place} ${name}:${each}`))
      }
    }
    const known = new Set(operation.parameters.filter((each) => each.in === 'query').map((each) => each.name))
    for (const name of query.keys()) if (!known.has(name)) found.push(`query: ${name} is not a parameter`)
    if (!TOKEN.test((headers['user-agent'] ?? '').split('/')[0])) found.push('header: user-agent is missing')
    if (!/^\d{4}-\d\d-\d\d$/.test(headers['x-github-api-version'] ?? '')) found.push('header: x-github-api-version is missing')
    if (!(headers.accept ?? '').includes('application/vnd.github')) found.push('header: accept names no GitHub media type')
    if (operation.body) {
      if (body === undefined) {
        if (operation.bodyRequired) found.push('body: missing')
      } else {
        found.push(...this.errors(operation.body, body).map((each) => `body:${each}`))
        found.push(...unknownProperties(operation.body, body).map((each) => `body: ${each} is not a property`))
      }
    } else if (body !== undefined) found.push('body: none is expected')
    return found
  }

  /** An answer's body with what the description requires and the emulator leaves out; changed in place. */
  complete(schema, value, depth = 0) {
    const known = this.resolve(schema)
    if (known.anyOf) {
      const rest = known.anyOf.filter((each) => each.type !== 'null')
      if (value === null || value === undefined) return known.anyOf.length > rest.length ? null : this.complete(rest[0], value, depth)
      const fitting = rest.find((each) => !this.errors(each, value).length)
      return fitting ? value : this.complete(rest[0], value, depth)
    }
    if (known.allOf) return known.allOf.reduce((result, each) => this.complete(each, result, depth), value)
    if (value === null || value === undefined) value = this.blank(known)
    if (Array.isArray(value) && known.items) return value.map((each) => this.complete(known.items, each, depth + 1))
    if (typeof value === 'object' && value !== null && !Array.isArray(value) && known.properties) {
      for (const [name, property] of Object.entries(known.properties)) {
        const absent = value[name] === undefined
        if (absent && !(known.required ?? []).includes(name)) continue
        value[name] = this.complete(property, value[name], depth + 1)
      }
    }
    return value
  }

  resolve(schema) {
    return schema.$ref ? this.resolve(this.definitions[schema.$ref.split('/').pop()]) : schema
  }

  blank(schema) {
    if ('default' in schema) return schema.default
    if (schema.enum) return schema.enum[0]
    switch (Array.isArray(schema.type) ? schema.type[0] : schema.type) {
      case 'string': return schema.format === 'date-time' ? this.clock.text() : schema.format === 'uri' ? 'http://127.0.0.1/' : ''
      case 'integer': case 'number': return schema.minimum ?? 0
      case 'boolean': return false
      case 'array': return []
      default: return {}
    }
  }
}

/** Members of a body that the description does not name: GitHub ignores them silently, so a misspelt one must fail here. */
function unknownProperties(schema, body) {
  if (!schema.properties || typeof body !== 'object' || body === null || schema.additionalProperties) return []
  return Object.entries(body).flatMap(([name, value]) => {
    const property = schema.properties[name]
    if (!property) return [name]
    const nested = Array.isArray(value) && property.items ? value.flatMap((each) => unknownProperties(property.items, each)) : unknownProperties(property, value)
    return nested.map((each) => `${name}.${each}`)
  })
}
