"""What a CI job's environment says, and what git's `origin` says where there is no CI."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.forges.environment import (
    Environment,
    api_of,
    forge_of,
    from_checkout,
    read_environment,
)

ROOT = Path(__file__).parents[2]
JOB = {
    "GITHUB_REPOSITORY": "acme/digits",
    "GITHUB_SERVER_URL": "https://git.example.org/",
    "GITHUB_API_URL": "https://git.example.org/api/v3/",
    "GITHUB_TOKEN": "ghs_secret",
    "GITHUB_EVENT_NAME": "workflow_run",
    "GITHUB_SHA": "1" * 40,
    "GITHUB_RUN_ID": "17",
    "GITHUB_STEP_SUMMARY": "/tmp/summary",
    "GITHUB_OUTPUT": "/tmp/output",
}


def test_a_jobs_environment_is_read(tmp_path: Path) -> None:
    event = tmp_path / "event.json"
    event.write_text('{"workflow_run": {"id": 5}}')
    assert read_environment({**JOB, "GITHUB_EVENT_PATH": str(event)}) == Environment(
        repository="acme/digits",
        server_url="https://git.example.org",
        api_url="https://git.example.org/api/v3",
        token="ghs_secret",  # noqa: S106
        event_name="workflow_run",
        event={"workflow_run": {"id": 5}},
        sha="1" * 40,
        run_id=17,
        summary_path="/tmp/summary",
        output_path="/tmp/output",
        bot="github-actions[bot]",
    )


def test_the_bot_may_be_an_app_of_ones_own() -> None:
    assert read_environment({**JOB, "FLYWHEEL_BOT": "our-flywheel[bot]"}).bot == "our-flywheel[bot]"


def test_everything_that_is_missing_is_said_at_once() -> None:
    with pytest.raises(FlywheelError) as raised:
        read_environment({"GITHUB_REPOSITORY": "digits", "GITHUB_RUN_ID": "x"})
    assert str(raised.value) == (
        "this is no CI job of a forge: GITHUB_REPOSITORY should be OWNER/NAME; GITHUB_SERVER_URL is not set; "
        "GITHUB_API_URL is not set; GITHUB_RUN_ID should be a number\n"
        "  hint: `flywheel ci` is called by the workflows; from a terminal use flywheel plan, promote or doctor"
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("GITHUB_REPOSITORY", "acme/digits/../../orgs"),
        ("GITHUB_REPOSITORY", "acme/digits?x=1"),
        ("GITHUB_API_URL", "file:///etc/passwd"),
        ("GITHUB_API_URL", "https://user:password@git.example.org"),
        ("GITHUB_SERVER_URL", "https://git.example.org/?a=b"),
    ],
)
def test_values_that_would_lead_elsewhere_are_refused(name: str, value: str) -> None:
    with pytest.raises(FlywheelError):
        read_environment({**JOB, name: value})


def test_a_token_with_a_newline_is_refused_and_not_shown() -> None:
    with pytest.raises(FlywheelError) as raised:
        read_environment({**JOB, "GITHUB_TOKEN": "ghs_secret\nX-Evil: 1"})
    assert str(raised.value) == (
        "GITHUB_TOKEN holds characters that no token has\n  hint: set it to the token alone, without quotes and newlines"
    )


@pytest.mark.parametrize("content", ["[]", "{", None])
def test_an_event_that_cannot_be_read_is_an_error(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "event.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(FlywheelError) as raised:
        read_environment({**JOB, "GITHUB_EVENT_PATH": str(path)})
    assert raised.value.where is not None
    assert raised.value.where.file == str(path)


def test_the_token_is_in_no_repr() -> None:
    environment = read_environment(JOB)
    assert (
        repr(environment)
        == str(environment)
        == ("Environment('acme/digits', 'https://git.example.org/api/v3', 'workflow_run', a token)")
    )


@pytest.mark.parametrize(
    ("remote", "expected"),
    [
        ("https://github.com/acme/digits.git", ("https://github.com", "acme/digits")),
        ("https://github.com/acme/digits", ("https://github.com", "acme/digits")),
        ("https://alice:secret@git.example.org/acme/digits.git", ("https://git.example.org", "acme/digits")),
        ("https://git.example.org:8443/acme/digits", ("https://git.example.org:8443", "acme/digits")),
        ("http://127.0.0.1:3000/acme/digits", ("http://127.0.0.1:3000", "acme/digits")),
        ("git@github.com:acme/digits.git", ("https://github.com", "acme/digits")),
        ("git@git.example.org:acme/digits", ("https://git.example.org", "acme/digits")),
        ("ssh://git@git.example.org/acme/digits.git", ("https://git.example.org", "acme/digits")),
        ("ssh://git@git.example.org:2222/acme/digits.git", ("https://git.example.org", "acme/digits")),
        ("ssh://git@ssh.github.com:443/acme/digits.git", ("https://github.com", "acme/digits")),
        ("/srv/git/acme/digits.git", None),
        ("../digits", None),
        ("C:/git/digits", None),
        ("file:///srv/digits.git", None),
        ("https://git.example.org/digits", None),
        ("https://git.example.org/group/sub/digits", None),
        ("", None),
    ],
)
def test_remotes_name_their_forge(remote: str, expected: tuple[str, str] | None) -> None:
    assert forge_of(remote) == expected


@pytest.mark.parametrize(
    ("server", "api"),
    [
        ("https://github.com", "https://api.github.com"),
        ("https://git.example.org", "https://git.example.org/api/v3"),
        ("https://acme.ghe.com", "https://api.acme.ghe.com"),
        ("https://github.com.example.org", "https://github.com.example.org/api/v3"),
    ],
)
def test_each_kind_of_server_has_its_api(server: str, api: str) -> None:
    assert api_of(server) == api


def checkout(folder: Path, remote: str | None) -> Path:
    subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    if remote is not None:
        subprocess.run(["git", "-C", str(folder), "remote", "add", "origin", remote], check=True)
    return folder


def test_from_a_terminal_origin_says_where(tmp_path: Path) -> None:
    root = checkout(tmp_path, "git@git.example.org:acme/digits.git")
    assert from_checkout(root, {"GH_TOKEN": "mine", "GITHUB_TOKEN": "other"}) == Environment(
        repository="acme/digits",
        server_url="https://git.example.org",
        api_url="https://git.example.org/api/v3",
        token="mine",  # noqa: S106
    )


def test_in_ci_its_variables_say_where(tmp_path: Path) -> None:
    root = checkout(tmp_path, "git@git.example.org:another/one.git")
    assert from_checkout(root, JOB) == read_environment(JOB)


@pytest.mark.parametrize("remote", [None, "/srv/git/digits.git", "https://alice:secret@host/one"])
def test_without_a_forge_there_is_no_environment(tmp_path: Path, remote: str | None) -> None:
    root = checkout(tmp_path, remote)
    assert from_checkout(root, {}) is None


def test_no_module_names_a_server_of_its_own() -> None:
    """Every URL comes from the environment. One default is allowed, and the host key that GitHub publishes."""
    forges = re.compile(r"github(usercontent)?\.com|ghcr\.io")
    allowed = re.compile(r"https://(api\.)?github\.com|github\.com( ssh-ed25519 \S+\s*)?")
    found = [
        f"{path.relative_to(ROOT)}:{line}: {text}"
        for path in sorted((ROOT / "runner").rglob("*.py"))
        if forges.search(path.read_text())
        for line, text in texts(path)
        if forges.search(text)
        and not (
            allowed.fullmatch(text)
            and path.relative_to(ROOT / "runner").as_posix()
            in ("forges/environment.py", "adapters/git/access.py")
        )
    ]
    assert found == []


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """A module's strings with their lines: neither docstrings, which may cite, nor comments."""
    tree = ast.parse(path.read_text())
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
