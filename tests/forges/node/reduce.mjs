// Reduces GitHub's OpenAPI descriptions to the operations of operations.json, as JSON Schema that ajv reads:
//   npm install --no-save @octokit/openapi@23.0.2 && node reduce.mjs
// The full descriptions take 385 MB, so only the reduced ones are committed.
import { readFileSync, writeFileSync } from 'node:fs'

const here = new URL('.', import.meta.url)
const wanted = JSON.parse(readFileSync(new URL('operations.json', here)))
const KEYWORDS = [
  'type', 'enum', 'format', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'minItems', 'maxItems',
  'required', 'additionalProperties', 'default',
]

/** A schema without prose, with `nullable` said as JSON Schema says it, and references into `$defs`. */
function reduced(schema, used) {
  if (typeof schema !== 'object' || schema === null) return schema
  if (schema.$ref) {
    const name = schema.$ref.split('/').pop()
    used.add(name)
    return { $ref: `#/$defs/${name}` }
  }
  const kept = {}
  for (const keyword of KEYWORDS) if (keyword in schema) kept[keyword] = schema[keyword]
  if (typeof kept.additionalProperties === 'object') kept.additionalProperties = reduced(kept.additionalProperties, used)
  if (schema.properties) {
    kept.properties = Object.fromEntries(Object.entries(schema.properties).map(([name, value]) => [name, reduced(value, used)]))
  }
  if (schema.items) kept.items = reduced(schema.items, used)
  for (const many of ['allOf', 'anyOf', 'oneOf']) {
    // GitHub's alternatives overlap (an object with optional members matches several): oneOf would refuse its own examples.
    if (schema[many]) kept[many === 'oneOf' ? 'anyOf' : many] = schema[many].map((each) => reduced(each, used))
  }
  if (!schema.nullable) return kept
  return { anyOf: [{ type: 'null' }, kept] }
}

function resolved(description, value) {
  return value.$ref ? value.$ref.split('/').slice(1).reduce((node, key) => node[key], description) : value
}

function operation(description, pathItem, method, used) {
  const found = pathItem[method]
  const parameters = [...(pathItem.parameters ?? []), ...(found.parameters ?? [])].map((each) => resolved(description, each))
  const body = found.requestBody && resolved(description, found.requestBody).content?.['application/json']?.schema
  const responses = {}
  for (const [status, answer] of Object.entries(found.responses)) {
    if (!status.startsWith('2') && !status.startsWith('3')) continue
    const schema = resolved(description, answer).content?.['application/json']?.schema
    responses[status] = schema ? reduced(schema, used) : null
  }
  return {
    parameters: parameters.map(({ name, in: place, required = false, schema }) => ({ name, in: place, required, schema: reduced(schema, used) })),
    ...(body && { body: reduced(body, used), bodyRequired: resolved(description, found.requestBody).required ?? false }),
    responses,
  }
}

for (const version of ['api.github.com', 'ghes-3.19']) {
  const source = new URL(`node_modules/@octokit/openapi/generated/${version}.json`, here)
  const description = JSON.parse(readFileSync(source))
  const used = new Set()
  const paths = {}
  for (const [path, methods] of Object.entries(wanted)) {
    const item = description.paths[path]
    if (!item) { console.error(`${version} has no ${path}`); continue }
    paths[path] = Object.fromEntries(methods.map((method) => [method, operation(description, item, method, used)]))
  }
  const $defs = {}
  for (const name of used) $defs[name] = reduced(description.components.schemas[name], used) // a Set grows while it is walked
  const lines = [
    ...Object.entries(paths).map(([path, value]) => `  "paths ${path}": ${JSON.stringify(value)}`),
    ...Object.entries($defs).map(([name, value]) => `  "$defs ${name}": ${JSON.stringify(value)}`),
  ]
  const text = `{\n  "version": ${JSON.stringify(`${version} ${description.info.version}`)},\n${lines.join(',\n')}\n}\n`
  JSON.parse(text)
  writeFileSync(new URL(`openapi-${version}.json`, here), text)
  console.log(`${version}: ${Object.keys(paths).length} paths, ${Object.keys($defs).length} schemas, ${Math.round(text.length / 1024)} kB`)
}
