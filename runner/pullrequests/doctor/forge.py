"""The rules of the set-up that only the forge knows: permissions, environments, runners, rules of the branch.

Source: GitHub's REST API description (`@octokit/openapi`), the paths named in each rule.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

import msgspec

from runner.domain.errors import FlywheelError
from runner.forges.forge import Forge
from runner.pullrequests.doctor import tags
from runner.pullrequests.doctor.diagnosis import Diagnosis

T = TypeVar("T")
SECRET = "FLYWHEEL_DVC_CONFIG"  # noqa: S105 - a name
PUSH_KEY = "FLYWHEEL_PUSH_KEY"
RUNS_ON = "FLYWHEEL_RUNS_ON"
RETENTION_DAYS = 90  # of artifacts in the workflows


class _Named(msgspec.Struct):
    name: str


class _Secrets(msgspec.Struct):
    secrets: list[_Named]


class _BranchPolicies(msgspec.Struct):
    branch_policies: list[_Named]


class _Rule(msgspec.Struct):
    type: str


class _Environment(msgspec.Struct):
    protection_rules: list[_Rule] = []
    deployment_branch_policy: dict[str, Any] | None = None


class _Workflow(msgspec.Struct):
    default_workflow_permissions: str = "write"
    can_approve_pull_request_reviews: bool = True


class _Actions(msgspec.Struct):
    enabled: bool = True
    sha_pinning_required: bool = False


class _Fork(msgspec.Struct):
    approval_policy: str = ""


class _Retention(msgspec.Struct):
    days: int = 0


class _Variable(msgspec.Struct):
    value: str


class _Runner(msgspec.Struct):
    status: str
    labels: list[_Named]


class _Runners(msgspec.Struct):
    runners: list[_Runner]


Rule = Callable[[Forge], Diagnosis]


def diagnose_forge(forge: Forge, *, plan_is_filtered: bool) -> Iterator[Diagnosis]:
    """Asks the forge rule by rule; what the token may not read is `unknown`, and says so.

    Args:
        plan_is_filtered: whether plan.yml leaves out pull requests that touch nothing of a sprint.
    """
    rules: tuple[tuple[str, str, Rule], ...] = (
        ("token-permissions", "GITHUB_TOKEN may only read unless a job says more", _token_permissions),
        ("sha-pinning", "the forge refuses actions that are not pinned", _sha_pinning),
        ("fork-approval", "a stranger's first workflow run waits for a maintainer", _fork_approval),
        ("environment-gpu", "sprints run in the environment `gpu`, and somebody lets them in", _gpu),
        ("environment-promote", "only the default branch gets into the environment `promote`", _promote),
        ("secrets", f"{SECRET} is a secret of the environments, not of the repository", _secrets),
        ("runners", "a runner with the labels that sprints ask for is online", _runners),
        (
            "branch-rules",
            "the default branch takes pull requests only",
            partial(_branch_rules, filtered=plan_is_filtered),
        ),
        (tags.ID, tags.TITLE, tags.tag_rules),
        ("push-key", "the promote job may push the record to main", _push_key),
        ("retention", f"artifacts are kept for {RETENTION_DAYS} days", _retention),
    )
    for rule_id, title, rule in rules:
        try:
            diagnosis = rule(forge)
        except FlywheelError as error:
            diagnosis = Diagnosis(
                id="",
                title="",
                state="unknown",
                detail=error.message,
                fix=error.hint or "use a token that may read it",
            )
        except msgspec.ValidationError as error:
            diagnosis = Diagnosis(
                id="",
                title="",
                state="unknown",
                detail=f"the forge answered otherwise than documented: {error}",
            )
        yield msgspec.structs.replace(diagnosis, id=rule_id, title=title)


def _found(state: str, detail: str, fix: str = "") -> Diagnosis:
    return msgspec.convert({"id": "", "title": "", "state": state, "detail": detail, "fix": fix}, Diagnosis)


def _read(forge: Forge, path: str, shape: type[T]) -> T | None:
    answer = forge.get(path)
    return None if answer is None else msgspec.convert(answer, shape)


def _token_permissions(forge: Forge) -> Diagnosis:
    permissions = _read(forge, "actions/permissions/workflow", _Workflow) or _Workflow()
    wrong = []
    if permissions.default_workflow_permissions != "read":
        wrong.append("a job that names no permissions may write")
    if permissions.can_approve_pull_request_reviews:
        wrong.append("a workflow may approve pull requests")
    if not wrong:
        return _found("ok", "read only, and no approvals by workflows")
    return _found(
        "problem",
        "; ".join(wrong),
        "Settings, Actions, General: read repository contents; do not allow Actions to approve pull requests",
    )


def _sha_pinning(forge: Forge) -> Diagnosis:
    actions = _read(forge, "actions/permissions", _Actions) or _Actions()
    if not actions.enabled:
        return _found("problem", "Actions are switched off", "Settings, Actions, General: allow actions")
    if actions.sha_pinning_required:
        return _found("ok", "required")
    return _found(
        "warning",
        "not required",
        "Settings, Actions, General: require actions to be pinned to a full-length commit",
    )


def _fork_approval(forge: Forge) -> Diagnosis:
    forks = _read(forge, "actions/permissions/fork-pr-contributor-approval", _Fork)
    if forks is None:
        return _found("ok", "the repository takes no pull requests of outside contributors' forks")
    if forks.approval_policy == "all_external_contributors":
        return _found("ok", "all outside contributors wait")
    return _found(
        "warning",
        f"the rule is {forks.approval_policy.replace('_', ' ')}",
        "Settings, Actions, General: require approval for all external contributors",
    )


def _gpu(forge: Forge) -> Diagnosis:
    environment = _read(forge, "environments/gpu", _Environment)
    if environment is None:
        return _found(
            "problem", "there is no environment `gpu`", "Settings, Environments: create `gpu`, with reviewers"
        )
    if any(rule.type == "required_reviewers" for rule in environment.protection_rules):
        return _found("ok", "with required reviewers")
    return _found(
        "warning",
        "it has no required reviewers: every same-repository pull request uses the runner and the data credentials",
        "Settings, Environments, gpu: add reviewers; where the plan has none, run sprints by `/flywheel run` only",
    )


def _promote(forge: Forge) -> Diagnosis:
    environment = _read(forge, "environments/promote", _Environment)
    if environment is None:
        return _found(
            "problem", "there is no environment `promote`", "Settings, Environments: create `promote`"
        )
    rule = environment.deployment_branch_policy
    branch = forge.default_branch()
    fix = f"Settings, Environments, promote: deployment branches: selected branches: {branch}"
    if rule is None:
        return _found("problem", "every branch gets in, with the right to write to the store", fix)
    if rule.get("protected_branches"):
        return _found("ok", "protected branches only")
    allowed = _read(forge, "environments/promote/deployment-branch-policies", _BranchPolicies)
    names = [policy.name for policy in allowed.branch_policies] if allowed else []
    if names == [branch]:
        return _found("ok", f"{branch} only")
    return _found("problem", f"these branches get in: {', '.join(names) or 'none'}", fix)


def _names(forge: Forge, path: str) -> set[str]:
    listed = _read(forge, path, _Secrets)
    return {secret.name for secret in listed.secrets} if listed else set()


def _secrets(forge: Forge) -> Diagnosis:
    everywhere = {SECRET, PUSH_KEY} & _names(forge, "actions/secrets?per_page=100")
    if everywhere:
        return _found(
            "problem",
            f"{', '.join(sorted(everywhere))} is a secret of the repository: every workflow of every branch can read it",
            "delete it there, and add it to the environments `gpu` (reading) and `promote` (writing)",
        )
    absent = [
        name
        for name in ("gpu", "promote")
        if SECRET not in _names(forge, f"environments/{name}/secrets?per_page=100")
    ]
    if absent:
        return _found(
            "warning",
            f"the environment{'s' * (len(absent) > 1)} {' and '.join(absent)} {'have' if len(absent) > 1 else 'has'} no {SECRET}",
            "add the text of a .dvc/config.local there, unless the runners have access of their own",
        )
    return _found("ok", "in `gpu` and in `promote`")


def _runners(forge: Forge) -> Diagnosis:
    variable = _read(forge, f"actions/variables/{RUNS_ON}", _Variable)
    if variable is None:
        return _found(
            "warning",
            f"the variable {RUNS_ON} is not set: sprints train on a hosted runner without a GPU",
            f'Settings, Variables: {RUNS_ON} = ["self-hosted", "gpu"]',
        )
    try:
        labels = set(msgspec.json.decode(variable.value, type=list[str]))
    except msgspec.MsgspecError:
        return _found(
            "problem",
            f"{RUNS_ON} is no JSON list of labels: {variable.value}",
            f'{RUNS_ON} = ["self-hosted", "gpu"]',
        )
    if "self-hosted" not in labels:
        return _found("ok", f"hosted by the forge: {', '.join(sorted(labels))}")
    listed = _read(forge, "actions/runners?per_page=100", _Runners)
    runners = listed.runners if listed else []
    fitting = [runner for runner in runners if labels <= {label.name for label in runner.labels}]
    if any(runner.status == "online" for runner in fitting):
        return _found("ok", f"{len(fitting)} with {', '.join(sorted(labels))}")
    return _found(
        "warning",
        f"no runner of this repository with the labels {', '.join(sorted(labels))} is online "
        "(runners of an organisation's group, and those that start for one job, are not seen here)",
        f"start one, in a runner group that only run-sprint.yml may use, or change {RUNS_ON}",
    )


def _branch_rules(forge: Forge, filtered: bool) -> Diagnosis:
    branch = forge.default_branch()
    rules = msgspec.convert(forge.get(f"rules/branches/{branch}") or [], list[dict[str, Any]])
    required = {
        str(check.get("context"))
        for rule in rules
        if rule.get("type") == "required_status_checks"
        for check in (rule.get("parameters") or {}).get("required_status_checks", [])
    }
    if not any(rule.get("type") == "pull_request" for rule in rules):
        return _found(
            "problem",
            f"anybody with write access may push to {branch} without a pull request",
            f"Settings, Rules: a ruleset for {branch} that requires a pull request and an approval",
        )
    ours = sorted(context for context in required if context.startswith("flywheel / "))
    if ours and filtered:
        return _found(
            "problem",
            f"{', '.join(ours)} is required, and plan.yml has `paths`: a pull request that touches no spec waits for ever",
            "delete `paths` of plan.yml's `pull_request`, or do not require the check: promotion verifies for itself",
        )
    return _found("ok", f"{branch}: pull requests only" + (f", {', '.join(ours)} required" if ours else ""))


def _push_key(forge: Forge) -> Diagnosis:
    branch = forge.default_branch()
    rules = msgspec.convert(forge.get(f"rules/branches/{branch}") or [], list[dict[str, Any]])
    if not any(rule.get("type") in ("pull_request", "required_status_checks", "update") for rule in rules):
        return _found("ok", f"the rules of {branch} do not stop GITHUB_TOKEN")
    if PUSH_KEY in _names(forge, "environments/promote/secrets?per_page=100"):
        return _found("ok", f"{PUSH_KEY} is set (that the rules let it pass is not visible from here)")
    return _found(
        "problem",
        f"the rules of {branch} stop GITHUB_TOKEN, and `promote` has no {PUSH_KEY}",
        f"make a deploy key with write access, let it bypass the ruleset, and put its private half into "
        f"`promote` as {PUSH_KEY}",
    )


def _retention(forge: Forge) -> Diagnosis:
    retention = _read(forge, "actions/permissions/artifact-and-log-retention", _Retention)
    days = retention.days if retention else RETENTION_DAYS
    if days >= RETENTION_DAYS:
        return _found("ok", f"{days} days")
    return _found(
        "warning",
        f"{days} days: a pull request that is merged later has to be run again",
        f"Settings, Actions, General: artifact retention {RETENTION_DAYS} days",
    )
