"""Pushing for a trusted job: what rules refuse is explained, and no secret is shown or left behind."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from projects import call, commit

from runner.adapters.git import access as git_access
from runner.adapters.git import trusted
from runner.adapters.git.access import Access
from runner.domain.errors import FlywheelError

KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\r\ncanary-key\r\n-----END OPENSSH PRIVATE KEY-----"
SSH = """\
#!{python}
import os, shlex, stat, subprocess, sys
arguments = sys.argv[1:]
key = arguments[arguments.index("-i") + 1]
with open({log!r}, "w") as log:
    print(*arguments, sep="\\n", file=log)
    print(oct(stat.S_IMODE(os.stat(key).st_mode)), file=log)
    print(repr(open(key).read()), file=log)
command = shlex.split(arguments[-1])  # git-receive-pack '/acme/digits.git'
sys.exit(subprocess.run([command[0], {origin!r}]).returncode)
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    origin, folder = tmp_path / "origin.git", tmp_path / "clone"
    call(tmp_path, "git", "init", "-q", "--bare", "-b", "main", str(origin))
    call(tmp_path, "git", "clone", "-q", str(origin), str(folder))
    call(folder, "git", "checkout", "-q", "-b", "main")
    (folder / "a.txt").write_text("a\n")
    commit(folder, "First")
    call(folder, "git", "push", "-q", "origin", "main")
    return folder


def access(**more: str) -> Access:
    return Access(**{"server_url": "https://github.com", "repository": "acme/digits", **more})


def ruled(clone: Path, said: str = "GH013: Repository rule violations found for refs/heads/main.") -> None:
    """The bare repository refuses pushes, as a forge with rules does."""
    hook = clone.parent / "origin.git" / "hooks" / "pre-receive"
    hook.write_text(f"#!/bin/sh\necho '{said}' >&2\nexit 1\n")
    hook.chmod(0o755)


def change(clone: Path) -> None:
    (clone / "a.txt").write_text("changed\n")
    trusted.commit(clone, ["a.txt"], "Change", access())


def test_a_push_that_rules_refuse_says_which_key_to_set_up(clone: Path) -> None:
    ruled(clone)
    change(clone)
    with pytest.raises(FlywheelError) as error:
        trusted.push(clone, "main", access())
    assert error.value.exit_code == 5
    assert error.value.message.startswith("the rules of main do not let this job push: ")
    assert "GH013: Repository rule violations" in error.value.message
    assert error.value.hint == (
        "make a deploy key with write access, let it bypass the rules of the branch, and keep its private half as the "
        "secret FLYWHEEL_PUSH_KEY of the environment `promote`; then look with: flywheel doctor"
    )


def with_ssh(clone: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `ssh` that writes down how it was called, and answers as the forge would."""
    folder, log = clone.parent / "bin", clone.parent / "ssh.log"
    folder.mkdir()
    program = folder / "ssh"
    program.write_text(
        SSH.format(python=sys.executable, log=str(log), origin=str(clone.parent / "origin.git"))
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return log


def test_a_deploy_key_is_a_private_file_for_as_long_as_the_push_takes(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = with_ssh(clone, monkeypatch)
    change(clone)
    head = trusted.push(clone, "main", access(key=KEY))
    assert call(clone.parent / "origin.git", "git", "rev-parse", "main").stdout.strip() == head
    said = log.read_text().splitlines()
    assert {"StrictHostKeyChecking=yes", "IdentitiesOnly=yes", "BatchMode=yes", "git@github.com"} <= set(said)
    assert said[-2:] == ["0o600", repr(KEY.replace("\r\n", "\n") + "\n")]
    key = Path(said[said.index("-i") + 1])
    known = next(line.partition("=")[2] for line in said if line.startswith("UserKnownHostsFile="))
    assert not key.exists()
    assert not Path(known).exists()
    assert "canary" not in "".join(
        path.read_text(errors="replace") for path in (clone / ".git").rglob("*") if path.is_file()
    )


def test_a_key_that_the_rules_do_not_know_is_told_so(clone: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_ssh(clone, monkeypatch)
    ruled(clone)
    change(clone)
    with pytest.raises(FlywheelError) as error:
        trusted.push(clone, "main", access(key=KEY))
    assert error.value.hint == (
        "let the deploy key of FLYWHEEL_PUSH_KEY bypass the rules of the branch; then look with: flywheel doctor"
    )
    assert "canary" not in str(error.value)


def test_another_servers_host_key_is_the_machines_to_know(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = with_ssh(clone, monkeypatch)
    change(clone)
    trusted.push(
        clone, "main", Access(server_url="https://git.example.org", repository="acme/digits", key=KEY)
    )
    said = log.read_text()
    assert "git@git.example.org" in said
    assert "StrictHostKeyChecking=yes" in said
    assert "UserKnownHostsFile" not in said


def test_the_token_reaches_git_through_its_environment_alone(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[list[str], dict[str, str]]] = []
    real = subprocess.run

    def spy(command: list[str], **more: object) -> subprocess.CompletedProcess[bytes]:
        seen.append((command, dict(more.get("env") or {})))  # type: ignore[call-overload]
        return real(command, **more)  # type: ignore[call-overload, no-any-return]

    monkeypatch.setattr(git_access.subprocess, "run", spy)
    change(clone)
    trusted.push(clone, "main", access(token="canary-token"))  # noqa: S106 - no secret
    assert not [command for command, _ in seen if "canary" in " ".join(command)]
    headers = {
        value for _, variables in seen for name, value in variables.items()
        if name.startswith("GIT_CONFIG_VALUE") and value.startswith("AUTHORIZATION: basic ")
    }  # fmt: skip
    assert len(headers) == 1
    assert {variables["GIT_CONFIG_VALUE_0"] for _, variables in seen if "GIT_CONFIG_COUNT" in variables} == {
        "/dev/null"
    }
    assert "extraheader" not in (clone / ".git" / "config").read_text().lower()


def test_what_git_says_is_shown_without_secrets(clone: Path) -> None:
    ruled(clone, "declined: canary-token; Authorization: basic Y2FuYXJ5Y2FuYXJ5")
    change(clone)
    with pytest.raises(FlywheelError) as error:
        trusted.push(clone, "main", access(token="canary-token"))  # noqa: S106 - no secret
    assert "canary-token" not in str(error.value)
    assert "Y2FuYXJ5" not in str(error.value)
    assert "declined: ***; Authorization: basic ***" in error.value.message


def test_a_remote_that_is_not_there_is_an_error_with_a_way_on(clone: Path) -> None:
    call(clone, "git", "remote", "set-url", "origin", str(clone.parent / "nowhere.git"))
    with pytest.raises(FlywheelError, match="branch main could not be looked up: ") as error:
        trusted.fetch_branch(clone, "main", access())
    assert error.value.exit_code == 5
    with pytest.raises(FlywheelError, match="commit ffffffffffff could not be fetched"):
        trusted.fetch_commit(clone, "f" * 40, access())


@pytest.mark.parametrize("sha", ["main", "--upload-pack=touch x", "f" * 39, "refs/heads/main"])
def test_what_is_no_commit_is_not_asked_for(clone: Path, sha: str) -> None:
    with pytest.raises(FlywheelError, match="is no commit"):
        trusted.fetch_commit(clone, sha, access())


def test_only_the_named_paths_are_committed(clone: Path) -> None:
    (clone / "a.txt").write_text("mine, not finished\n")
    (clone / "staged.txt").write_text("mine\n")
    call(clone, "git", "add", "staged.txt")
    (clone / "*.txt").write_text("a name that is a pattern\n")
    (clone / ".gitignore").write_text("*.svg\n")
    (clone / "plot.svg").write_text("<svg/>")
    assert trusted.commit(clone, ["*.txt", "plot.svg"], "Those", access()) is not None
    assert call(clone, "git", "show", "--format=", "--name-only", "HEAD").stdout.split() == [
        "*.txt",
        "plot.svg",
    ]
    status = call(clone, "git", "status", "--porcelain").stdout.splitlines()
    assert status == [" M a.txt", "A  staged.txt", "?? .gitignore"]


def test_a_path_that_is_gone_is_committed_as_gone(clone: Path) -> None:
    (clone / "a.txt").unlink()
    assert trusted.commit(clone, ["a.txt", "never.txt"], "Gone", access()) is not None
    assert trusted.paths_of(clone, "HEAD") == []
    assert trusted.commit(clone, ["a.txt", "never.txt"], "Gone", access()) is None


def test_key_files_are_nobody_elses(tmp_path: Path) -> None:
    path = git_access._private(tmp_path / "key", "text")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        git_access._private(tmp_path / "key", "text")
