"""A forge in memory. It holds what a repository's forge would, answers as the protocol says, and records what was done.

Set the state up through the attributes (`pulls`, `runs`, `permissions`, …) and with `add_artifact`; look at what a job did
in the same places and in `actions`. `fail` makes a method raise once: faults are tested without a network.
"""

from __future__ import annotations

import itertools
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import (
    Artifact,
    CalledWorkflow,
    CheckRun,
    Comment,
    Forge,
    Permission,
    PullRequest,
    Review,
    WorkflowRun,
)

BOT = "github-actions[bot]"
RUN_SPRINT = CalledWorkflow(path="acme/digits/.github/workflows/run-sprint.yml", ref="refs/heads/main")
Value = TypeVar("Value")


def pull_request(number: int = 7, **changes: Any) -> PullRequest:
    """An open pull request of the same repository, `acme/digits`, changed as asked."""
    fields: dict[str, Any] = {
        "number": number,
        "title": "More dark images",
        "author": "alice",
        "state": "open",
        "head_sha": "1" * 40,
        "head_ref": "more-dark",
        "head_repository": "acme/digits",
        "base_ref": "main",
        "base_sha": "0" * 40,
    }
    return PullRequest(**{**fields, **changes})


def workflow_run(run: int = 100, **changes: Any) -> WorkflowRun:
    """A finished run of sprint.yml on a pull request, changed as asked."""
    fields: dict[str, Any] = {
        "id": run,
        "path": ".github/workflows/sprint.yml",
        "event": "pull_request",
        "head_sha": "1" * 40,
        "head_branch": "more-dark",
        "head_repository": "acme/digits",
        "status": "completed",
        "conclusion": "success",
        "title": "More dark images",
        "url": f"http://127.0.0.1/acme/digits/actions/runs/{run}",
        "called": [RUN_SPRINT],
        "created_at": "2027-01-01T11:00:00Z",
    }
    fields |= changes
    return WorkflowRun(**{"started_at": fields["created_at"], **fields})


def zip_folder(folder: Path, destination: Path) -> Path:
    """A folder as the zip that a forge hands out for an artifact: names relative to the folder, sorted."""
    with zipfile.ZipFile(destination, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                archive.write(path, path.relative_to(folder).as_posix())
    return destination


def unzipped(archive: Path) -> dict[str, bytes]:
    """The files of an artifact, as a forge hands it out."""
    with zipfile.ZipFile(archive) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


@dataclass(kw_only=True)
class FakeForge:
    """One repository's forge.

    Attributes:
        discussion: comments by pull request.
        reviewed: reviews by pull request.
        merged: commit → numbers of the pull requests that brought it (else by `merge_commit`).
        checks: every check, by commit; those of strangers are not here.
        retargeted: pull requests that were once proposed to another branch.
        settings: what `get` answers by path; an exception is raised, an absent path is None (404).
        actions: (method, what was asked) of everything that wrote, in order.
        me: whom this forge writes comments as.
        now: the time that new comments and checks get; a test moves it on.
    """

    pulls: dict[int, PullRequest] = field(default_factory=dict)
    discussion: dict[int, list[Comment]] = field(default_factory=dict)
    reviewed: dict[int, list[Review]] = field(default_factory=dict)
    merged: dict[str, list[int]] = field(default_factory=dict)
    permissions: dict[str, Permission] = field(default_factory=dict)
    checks: dict[str, list[CheckRun]] = field(default_factory=dict)
    runs: list[WorkflowRun] = field(default_factory=list)
    left: dict[int, list[Artifact]] = field(default_factory=dict)
    archives: dict[int, Path] = field(default_factory=dict)
    retargeted: set[int] = field(default_factory=set)
    settings: dict[str, Any] = field(default_factory=dict)
    reactions: dict[int, list[str]] = field(default_factory=dict)
    dispatched: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    actions: list[tuple[str, object]] = field(default_factory=list)
    branch: str = "main"
    me: str = BOT
    now: str = "2027-01-01T12:00:00Z"
    _faults: dict[str, list[Exception]] = field(default_factory=dict)
    _ids: itertools.count[int] = field(default_factory=lambda: itertools.count(1000))

    # --- setting up --------------------------------------------------------------------------------

    def add_pull(self, pull: PullRequest) -> PullRequest:
        self.pulls[pull.number] = pull
        return pull

    def change_pull(self, number: int, **changes: Any) -> PullRequest:
        return self.add_pull(msgspec.structs.replace(self.pulls[number], **changes))

    def add_run(self, run: WorkflowRun) -> WorkflowRun:
        """Newest first, as the protocol lists them."""
        self.runs.insert(0, run)
        return run

    def add_comment(self, number: int, author: str, body: str, *, edited_at: str | None = None) -> Comment:
        """A comment that somebody wrote."""
        comment = Comment(
            id=next(self._ids),
            author=author,
            body=body,
            created_at=self.now,
            updated_at=edited_at or self.now,
        )
        self.discussion.setdefault(number, []).append(comment)
        return comment

    def add_artifact(self, run: int, name: str, archive: Path, *, expired: bool = False) -> Artifact:
        """A zip as an artifact of a run."""
        artifact = Artifact(
            id=next(self._ids),
            name=name,
            size_bytes=archive.stat().st_size,
            expired=expired,
            created_at=self.now,
        )
        self.left.setdefault(run, []).append(artifact)
        self.archives[artifact.id] = archive
        return artifact

    def moved(self, before: Path, after: Path) -> None:
        """What lay below one folder lies below another now."""
        for number, archive in self.archives.items():
            if archive.is_relative_to(before):
                self.archives[number] = after / archive.relative_to(before)

    def fail(self, method: str, *errors: Exception) -> None:
        """The next calls of `method` raise these, one each, before anything is done."""
        self._faults.setdefault(method, []).extend(errors)

    # --- the protocol ------------------------------------------------------------------------------

    def pull_request(self, number: int) -> PullRequest:
        self._fault("pull_request")
        return self._found(self.pulls, number, f"pull request {number}")

    def pull_requests_with_head(self, sha: str) -> list[PullRequest]:
        self._fault("pull_requests_with_head")
        return [pull for pull in self.pulls.values() if pull.head_sha == sha and pull.state == "open"]

    def pull_requests_of_branch(self, repository: str, branch: str) -> list[PullRequest]:
        self._fault("pull_requests_of_branch")
        return [
            pull
            for pull in self.pulls.values()
            if pull.head_ref == branch and pull.head_repository in (repository, None)
        ]

    def changed_base(self, number: int) -> bool:
        self._fault("changed_base")
        self._found(self.pulls, number, f"pull request {number}")
        return number in self.retargeted

    def pull_requests_merged_by(self, commit: str) -> list[PullRequest]:
        self._fault("pull_requests_merged_by")
        numbers = self.merged.get(commit, [])
        return [
            pull
            for pull in self.pulls.values()
            if pull.merged and (pull.number in numbers or pull.merge_commit == commit)
        ]

    def comments(self, number: int) -> list[Comment]:
        self._fault("comments")
        return list(self.discussion.get(number, []))

    def post_comment(self, number: int, body: str) -> Comment:
        self._fault("post_comment")
        self._found(self.pulls, number, f"pull request {number}")
        self.actions.append(("post_comment", number))
        return self.add_comment(number, self.me, body)

    def edit_comment(self, comment: int, body: str) -> Comment:
        self._fault("edit_comment")
        for comments in self.discussion.values():
            for place, known in enumerate(comments):
                if known.id == comment:
                    comments[place] = msgspec.structs.replace(known, body=body, updated_at=self.now)
                    self.actions.append(("edit_comment", comment))
                    return comments[place]
        raise missing(f"comment {comment}")

    def react(self, comment: int, reaction: Literal["+1", "-1", "eyes", "rocket", "confused"]) -> None:
        self._fault("react")
        if not any(known.id == comment for comments in self.discussion.values() for known in comments):
            raise missing(f"comment {comment}")
        self.reactions.setdefault(comment, []).append(reaction)
        self.actions.append(("react", (comment, reaction)))

    def reviews(self, number: int) -> list[Review]:
        self._fault("reviews")
        return list(self.reviewed.get(number, []))

    def permission(self, login: str) -> Permission:
        self._fault("permission")
        return self.permissions.get(login, "none")

    def put_check_run(self, check: CheckRun) -> None:
        self._fault("put_check_run")
        known = self.checks.get(check.head_sha, [])
        others = [each for each in known if each.name != check.name]
        same = [
            each
            for each in self._completed(check.head_sha)
            if (each.name, each.external_id) == (check.name, check.external_id)
        ]
        done = msgspec.structs.replace(check, completed_at=same[0].completed_at if same else self.now)
        self.checks[check.head_sha] = [*others, done]
        self.actions.append(("put_check_run", (check.head_sha, check.name, check.conclusion)))

    def check_runs(self, sha: str) -> list[CheckRun]:
        self._fault("check_runs")
        return self._completed(sha)

    def _completed(self, sha: str) -> list[CheckRun]:
        known = self.checks.get(sha, [])
        return [each for each in known if each.completed_at is None or each.completed_at <= self.now]

    def workflow_run(self, run: int) -> WorkflowRun:
        self._fault("workflow_run")
        return self._found({each.id: each for each in self.runs}, run, f"run {run}")

    def workflow_runs(
        self, workflow: str, *, head_sha: str | None = None, event: str | None = None
    ) -> list[WorkflowRun]:
        self._fault("workflow_runs")
        return [
            run
            for run in self.runs
            if run.path.rpartition("/")[2] == workflow
            and head_sha in (None, run.head_sha)
            and event in (None, run.event)
        ]

    def artifacts(self, run: int) -> list[Artifact]:
        self._fault("artifacts")
        return list(self.left.get(run, []))

    def download(self, artifact: int, destination: Path, *, max_bytes: int) -> Path:
        self._fault("download")
        content = self._found(self.archives, artifact, f"artifact {artifact}").read_bytes()
        if len(content) > max_bytes:
            raise FlywheelError(
                f"the artifact is larger than {max_bytes} bytes", exit_code=ExitCode.PUBLISH_FAILED
            )
        destination.write_bytes(content)
        return destination

    def dispatch(self, workflow: str, ref: str, inputs: dict[str, str]) -> None:
        self._fault("dispatch")
        self.dispatched.append((workflow, ref, dict(inputs)))
        self.actions.append(("dispatch", workflow))

    def default_branch(self) -> str:
        self._fault("default_branch")
        return self.branch

    def get(self, path: str) -> object | None:
        self._fault("get")
        answer = self.settings.get(path)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def _fault(self, method: str) -> None:
        if faults := self._faults.get(method):
            raise faults.pop(0)

    @staticmethod
    def _found(known: Mapping[int, Value], key: int, what: str) -> Value:
        if key not in known:
            raise missing(what)
        return known[key]


def missing(what: str) -> FlywheelError:
    """What a forge raises for 404."""
    return FlywheelError(f"{what} was not found (404)", exit_code=ExitCode.PUBLISH_FAILED)


def wrote(forge: FakeForge) -> Sequence[str]:
    """The names of the methods that wrote, in order."""
    return [method for method, _ in forge.actions]


_: type[Forge] = FakeForge  # the type checker compares it with the protocol
