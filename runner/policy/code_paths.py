"""Which changed paths are code, and which are records that a proposal has no business to edit."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import msgspec

from runner.domain.files import decode_json
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import SplitUse
from runner.record.catalogue import AGREED, USES

_FOLDERS = (".github/", ".ci/", ".dvc/", "runner/")
# Outside the project's folder in a larger repository: what the forge executes, and what git follows everywhere below it.
_ABOVE = frozenset((".gitattributes", ".gitmodules", ".dvcignore"))
_FILES = frozenset(
    (
        "pyproject.toml",
        "constraints.txt",
        "setup.py",
        "setup.cfg",
        "Makefile",
        ".dvcignore",
        ".gitattributes",
        ".gitmodules",
        ".lfsconfig",
        ".gto",
    )
)
# What libraries and tools read from the folder that they are started in, or above it.
_CONFIGURATION = frozenset(
    (
        *(".numba_config.yaml", "matplotlibrc", "great_expectations.yml"),
        *("pytest.ini", ".pytest.ini", "tox.ini", "conftest.py", ".coveragerc", "mypy.ini", "ruff.toml"),
        *("pip.conf", "pip.ini", "uv.toml", ".python-version", ".envrc", ".env", ".netrc", ".pypirc"),
        *(".duckdbrc", "sitecustomize.py", "usercustomize.py", "pyvenv.cfg", "plugins.xml"),
    )
)
_NAMES = frozenset(name.casefold() for name in (*_FILES, *_CONFIGURATION))
# A stage runs in reports/<sprint>/, from where Python would import a file of any of these names.
_PROGRAMS = frozenset((".py", ".pyc", ".pyi", ".pyd", ".so", ".pth", ".egg-link", ".sh", ".dll", ".dylib"))
_RECORDS = "reports"
_USES = USES.name
_SHOWN = 3


def code_paths(changed: Iterable[str]) -> list[str]:
    """The paths that are code: of the runner, the workflows, the build, DVC's configuration, and any program.

    A proposal that changes one runs tests, not sprints.

    >>> code_paths(["specs/0002-dark.yaml", ".dvc/config", "reports/0002-dark/numpy.py", "runner/cli/main.py"])
    ['.dvc/config', 'reports/0002-dark/numpy.py', 'runner/cli/main.py']

    Of the rest of a larger repository, named as seen from the project, these are the workflows and what git follows.

    >>> code_paths(["../../.github/workflows/plan.yml", "../other/main.py", "../.gitattributes"])
    ['../../.github/workflows/plan.yml', '../.gitattributes']
    """
    return [_printable(path) for path in changed if _is_code(path)]


def _printable(path: str) -> str:
    return path if path.isprintable() else ascii(path)


def _is_code(path: str) -> bool:
    plain = path.casefold()  # file systems that ignore case would find it all the same
    if plain.startswith("../"):
        below = re.sub(r"^(\.\./)+", "", plain)
        return below.startswith(_FOLDERS) or PurePosixPath(below).name in _ABOVE
    return (
        plain.startswith(_FOLDERS)
        or plain in (".github", ".ci", ".dvc", "runner")
        or PurePosixPath(plain).name in _NAMES
        or PurePosixPath(plain).suffix in _PROGRAMS
    )


def records_of(path: str) -> str | None:
    """The sprint whose record a path belongs to.

    >>> records_of("reports/0001-first/uses.json"), records_of("specs/0001-first.yaml")
    ('0001-first', None)
    """
    parts = PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == _RECORDS else None


def record_findings(
    changed: Iterable[str],
    own: Collection[str],
    before: Callable[[str], bytes | None],
    after: Callable[[str], bytes | None],
) -> list[Finding]:
    """Records that were edited: any of another sprint, and uses of the test split that a sprint's own record forgets.

    One finding for each sprint: its id depends on every file that was edited, before and after.

    Args:
        changed: paths of the proposal.
        own: the sprints that it adds or changes.
        before: a file's bytes on the base; None where there is none. `after`: the same in the proposal.
    """
    edits: dict[str, list[_Edit]] = {}
    for path in changed:
        sprint = records_of(path)
        if sprint is None:
            continue
        edit = _Edit(path=path, before=before(path), after=after(path))
        if sprint not in own or edit.forgets_uses or edit.approves:
            edits.setdefault(sprint, []).append(edit)
    return [_edited(sprint, of_sprint, own=sprint in own) for sprint, of_sprint in edits.items()]


@dataclass(frozen=True, kw_only=True)
class _Edit:
    """A file of a record, on the base and in the proposal."""

    path: str
    before: bytes | None
    after: bytes | None

    @property
    def what(self) -> str:
        if self.after is None:
            return "removed"
        return "added" if self.before is None else "changed"

    @property
    def approves(self) -> bool:
        return PurePosixPath(self.path).name.lower() == AGREED.name

    @property
    def forgets_uses(self) -> bool:
        return PurePosixPath(self.path).name == _USES and not _keeps(self.before, self.after)


def _edited(sprint: str, edits: Sequence[_Edit], *, own: bool) -> Finding:
    subject = f"{_RECORDS}/{sprint}/"
    shown = ", ".join(_printable(edit.path) for edit in edits)
    if own and all(edit.approves for edit in edits):
        what = f"{shown} says what was approved, and comes with what it approves"
    elif own:
        what = f"{shown} forgets uses of the test split: it would seem less worn than it is"
    else:
        what = f"{subject}: {_listed(edits, subject)}: the record of a sprint that this proposal does not run"
    return Finding(
        kind=FindingKind.RECORD_CHANGED,
        subject=subject,
        before=_digest((edit.path, edit.before) for edit in edits),
        after=_digest((edit.path, edit.after) for edit in edits),
        message=f"{what}; records are written by the job that verifies them",
        where=_printable(edits[0].path),
    )


def _listed(edits: Sequence[_Edit], folder: str) -> str:
    """What became of the files: "metrics.json was changed, 12 files were removed (a.json, b.json, … and 10 more)"."""
    told = []
    for what in ("changed", "added", "removed"):
        names = [_printable(edit.path.removeprefix(folder)) for edit in edits if edit.what == what]
        more = len(names) - _SHOWN
        shown = ", ".join(names[:_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
        if len(names) == 1:
            told.append(f"{shown} was {what}")
        elif names:
            told.append(f"{len(names):,} files were {what} ({shown})")
    return ", ".join(told)


def _digest(contents: Iterable[tuple[str, bytes | None]]) -> str | None:
    """Of the files that are there, with their names; None where none is."""
    there = [(path, hashlib.sha256(content).hexdigest()) for path, content in contents if content is not None]
    return hashlib.sha256(json.dumps(there).encode()).hexdigest()[:12] if there else None


def _keeps(before: bytes | None, after: bytes | None) -> bool:
    """Whether the uses after begin with those before."""
    old, new = _uses(before), _uses(after)
    return old is None or not old or (new is not None and new[: len(old)] == old)


def _uses(content: bytes | None) -> list[SplitUse] | None:
    try:
        return decode_json(content, list[SplitUse]) if content is not None else None
    except msgspec.MsgspecError:
        return None
