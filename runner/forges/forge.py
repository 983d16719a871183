"""What a forge (GitHub, GitLab, …) must be able to do for the loop. One variant is one file that implements `Forge`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Protocol

from runner.domain.errors import FlywheelError
from runner.domain.records import Record

Permission = Literal["admin", "maintain", "write", "triage", "read", "none"]
Conclusion = Literal["success", "failure", "neutral", "action_required", "cancelled"]


class PullRequest(Record, frozen=True, kw_only=True):
    """A pull request. `merge_commit` and `merged_at` (ISO 8601, UTC) are None while it is not merged."""

    number: int
    title: str
    author: str
    state: Literal["open", "closed"]
    head_sha: str
    head_ref: str
    head_repository: str | None  # OWNER/NAME; None when the fork was deleted
    base_ref: str
    base_sha: str
    merged: bool = False
    merge_commit: str | None = None
    merged_at: str | None = None


class Comment(Record, frozen=True, kw_only=True):
    """A comment on a pull request; times are ISO 8601 in UTC."""

    id: int
    author: str
    body: str
    created_at: str
    updated_at: str


class Review(Record, frozen=True, kw_only=True):
    """A review of a pull request."""

    author: str
    state: Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED", "PENDING"]
    commit: str
    submitted_at: str


class Annotation(Record, frozen=True, kw_only=True):
    """A note at a line of a file."""

    path: str
    line: int
    level: Literal["notice", "warning", "failure"]
    title: str
    message: str


class CheckRun(Record, frozen=True, kw_only=True):
    """A check on a commit. `summary` and `text` are Markdown of at most 65,535 characters.

    Attributes:
        external_id: of what it reports on: the attempt of the run that made the bundle. An update of a check with the same
            id keeps its `completed_at`: approvals count from the time of the report, not from the last time it was shown.
    """

    name: str
    head_sha: str
    conclusion: Conclusion
    title: str
    summary: str
    text: str = ""
    annotations: list[Annotation] = []
    details_url: str | None = None
    external_id: str = ""
    completed_at: str | None = None  # as the forge recorded it, when read


class CalledWorkflow(Record, frozen=True, kw_only=True):
    """A workflow file that a run called: `OWNER/NAME/.github/workflows/run-sprint.yml`, and the ref that it came from.

    Attributes:
        ref: in full, as the forge resolved it: a branch and a tag may have one name.
    """

    path: str
    ref: str


class WorkflowRun(Record, frozen=True, kw_only=True):
    """A CI run.

    Attributes:
        path: of its workflow file: `.github/workflows/sprint.yml`.
        event: what started it: `pull_request`, `workflow_dispatch`, …
        head_branch: the ref that its workflow file came from.
        title: the run's display title (its `run-name`).
        called: the workflow files that its jobs use.
        created_at: ISO 8601, UTC; by the forge's own clock, which no job can set. The same for every attempt.
        attempt: counts how often it was started: a run that is run again keeps its number.
        started_at: when the last attempt began, as `created_at`.
    """

    id: int
    path: str
    event: str
    head_sha: str
    head_branch: str
    head_repository: str | None
    status: str
    conclusion: str | None
    title: str
    url: str
    called: list[CalledWorkflow] = []
    created_at: str = ""
    attempt: int = 1
    started_at: str = ""


class Artifact(Record, frozen=True, kw_only=True):
    """A file that a run left, in one of its attempts."""

    id: int
    name: str
    size_bytes: int
    expired: bool
    created_at: str = ""


class AnswerLost(FlywheelError):  # noqa: N818 - what happened
    """The answer to a write was lost (no answer, or 5xx): it may have been done. Look before asking again."""


class Forge(Protocol):
    """The API of a forge, for one repository. Lists are complete: all pages are read.

    Every method raises `FlywheelError` (exit code 5) that says what was asked, what was answered and what to do: for 401
    and 403 which permission is missing, for 404 what was not found, for 5xx that it may be tried again.
    """

    def pull_request(self, number: int) -> PullRequest: ...

    def pull_requests_with_head(self, sha: str) -> list[PullRequest]:
        """Open pull requests whose head is `sha`, forks' too."""
        ...

    def pull_requests_of_branch(self, repository: str, branch: str) -> list[PullRequest]:
        """All pull requests that ever came from a branch of a repository (OWNER/NAME), into whatever branch; closed ones too."""
        ...

    def changed_base(self, number: int) -> bool:
        """Whether a pull request was once proposed to another branch than now."""
        ...

    def pull_requests_merged_by(self, commit: str) -> list[PullRequest]:
        """Merged pull requests that brought `commit` to the base branch."""
        ...

    def comments(self, number: int) -> list[Comment]: ...

    def post_comment(self, number: int, body: str) -> Comment:
        """Asks once. Where the answer is lost, `AnswerLost`: `sticky.put_sticky` looks before it asks again."""
        ...

    def edit_comment(self, comment: int, body: str) -> Comment: ...

    def react(self, comment: int, reaction: Literal["+1", "-1", "eyes", "rocket", "confused"]) -> None: ...

    def reviews(self, number: int) -> list[Review]: ...

    def permission(self, login: str) -> Permission:
        """What `login` may do in the repository; "none" for strangers."""
        ...

    def put_check_run(self, check: CheckRun) -> None:
        """Creates the check on its commit, or updates ours of the same name and `external_id`.

        All annotations are sent, 50 a request. What was lost is looked for before it is asked again: no check is made twice.
        """
        ...

    def check_runs(self, sha: str) -> list[CheckRun]:
        """Our own checks of a commit, but for those that say they will be completed some day."""
        ...

    def workflow_run(self, run: int) -> WorkflowRun: ...

    def workflow_runs(
        self, workflow: str, *, head_sha: str | None = None, event: str | None = None
    ) -> list[WorkflowRun]:
        """Runs of a workflow file (`sprint.yml`), newest first."""
        ...

    def artifacts(self, run: int) -> list[Artifact]: ...

    def download(self, artifact: int, destination: Path, *, max_bytes: int) -> Path:
        """The artifact's zip, at `destination`; refused above `max_bytes`, and then nothing is left there."""
        ...

    def dispatch(self, workflow: str, ref: str, inputs: dict[str, str]) -> None:
        """Starts a workflow by hand. Where the answer is lost, `AnswerLost`: it is not asked twice."""
        ...

    def default_branch(self) -> str: ...

    def get(self, path: str) -> object | None:
        """A raw reading of a setting below the repository (`environments/gpu`), for `doctor`; None for 404, and
        `FlywheelError` for 403."""
        ...
