"""Workflows run by `act` on this machine, offline: events, the repository that is checked out, and what a run left.

act ignores filters, permissions, concurrency, environments and fork rules: those are asserted on the YAML (workflow_rules.py).
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from forges.emulator import REPOSITORY
from forges.fake_forge import unzipped
from projects import call, environment
from simulated_forge.repository import Repository, clone, copied, put_on_forge

from runner.scaffold.workflows import workflow_documents

PULL, HEAD = 7, "pr-7"
STAND_INS = Path(__file__).parents[1] / "github" / "stand_ins"
PINS = (
    "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683",
    "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02",
)
CANARY = "canary-7f3a1c"  # a secret's value: it may be nowhere in what a run leaves
# What the environment `gpu` holds.
SECRETS = {
    "FLYWHEEL_DVC_CONFIG": f"['remote \"other\"']\n    url = s3://elsewhere\n    secret_access_key = {CANARY}\n"
}


@dataclass(kw_only=True)
class Finished:
    """What one act left: its log as JSON lines, and the artifacts by name."""

    lines: list[dict[str, Any]]
    artifacts: Path
    workspace: Path

    @property
    def log(self) -> str:
        return "\n".join(str(line.get("msg", "")) for line in self.lines)

    @property
    def raw(self) -> str:
        """The log with the commands to the forge (`::error …`) as they were written."""
        return "\n".join(str(line.get("raw", line.get("msg", ""))) for line in self.lines)

    @property
    def results(self) -> dict[str, str]:
        """Job → `success` or `failure`; a job that was not started is not there."""
        return {str(line["jobID"]): str(line["jobResult"]) for line in self.lines if "jobResult" in line}

    @property
    def summary(self) -> str:
        return "".join(
            str(line.get("content", "")) for line in self.lines if line.get("command") == "summary"
        )

    def artifact(self, name: str) -> dict[str, bytes]:
        """The files of one artifact."""
        (archive,) = self.artifacts.rglob(f"{name}.zip")
        return unzipped(archive)

    def names(self) -> list[str]:
        return sorted(path.stem for path in self.artifacts.rglob("*.zip"))

    def everything(self) -> bytes:
        """All that somebody could see of the run: log, summary, artifacts."""
        seen = [json.dumps(self.lines).encode()]
        for name in self.names():
            seen += self.artifact(name).values()
        return b"\n".join(seen)


@dataclass(kw_only=True)
class ActRepository(Repository):
    """A repository whose workflows act runs."""

    runs: list[Finished] = field(default_factory=list)

    @classmethod
    def start(cls, folder: Path, project: Path) -> ActRepository:
        """Puts a project on the forge, with the loop's workflows on `main`."""
        workflows = workflow_documents(REPOSITORY, "main")
        put_on_forge(project, folder, workflows, store=str(folder / "store"))  # act's checkouts lie elsewhere
        return cls(folder=folder)

    def copy(self, folder: Path) -> ActRepository:
        """The same repository in another folder, where nothing ran yet."""
        copied(self.folder, folder)
        return ActRepository(folder=folder)

    # --- events ------------------------------------------------------------------------------------

    def about(self) -> dict[str, Any]:
        owner, name = REPOSITORY.split("/")
        return {"full_name": REPOSITORY, "name": name, "owner": {"login": owner}, "default_branch": "main"}

    def pull_request(self, *, head_repository: str = REPOSITORY) -> dict[str, Any]:
        head = {"ref": HEAD, "sha": self.sha(HEAD), "repo": {"full_name": head_repository}}
        base = {"ref": "main", "sha": self.sha("main"), "repo": {"full_name": REPOSITORY}}
        pull = {"number": PULL, "head": head, "base": base, "title": "Propose", "user": {"login": "alice"}}
        return {"action": "synchronize", "number": PULL, "repository": self.about(), "pull_request": pull}

    def dispatch(self, branch: str = "main", **inputs: str) -> dict[str, Any]:
        return {"repository": self.about(), "ref": f"refs/heads/{branch}", "inputs": inputs}

    def workflow_run(self, run: int, name: str, **changes: Any) -> dict[str, Any]:
        found = {
            "id": run,
            "name": name,
            "path": f".github/workflows/{name}.yml",
            "event": "pull_request",
            "conclusion": "success",
            "head_sha": self.sha(HEAD),
            "head_branch": HEAD,
            "pull_requests": [],
        }
        return {"action": "completed", "repository": self.about(), "workflow_run": {**found, **changes}}

    def push(self) -> dict[str, Any]:
        """The one that merged the pull request."""
        before, after = self.merges[PULL]
        return {"ref": "refs/heads/main", "before": before, "after": after, "repository": self.about()}

    def comment(self, body: str, *, identity: int = 1, author: str = "bob") -> dict[str, Any]:
        issue = {"number": PULL, "pull_request": {"url": f"pulls/{PULL}"}, "user": {"login": "alice"}}
        at = "2027-01-01T12:00:00Z"
        comment = {
            "id": identity,
            "body": body,
            "user": {"login": author},
            "created_at": at,
            "updated_at": at,
        }
        return {"action": "created", "repository": self.about(), "issue": issue, "comment": comment}

    # --- act ---------------------------------------------------------------------------------------

    def act(
        self,
        event: str,
        workflow: str,
        payload: dict[str, Any],
        *,
        variables: dict[str, str] | None = None,
        secrets: dict[str, str] | None = None,
        ref: str = "main",
        fresh: bool = False,
    ) -> Finished:
        """Fires an event at one workflow of `ref`, as the forge would.

        Args:
            variables: for every step, `GITHUB_API_URL` above all; GITHUB_TOKEN becomes the job's token.
            fresh: whether `flywheel` is the installed program, and not one that is forked (tests/warm.py).
        """
        place = self.new("run")
        place.mkdir()
        clone(self.bare, place / "main")
        checkout = clone(self.bare, place / "checkout")
        call(checkout, "git", "checkout", "-q", "-B", ref, f"origin/{ref}")
        (place / "event.json").write_text(json.dumps(payload))
        environment_of_steps = {
            "WARM_CACHE": str(self.author / ".dvc" / "cache"),
            "ORIGIN": str(self.bare),
            "GITHUB_REPOSITORY": REPOSITORY,
            **(variables or {}),
        }
        hidden = {"GITHUB_TOKEN": environment_of_steps.pop("GITHUB_TOKEN", "none"), **(secrets or {})}
        command = [
            str(Path(sys.executable).parent / "act"), event, "--json", "--pull=false", "--no-skip-checkout",
            "--insecure-secrets",  # act would hide them: what is to be seen is whether we do
            "-W", f".github/workflows/{workflow}", "-e", str(place / "event.json"),
            "--defaultbranch", "main", "-P", "ubuntu-latest=-self-hosted", "-P", "self-hosted=-self-hosted",
            "--artifact-server-path", str(place / "artifacts"), "--artifact-server-addr", "127.0.0.1",
            "--artifact-server-port", str(_free_port()), "--no-cache-server",
            "--action-cache-path", str(place / "actions"),
            "--local-repository", f"{REPOSITORY}@main={place / 'main'}",
            *(word for pin in PINS for word in ("--local-repository", f"{pin}={STAND_INS / _name(pin)}")),
            *(word for key, value in environment_of_steps.items() for word in ("--env", f"{key}={value}")),
            *(word for key, value in hidden.items() for word in ("-s", f"{key}={value}")),
            *(word for key, value in payload.get("inputs", {}).items() for word in ("--input", f"{key}={value}")),
        ]  # fmt: skip
        result = subprocess.run(
            command,
            cwd=checkout,
            env=_environment(place, fresh=fresh),
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        lines = [
            json.loads(line) for line in (result.stdout + result.stderr).splitlines() if line.startswith("{")
        ]
        assert lines, result.stderr
        self.runs.append(Finished(lines=lines, artifacts=place / "artifacts", workspace=place))
        return self.runs[-1]


def _environment(place: Path, *, fresh: bool) -> dict[str, str]:
    home, programs = place / "home", place / "bin"
    home.mkdir()
    programs.mkdir()
    if not fresh:
        (programs / "flywheel").write_text(f'#!/bin/sh\nexec {sys.executable} -P -m runner.cli.main "$@"\n')
        (programs / "flywheel").chmod(0o755)
    ours = environment()
    return {
        **ours,
        "PATH": f"{programs}{os.pathsep}{ours['PATH']}",
        "HOME": str(home),
        "XDG_CACHE_HOME": str(home / "cache"),
        "ACT_DISABLE_VERSION_CHECK": "1",
    }


def _name(pin: str) -> str:
    return pin.partition("/")[2].partition("@")[0]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port
