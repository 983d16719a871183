// What the emulator lacks, or answers otherwise than GitHub does.
import { readFileSync, statSync } from 'node:fs'

import { APP_SLUG, START, signed } from './world.mjs'

const LEGACY = { admin: 'admin', maintain: 'write', write: 'write', triage: 'read', read: 'read', none: 'none' }

export const json = (status, value, headers = {}) => ({ status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers }, value })
export const problem = (status, message, rest = {}, headers = {}) => json(status, { message, documentation_url: 'http://127.0.0.1/rest', status: String(status), ...rest }, headers)
const notFound = () => problem(404, 'Not Found')

/** One page of a list that the emulator does not hold. */
function page(list, query, url, key) {
  const size = Math.min(100, Number(query.get('per_page') ?? 30))
  const number = Number(query.get('page') ?? 1)
  const last = Math.max(1, Math.ceil(list.length / size))
  const at = (wanted, rel) => {
    const there = new URL(url)
    there.searchParams.set('page', String(wanted))
    return `<${there}>; rel="${rel}"`
  }
  const links = number < last ? [at(number + 1, 'next'), at(last, 'last')] : []
  const shown = list.slice((number - 1) * size, number * size)
  return json(200, key ? { total_count: list.length, [key]: shown } : shown, links.length ? { link: links.join(', ') } : {})
}

function runJson(world, run) {
  const url = `${world.publicUrl}/repos/${world.repository}/actions/runs/${run.id}`
  return {
    ...run,
    name: run.path, display_title: run.title, url, title: undefined,
    html_url: `${world.publicUrl}/${world.repository}/actions/runs/${run.id}`,
    head_repository: run.head_repository ? { full_name: run.head_repository, name: run.head_repository.split('/')[1] } : null,
    pull_requests: [], // empty for forks, so that nothing may be built on it
    referenced_workflows: (run.called ?? calledBy(world, run)).map(({ path, ref }) => ({ path: `${path}@${ref.split('/').pop()}`, ref, sha: 'e'.repeat(40) })),
    called: undefined,
    created_at: run.created_at ?? START,
    run_attempt: run.run_attempt ?? 1, run_started_at: run.run_started_at ?? run.created_at ?? START,
  }
}

/** What the loop's own sprint.yml calls; other workflows call none. */
function calledBy(world, run) {
  const path = `${world.repository}/.github/workflows/run-sprint.yml`
  return run.path.endsWith('/sprint.yml') ? [{ path, ref: `refs/heads/${world.seed.default_branch}` }] : []
}

/** What happened to a pull request, as far as tests say it: that it was proposed to another branch before. */
function eventsJson(world, number) {
  const url = `${world.publicUrl}/repos/${world.repository}/issues/events/1`
  const event = { id: 1, node_id: '', url, actor: null, event: 'base_ref_changed', commit_id: null, commit_url: null, created_at: START, performed_via_github_app: null }
  return world.pulls.get(number)?.changed_base ? [event] : []
}

function artifactJson(world, artifact, index) {
  const url = `${world.publicUrl}/repos/${world.repository}/actions/artifacts/${index + 1}`
  return {
    id: index + 1, name: artifact.name, size_in_bytes: statSync(artifact.path).size, expired: artifact.expired ?? false, created_at: artifact.created_at,
    url, archive_download_url: `${url}/zip`, workflow_run: { id: artifact.run },
  }
}

/** An answer that needs no emulator, or null. `storage` is another origin, as GitHub's artifacts have. */
export function ownAnswer(world, { operation, values }, { query, url, storage, body, asker }) {
  const at = operation.key.replace('/repos/{owner}/{repo}', '')
  if (`${values.owner}/${values.repo}`.toLowerCase() !== world.repository.toLowerCase()) return at === 'get ' ? null : notFound()
  switch (at) {
    case 'get /actions/workflows':
      return page(world.workflows.map((path, index) => ({ id: index + 1, path, name: path, state: 'active' })), query, url, 'workflows')
    case 'get /actions/workflows/{workflow_id}': {
      const path = world.workflows.find((each) => each.endsWith(`/${values.workflow_id}`))
      return path ? json(200, { id: world.workflows.indexOf(path) + 1, path, name: path, state: 'active' }) : notFound()
    }
    case 'get /actions/workflows/{workflow_id}/runs': {
      if (!world.workflows.some((path) => path.endsWith(`/${values.workflow_id}`))) return notFound()
      const runs = world.runs.filter((run) => run.path.endsWith(`/${values.workflow_id}`)
        && [null, run.head_sha].includes(query.get('head_sha')) && [null, run.event].includes(query.get('event')))
      return page(runs.map((run) => runJson(world, run)), query, url, 'workflow_runs')
    }
    case 'post /actions/workflows/{workflow_id}/dispatches': {
      if (!world.workflows.some((path) => path.endsWith(`/${values.workflow_id}`))) return notFound()
      world.dispatched.push({ workflow: values.workflow_id, ref: body.ref, inputs: body.inputs ?? {} })
      return { status: 204, headers: {}, value: undefined }
    }
    case 'get /actions/runs/{run_id}': {
      const run = world.runs.find((each) => String(each.id) === values.run_id)
      return run ? json(200, runJson(world, run)) : notFound()
    }
    case 'get /actions/runs/{run_id}/artifacts': {
      if (!world.runs.some((each) => String(each.id) === values.run_id)) return notFound()
      const all = world.artifacts.map((each, index) => [each, artifactJson(world, each, index)])
      const ofRun = all.filter(([each]) => String(each.run) === values.run_id && [null, each.name].includes(query.get('name')))
      return page(ofRun.map(([, shown]) => shown), query, url, 'artifacts')
    }
    case 'get /actions/artifacts/{artifact_id}': {
      const artifact = world.artifacts[Number(values.artifact_id) - 1]
      return artifact ? json(200, artifactJson(world, artifact, Number(values.artifact_id) - 1)) : notFound()
    }
    case 'get /actions/artifacts/{artifact_id}/{archive_format}': {
      const artifact = world.artifacts[Number(values.artifact_id) - 1]
      if (!artifact) return notFound()
      if (artifact.expired) return problem(410, 'Artifact has expired')
      return { status: 302, headers: { location: `${storage}/${values.artifact_id}.zip?sig=${signed(values.artifact_id)}` }, value: undefined }
    }
    case 'get /commits/{commit_sha}/pulls': {
      const sha = values.commit_sha
      if (!world.shas.has(sha)) return problem(422, `No commit found for SHA: ${sha}`)
      const numbers = [...world.pulls.values()].filter((pull) => [pull.head_sha, pull.merge_commit, ...pull.commits].includes(sha)
        && (pull.head_repository ?? world.repository) === world.repository || pull.merge_commit === sha).map((pull) => pull.number)
      return { pulls: numbers }
    }
    case 'get /issues/{issue_number}/events':
      return world.pulls.has(Number(values.issue_number)) ? page(eventsJson(world, Number(values.issue_number)), query, url) : notFound()
    case 'post /issues/comments/{comment_id}/reactions': {
      if (!asker) return problem(401, 'Requires authentication')
      const known = world.reactions.get(values.comment_id) ?? []
      const author = asker.login ?? `${APP_SLUG}[bot]`
      const same = known.find((each) => each.content === body.content && each.author === author)
      if (!same) world.reactions.set(values.comment_id, [...known, { content: body.content, author }])
      return { reacted: { id: 1, content: body.content, user: null }, status: same ? 200 : 201 }
    }
    case 'get /issues/comments/{comment_id}/reactions':
      return page((world.reactions.get(values.comment_id) ?? []).map((each, index) => ({ id: index + 1, content: each.content, user: null })), query, url)
    case 'get /check-runs/{check_run_id}/annotations':
      return page(world.annotations.get(Number(values.check_run_id)) ?? [], query, url)
    default:
      return isSetting(at) ? setting(world, at, values) : null
  }
}

const SETTINGS = ['/actions/permissions', '/actions/runners', '/actions/secrets', '/actions/variables', '/branches/', '/environments', '/keys', '/rules']
const isSetting = (at) => at.startsWith('get ') && at !== 'get /branches/{branch}' && SETTINGS.some((each) => at.slice(4).startsWith(each))

/** What a test said about a setting, `environments/gpu`; 404 where it said nothing. */
function setting(world, at, values) {
  const path = at.slice('get /'.length).replace(/\{(\w+)\}/g, (_, name) => decodeURIComponent(values[name]))
  return path in world.settings && world.settings[path] !== null ? json(200, structuredClone(world.settings[path])) : notFound()
}

/** Refuses what GitHub refuses and the emulator does not. */
export function refusal(world, { operation, values }, { body, asker }) {
  const at = operation.key.replace('/repos/{owner}/{repo}', '')
  if (at.startsWith('post /check-runs') || at.startsWith('patch /check-runs')) {
    if (asker?.login) return problem(403, 'You must authenticate via a GitHub App.')
    if (body.head_sha && !world.shas.has(body.head_sha)) return problem(422, `No commit found for SHA: ${body.head_sha}`)
  }
  if (at === 'get /commits/{ref}/check-runs' && /^[0-9a-f]{40}$/.test(values.ref) && !world.shas.has(values.ref)) {
    return problem(422, `No commit found for SHA: ${values.ref}`)
  }
  if (typeof body?.body === 'string' && body.body.length > 65536) {
    return problem(422, 'Validation Failed', { errors: [{ resource: 'IssueComment', code: 'unprocessable', field: 'data', message: 'Body is too long (maximum is 65536 characters)' }] })
  }
  return null
}

/** The emulator's answer made GitHub's: times, authors, annotations that add up, permissions as GitHub says them. */
export function corrected(world, { operation, values }, asked, answer) {
  const at = operation.key.replace('/repos/{owner}/{repo}', '')
  const value = answer.value
  if (answer.status === 404 && at === 'get /collaborators/{username}/permission' && world.users.has(values.username)) {
    const role = world.seed.private ? 'none' : 'read'
    return json(200, { permission: role, role_name: role, user: { login: values.username } })
  }
  if (answer.status >= 300 || value === undefined) return answer
  if (at === 'get /collaborators/{username}/permission') value.permission = LEGACY[value.role_name]
  if (at === 'get /pulls/{pull_number}') pullJson(world, value)
  if (at === 'get /pulls') answer.value = value.map((each) => listed(world, each))
  if (at.includes('/comments') && !at.includes('reactions')) {
    if (at.startsWith('patch')) {
      world.edited.add(value.id)
      world.times.delete(`edited ${value.id}`)
    }
    for (const comment of Array.isArray(value) ? value : [value]) commentTimes(world, comment)
  }
  if (at.endsWith('/reviews')) {
    answer.status = 200 // for one that is new, too
    for (const review of Array.isArray(value) ? value : [value]) review.submitted_at = world.times.get(`review ${review.id}`) ?? seconds(review.submitted_at)
  }
  if (at.includes('check-runs')) {
    if (!at.startsWith('get')) noted(world, value, asked.body)
    for (const check of value.check_runs ?? [value]) checkJson(world, check)
  }
  return answer
}

const seconds = (time) => time && time.replace(/\.\d+Z$/, 'Z')

function commentTimes(world, comment) {
  const created = world.times.get(`comment ${comment.id}`)
  comment.created_at = created ?? seconds(comment.created_at)
  comment.updated_at = world.times.get(`edited ${comment.id}`) ?? (world.edited.has(comment.id) ? seconds(comment.updated_at) : comment.created_at)
}

function noted(world, check, body) {
  if (asIs(world, check.id)) world.checkApps.set(check.id, APP_SLUG)
  const made = (body.output?.annotations ?? []).map((each) => ({
    start_column: null, end_column: null, title: null, raw_details: null, ...each, blob_href: `${world.publicUrl}/${world.repository}/blob/${each.path}`,
  }))
  world.annotations.set(check.id, [...(world.annotations.get(check.id) ?? []), ...made]) // GitHub adds, and never takes away
}

const asIs = (world, id) => !world.checkApps.has(id)

function checkJson(world, check) {
  check.output.annotations_count = (world.annotations.get(check.id) ?? []).length
  check.output.annotations_url = `${check.url}/annotations`
  const slug = world.checkApps.get(check.id) ?? APP_SLUG
  check.app = { id: slug === APP_SLUG ? 15368 : 1, slug, node_id: '', owner: { login: 'github' }, name: slug, description: null }
  check.started_at = seconds(check.started_at)
  check.completed_at = world.times.get(`check ${check.id}`) ?? seconds(check.completed_at)
}

function pullJson(world, value) {
  const pull = world.pulls.get(value.number)
  if (!pull) return value
  Object.assign(value, { title: pull.title, state: pull.state, merged: pull.merged })
  Object.assign(value.head, { sha: pull.head_sha, ref: pull.head_ref })
  Object.assign(value.base, { sha: pull.base_sha, ref: pull.base_ref })
  value.merged_at = pull.merged ? pull.merged_at ?? world.clock.text() : null
  // An open one has the commit of its test merge there.
  value.merge_commit_sha = pull.merged ? pull.merge_commit : 'f'.repeat(40)
  return value
}

/** As a list shows them: without what GitHub computes for one pull request alone. */
export function listed(world, value) {
  const { merged, mergeable, rebaseable, mergeable_state, merged_by, comments, review_comments, commits, additions, deletions, changed_files, ...simple } = pullJson(world, value)
  return simple
}

export function archive(world, path, search) {
  const id = /^\/(\d+)\.zip$/.exec(path)?.[1]
  const artifact = id && world.artifacts[Number(id) - 1]
  if (!artifact || new URLSearchParams(search).get('sig') !== signed(id)) return null
  return readFileSync(artifact.path)
}
