"""Small files as all branches have them, those of remotes included: read from git's objects, in four processes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from runner.adapters.git.repository import run_git
from runner.domain.errors import FlywheelError

BRANCHES = ("refs/heads", "refs/remotes")


class TipFile(Struct, frozen=True, kw_only=True):
    """One file of one branch; where several hold the same content at the same path, of one of them.

    Attributes:
        path: from the project's folder.
    """

    ref: str
    path: str
    content: bytes


def files_at_tips(root: Path, folder: str, name: str) -> list[TipFile]:
    """The files `<folder>/*/<name>` at the newest commit of every branch that this clone knows.

    Args:
        folder: from the project's folder.

    Returns:
        Sorted by path, then content. Nothing outside a git repository.

    Raises:
        FlywheelError: git is not installed, or cannot read the repository.
    """
    prefix = _prefix(root)
    if prefix is None:
        return []
    tips = _tips(root)
    top = f"{prefix}{folder}"
    hash_bytes = len(next(iter(tips), "")) // 2
    trees = _objects(root, [f"{tip}:{top}" for tip in tips])
    places: dict[tuple[str, str], str] = {}  # entry's name and tree -> ref
    for ref, found in zip(tips.values(), trees, strict=True):
        for entry, tree in _folders(found[1] if found and found[0] == "tree" else b"", hash_bytes):
            places.setdefault((entry, tree), ref)
    contents = _objects(root, [f"{tree}:{name}" for _, tree in places])
    files = {
        (f"{folder}/{entry}/{name}", found[1]): ref
        for ((entry, _), ref), found in zip(places.items(), contents, strict=True)
        if found and found[0] == "blob"
    }
    return [TipFile(ref=ref, path=path, content=content) for (path, content), ref in sorted(files.items())]


def _prefix(root: Path) -> str | None:
    """The project's folder from the repository's top, with a slash behind; None where there is no repository.

    One that git does not read is not the same as none.

    Raises:
        FlywheelError: git refuses it.
    """
    asked = run_git(root, "rev-parse", "--show-prefix")
    if asked.returncode == 0:
        return asked.stdout.decode("utf-8", "surrogateescape").strip("\n")
    for folder in (root.absolute(), *root.absolute().parents):
        if (folder / ".git").exists():
            said = asked.stderr.decode("utf-8", "replace").strip().splitlines()
            raise FlywheelError(
                f"git does not read this repository: {said[0] if said else 'it does not say why'}",
                hint=f"git -C {folder} status, which says what to do",
            )
    return None


def _tips(root: Path) -> dict[str, str]:
    """The newest commits of all branches, with the first ref that names each."""
    listed = run_git(root, "for-each-ref", "--format=%(objecttype) %(objectname) %(refname)", *BRANCHES)
    if listed.returncode != 0:
        said = listed.stderr.decode("utf-8", "replace").strip()
        raise FlywheelError(
            f"git could not list the branches: {said}", hint="git for-each-ref, which says what is wrong"
        )
    tips: dict[str, str] = {}
    for line in listed.stdout.decode("utf-8", "replace").splitlines():
        kind, commit, ref = line.split(" ", 2)
        if kind == "commit":
            tips.setdefault(commit, ref)
    return tips


def _objects(root: Path, names: Sequence[str]) -> list[tuple[str, bytes] | None]:
    """Kind and content of each object; None where there is none of that name."""
    if not names:
        return []
    asked = "".join(f"{name}\n" for name in names).encode("utf-8", "surrogateescape")
    answer = run_git(root, "cat-file", "--batch", stdin=asked)
    if answer.returncode != 0:
        said = answer.stderr.decode("utf-8", "replace").strip()
        raise FlywheelError(
            f"git could not read its objects: {said}", hint="git fsck, which says what is wrong"
        )
    answered = answer.stdout
    found: list[tuple[str, bytes] | None] = []
    at = 0
    for _ in names:
        end = answered.find(b"\n", at)
        words = answered[at:end].rsplit(b" ", 2)
        if end < 0 or words[-1] in (b"missing", b"ambiguous") or len(words) < 3 or not words[2].isdigit():
            found.append(None)
            at = end + 1
            continue
        size = int(words[2])
        found.append((words[1].decode(), answered[end + 1 : end + 1 + size]))
        at = end + 1 + size + 1
    return found


def _folders(tree: bytes, hash_bytes: int) -> Iterator[tuple[str, str]]:
    """The folders in a tree object, with their hashes. Source: git's tree format, `<mode> <name>\\0<hash>`."""
    at = 0
    while at < len(tree):
        end = tree.index(b"\0", at)
        mode, _, name = tree[at:end].partition(b" ")
        identity = tree[end + 1 : end + 1 + hash_bytes].hex()
        at = end + 1 + hash_bytes
        if mode == b"40000":
            yield name.decode("utf-8", "surrogateescape"), identity
