"""The forge's side of a pull request: in memory, or GitHub's API behind the validating proxy. The loop drives either."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from forges.emulator import REPOSITORY, Emulator
from forges.fake_forge import FakeForge, pull_request, workflow_run

from runner.adapters.web.retries import Patience
from runner.forges import open_forge
from runner.forges.environment import read_environment
from runner.forges.forge import CheckRun, Comment, Forge, WorkflowRun
from runner.forges.github import GitHub, session

PEOPLE = {
    "alice": "write",  # proposes
    "bob": "write",
    "carol": "write",  # the policy names her
    "dave": "maintain",  # the policy does not
    "eve": "read",
}
TOKEN = "canary-token-8d21c7"  # noqa: S105 - of no server
_STEP = timedelta(minutes=1)


class Hub(Protocol):
    """What people and runners do on a forge, and what is to be seen there afterwards."""

    @property
    def branch(self) -> str: ...

    def forge(self, variables: dict[str, str]) -> Forge:
        """As a job with these variables reaches it."""
        ...

    def variables(self, permissions: dict[str, str]) -> dict[str, str]:
        """Of a job's environment: where the forge is, and a token."""
        ...

    def set_pull(self, number: int, **changes: Any) -> None:
        """Opens a pull request, or changes it."""
        ...

    def pull(self, number: int) -> dict[str, Any]: ...

    def know(self, commits: list[str]) -> None:
        """What main holds."""
        ...

    def set_run(self, run: int, **fields: Any) -> None: ...

    def leave(self, run: int, name: str, archive: Path) -> None: ...

    def write(self, number: int, author: str, body: str, *, edited: bool = False) -> dict[str, Any]:
        """A comment; the payload of its event."""
        ...

    def comments(self, number: int) -> list[Comment]: ...

    def checks(self, sha: str) -> dict[str, CheckRun]: ...

    def take_dispatched(self) -> list[tuple[str, dict[str, str]]]:
        """The workflows that were started by hand since this was asked last, with their inputs."""
        ...


@dataclass(kw_only=True)
class MemoryHub:
    """Fast, and able to fail where a test wants it. Time goes on by a minute with everything that people and runners do."""

    fake: FakeForge = field(default_factory=lambda: FakeForge(permissions=dict(PEOPLE)))  # type: ignore[arg-type]
    runs: dict[int, WorkflowRun] = field(default_factory=dict)

    @property
    def branch(self) -> str:
        return self.fake.branch

    def later(self) -> None:
        """Time goes on."""
        now = datetime.fromisoformat(self.fake.now) + _STEP
        self.fake.now = now.isoformat().replace("+00:00", "Z")

    def forge(self, variables: dict[str, str]) -> Forge:
        self.later()
        return self.fake

    def variables(self, permissions: dict[str, str]) -> dict[str, str]:
        return {
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_SERVER_URL": "https://git.example.org",
            "GITHUB_API_URL": "https://git.example.org/api/v3",
            "GITHUB_TOKEN": TOKEN,
        }

    def set_pull(self, number: int, **changes: Any) -> None:
        self.later()
        if changes.get("merged"):
            changes = {"merged_at": self.fake.now, **changes}
        if number in self.fake.pulls:
            self.fake.change_pull(number, **changes)
        else:
            self.fake.add_pull(pull_request(number, **changes))

    def pull(self, number: int) -> dict[str, Any]:
        known = self.fake.pulls[number]
        return {name: getattr(known, name) for name in known.__struct_fields__}

    def know(self, commits: list[str]) -> None:
        """A forge in memory has an answer for any."""

    def set_run(self, run: int, **fields: Any) -> None:
        self.later()
        self.fake.runs = [each for each in self.fake.runs if each.id != run]
        self.fake.add_run(workflow_run(run, **fields))

    def leave(self, run: int, name: str, archive: Path) -> None:
        self.fake.add_artifact(run, name, archive)

    def write(self, number: int, author: str, body: str, *, edited: bool = False) -> dict[str, Any]:
        self.later()
        later = datetime.fromisoformat(self.fake.now) + _STEP
        at = later.isoformat().replace("+00:00", "Z") if edited else None
        made = self.fake.add_comment(number, author, body, edited_at=at)
        return _payload(number, made)

    def comments(self, number: int) -> list[Comment]:
        return list(self.fake.discussion.get(number, []))

    def checks(self, sha: str) -> dict[str, CheckRun]:
        return {each.name: each for each in self.fake.checks.get(sha, [])}

    def take_dispatched(self) -> list[tuple[str, dict[str, str]]]:
        taken = [(workflow, inputs) for workflow, _, inputs in self.fake.dispatched]
        self.fake.dispatched.clear()
        return taken


@dataclass(kw_only=True)
class EmulatedHub:
    """GitHub's API. Every request is compared with GitHub's own description, and every job has the token that its file asks for."""

    github: Emulator
    pulls: dict[int, dict[str, Any]] = field(default_factory=dict)
    seen: int = 0

    def __post_init__(self) -> None:
        self.github.seed(users=PEOPLE, pulls=[], runs=[])

    @property
    def branch(self) -> str:
        return "main"

    def forge(self, variables: dict[str, str]) -> Forge:
        environment = read_environment(variables)
        quick = Patience(attempts=3, sleep=lambda seconds: None, jitter=lambda: 0.0)
        assert isinstance(open_forge(environment), GitHub)
        return GitHub(environment, session(environment, quick))

    def variables(self, permissions: dict[str, str]) -> dict[str, str]:
        return self.github.variables(permissions)

    def set_pull(self, number: int, **changes: Any) -> None:
        # GitHub counts from 1; the loop's tests call their first one 7.
        self.pulls[number] = {**self.pulls.get(number, {}), **changes}
        self.github.pull(number, **{"title": "A sprint", **self.pulls[number]})

    def pull(self, number: int) -> dict[str, Any]:
        return self.pulls[number]

    def know(self, commits: list[str]) -> None:
        self.github.change(commits=commits)

    def set_run(self, run: int, **fields: Any) -> None:
        self.github.change(runs=[{"id": run, **fields}])

    def leave(self, run: int, name: str, archive: Path) -> None:
        self.github.add_artifact(run, name, archive)

    def write(self, number: int, author: str, body: str, *, edited: bool = False) -> dict[str, Any]:
        made = self.github.comment(number, author, body, edited=edited)
        [comment] = [each for each in self.comments(number) if each.id == made]
        return _payload(number, comment)

    def comments(self, number: int) -> list[Comment]:
        return [
            Comment(
                id=each["id"],
                author=each["user"]["login"],
                body=each["body"],
                created_at=each["created_at"],
                updated_at=each["updated_at"],
            )
            for each in self.github.comments(number)
        ]

    def checks(self, sha: str) -> dict[str, CheckRun]:
        forge = self.forge(self.variables({"checks": "read"}))
        return {each.name: each for each in forge.check_runs(sha)}

    def take_dispatched(self) -> list[tuple[str, dict[str, str]]]:
        started = self.github.dispatched()
        taken, self.seen = started[self.seen :], len(started)
        return [(each["workflow"], each["inputs"]) for each in taken]


def _payload(number: int, comment: Comment) -> dict[str, Any]:
    """Of the event `issue_comment`, on a pull request."""
    return {
        "action": "created",
        "issue": {"number": number, "pull_request": {"url": "…"}, "title": "…"},
        "comment": {
            "id": comment.id,
            "user": {"login": comment.author, "type": "User"},
            "body": comment.body,
            "created_at": comment.created_at,
            "updated_at": comment.created_at,  # what happened later is not in the event
            "author_association": "NONE",
        },
    }
