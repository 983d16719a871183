"""What a commit holds, read from git's objects: nothing is checked out, no filter and no hook runs.

Paths are relative to the project's folder, and of the commit only that folder is looked at; `changed_outside` tells of the
rest of a larger repository.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path, PurePosixPath

from msgspec import Struct

from runner.adapters.git.repository import (
    FULL_NAME,
    fetch_command,
    folder_in_repository,
    outside,
    run_git,
    top_of,
)
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_bytes

PROJECT_FILE = "flywheel.yaml"
MAX_CONFIGURATION_BYTES = 256 * 1024  # a file of YAML: what the loader reads
MAX_TABLE_BYTES = 64 * 1024 * 1024  # a metadata CSV file
MAX_FILES = 5000
MAX_TOTAL_BYTES = 256 * 1024 * 1024

_SPEC = re.compile(r"specs/[^/]+\.ya?ml")
_WORD = re.compile(r"""[^\s'"{}\[\],]+""")
_REGULAR = ("100644", "100755")
_SYMLINK = "120000"


class Entry(Struct, frozen=True, kw_only=True):
    """A file of a commit's tree."""

    mode: str
    blob: str
    size: int
    path: str


def commit_of(root: Path, ref: str) -> str:
    """The full SHA of the commit that a ref names.

    Raises:
        FlywheelError: it names none.
    """
    # What a full name names never changes; what a branch or a tag does.
    return (_remembered if FULL_NAME.fullmatch(ref) else _commit_of)(root, ref)


def _commit_of(root: Path, ref: str) -> str:
    result = run_git(root, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
    sha = result.stdout.decode("ascii", "replace").strip()
    if result.returncode != 0 or not re.fullmatch(r"[0-9a-f]{40,64}", sha):
        raise FlywheelError(
            f'git knows no commit "{ref}"',
            hint="git fetch origin, and name a branch, a tag or a commit (in CI: check out with fetch-depth: 0)",
        )
    return sha


_remembered = lru_cache(maxsize=1024)(_commit_of)  # a failure is not: it is asked again


def fork_state(root: Path, base: str, head: str) -> str:
    """The newest state of `base` that `head` rests on: the first of its first-parent chain that is in `head`'s history.

    Only these states were approved as a whole. A merge also brings every commit of its proposal, what was taken back before
    it included: `git merge-base` may name one of those, and the author of a proposal chooses which.

    Raises:
        FlywheelError: one of them is not known, or `head` rests on no state of `base` here.
    """
    ours, theirs = commit_of(root, base), commit_of(root, head)
    # Whole lists: git cuts a walk to what is not in `^head` short by the commits' dates, which their authors choose.
    held = set(_history(root, theirs))
    state = next((sha for sha in _history(root, "--first-parent", ours) if sha in held), None)
    if state is None:
        raise FlywheelError(
            f"{base} and {head} have no commit in common here",
            hint=f"fetch the whole history: {fetch_command(root)} (in CI: check out with fetch-depth: 0); where it is here, "
            f"merge {base} into the branch",
        )
    return state


def changed_files(root: Path, base: str, head: str) -> list[str]:
    """The paths that `head` changes, sorted: added, edited, removed; a renamed file's both names.

    These are all that are neither as in the state of `base` that it rests on nor as in `base` itself, and what a merge would
    change besides: where a branch rests on commits that came to `base` as a merge's second parent, git compares with those.

    Raises:
        FlywheelError: one of the commits is not known here, or they have no common history.
    """
    tip, end = commit_of(root, base), commit_of(root, head)
    from_tip = _differing(root, end, [tip])
    return sorted(
        from_tip & _differing(root, end, [fork_state(root, base, head), *_merge_bases(root, tip, end)])
    )


def changed_anywhere(root: Path, base: str, head: str) -> list[str]:
    """As `changed_files`, and what `head` changes outside the project's folder too."""
    return [*changed_files(root, base, head), *changed_outside(root, base, head)]


def older_anywhere(root: Path, base: str, head: str) -> list[str]:
    """As `older_files`, and the paths outside the project's folder too."""
    folder = folder_in_repository(root)
    beyond = sorted(outside(folder, older_files(top_of(root), base, head))) if folder else []
    return [*older_files(root, base, head), *beyond]


def changed_outside(root: Path, base: str, head: str) -> list[str]:
    """The paths that `head` changes outside the project's folder, as seen from it (`../../.github/…`), sorted.

    None where the project is the whole repository.

    Raises:
        FlywheelError: as `changed_files`.
    """
    folder = folder_in_repository(root)
    return sorted(outside(folder, changed_files(top_of(root), base, head))) if folder else []


def older_files(root: Path, base: str, head: str) -> list[str]:
    """The paths that differ from `base` because it moved on: `head` has them as in the state of `base` that it rests on.

    Raises:
        FlywheelError: as `changed_files`.
    """
    differing = _differing(root, commit_of(root, head), [commit_of(root, base)])
    return sorted(differing - set(changed_files(root, base, head)))


def _history(root: Path, *asked: str) -> list[str]:
    """Commits, the newest first."""
    result = run_git(root, "rev-list", *asked)
    if result.returncode != 0:
        raise _failed("the history could not be read", result.stderr)
    return result.stdout.decode("ascii").split()


def _merge_bases(root: Path, ours: str, theirs: str) -> list[str]:
    """What a merge starts from: several commits where branches were merged crosswise."""
    result = run_git(root, "merge-base", "--all", ours, theirs)
    if result.returncode != 0:
        raise _failed("the merge's base could not be found", result.stderr)
    return result.stdout.decode("ascii").split()


def _differing(root: Path, commit: str, others: Sequence[str]) -> set[str]:
    """The paths that are not in `commit` as they are in one of the others; one process for all of them."""
    options = ("-r", "-m", "-z", "--no-renames", "--no-commit-id", "--name-only", "--relative", "--stdin")
    result = run_git(root, "diff-tree", *options, stdin=" ".join((commit, *others, "\n")).encode())
    if result.returncode != 0:
        raise _failed("the changed files could not be listed", result.stderr)
    return {name for name in result.stdout.decode("utf-8", "surrogateescape").split("\0") if name}


def tree(root: Path, commit: str) -> list[Entry]:
    """Every file of a commit below the project's folder.

    Raises:
        FlywheelError: the commit is not known here.
    """
    result = run_git(root, "ls-tree", "-r", "-z", "--long", commit_of(root, commit))
    if result.returncode != 0:
        raise _failed(f"the files of {commit} could not be listed", result.stderr)
    return list(_entries(result.stdout.decode("utf-8", "surrogateescape")))


def extract(root: Path, commit: str, destination: Path) -> None:
    """Writes a commit's configuration into a folder, as the loader wants to find it.

    These are flywheel.yaml, the specs, every DVC pointer, and what a spec names: a CSV file with its content, any other
    file (guidelines, weights) empty, since it is only asked whether it is there.

    Raises:
        FlywheelError: the commit is not known, one of these files is a symbolic link or too large, or there are too many.
    """
    entries = [entry for entry in tree(root, commit) if entry.mode in (*_REGULAR, _SYMLINK)]
    own = [entry for entry in entries if _is_configuration(entry.path)]
    _refuse(own, MAX_CONFIGURATION_BYTES)
    _refuse_many(own, commit)
    contents = _contents(root, own)
    text = "\n".join(content.decode("utf-8", "replace") for content in contents.values())
    chosen = {entry.path for entry in own}
    words = set(_WORD.findall(text))
    named = [entry for entry in entries if entry.path not in chosen and _is_named(entry.path, text, words)]
    tables = [entry for entry in named if entry.path.endswith(".csv")]
    _refuse(named, None)
    _refuse(tables, MAX_TABLE_BYTES)
    _refuse_many(tables, commit)
    contents |= {entry.path: b"" for entry in named} | _contents(root, tables)
    for path, content in contents.items():
        write_bytes(destination / path, content)


def _is_configuration(path: str) -> bool:
    return path in (PROJECT_FILE, "specs") or bool(_SPEC.fullmatch(path)) or path.endswith(".dvc")


def _is_named(path: str, text: str, words: set[str]) -> bool:
    return path in words if _WORD.fullmatch(path) else path in text


def _refuse(entries: Sequence[Entry], limit: int | None) -> None:
    for entry in entries:
        parts = PurePosixPath(entry.path).parts
        if entry.mode == _SYMLINK:
            raise FlywheelError(
                "is a symbolic link; the project's files must be real",
                where=Where(entry.path),
                hint=f"replace it with the file itself: git rm --cached {entry.path}",
            )
        if entry.path.startswith("/") or any(part in ("..", ".git") for part in parts):
            raise FlywheelError("is no path inside a repository", where=Where(entry.path))
        if limit is not None and entry.size > limit:
            raise FlywheelError(f"larger than {limit // 1024} KiB", where=Where(entry.path))


def _refuse_many(entries: Sequence[Entry], commit: str) -> None:
    """Before any of them is read."""
    if len(entries) > MAX_FILES or sum(entry.size for entry in entries) > MAX_TOTAL_BYTES:
        raise FlywheelError(
            f"{commit} holds {len(entries)} specs, pointers and tables: more than are read "
            f"({MAX_FILES} files, {MAX_TOTAL_BYTES // 2**20} MiB)"
        )


def _entries(listing: str) -> Iterator[Entry]:
    for line in filter(None, listing.split("\0")):
        about, _, path = line.partition("\t")
        mode, _kind, blob, size = about.split()
        yield Entry(mode=mode, blob=blob, size=int(size) if size.isdigit() else 0, path=path)


def _contents(root: Path, entries: Sequence[Entry]) -> dict[str, bytes]:
    """The files' bytes by path; one process for all of them."""
    if not entries:
        return {}
    asked = "".join(f"{entry.blob}\n" for entry in entries)
    result = run_git(root, "cat-file", "--batch", stdin=asked.encode(errors="surrogateescape"))
    if result.returncode != 0:
        raise _failed("git could not read its own objects", result.stderr)
    contents, output, position = {}, result.stdout, 0
    for entry in entries:
        end = output.index(b"\n", position)
        header = output[position:end].split()
        if len(header) != 3:  # "<sha> missing": a partial clone
            raise _failed(f"{entry.path} is not in this clone", output[position:end])
        size = int(header[2])
        contents[entry.path] = output[end + 1 : end + 1 + size]
        position = end + 1 + size + 1
    return contents


def _failed(message: str, stderr: bytes) -> FlywheelError:
    detail = stderr.decode("utf-8", "replace").strip().splitlines()
    return FlywheelError(
        f"{message}: {detail[0] if detail else 'git said nothing'}",
        hint="git fsck, or clone the repository again",
        exit_code=ExitCode.STAGE_FAILED,
    )
