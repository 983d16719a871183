"""Puts what a run reported on its pull request: of each sprint the sticky comment and the check, then the policy's."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from runner.adapters.git import trusted
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.policy import Finding, distinct
from runner.forges.forge import PullRequest, WorkflowRun
from runner.policy.undecided import takes_reason, undecided_findings
from runner.pullrequests.bundles.attempts import report_id
from runner.pullrequests.bundles.bundle import Bundle
from runner.pullrequests.publishing.plans import findings_of
from runner.pullrequests.publishing.publisher import (
    RUN_MARKER,
    Publisher,
    decided,
    known_checks,
    reported_at,
    tell_nothing_left,
)
from runner.pullrequests.trusted_runs import bundle_of
from runner.record.report import SprintReport
from runner.report import check, comment, history
from runner.report.comment import CommentContext

PICTURES_BRANCH = "flywheel-reports"


def publish_reports(publisher: Publisher, run: WorkflowRun, pull: PullRequest) -> None:
    """Of each sprint in the run's bundle the sticky comment and the check, then the check `flywheel / policy`.

    Raises:
        FlywheelError: the bundle is refused; or the forge refuses, and then the other sprints are published first.
    """
    with tempfile.TemporaryDirectory() as temporary:
        bundle = bundle_of(publisher.forge, publisher.root, run, pull, Path(temporary))
        if bundle is None:
            tell_nothing_left(publisher, run, pull, RUN_MARKER, "The run ended without a report")
        else:
            _publish_bundle(publisher, run, pull, bundle)


def _publish_bundle(publisher: Publisher, run: WorkflowRun, pull: PullRequest, bundle: Bundle) -> None:
    external_id, url = report_id(run), publisher.run_url(run)
    reported = max(reported_at(known_checks(publisher, pull), external_id), run.started_at)
    of_bundle = [finding for name in bundle.manifest.sprints for finding in _findings(bundle, name)]
    every = decided(publisher, pull, distinct([*findings_of(publisher, pull), *of_bundle]), reported=reported)
    pictures = _pictures(publisher)
    attempts = _Attempts(publisher.say)
    for sprint in bundle.manifest.sprints:
        own = {finding.id for finding in _findings(bundle, sprint)}
        prefix = f"{sprint}/{pull.head_sha}/"
        context = CommentContext(
            sprint=sprint,
            repository_url=publisher.repository_url,
            base_commit=bundle.manifest.base_commit,
            head_commit=pull.head_sha,
            run_url=url,
            pictures=any(path.startswith(prefix) for path in pictures),
            decisions=[decision for decision in every if decision.finding.id in own],
        )
        report = bundle.report(sprint)
        with attempts.at(f"the check of {sprint}"):
            _publish_check(publisher, pull, report, context, external_id)
        with attempts.at(f"the report of {sprint}"):
            _publish_comment(publisher, pull, report, context)
    # What is undecided is the sprint's check to say; nothing of the policy waits for it.
    weakened = [decision for decision in every if not takes_reason(decision.finding)]
    policy = check.policy_check(weakened, head_sha=pull.head_sha, external_id=external_id, details_url=url)
    with attempts.at(check.POLICY):
        publisher.forge.put_check_run(policy)
        publisher.say(f"#{pull.number}: {check.POLICY}: {policy.title}")
    with attempts.at("an earlier run's notice"):
        _take_back(publisher, pull, run)
    if attempts.failed:
        raise _not_all(publisher, run, attempts.failed) from attempts.failed[0][1]


class _Attempts:
    """What could not be published: the rest is published all the same."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self.failed: list[tuple[str, FlywheelError]] = []

    @contextmanager
    def at(self, what: str) -> Iterator[None]:
        try:
            yield
        except FlywheelError as error:
            self._say(f"{what}: not published: {error}")
            self.failed.append((what, error))


def _findings(bundle: Bundle, sprint: str) -> list[Finding]:
    terms = bundle.terms(sprint)
    of_terms = terms.all_findings if terms is not None else []
    return [*of_terms, *undecided_findings(sprint, bundle.report(sprint).verdict)]


def _publish_check(
    publisher: Publisher,
    pull: PullRequest,
    report: SprintReport,
    context: CommentContext,
    external_id: str,
) -> None:
    done = check.check_run(report, context, external_id=external_id)
    publisher.forge.put_check_run(done)
    publisher.say(f"#{pull.number}: {done.name}: {done.title}")


def _publish_comment(
    publisher: Publisher, pull: PullRequest, report: SprintReport, context: CommentContext
) -> None:
    marker = comment.marker(context.sprint)
    before = history.read(publisher.published(pull, marker) or "")
    body = comment.render(report, msgspec.structs.replace(context, published=before))
    publisher.sticky(pull, marker, body)
    publisher.say(f"#{pull.number}: the report of {context.sprint}, {len(body.encode()):,} bytes")


def _not_all(
    publisher: Publisher, run: WorkflowRun, failed: Sequence[tuple[str, FlywheelError]]
) -> FlywheelError:
    what = ", ".join(name for name, _ in failed)
    return FlywheelError(
        f"not published: {what}: {failed[0][1].message}; nothing is lost: the bundle and the HTML reports are artifacts of "
        f"{publisher.run_url(run)}",
        hint="run this job again: it publishes what is missing, and nothing twice",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def _pictures(publisher: Publisher) -> Sequence[str]:
    """What lies on the pictures' branch: a comment does not show pictures that are not there."""
    try:
        tip = trusted.fetch_branch(publisher.root, PICTURES_BRANCH, publisher.access)
    except FlywheelError as error:
        publisher.say(f"no pictures are shown: {error.message}")
        return []
    return trusted.paths_of(publisher.root, tip) if tip is not None else []


def _take_back(publisher: Publisher, pull: PullRequest, run: WorkflowRun) -> None:
    """An earlier run may have ended without a report; this one has some."""
    if publisher.published(pull, RUN_MARKER) is not None:
        text = (
            f"An earlier run ended without a report. [This one]({publisher.run_url(run)}) of "
            f"`{pull.head_sha[:10]}` has reported.\n"
        )
        publisher.sticky(pull, RUN_MARKER, f"{RUN_MARKER}\n{text}")
