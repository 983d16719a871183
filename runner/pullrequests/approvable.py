"""What can be approved on a pull request right now, and whose word counts for it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path, PurePosixPath

from runner.adapters.git import commit_trees, commits, repository, trusted
from runner.config.project import Policy
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.policy import Approval, Finding, distinct
from runner.forges.forge import PullRequest
from runner.policy.approvals import Circumstances, decide
from runner.policy.undecided import undecided_findings
from runner.pullrequests.approvals import last_report
from runner.pullrequests.bundles.bundle import Bundle
from runner.pullrequests.comment_commands import Approvable
from runner.pullrequests.publishing.plans import findings_of
from runner.pullrequests.publishing.publisher import Publisher, policy_of
from runner.pullrequests.trusted_runs import bundle_of, newest_run, require_believed
from runner.record.catalogue import VERDICT, sprint_folder
from runner.record.terms import Terms
from runner.report import escape
from runner.workflow.terms import read_terms


def approvable(publisher: Publisher, pull: PullRequest, at: str) -> list[Approvable]:
    """The findings of the newest commit, or of the records once it is merged; each with who may not approve it, and why.

    Args:
        at: when the approval was given, ISO 8601.

    Raises:
        FlywheelError: the forge refused.
    """
    circumstances = Circumstances(
        author=pull.author,
        permission=publisher.forge.permission,
        last_report=last_report(publisher.forge, pull),
    )
    if not pull.merged:
        policy = policy_of(publisher)
        return [
            Approvable(finding=finding, refusal=partial(_refusal, finding, policy, circumstances, at))
            for finding in distinct(_proposed(publisher, pull))
        ]
    recorded = _recorded(publisher, pull)
    # The default branch's policy is the merged one by now; what was agreed before judges.
    findings = {
        sprint: [*terms.all_findings, *_undecided(publisher, sprint)] for sprint, terms in recorded.items()
    }
    policies = {each.id: recorded[sprint].policy for sprint, found in findings.items() for each in found}
    return [
        Approvable(
            finding=finding,
            refusal=partial(_refusal, finding, policies[finding.id], circumstances, at),
            sprints=[name for name, found in findings.items() if finding in found],
        )
        for finding in distinct([each for found in findings.values() for each in found])
    ]


def _proposed(publisher: Publisher, pull: PullRequest) -> list[Finding]:
    # A fork's commits are on none of the branches that a checkout brings.
    ref = f"refs/pull/{pull.number}/head"
    trusted.fetch_commit(publisher.root, pull.head_sha, publisher.access, ref=ref)
    found = findings_of(publisher, pull)
    try:
        with _newest_bundle(publisher, pull) as bundle:
            names = bundle.manifest.sprints if bundle else []
            terms = [bundle.terms(name) for name in names] if bundle else []
            open_gates = [
                each
                for name in names
                if bundle
                for each in undecided_findings(name, bundle.report(name).verdict)
            ]
    except FlywheelError as error:
        publisher.say(f"what the sprints' data shows is not known: {error.message}")
        return found
    return [
        *found,
        *(finding for each in terms if each is not None for finding in each.all_findings),
        *open_gates,
    ]


def _undecided(publisher: Publisher, sprint: str) -> list[Finding]:
    verdict = VERDICT.read_if_there(sprint_folder(publisher.root, sprint))
    return undecided_findings(sprint, verdict) if verdict is not None else []


def _recorded(publisher: Publisher, pull: PullRequest) -> dict[str, Terms]:
    """Of each sprint that a merged pull request brought to the default branch, what its record was judged under."""
    root = publisher.root
    terms = {sprint: read_terms(sprint_folder(root, sprint)) for sprint in merged_sprints(publisher, pull)}
    return {sprint: recorded for sprint, recorded in terms.items() if recorded is not None}


@contextmanager
def _newest_bundle(publisher: Publisher, pull: PullRequest) -> Iterator[Bundle | None]:
    """What the newest believed run left; None where no sprint ran.

    Raises:
        FlywheelError: the run is not believed, or left nothing, or what it left is refused or gone.
    """
    newest = newest_run(publisher.forge, pull, "sprint.yml")
    if newest is None:
        yield None
        return
    merged = pull if pull.merged else None
    require_believed(
        publisher.forge, publisher.root, newest, "sprint.yml", access=publisher.access, merged=merged
    )
    with tempfile.TemporaryDirectory() as temporary:
        bundle = bundle_of(publisher.forge, publisher.root, newest, pull, Path(temporary))
        if bundle is None:
            raise FlywheelError(f"run {newest.id} left no bundle", exit_code=ExitCode.PUBLISH_FAILED)
        yield bundle


def merged_sprints(publisher: Publisher, pull: PullRequest) -> list[str]:
    """The sprints that a merged pull request ran, else those whose specs its merge changed: artifacts do not stay for ever.

    Where it had no run, there are none.
    """
    try:
        with _newest_bundle(publisher, pull) as bundle:
            return bundle.manifest.sprints if bundle else []
    except FlywheelError as error:
        publisher.say(f"#{pull.number}: its sprints are those whose specs it changed: {error.message}")
    before = commits.parent(publisher.root, pull.merge_commit) if pull.merge_commit else None
    if before is None:
        return []
    changed = commit_trees.changed_files(publisher.root, before, str(pull.merge_commit))
    paths = [PurePosixPath(path) for path in changed]
    return [
        path.stem
        for path in paths
        if path.parent.name == "specs"
        and path.suffix == ".yaml"
        and repository.read_file(publisher.root, str(pull.merge_commit), str(path)) is not None
    ]


def _refusal(
    finding: Finding, policy: Policy, circumstances: Circumstances, at: str, login: str
) -> str | None:
    """Why somebody's approval would not count, as a sentence in Markdown; None when it does."""
    # Whether a reason was given is the chat's to look at: it is asked before anybody is.
    approval = Approval(finding=finding.id, by=login, at=at, channel="comment", reason="given")
    [decision] = decide([finding], [approval], policy, circumstances)
    if decision.approved:
        return None
    who = ", ".join(escape.code(name, 80) for name in decision.may_approve)
    may = who or "somebody who may maintain the repository"
    why = "; ".join(escape.markdown(reason) for reason in decision.refused)
    return f"{why[:1].upper()}{why[1:]}. It takes {may}."
