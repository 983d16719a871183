"""GitHub's API on this machine: the emulator behind the proxy that checks every request. See `node/server.mjs`.

    with Emulator.start() as github:          # or the fixture `github` of tests/forges/conftest.py
        github.seed(users={"bob": "write"}, pulls=[{"number": 7, ...}])
        github.environment(permissions={"pull-requests": "write"})   # what a job with that token sees

The clock stands still at 2027-01-01T12:00:00Z and moves one second with every request that writes.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

import requests

from runner.forges.environment import Environment

NODE = Path(__file__).parent / "node"
OWNER, REPO = "acme", "digits"
REPOSITORY = f"{OWNER}/{REPO}"
BASE_SHA, HEAD_SHA = "0" * 39 + "1", "1" * 40
WORKFLOWS = [
    f".github/workflows/{name}.yml"
    for name in ("plan", "sprint", "run-sprint", "report", "promote", "chat", "tests")
]
PULL: dict[str, Any] = {
    "number": 7,
    "title": "More dark images",
    "author": "alice",
    "state": "open",
    "head_sha": HEAD_SHA,
    "head_ref": "more-dark",
    "head_repository": REPOSITORY,
    "base_ref": "main",
    "base_sha": BASE_SHA,
}
RUN: dict[str, Any] = {
    "id": 100,
    "path": ".github/workflows/sprint.yml",
    "event": "pull_request",
    "head_sha": HEAD_SHA,
    "head_branch": "more-dark",
    "head_repository": REPOSITORY,
    "status": "completed",
    "conclusion": "success",
    "title": "More dark images",
}
LOOP = {"actions": "write", "checks": "write", "contents": "write", "pull-requests": "write"}
Fault = Literal[
    "401",
    "403",
    "403-retry-after",
    "403-rate-limit",
    "429-retry-after",
    "404",
    "422",
    "500",
    "502",
    "applied-then-502",
    "applied-then-reset",
    "reset",
    "timeout",
    "not-json",
    "empty",
    "redirect",
]


def missing() -> str | None:
    """Why the emulator cannot run here; None when it can. Tests skip with it."""
    if shutil.which("node") is None:
        return "Node is not here: install Node 20 or newer"
    if not (NODE / "node_modules" / "emulate").is_dir():
        return "npm packages are not installed: make node"
    return None


@dataclass(kw_only=True)
class Emulator:
    """A running server. Times, comments, checks and runs are those of one repository, `acme/digits`."""

    url: str
    process: subprocess.Popen[str]
    connection: requests.Session

    @classmethod
    @contextmanager
    def start(cls) -> Any:
        """Starts the server on a free port, and stops it at the end."""
        with subprocess.Popen(
            ["node", str(NODE / "server.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            try:
                line = process.stdout.readline()
                assert line, "the emulator did not start: see what Node wrote above"
                with requests.Session() as connection:
                    connection.trust_env = False  # no proxy stands before 127.0.0.1
                    yield cls(url=json.loads(line)["url"], process=process, connection=connection)
            finally:
                process.kill()

    # --- setting up --------------------------------------------------------------------------------

    def seed(self, **state: Any) -> Self:
        """A fresh repository: private, with pull request 7 of alice, run 100, and the loop's workflows.

        Keyword arguments replace these: users (login → role), pulls, runs, artifacts, workflows, commits (further SHAs that
        exist), settings (path → what `Forge.get` answers), private, default_branch, clock.
        """
        defaults: dict[str, Any] = {
            "owner": OWNER,
            "repo": REPO,
            "private": True,
            "default_branch": "main",
            "users": {"alice": "write", "bob": "write", "carol": "maintain", "eve": "read"},
            "pulls": [PULL],
            "runs": [RUN],
            "workflows": WORKFLOWS,
        }
        self._control("POST", "seed", {**defaults, **state})
        return self

    def change(self, **state: Any) -> Self:
        """Adds to what was seeded, or changes it: the same keys, pull requests by number, runs by id."""
        self._control("POST", "change", state)
        return self

    def clock(self, time: str) -> Self:
        """Sets the time that the next request happens at."""
        return self.change(clock=time)

    def pull(self, number: int = 7, **changes: Any) -> Self:
        """Adds or changes a pull request; `head_repository="eve/digits"` is a fork, None a deleted one.

        `changed_base=True`: it was proposed to another branch before.
        """
        return self.change(pulls=[{"number": number, **changes}])

    def comment(
        self, number: int, author: str, body: str, *, at: str | None = None, edited: bool = False
    ) -> int:
        """A comment that somebody wrote, and edited a minute later if `edited`; its id."""
        return self.add_comments(
            [{"number": number, "author": author, "body": body, "created_at": at, "edited": edited}]
        )[0]

    def add_comments(self, comments: Sequence[Mapping[str, Any]]) -> list[int]:
        """Several comments (number, author, body, created_at, edited) in one request."""
        ids: list[int] = self._control("POST", "comments", list(comments))
        return ids

    def review(self, number: int, author: str, event: str = "APPROVE", commit: str = HEAD_SHA) -> None:
        """A review that somebody submitted."""
        self.api("POST", f"pulls/{number}/reviews", login=author, json={"event": event, "commit_id": commit})

    def foreign_check(self, app: str, **check: Any) -> int:
        """A check run that another app made, at HEAD_SHA unless said otherwise."""
        given = {"head_sha": HEAD_SHA, "status": "completed", "conclusion": "success", **check}
        made: int = self._control("POST", "checks", {"app": app, "check": given})["id"]
        return made

    def add_artifact(self, run: int, name: str, archive: Path, *, expired: bool = False) -> Self:
        """A zip as an artifact of a run."""
        artifact = {"run": run, "name": name, "path": str(archive.resolve()), "expired": expired}
        return self.change(artifacts=[artifact])

    def add_act_artifacts(self, run: int, folder: Path) -> list[str]:
        """Everything that act's artifact server keeps below `--artifact-server-path`, as artifacts of a run.

        It stores RUN/NAME/NAME.zip, by its own numbers of runs; so give each act its own folder.
        """
        archives = sorted(folder.rglob("*.zip"))
        for archive in archives:
            self.add_artifact(run, archive.stem, archive)
        return [archive.stem for archive in archives]

    def fault(self, fault: Fault, *, method: str = "*", path: str = ".", times: int = 1, **more: Any) -> Self:
        """Injects a fault into requests of `method` whose path matches the regular expression `path`.

        `timeout`, `applied-then-502` and `applied-then-reset` do what was asked, and lose the answer. More: `skip` so many
        matching requests first; `retry_after` seconds; `reset` of the rate limit, as a Unix time; `location` of a redirect.
        """
        rule = {"fault": fault, "method": method, "path": path, "times": times, **more}
        self._control("POST", "faults", rule)
        return self

    def fault_free(self) -> Self:
        """Takes away the faults that have not happened yet."""
        self._control("DELETE", "faults")
        return self

    # --- tokens ------------------------------------------------------------------------------------

    def token_for(self, permissions: Mapping[str, str]) -> str:
        """A job's token with exactly these permissions, named as in a workflow: `{"pull-requests": "write"}`."""
        token: str = self._control("POST", "tokens", {"permissions": dict(permissions)})["token"]
        return token

    def token_of(self, login: str) -> str:
        """A person's token."""
        return f"user-token-of-{login}"

    def environment(self, permissions: Mapping[str, str] | None = None, **changes: Any) -> Environment:
        """What a job with these permissions sees (`LOOP` when None)."""
        fields: dict[str, Any] = {
            "repository": REPOSITORY,
            "server_url": self.url,
            "api_url": self.url,
            "token": self.token_for(LOOP if permissions is None else permissions),
        }
        return Environment(**{**fields, **changes})

    def variables(self, permissions: Mapping[str, str] | None = None, **more: str) -> dict[str, str]:
        """The same as environment variables, for a process: `--env` of act, or `env=` of a subprocess."""
        environment = self.environment(permissions)
        return {
            "GITHUB_REPOSITORY": environment.repository,
            "GITHUB_SERVER_URL": environment.server_url,
            "GITHUB_API_URL": environment.api_url,
            "GITHUB_TOKEN": environment.token or "",
            **more,
        }

    # --- looking at what happened ------------------------------------------------------------------

    def requests(self, method: str | None = None, path: str = "") -> list[dict[str, Any]]:
        """What was asked since the seed: method, path, query, body, status, operation, permissions."""
        asked: list[dict[str, Any]] = self._control("GET", "requests")["requests"]
        return [each for each in asked if method in (None, each["method"]) and path in each["path"]]

    def writes(self) -> list[tuple[str, str, int]]:
        """(method, path below the repository, status) of every request that writes."""
        prefix = f"/repos/{REPOSITORY}/"
        return [
            (each["method"], each["path"].removeprefix(prefix), each["status"])
            for each in self.requests()
            if each["method"] != "GET"
        ]

    def violations(self) -> list[str]:
        """Requests that GitHub's description does not allow. The fixture fails a test that leaves any."""
        found: list[str] = self._control("GET", "requests")["violations"]
        return found

    def forget(self) -> Self:
        """Forgets the requests and violations so far."""
        self._control("DELETE", "requests")
        return self

    def comments(self, number: int = 7) -> list[dict[str, Any]]:
        """All comments of a pull request, as GitHub says them."""
        return self._all(f"issues/{number}/comments", None)

    def bodies(self, number: int = 7) -> list[tuple[str, str]]:
        """(author, body) of all comments."""
        return [(each["user"]["login"], each["body"]) for each in self.comments(number)]

    def check_runs(self, sha: str = HEAD_SHA) -> list[dict[str, Any]]:
        """All check runs of a commit, of all apps; the newest of each name."""
        return self._all(f"commits/{sha}/check-runs", "check_runs")

    def annotations(self, check: int) -> list[dict[str, Any]]:
        return self._all(f"check-runs/{check}/annotations", None)

    def dispatched(self) -> list[dict[str, Any]]:
        """Workflows that were started by hand: workflow, ref, inputs."""
        started: list[dict[str, Any]] = self._control("GET", "state")["dispatched"]
        return started

    def reactions(self, comment: int) -> list[tuple[str, str]]:
        """(author, reaction) on a comment."""
        found = self._control("GET", "state")["reactions"].get(str(comment), [])
        return [(each["author"], each["content"]) for each in found]

    def api(self, method: str, path: str, *, login: str = OWNER, **arguments: Any) -> Any:
        """A request below the repository as a person, for what has no method here. It is recorded like any other."""
        answer = self.connection.request(
            method,
            f"{self.url}/repos/{REPOSITORY}/{path}",
            headers={
                "Authorization": f"Bearer {self.token_of(login)}",
                "Accept": "application/vnd.github+json",
                "X-GitHub-Api-Version": "2022-11-28",
            },
            timeout=30,
            **arguments,
        )
        assert answer.status_code < 400, answer.text
        return answer.json() if answer.content else None

    def _all(self, path: str, key: str | None) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for page in range(1, 100):
            answer = self.api("GET", path, params={"per_page": 100, "page": page})
            shown = answer if key is None else answer[key]
            found.extend(shown)
            if len(shown) < 100:
                break
        return found

    def _control(self, method: str, name: str, body: object = None) -> Any:
        answer = self.connection.request(method, f"{self.url}/__{name}", json=body, timeout=60)
        assert answer.status_code == 200, answer.text
        return answer.json()
