"""Which changed paths are code, and which are records that a proposal has no business to edit."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable
from pathlib import PurePosixPath

import msgspec

from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import SplitUse

_FOLDERS = (".github/", ".ci/", ".dvc/", "runner/")
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
    )
)
# A stage runs in reports/<sprint>/, from where Python would import a file of any of these names.
_PROGRAMS = frozenset((".py", ".pyc", ".pyi", ".pyd", ".so", ".pth", ".egg-link", ".sh", ".dll", ".dylib"))
_USES = "uses.json"


def code_paths(changed: Iterable[str]) -> list[str]:
    """The paths that are code: of the runner, the workflows, the build, DVC's configuration, and any program.

    A proposal that changes one runs tests, not sprints.

    >>> code_paths(["specs/0002-dark.yaml", ".dvc/config", "reports/0002-dark/numpy.py", "runner/cli/main.py"])
    ['.dvc/config', 'reports/0002-dark/numpy.py', 'runner/cli/main.py']
    """
    return [path for path in changed if _is_code(path)]


def _is_code(path: str) -> bool:
    plain = path.casefold()  # file systems that ignore case would find it all the same
    return (
        plain.startswith(_FOLDERS)
        or plain in (".github", ".ci", ".dvc", "runner")
        or PurePosixPath(plain).name in {name.casefold() for name in _FILES}
        or PurePosixPath(plain).suffix in _PROGRAMS
    )


def records_of(path: str) -> str | None:
    """The sprint whose record a path belongs to.

    >>> records_of("reports/0001-first/uses.json"), records_of("specs/0001-first.yaml")
    ('0001-first', None)
    """
    parts = PurePosixPath(path).parts
    return parts[1] if len(parts) > 2 and parts[0] == "reports" else None


def record_findings(
    changed: Iterable[str],
    own: Collection[str],
    before: Callable[[str], bytes | None],
    after: Callable[[str], bytes | None],
) -> list[Finding]:
    """Records that were edited: any of another sprint, and uses of the test split that a sprint's own record forgets.

    Args:
        changed: paths of the proposal.
        own: the sprints that it adds or changes.
        before: a file's bytes on the base; None where there is none. `after`: the same in the proposal.
    """
    found = []
    for path in changed:
        sprint = records_of(path)
        if sprint is None:
            continue
        contents = before(path), after(path)
        if sprint not in own:
            what = "changed" if contents[0] is not None else "added"
            why = f"was {what}, a record of a sprint that this proposal does not run"
        elif PurePosixPath(path).name == _USES and not _keeps(*contents):
            why = "forgets uses of the test split: it would seem less worn than it is"
        else:
            continue
        found.append(
            Finding(
                kind=FindingKind.RECORD_CHANGED,
                subject=path,
                before=_digest(contents[0]),
                after=_digest(contents[1]),
                message=f"{path} {why}; records are written by the job that verifies them",
                where=path,
            )
        )
    return found


def _digest(content: bytes | None) -> str | None:
    return None if content is None else hashlib.sha256(content).hexdigest()[:12]


def _keeps(before: bytes | None, after: bytes | None) -> bool:
    """Whether the uses after begin with those before."""
    old, new = _uses(before), _uses(after)
    return old is None or not old or (new is not None and new[: len(old)] == old)


def _uses(content: bytes | None) -> list[SplitUse] | None:
    try:
        return msgspec.json.decode(content, type=list[SplitUse]) if content is not None else None
    except msgspec.MsgspecError:
        return None
