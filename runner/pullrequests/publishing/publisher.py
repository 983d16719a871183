"""What putting plans and reports on a pull request has in common: where, what was said before, who approved."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.git.access import Access
from runner.config.load import load_project
from runner.config.project import Policy
from runner.domain.policy import Finding
from runner.forges.environment import Environment
from runner.forges.forge import Artifact, CheckRun, Forge, PullRequest, WorkflowRun
from runner.forges.sticky import find_sticky, put_sticky
from runner.policy.agreed import agreed_at
from runner.policy.approvals import Circumstances, Decision, decide
from runner.policy.findings import approving_policy
from runner.pullrequests.approvals import approvals_given
from runner.report.check import POLICY

PLAN_MARKER, RUN_MARKER = "<!-- flywheel:plan -->", "<!-- flywheel:run -->"
NOT_YET = "9999-12-31T23:59:59+00:00"  # of a report that is only about to be published: nothing came after it


@dataclass(frozen=True, kw_only=True)
class Publisher:
    """What publishing needs.

    Attributes:
        root: a clone of the default branch, whose policy counts.
        access: how git reaches the forge.
        say: told what was done, a line each.
    """

    forge: Forge
    environment: Environment
    root: Path
    access: Access = field(default_factory=Access)
    say: Callable[[str], None] = print

    @property
    def repository_url(self) -> str:
        """The repository's page."""
        return f"{self.environment.server_url}/{self.environment.repository}"

    def run_url(self, run: WorkflowRun) -> str:
        """The page of a run, on the server that the environment names."""
        return f"{self.repository_url}/actions/runs/{run.id}"

    def sticky(self, pull: PullRequest, marker: str, body: str) -> None:
        """Our comment with this marker."""
        put_sticky(self.forge, pull.number, marker, body, self.environment.bot)

    def published(self, pull: PullRequest, marker: str) -> str | None:
        """What our comment with this marker says now."""
        known = find_sticky(self.forge, pull.number, marker, self.environment.bot)
        return known.body if known is not None else None


def decided(
    publisher: Publisher, pull: PullRequest, findings: Sequence[Finding], *, reported: str | None
) -> list[Decision]:
    """Of each finding, whether it is approved by what was said on the pull request since `reported`.

    Raises:
        FlywheelError: the forge refused, or the default branch's project is not valid.
    """
    if not findings:
        return []
    circumstances = Circumstances(
        author=pull.author, permission=publisher.forge.permission, last_report=reported
    )
    approvals = approvals_given(publisher.forge, pull, publisher.environment.bot)
    return decide(findings, approvals, policy_of(publisher), circumstances)


def known_checks(publisher: Publisher, pull: PullRequest) -> list[CheckRun]:
    return publisher.forge.check_runs(pull.head_sha)


def reported_at(known: Sequence[CheckRun], external_id: str) -> str:
    """Since when approvals count: not before this very report was first published, whatever else has a check."""
    own = [run.completed_at for run in known if run.external_id == external_id and run.name != POLICY]
    return max((time for time in own if time is not None), default=NOT_YET)


@contextmanager
def downloaded(publisher: Publisher, artifact: Artifact, max_bytes: int) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary) / f"{artifact.name}.zip"
        yield publisher.forge.download(artifact.id, path, max_bytes=max_bytes)


def tell_nothing_left(
    publisher: Publisher, run: WorkflowRun, pull: PullRequest, marker: str, what: str
) -> None:
    """A run that ended before it could leave anything: where to look. Says nothing where it succeeded."""
    if run.conclusion == "success":
        publisher.say(f"run {run.id} left nothing to publish")
        return
    text = (
        f"## ✗ {what}\n\nThe run of `{pull.head_sha[:10]}` stopped before it could leave anything: "
        f"[its log]({publisher.run_url(run)}) says why.\n\n"
        "**Next:** correct it and push, or try again with a comment `/flywheel "
        f"{'plan' if marker == PLAN_MARKER else 'run'}`.\n"
    )
    publisher.sticky(pull, marker, f"{marker}\n{text}")
    publisher.say(f"#{pull.number}: {what}: {publisher.run_url(run)}")


def policy_of(publisher: Publisher) -> Policy:
    """The policy of the default branch, by the approvers that were agreed.

    Raises:
        ConfigurationErrors: its flywheel.yaml is not valid.
    """
    agreed = approving_policy(agreed_at(publisher.root, "HEAD"))
    return agreed if agreed is not None else load_project(publisher.root).policy
