"""What GitHub's REST API answers, as far as we read it: decoded strictly where we rely on it, the rest ignored.

Source: https://docs.github.com/en/rest; the whole shapes are in GitHub's OpenAPI description, which the tests check against.
"""

from __future__ import annotations

from datetime import datetime
from typing import TypeVar, get_args

import msgspec
from msgspec import Struct

from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import (
    Annotation,
    Artifact,
    CalledWorkflow,
    CheckRun,
    Comment,
    Conclusion,
    Permission,
    PullRequest,
    Review,
    WorkflowRun,
)

GHOST = "ghost"  # GitHub's own name for a deleted account

T = TypeVar("T")


class _User(Struct):
    login: str


class _Repository(Struct):
    full_name: str


class Settings(Struct):
    """`GET /repos/OWNER/NAME`."""

    default_branch: str


class _Ref(Struct):
    ref: str
    sha: str
    repo: _Repository | None = None


class Pull(Struct):
    """A pull request; lists leave `merged` out, so `merged_at` says it."""

    number: int
    title: str
    user: _User | None
    state: str
    head: _Ref
    base: _Ref
    merged_at: str | None
    merge_commit_sha: str | None = None

    def record(self) -> PullRequest:
        merged = self.merged_at is not None
        return PullRequest(
            number=self.number,
            title=self.title,
            author=_login(self.user),
            state="open" if self.state == "open" else "closed",
            head_sha=self.head.sha,
            head_ref=self.head.ref,
            head_repository=self.head.repo.full_name if self.head.repo else None,
            base_ref=self.base.ref,
            base_sha=self.base.sha,
            merged=merged,
            # Before the merge GitHub shows the commit of a test merge there.
            merge_commit=self.merge_commit_sha if merged else None,
            merged_at=self.merged_at,
        )


class IssueComment(Struct):
    """A comment on a pull request, which is an issue to this API."""

    id: int
    user: _User | None
    created_at: str
    updated_at: str
    body: str | None = None

    def record(self) -> Comment:
        return Comment(
            id=self.id,
            author=_login(self.user),
            body=self.body or "",
            created_at=self.created_at,
            updated_at=self.updated_at,
        )


class PullReview(Struct):
    """A review; without `submitted_at` while it is pending."""

    user: _User | None
    state: str
    commit_id: str | None = None
    submitted_at: str | None = None

    def record(self) -> Review:
        return msgspec.convert(
            {
                "author": _login(self.user),
                "state": self.state,
                "commit": self.commit_id or "",
                "submitted_at": self.submitted_at or "",
            },
            Review,
        )


class _Grants(Struct):
    admin: bool = False
    maintain: bool = False
    push: bool = False
    triage: bool = False
    pull: bool = False


class _Collaborator(Struct):
    permissions: _Grants | None = None


class Role(Struct):
    """What somebody may do. `permission` knows no maintain and no triage; `role_name` may be an organization's own."""

    permission: str
    role_name: str = ""
    user: _Collaborator | None = None

    def level(self) -> Permission:
        """The highest permission that is certain."""
        for level in get_args(Permission):
            if self.role_name == level:
                return level  # type: ignore[no-any-return]
        grants = self.user.permissions if self.user and self.user.permissions else None
        if grants is not None:
            named: list[tuple[Permission, bool]] = [
                ("admin", grants.admin),
                ("maintain", grants.maintain),
                ("write", grants.push),
                ("triage", grants.triage),
                ("read", grants.pull),
            ]
            return next((level for level, given in named if given), "none")
        legacy: dict[str, Permission] = {"admin": "admin", "write": "write", "read": "read"}
        return legacy.get(self.permission, "none")


class _Output(Struct):
    title: str | None = None
    summary: str | None = None
    text: str | None = None
    annotations_count: int = 0


class _App(Struct):
    slug: str | None = None


class Check(Struct):
    """A check run; `app` is who made it."""

    id: int
    name: str
    head_sha: str
    status: str
    conclusion: str | None
    output: _Output
    app: _App | None
    details_url: str | None = None
    external_id: str | None = None
    completed_at: str | None = None

    def made_by(self, slug: str) -> bool:
        return self.app is not None and self.app.slug == slug

    def is_after(self, time: datetime) -> bool:
        return self.completed_at is not None and datetime.fromisoformat(self.completed_at) > time

    def record(self) -> CheckRun:
        return CheckRun(
            name=self.name,
            head_sha=self.head_sha,
            conclusion=_conclusion(self.conclusion),
            title=self.output.title or "",
            summary=self.output.summary or "",
            text=self.output.text or "",
            details_url=self.details_url,
            external_id=self.external_id or "",
            completed_at=self.completed_at,
        )


class Checks(Struct):
    check_runs: list[Check]


class CheckAnnotation(Struct):
    """A note of a check run."""

    path: str
    start_line: int
    annotation_level: str | None
    message: str | None
    title: str | None = None

    def same_as(self, note: Annotation) -> bool:
        mine = (self.path, self.start_line, self.annotation_level, self.title or "", self.message)
        return mine == (note.path, note.line, note.level, note.title, note.message)


class IssueEvent(Struct):
    """Something that happened to a pull request."""

    event: str


class _Called(Struct):
    path: str
    ref: str | None = None


class Run(Struct):
    """A workflow run."""

    id: int
    path: str
    event: str
    head_sha: str
    html_url: str
    head_branch: str | None = None
    head_repository: _Repository | None = None
    status: str | None = None
    conclusion: str | None = None
    display_title: str = ""
    referenced_workflows: list[_Called] | None = None
    created_at: str = ""
    run_attempt: int = 1
    run_started_at: str = ""

    def record(self) -> WorkflowRun:
        return WorkflowRun(
            id=self.id,
            path=self.path.partition("@")[0],  # some answers name the ref as well
            event=self.event,
            head_sha=self.head_sha,
            head_branch=self.head_branch or "",
            head_repository=self.head_repository.full_name if self.head_repository else None,
            status=self.status or "",
            conclusion=self.conclusion,
            title=self.display_title,
            url=self.html_url,
            called=[
                CalledWorkflow(path=each.path.partition("@")[0], ref=each.ref or "")
                for each in self.referenced_workflows or []
            ],
            created_at=self.created_at,
            attempt=self.run_attempt,
            started_at=self.run_started_at or self.created_at,
        )


class Runs(Struct):
    workflow_runs: list[Run]


class RunArtifact(Struct):
    """A file that a run left."""

    id: int
    name: str
    size_in_bytes: int
    expired: bool
    created_at: str | None = None

    def record(self) -> Artifact:
        return Artifact(
            id=self.id,
            name=self.name,
            size_bytes=self.size_in_bytes,
            expired=self.expired,
            created_at=self.created_at or "",
        )


class Artifacts(Struct):
    artifacts: list[RunArtifact]


def decoded(body: bytes, kind: type[T], what: str) -> T:
    """An answer as a type.

    Raises:
        FlywheelError: it is no such thing.
    """
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise FlywheelError(
            f"the answer to {what} is not what GitHub's API describes: {error}",
            hint="is GITHUB_API_URL the address of the API? For GitHub Enterprise Server it ends in /api/v3",
            exit_code=ExitCode.PUBLISH_FAILED,
        ) from error


def note(annotation: Annotation) -> dict[str, str | int]:
    """A note as a check run's `output.annotations` takes it; GitHub cuts off titles of more than 255 characters."""
    return {
        "path": annotation.path,
        "start_line": annotation.line,
        "end_line": annotation.line,
        "annotation_level": annotation.level,
        "title": annotation.title[:255],
        "message": annotation.message,
    }


def _login(user: _User | None) -> str:
    return GHOST if user is None else user.login


def _conclusion(text: str | None) -> Conclusion:
    """Ours are among these; what only GitHub sets (stale, skipped, timed_out) is no verdict."""
    for known in get_args(Conclusion):
        if text == known:
            return known  # type: ignore[no-any-return]
    return "neutral"
