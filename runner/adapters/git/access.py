"""How a trusted job's git reaches the forge: with credentials that are neither shown nor stored, and without hooks.

They reach git through its environment alone: not through an argument, which other processes see, and not through
.git/config, which would outlive the job.
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from runner.domain.errors import ExitCode, FlywheelError

REMOTE = "origin"
_TIMEOUT_S = 600
_QUIET = (
    ("core.hooksPath", "/dev/null"),
    ("commit.gpgSign", "false"),
    ("core.fsmonitor", "false"),
    ("gc.auto", "0"),
    ("fetch.recurseSubmodules", "false"),
)
# Source: https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints
_KNOWN_HOSTS = {
    "github.com": "github.com ssh-ed25519 "
    "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl\n",
}


@dataclass(frozen=True, kw_only=True)
class Access:
    """How git reaches the forge.

    Attributes:
        server_url: of the forge, without a slash at the end; empty where `origin` needs no credentials.
        repository: OWNER/NAME.
        token: for HTTPS. `key`: a private deploy key, for pushes that rules of a branch let pass; used for pushing alone.
        bot: whose name the commits carry.
    """

    server_url: str = ""
    repository: str = ""
    token: str | None = None
    key: str | None = None
    bot: str = "github-actions[bot]"

    def __repr__(self) -> str:
        return f"Access({self.repository!r} at {self.server_url!r})"


def identity(access: Access) -> dict[str, str]:
    """The environment that makes commits the bot's."""
    host = urlsplit(access.server_url).hostname or "localhost"
    who = {"NAME": access.bot, "EMAIL": f"{access.bot}@users.noreply.{host}"}
    return {f"GIT_{role}_{key}": value for role in ("AUTHOR", "COMMITTER") for key, value in who.items()}


@contextmanager
def pushing(access: Access) -> Iterator[tuple[str, dict[str, str]]]:
    """Where to push, and the environment for it: the deploy key for as long as it takes, else the token."""
    if access.key is None:
        yield REMOTE, {}
        return
    host = urlsplit(access.server_url).hostname
    if host is None or not access.repository:
        raise FlywheelError(
            "there is a deploy key, but not where to push with it",
            hint="the job's environment names the forge: GITHUB_SERVER_URL and GITHUB_REPOSITORY",
            exit_code=ExitCode.PUBLISH_FAILED,
        )
    with tempfile.TemporaryDirectory() as temporary:
        key = _private(Path(temporary) / "key", access.key.strip().replace("\r\n", "\n") + "\n")
        options = ["IdentitiesOnly=yes", "StrictHostKeyChecking=yes", "BatchMode=yes"]
        if host in _KNOWN_HOSTS:
            known = _private(Path(temporary) / "known_hosts", _KNOWN_HOSTS[host])
            options += [f"UserKnownHostsFile={known}", "GlobalKnownHostsFile=/dev/null"]
        command = [
            "ssh",
            "-F",
            "/dev/null",
            "-i",
            str(key),
            *(part for each in options for part in ("-o", each)),
        ]
        yield (
            f"ssh://git@{host}/{access.repository}.git",
            {"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"},
        )


def _private(path: Path, text: str) -> Path:
    """A file that is nobody else's from the moment that it is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def git(
    root: Path,
    *arguments: str,
    access: Access | None = None,
    environment: Mapping[str, str] | None = None,
    stdin: bytes = b"",
) -> subprocess.CompletedProcess[bytes]:
    """Runs git with settings that no configuration overrides, without a prompt, and with credentials if asked."""
    settings = list(_QUIET)
    if access is not None and access.token and access.server_url:
        basic = base64.b64encode(f"x-access-token:{access.token}".encode()).decode()
        settings.append((f"http.{access.server_url}/.extraheader", f"AUTHORIZATION: basic {basic}"))
    variables = {
        "GIT_CONFIG_COUNT": str(len(settings)),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LITERAL_PATHSPECS": "1",
    }
    for number, (key, value) in enumerate(settings):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    try:
        return subprocess.run(
            ["git", "-C", str(root), *arguments],
            input=stdin,
            env={**os.environ, **variables, **(environment or {})},
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise FlywheelError(
            f"git {arguments[0]} took longer than {_TIMEOUT_S} s",
            hint="run the job again",
            exit_code=ExitCode.PUBLISH_FAILED,
        ) from error


def done(result: subprocess.CompletedProcess[bytes], what: str) -> str:
    """What git printed.

    Raises:
        FlywheelError: it failed (exit code 5); `what` says at what.
    """
    if result.returncode != 0:
        raise failed(what, result, None)
    return result.stdout.decode("utf-8", "surrogateescape").strip()


def said(result: subprocess.CompletedProcess[bytes], access: Access | None) -> str:
    """What git printed, on one line, without any secret."""
    text = " ".join((result.stdout + b"\n" + result.stderr).decode("utf-8", "replace").split())
    secrets = [access.token, access.key] if access else []
    for secret in filter(None, secrets):
        text = text.replace(secret, "***")
    return re.sub(r"(?i)(basic|bearer) [A-Za-z0-9+/=_-]{8,}", r"\1 ***", text)[:1000]


def failed(what: str, result: subprocess.CompletedProcess[bytes], access: Access | None) -> FlywheelError:
    """The error for git's failure."""
    return FlywheelError(
        f"{what}: {said(result, access) or 'git said nothing'}",
        hint="try it again; what the job may do is checked by: flywheel doctor",
        exit_code=ExitCode.PUBLISH_FAILED,
    )
