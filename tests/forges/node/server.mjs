// GitHub's API on this machine, for tests: `node server.mjs` prints {"url": …} once it listens.
//
// In front: this proxy. It checks every request against GitHub's own description of its API, refuses what GitHub refuses, adds
// what the emulator lacks, injects faults, and records what was asked. Behind it: the emulator (npm `emulate`).
// Control: POST /__seed, /__change, /__tokens, /__faults, /__comments, /__checks; GET and DELETE /__requests; GET /__state.
import { createServer } from 'node:http'

import { archive, corrected, json, listed, ownAnswer, problem, refusal } from './answers.mjs'
import { Description } from './description.mjs'
import { accepted, allows } from './permissions.mjs'
import { Clock, START, World } from './world.mjs'

const clock = new Clock()
const descriptions = { '': new Description('api.github.com', clock), '/api/v3': new Description('ghes-3.19', clock) }
const requests = []
const violations = []
let faults = []
let world = null
let url = ''
let storage = ''

async function read(request) {
  const chunks = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function takeFault(method, path) {
  const fault = faults.find((each) => each.times > 0 && (each.method === '*' || each.method === method) && new RegExp(each.path).test(path))
  if (!fault) return null
  if (fault.skip > 0) { fault.skip -= 1; return null }
  fault.times -= 1
  return fault
}

/** What a fault answers before anything is done; null for those that let the request through first. */
function faultAnswer(fault) {
  switch (fault.fault) {
    case '401': return problem(401, 'Bad credentials')
    case '403': return problem(403, 'Resource not accessible by integration')
    case '403-retry-after': return problem(403, 'You have exceeded a secondary rate limit', {}, { 'retry-after': String(fault.retry_after ?? 1) })
    case '403-rate-limit': return problem(403, 'API rate limit exceeded', {}, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': String(fault.reset) })
    case '429-retry-after': return problem(429, 'You have exceeded a secondary rate limit', {}, { 'retry-after': String(fault.retry_after ?? 1) })
    case '404': return problem(404, 'Not Found')
    case '422': return problem(422, 'Validation Failed', { errors: [{ resource: 'Thing', field: 'body', code: 'invalid', message: 'a fault of the test' }] })
    case '500': return problem(500, 'Server Error')
    case '502': return { status: 502, headers: { 'content-type': 'text/html' }, text: '<html><h1>502 Bad Gateway</h1></html>' }
    case 'not-json': return { status: 200, headers: { 'content-type': 'application/json' }, text: '{"half": ' }
    case 'empty': return json(200, [])
    case 'redirect': return { status: 301, headers: { location: fault.location }, text: '' }
    default: return null
  }
}

async function answerTo(asked) {
  const { method, path, description, query, headers, body } = asked
  const found = description.find(method, path)
  if (!found) {
    violations.push(`${method} ${path}: not one of the operations that ${description.version} describes`)
    return problem(404, 'Not Found')
  }
  const asker = world.asker(headers.authorization)
  Object.assign(asked, { asker })
  asked.record.operation = found.operation.key
  if (asker === undefined) return problem(401, 'Bad credentials')
  const wrong = description.requestErrors(found, query, headers, body)
  if (wrong.length) {
    violations.push(...wrong.map((each) => `${method} ${path}: ${each}`))
    return problem(422, 'Validation Failed', { errors: wrong.map((message) => ({ message })) })
  }
  const needed = accepted(found.operation.key)
  const reads = method === 'GET'
  if (asker === null && (world.seed.private || !reads)) return reads ? problem(404, 'Not Found') : problem(401, 'Requires authentication')
  const open = reads && !world.seed.private
  if (asker?.permissions && !open && !allows(asker.permissions, needed)) {
    return problem(403, 'Resource not accessible by integration', {}, { 'x-accepted-github-permissions': needed })
  }
  const refused = refusal(world, found, asked)
  if (refused) return refused
  let answer = ownAnswer(world, found, { ...asked, storage }) ?? (await emulated(asked, found))
  if (answer.pulls) answer = json(200, await Promise.all(answer.pulls.map(pullAsListed)))
  if (answer.reacted) answer = json(answer.status, answer.reacted)
  if (answer.status < 400) return shaped(description, found, asked, answer)
  return answer
}

async function emulated(asked, found) {
  const answer = await world.ask(asked.method, world.inward(asked.path + asked.search), asked.headers, asked.body === undefined ? undefined : world.inward(asked.text))
  const text = githubText(answer.body.toString(), asked.prefix)
  const value = text && (answer.headers['content-type'] ?? '').includes('json') ? JSON.parse(text) : undefined
  const link = answer.headers.link?.replaceAll(/<https?:\/\/[^/]+/g, `<${url}${asked.prefix}`)
  return corrected(world, found, asked, { status: answer.status, headers: { 'content-type': 'application/json; charset=utf-8', ...(link && { link: world.outward(link) }) }, value })
}

async function pullAsListed(number) {
  const value = listed(world, await world.admin('GET', `/repos/${world.repository}/pulls/${number}`))
  return JSON.parse(githubText(JSON.stringify(value), ''))
}

/** The emulator's text with our addresses, the SHAs that tests know, and no bare brackets in the address of a bot. */
function githubText(text, prefix) {
  const here = world.outward(text).replaceAll(world.emulator.url, url + prefix)
  return here.replace(/"(http:\/\/127\.0\.0\.1:\d+[^"\s]*)\[bot\]/g, '"$1%5Bbot%5D')
}

/** The answer in the shape that GitHub describes; a shape that is wrong all the same is a mistake of this server. */
function shaped(description, found, { method, path }, answer) {
  const described = found.operation.responses
  if (!(answer.status in described)) violations.push(`${method} ${path}: answered ${answer.status}, which is not described`)
  const schema = described[answer.status]
  if (!schema || answer.value === undefined) return answer
  answer.value = description.complete(schema, answer.value)
  const wrong = description.errors(schema, answer.value)
  violations.push(...wrong.map((each) => `${method} ${path}: the answer: ${each}`))
  // Not described, and so: the repository of a fork that was deleted.
  for (const value of Array.isArray(answer.value) ? answer.value : [answer.value]) {
    if (path.includes('/pulls') && world.pulls.get(value.number)?.head_repository === null) value.head.repo = null
  }
  return answer
}

async function api(request, response, prefix) {
  const { pathname, search, searchParams: query } = new URL(request.url, url)
  const path = pathname.slice(prefix.length)
  const text = await read(request)
  const record = { method: request.method, path, query: Object.fromEntries(query), body: null, status: 0, prefix }
  requests.push(record)
  if (!world) return send(response, problem(503, 'POST /__seed first'), record)
  let body
  try {
    body = text ? JSON.parse(text) : undefined
  } catch {
    return send(response, problem(400, 'Problems parsing JSON'), record)
  }
  record.body = body ?? null
  if (request.method !== 'GET') clock.tick()
  const fault = takeFault(request.method, path)
  const early = fault && faultAnswer(fault)
  if (early) return send(response, early, record)
  if (fault?.fault === 'reset') return request.socket.destroy()
  const asked = { method: request.method, path, search, query, text, body, headers: request.headers, prefix, description: descriptions[prefix], url: url + request.url, record }
  const answer = await answerTo(asked)
  record.permissions = asked.asker?.permissions ?? null
  record.login = asked.asker?.login ?? null
  if (fault?.fault === 'applied-then-502') return send(response, faultAnswer({ fault: '502' }), record)
  if (fault?.fault === 'applied-then-reset') return request.socket.destroy()
  if (fault?.fault === 'timeout') return undefined // applied, and never answered
  return send(response, answer, record)
}

function send(response, { status, headers, value, text }, record) {
  if (record) record.status = status
  response.writeHead(status, { date: new Date(clock.now).toUTCString(), 'x-ratelimit-remaining': '4999', 'x-github-request-id': 'TEST', ...headers })
  response.end(text ?? (value === undefined ? undefined : JSON.stringify(value)))
}

async function control(request, path) {
  const text = await read(request)
  const body = text ? JSON.parse(text) : {}
  switch (`${request.method} ${path}`) {
    case 'POST /__seed': {
      const before = world
      clock.set(START)
      requests.length = violations.length = 0
      faults = []
      world = await World.create(body, url, clock)
      await before?.close()
      return json(200, {})
    }
    case 'POST /__change':
      await world.change(body)
      return json(200, {})
    case 'POST /__tokens':
      return json(200, { token: body.login ? `user-token-of-${body.login}` : await world.mint(body.permissions) })
    case 'POST /__faults':
      faults.push({ method: '*', path: '.', times: 1, skip: 0, ...body })
      return json(200, {})
    case 'DELETE /__faults':
      faults = []
      return json(200, {})
    case 'POST /__comments': { // many at once, and with times of their own
      const made = []
      for (const each of body) {
        const comment = await commentBy(each)
        if (each.created_at) world.times.set(`comment ${comment.id}`, each.created_at)
        if (each.edited) world.times.set(`edited ${comment.id}`, clock.later(60))
        made.push(comment.id)
      }
      return json(200, made)
    }
    case 'POST /__checks': { // a check of another app
      const token = await world.mint({ checks: 'write' })
      const answer = await world.ask('POST', `/repos/${world.repository}/check-runs`, { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, world.inward(JSON.stringify(body.check)))
      const { id } = JSON.parse(answer.body)
      world.checkApps.set(id, body.app)
      return json(200, { id })
    }
    case 'GET /__requests':
      return json(200, { requests, violations })
    case 'DELETE /__requests':
      requests.length = violations.length = 0
      return json(200, {})
    case 'GET /__state':
      return json(200, { dispatched: world.dispatched, reactions: Object.fromEntries(world.reactions), annotations: Object.fromEntries(world.annotations) })
    default:
      return problem(404, 'no such control')
  }
}

async function commentBy({ number, author, body }) {
  if (author.endsWith('[bot]')) {
    const token = await world.mint({ issues: 'write' })
    const answer = await world.ask('POST', `/repos/${world.repository}/issues/${number}/comments`, { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, world.inward(JSON.stringify({ body })))
    return JSON.parse(answer.body)
  }
  const made = await world.as(author, 'POST', `/repos/${world.repository}/issues/${number}/comments`, JSON.parse(world.inward(JSON.stringify({ body }))))
  if (!made.id) throw new Error(`${author} could not comment: ${made.message}`)
  return made
}

function listen(handler) {
  const server = createServer((request, response) => {
    handler(request, response).catch((error) => {
      violations.push(`the test server failed: ${error.stack}`)
      send(response, problem(500, `the test server failed: ${error.message}`))
    })
  })
  return new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(`http://127.0.0.1:${server.address().port}`)))
}

storage = await listen(async (request, response) => {
  const { pathname, search } = new URL(request.url, storage)
  requests.push({ method: request.method, path: pathname, storage: true, authorization: 'authorization' in request.headers })
  // As the real storage does: it has its own signature in the address, and refuses a second one.
  if ('authorization' in request.headers) return send(response, problem(400, 'InvalidAuthenticationInfo'))
  const content = archive(world, pathname, search)
  if (!content) return send(response, problem(403, 'AuthenticationFailed'))
  response.writeHead(200, { 'content-type': 'application/zip' })
  return response.end(content)
})
url = await listen(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://127.0.0.1')
  if (pathname.startsWith('/__')) return send(response, await control(request, pathname))
  return api(request, response, pathname.startsWith('/api/v3/') ? '/api/v3' : '')
})
console.log(JSON.stringify({ url }))
process.stdin.resume().on('end', () => process.exit()) // ends with the process that started it
