"""What a CI job's environment says, parsed once. Every URL of the forge comes from here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from runner.adapters.git.repository import remote_url
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import decode_json
from runner.domain.records import Record

BOT = "github-actions[bot]"  # whom GITHUB_TOKEN writes as
PUBLIC_SERVER, PUBLIC_API = "https://github.com", "https://api.github.com"
CLOUD_SUFFIX = ".ghe.com"  # GitHub Enterprise Cloud with data residency: its API is at api.NAME.ghe.com
MAX_EVENT_BYTES = 32 * 2**20

_REPOSITORY = re.compile(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+")
_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+(/[A-Za-z0-9._~/-]*)?")
_TOKEN = re.compile(r"[\x21-\x7e]+")
_SSH = re.compile(r"(?:ssh://)?(?:[^@/]+@)?(?P<host>[A-Za-z0-9.-]+)(?::\d+/|[:/])(?P<path>.+)")


class Environment(Record, frozen=True, kw_only=True):
    """The job that this process runs in.

    Attributes:
        repository: OWNER/NAME.
        server_url, api_url: without a trailing slash; GitHub Enterprise has its own.
        token: None where there is none: then only public reading works. It is in no repr.
        event_name, event: what started the job, and its payload (a mapping; {} when unknown).
        run_id: of this run; 0 outside CI.
        summary_path, output_path: where GITHUB_STEP_SUMMARY and GITHUB_OUTPUT point; None outside CI.
        bot: the login that our comments are written by.
    """

    repository: str
    server_url: str
    api_url: str
    token: str | None = None
    event_name: str = ""
    event: dict[str, Any] = {}
    sha: str = ""
    run_id: int = 0
    summary_path: str | None = None
    output_path: str | None = None
    bot: str = BOT

    def __repr__(self) -> str:
        token = "a token" if self.token else "no token"
        return f"Environment({self.repository!r}, {self.api_url!r}, {self.event_name!r}, {token})"


def read_environment(variables: Mapping[str, str]) -> Environment:
    """A CI job's environment.

    Raises:
        FlywheelError: a variable is missing or cannot be right; all of them are named.
    """
    wrong = [
        f"{name} {'is not set' if not variables.get(name) else f'should be {what}'}"
        for name, pattern, what in (
            ("GITHUB_REPOSITORY", _REPOSITORY, "OWNER/NAME"),
            ("GITHUB_SERVER_URL", _URL, "an http(s) address"),
            ("GITHUB_API_URL", _URL, "an http(s) address"),
        )
        if not pattern.fullmatch(variables.get(name, ""))
    ]
    run = variables.get("GITHUB_RUN_ID") or "0"
    if not run.isdecimal():
        wrong.append("GITHUB_RUN_ID should be a number")
    if wrong:
        raise FlywheelError(
            f"this is no CI job of a forge: {'; '.join(wrong)}",
            hint="`flywheel ci` is called by the workflows; from a terminal use flywheel plan, promote or doctor",
        )
    return Environment(
        repository=variables["GITHUB_REPOSITORY"],
        server_url=variables["GITHUB_SERVER_URL"].rstrip("/"),
        api_url=variables["GITHUB_API_URL"].rstrip("/"),
        token=_token(variables, "GITHUB_TOKEN"),
        event_name=variables.get("GITHUB_EVENT_NAME", ""),
        event=_event(variables.get("GITHUB_EVENT_PATH")),
        sha=variables.get("GITHUB_SHA", ""),
        run_id=int(run),
        summary_path=variables.get("GITHUB_STEP_SUMMARY") or None,
        output_path=variables.get("GITHUB_OUTPUT") or None,
        bot=variables.get("FLYWHEEL_BOT") or BOT,
    )


def from_checkout(root: Path, variables: Mapping[str, str]) -> Environment | None:
    """CI's environment, or that of git's `origin`; None where that is no address of a forge.

    The token is GH_TOKEN's or GITHUB_TOKEN's, as for GitHub's own command line.
    """
    if variables.get("GITHUB_REPOSITORY"):
        return read_environment(variables)
    found = forge_of(remote_url(root))
    if found is None:
        return None
    server, repository = found
    return Environment(
        repository=repository,
        server_url=(variables.get("GITHUB_SERVER_URL") or server).rstrip("/"),
        api_url=(variables.get("GITHUB_API_URL") or api_of(server)).rstrip("/"),
        token=_token(variables, "GH_TOKEN", "GITHUB_TOKEN"),
        bot=variables.get("FLYWHEEL_BOT") or BOT,
    )


def forge_of(remote: str) -> tuple[str, str] | None:
    """The server and OWNER/NAME of a git remote; None for a path or what is no such address.

    >>> forge_of("git@git.example.org:acme/digits.git")
    ('https://git.example.org', 'acme/digits')
    >>> forge_of("https://user:password@git.example.org/acme/digits")
    ('https://git.example.org', 'acme/digits')
    """
    if remote.startswith(("https://", "http://")):
        parts = urlsplit(remote)
        # What precedes an @ may be a password.
        server, path = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}", parts.path
    elif (ssh := _SSH.fullmatch(remote)) is not None and (remote.startswith("ssh://") or "@" in remote):
        # GitHub's SSH over the HTTPS port has a host of its own.
        server, path = f"https://{ssh['host'].removeprefix('ssh.')}", ssh["path"]
    else:
        return None
    repository = path.strip("/").removesuffix(".git")
    if not _REPOSITORY.fullmatch(repository) or not _URL.fullmatch(server):
        return None
    return server, repository


def api_of(server: str) -> str:
    """Where a GitHub server's API is, when nothing says so.

    >>> api_of("https://git.example.org")
    'https://git.example.org/api/v3'
    """
    if server == PUBLIC_SERVER:
        return PUBLIC_API
    scheme, _, host = server.partition("://")
    return f"{scheme}://api.{host}" if host.endswith(CLOUD_SUFFIX) else f"{server}/api/v3"


def _token(variables: Mapping[str, str], *names: str) -> str | None:
    for name in names:
        if token := variables.get(name, "").strip():
            if not _TOKEN.fullmatch(token):
                raise FlywheelError(
                    f"{name} holds characters that no token has",
                    hint="set it to the token alone, without quotes and newlines",
                )
            return token
    return None


def _event(path: str | None) -> dict[str, Any]:
    if not path:
        return {}
    try:
        with Path(path).open("rb") as file:
            text = file.read(MAX_EVENT_BYTES)
        return decode_json(text, dict[str, Any])
    except (OSError, msgspec.MsgspecError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise FlywheelError(
            f"the event's payload cannot be read: {reason}",
            where=Where(path),
            hint="GITHUB_EVENT_PATH points to the JSON of what started the job",
        ) from error
