// The repository that tests see: the emulator's own state, and beside it what the emulator lacks (runs, artifacts, settings).
import { createHmac, createSign, generateKeyPairSync } from 'node:crypto'

import { createEmulator } from 'emulate'

const APP = { app_id: 15368, slug: 'github-actions', name: 'GitHub Actions' }
const INSTALLATION = 1
const GRANTED = [
  'actions', 'actions_variables', 'administration', 'checks', 'contents', 'deployments', 'environments', 'issues', 'metadata',
  'pages', 'pull_requests', 'secrets', 'statuses', 'id_token', 'packages', 'security_events', 'discussions', 'attestations',
]
const ROLES = { read: 'pull', triage: 'triage', write: 'push', maintain: 'maintain', admin: 'admin' }
const KEY = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'pkcs1', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
}).privateKey

export const START = '2027-01-01T12:00:00Z'

/** A clock of whole seconds, as GitHub's times are, that moves only when told to. The emulator reads it as `Date`. */
export class Clock {
  constructor() {
    this.set(START)
    const clock = this
    const Real = Date
    globalThis.Date = class extends Real {
      constructor(...given) { if (given.length) super(...given); else super(clock.now) }
      static now() { return clock.now }
    }
  }

  set(text) {
    const time = Date.parse(text)
    if (Number.isNaN(time)) throw new Error(`not a time: ${text}`)
    this.now = time
  }

  text() { return this.later(0) }
  later(seconds) { return new Date(this.now + seconds * 1000).toISOString().replace('.000Z', 'Z') }
  tick() { this.now += 1000 }
}

export class World {
  static async create(seed, publicUrl, clock) {
    const world = new World()
    await world.start(seed, publicUrl, clock)
    return world
  }

  async start(seed, publicUrl, clock) {
    Object.assign(this, { seed, publicUrl, clock })
    if (seed.clock) clock.set(seed.clock)
    this.repository = `${seed.owner}/${seed.repo}`
    this.users = new Set([seed.owner, ...Object.keys(seed.users), ...seed.pulls.map((pull) => pull.author)])
    this.userTokens = new Map([...this.users].map((login) => [`user-token-of-${login}`, login]))
    this.tokens = new Map() // installation tokens and what they grant
    this.emulator = await createEmulator({
      service: 'github',
      port: 0,
      seed: {
        tokens: Object.fromEntries([...this.userTokens].map(([token, login]) => [token, { login, scopes: ['repo', 'user'] }])),
        github: {
          users: [...this.users].map((login) => ({ login })),
          repos: [{ owner: seed.owner, name: seed.repo, default_branch: seed.default_branch }],
          apps: [{
            ...APP,
            private_key: KEY,
            permissions: Object.fromEntries(GRANTED.map((name) => [name, 'write'])),
            installations: [{ installation_id: INSTALLATION, account: seed.owner }],
          }],
        },
      },
    })
    this.shas = new Map() // as tests say them → as the emulator knows them
    this.pulls = new Map()
    this.next = 1 // number of an issue or a pull request
    this.reactions = new Map()
    this.annotations = new Map()
    this.checkApps = new Map()
    this.edited = new Set()
    this.times = new Map() // created_at by kind and id, where a test says another
    Object.assign(this, { runs: [], artifacts: [], dispatched: [], settings: {}, workflows: [] })
    await this.change(seed)
    if (seed.private) await this.admin('PATCH', `/repos/${this.repository}`, { private: true })
  }

  /** Adds to what there is, or changes it: the same keys as the seed. */
  async change(wanted) {
    if (wanted.clock) this.clock.set(wanted.clock)
    for (const [login, role] of Object.entries(wanted.users ?? {})) await this.setRole(login, role)
    for (const pull of wanted.pulls ?? []) await this.setPull(pull)
    for (const run of wanted.runs ?? []) {
      this.runs = [run, ...this.runs.filter((each) => each.id !== run.id)]
      await this.know(run.head_sha)
    }
    this.artifacts.push(...(wanted.artifacts ?? []).map((each) => ({ created_at: this.clock.text(), ...each })))
    for (const path of wanted.workflows ?? []) if (!this.workflows.includes(path)) this.workflows.push(path)
    Object.assign(this.settings, wanted.settings ?? {})
    for (const sha of wanted.commits ?? []) await this.know(sha)
  }

  /** Makes a commit for a SHA that a test names, so that the emulator answers for it. */
  async know(sha) {
    if (!sha || this.shas.has(sha)) return
    this.tree ??= await this.someTree()
    const made = await this.admin('POST', `/repos/${this.repository}/git/commits`, { message: sha, tree: this.tree, parents: [] })
    this.shas.set(sha, made.sha)
  }

  async someTree() {
    const { commit } = await this.admin('GET', `/repos/${this.repository}/branches/${this.seed.default_branch}`)
    const { tree } = await this.admin('GET', `/repos/${this.repository}/git/commits/${commit.sha}`)
    return tree.sha
  }

  async setRole(login, role) {
    if (login === this.seed.owner) return
    const path = `/repos/${this.repository}/collaborators/${login}`
    if (role === 'none') await this.admin('DELETE', path)
    else await this.admin('PUT', path, { permission: ROLES[role] })
  }

  async setPull(wanted) {
    const known = this.pulls.get(wanted.number)
    const pull = { state: 'open', merged: false, merge_commit: null, commits: [], ...known, ...wanted }
    for (const sha of [pull.head_sha, pull.base_sha, pull.merge_commit, ...pull.commits]) await this.know(sha)
    if (!known) {
      const [owner] = (pull.head_repository ?? this.repository).split('/')
      if (owner !== this.seed.owner) {
        const forked = await this.as(owner, 'GET', `/repos/${pull.head_repository}`)
        if (!forked.id) await this.as(owner, 'POST', `/repos/${this.repository}/forks`, {})
      }
      // Numbers are counted through issues and pull requests alike.
      for (; this.next < pull.number; this.next += 1) await this.admin('POST', `/repos/${this.repository}/issues`, { title: 'before' })
      await this.as(pull.author, 'POST', `/repos/${this.repository}/pulls`, {
        title: pull.title, head: owner === this.seed.owner ? pull.head_ref : `${owner}:${pull.head_ref}`, base: pull.base_ref,
      })
      const there = await this.admin('GET', `/repos/${this.repository}/pulls/${pull.number}`)
      if (there.number !== pull.number) throw new Error(`pull request ${pull.number} could not be made: number them upwards`)
      this.next = pull.number + 1
    }
    const state = pull.merged || pull.state === 'closed' ? 'closed' : 'open'
    if (state !== (known?.state ?? 'open')) await this.admin('PATCH', `/repos/${this.repository}/pulls/${pull.number}`, { state })
    this.pulls.set(pull.number, { ...pull, state })
  }

  admin(method, path, body) { return this.as(this.seed.owner, method, path, body) }

  async as(login, method, path, body) {
    const answer = await this.ask(method, path, { authorization: `Bearer user-token-of-${login}`, 'content-type': 'application/json' }, body && JSON.stringify(body))
    const text = answer.body.toString()
    return text ? JSON.parse(text) : {}
  }

  /** A request to the emulator itself. */
  async ask(method, path, headers, body) {
    const answer = await fetch(this.emulator.url.replace('localhost', '127.0.0.1') + path, {
      method,
      headers: Object.fromEntries(Object.entries(headers).filter(([name]) => !['host', 'connection', 'content-length', 'transfer-encoding', 'accept-encoding'].includes(name))),
      body,
      redirect: 'manual',
    })
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: Buffer.from(await answer.arrayBuffer()) }
  }

  /** An installation token with exactly these permissions, minted by the emulator as GitHub would. */
  async mint(permissions) {
    const named = Object.fromEntries(Object.entries(permissions).map(([name, level]) => [name.replaceAll('-', '_'), level]).filter(([, level]) => level !== 'none'))
    const part = (value) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const now = Math.floor(this.clock.now / 1000)
    const unsigned = `${part({ alg: 'RS256', typ: 'JWT' })}.${part({ iat: now - 60, exp: now + 540, iss: APP.app_id })}`
    const signature = createSign('RSA-SHA256').update(unsigned).sign(KEY, 'base64url')
    const answer = await this.ask('POST', `/app/installations/${INSTALLATION}/access_tokens`, {
      authorization: `Bearer ${unsigned}.${signature}`, 'content-type': 'application/json',
    }, JSON.stringify({ permissions: { metadata: 'read', ...named }, repositories: [this.seed.repo] }))
    const { token, message } = JSON.parse(answer.body)
    if (!token) throw new Error(`no token was minted: ${message}`)
    this.tokens.set(token, { metadata: 'read', ...named })
    return token
  }

  /** Who asks: `{login}`, `{permissions}`, null for nobody, undefined for a token that nobody gave. */
  asker(authorization) {
    if (!authorization) return null
    const token = authorization.replace(/^(Bearer|token)\s+/i, '')
    if (this.tokens.has(token)) return { permissions: this.tokens.get(token) }
    if (this.userTokens.has(token)) return { login: this.userTokens.get(token) }
    return undefined
  }

  /** SHAs as tests say them → as the emulator knows them, wherever they stand in a text. */
  inward(text) { return text.replace(/\b[0-9a-f]{40}\b/g, (sha) => this.shas.get(sha) ?? sha) }

  outward(text) {
    const back = new Map([...this.shas].map(([said, known]) => [known, said]))
    return text.replace(/\b[0-9a-f]{40}\b/g, (sha) => back.get(sha) ?? sha)
  }

  close() { return this.emulator.close() }
}

export const APP_SLUG = APP.slug
export const signed = (text) => createHmac('sha256', KEY).update(text).digest('hex')
