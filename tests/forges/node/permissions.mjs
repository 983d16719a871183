// Which permissions of a workflow's token each operation needs, as GitHub's documentation of fine-grained permissions says.
// Source: https://docs.github.com/en/rest/authentication/permissions-required-for-github-apps
const REPO = '/repos/{owner}/{repo}'
const PREFIXES = [ // the first that fits
  [`post ${REPO}/pulls/`, 'pull_requests=write'],
  [`get ${REPO}/pulls`, 'pull_requests=read'],
  [`get ${REPO}/commits/{commit_sha}/pulls`, 'pull_requests=read'],
  [`get ${REPO}/commits/{ref}/check-runs`, 'checks=read'],
  [`get ${REPO}/check-runs`, 'checks=read'],
  [`post ${REPO}/check-runs`, 'checks=write'],
  [`patch ${REPO}/check-runs`, 'checks=write'],
  [`get ${REPO}/issues/`, 'issues=read; pull_requests=read'],
  [`post ${REPO}/issues/`, 'issues=write; pull_requests=write'],
  [`patch ${REPO}/issues/`, 'issues=write; pull_requests=write'],
  [`delete ${REPO}/issues/`, 'issues=write; pull_requests=write'],
  [`get ${REPO}/actions/permissions`, 'administration=read'],
  [`get ${REPO}/actions/runners`, 'administration=read'],
  [`get ${REPO}/actions/secrets`, 'secrets=read'],
  [`get ${REPO}/actions/variables`, 'actions_variables=read'],
  [`post ${REPO}/actions/workflows`, 'actions=write'],
  [`get ${REPO}/actions/`, 'actions=read'],
  [`get ${REPO}/branches/{branch}/protection`, 'administration=read'],
  [`get ${REPO}/branches`, 'contents=read'],
  [`get ${REPO}/environments/{environment_name}/secrets`, 'environments=read'],
  [`get ${REPO}/environments/{environment_name}/variables`, 'environments=read'],
  [`get ${REPO}/environments`, 'actions=read'],
  [`get ${REPO}/keys`, 'administration=read'],
  [`get ${REPO}/rules`, 'metadata=read'],
  [`get ${REPO}/collaborators`, 'metadata=read'],
  [`get ${REPO}`, 'metadata=read'],
]

const RANK = { read: 1, write: 2 }

/** `issues=write; pull_requests=write` for an operation: any one of them is enough. */
export function accepted(key) {
  const found = PREFIXES.find(([prefix]) => key.startsWith(prefix))
  if (!found) throw new Error(`no permission is known for ${key}`)
  return found[1]
}

export function allows(granted, needed) {
  return needed.split('; ').some((each) => {
    const [name, level] = each.split('=')
    return name === 'metadata' || (RANK[granted[name]] ?? 0) >= RANK[level]
  })
}
