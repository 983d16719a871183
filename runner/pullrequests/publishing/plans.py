"""Puts a proposal's plan on its pull request: the plan comment, and the check `flywheel / policy`."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runner.adapters.web import archives
from runner.adapters.web.archives import Limits
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import decode_json
from runner.domain.policy import Finding
from runner.forges.forge import PullRequest, WorkflowRun
from runner.planning.proposal import Proposal
from runner.pullrequests.approvals import last_report
from runner.pullrequests.bundles.attempts import artifact_of, plan_id
from runner.pullrequests.proposing.propose import propose
from runner.pullrequests.publishing.publisher import (
    PLAN_MARKER,
    Publisher,
    decided,
    downloaded,
    known_checks,
    tell_nothing_left,
)
from runner.report import check, plan_comment

PLAN_ARTIFACT, PLAN_FILE = "flywheel-plan", "plan.json"
_PLAN_BYTES = 8 * 2**20
_PLAN_LIMITS = Limits(files=1, file_bytes=_PLAN_BYTES, total_bytes=_PLAN_BYTES)


def publish_plan(publisher: Publisher, run: WorkflowRun, pull: PullRequest) -> None:
    """The plan comment and the check `flywheel / policy`.

    Raises:
        FlywheelError: the plan is refused, or the forge refuses.
    """
    artifact = artifact_of(publisher.forge, run, pull, PLAN_ARTIFACT)
    if artifact is None or artifact.expired:
        tell_nothing_left(publisher, run, pull, PLAN_MARKER, "The plan could not be made")
        return
    with downloaded(publisher, artifact, _PLAN_BYTES) as source:
        proposal = _proposal(source, pull)
    fork = pull.head_repository != publisher.environment.repository
    publisher.sticky(pull, PLAN_MARKER, _marked(PLAN_MARKER, plan_comment.render(proposal, fork=fork)))
    publisher.say(f"#{pull.number}: the plan of {pull.head_sha[:10]}")
    external_id = plan_id(run)
    known = known_checks(publisher, pull)
    if any(shown.name == check.POLICY and shown.external_id.startswith("sprint-") for shown in known):
        return  # the sprints' own findings are more: what the data showed is among them
    if proposal.problems or proposal.refused:
        done = check.problems_check(
            proposal, head_sha=pull.head_sha, external_id=external_id, details_url=publisher.run_url(run)
        )
    else:
        reported = last_report(publisher.forge, pull)
        decisions = decided(publisher, pull, findings_of(publisher, pull), reported=reported)
        done = check.policy_check(
            decisions, head_sha=pull.head_sha, external_id=external_id, details_url=publisher.run_url(run)
        )
    publisher.forge.put_check_run(done)
    publisher.say(f"#{pull.number}: {check.POLICY}: {done.title}")


def _proposal(source: Path, pull: PullRequest) -> Proposal:
    with archives.opened(source, _PLAN_LIMITS) as files:
        if list(files.sizes) != [PLAN_FILE]:
            raise archives.refused(PLAN_ARTIFACT, f"it should hold {PLAN_FILE} and nothing else")
        content = files.read(PLAN_FILE)
    try:
        proposal = decode_json(content, Proposal)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError) as error:
        raise archives.refused(PLAN_FILE, f"not a plan: {str(error)[:200]}") from error
    if proposal.head_commit != pull.head_sha:
        raise archives.refused(
            PLAN_FILE, f"it is about {proposal.head_commit[:40]!a}, and the run was of {pull.head_sha}"
        )
    return proposal


def _marked(marker: str, text: str) -> str:
    """The text behind its marker, which must be the only hidden comment in it."""
    if "<!--" in text or "-->" in text:
        raise FlywheelError(
            "the plan's comment would not hold its marker exactly once",
            hint="this is a fault of flywheel's escaping: report it with the run's plan.json",
            exit_code=ExitCode.BUG,
        )
    return f"{marker}\n{text}"


def findings_of(publisher: Publisher, pull: PullRequest) -> list[Finding]:
    """What the specs of a proposal weaken, found here from git: what a run says of it is not asked."""
    return propose(publisher.root, "HEAD", pull.head_sha).findings
