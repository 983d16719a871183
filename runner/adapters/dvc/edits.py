"""Whether files that DVC tracks were edited since they were added, told without importing DVC, as git's index does.

A file that did not change after DVC stored the listing is as it was: its time of change cannot be set by hand. The others are
compared by their content, up to so many bytes; what a run has compared in full is remembered by size, times and inode.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal, NamedTuple

from msgspec import Struct

from runner.adapters.dvc import metafiles
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json, write_json

MEMORY = ".flywheel/state/inputs.json"  # git-ignored: of this machine alone
READ_BYTES = 64 * 2**20  # compared by content at most: a quarter of a second
MOST_FILES = 50_000  # looked at one by one: a fifth of a second
_OWN_FOLDERS = (".dvc", ".git", ".hg")  # DVC's ignores, whatever .dvcignore says


class Look(NamedTuple):
    """What was seen: `edited` and `unknown` come with the words for it."""

    state: Literal["same", "edited", "unknown"]
    words: str = ""


SAME = Look("same")


class _Known(Struct, frozen=True):
    md5: str  # what the pointer recorded
    fingerprint: str


class _File(NamedTuple):
    path: str
    size: int
    changed_ns: int
    line: str


def look(root: Path, tracked: str, *, read_bytes: int = READ_BYTES) -> Look:
    """Whether a file or folder is what the `.dvc` file beside it records.

    Args:
        tracked: by its path from the repository's top. What has no pointer, or is not here, was not edited.
        read_bytes: how much of the files may be read.
    """
    pointer = _pointer(root, tracked)
    if pointer is None or not (root / tracked).exists():
        return SAME
    if pointer.files is not None and pointer.files > MOST_FILES:
        return Look("unknown", f"{pointer.files:,} files")
    found = {file.path: file for file in _files(root / tracked)}
    known = _memory(root).get(tracked)
    if known is not None and known == _Known(pointer.md5, _fingerprint(found)):
        return SAME
    listing = _listing(root, pointer)
    if listing is None:
        return _by_counts(pointer, found, tracked)
    if names := _by_names(root, listing, found):
        return Look("edited", names)
    return _by_content(root, tracked, pointer, listing, found, read_bytes)


def remember(root: Path, tracked: str) -> None:
    """Notes that the files are what the pointer records: whoever calls has compared them all."""
    pointer = _pointer(root, tracked)
    if pointer is None or not (root / tracked).exists():
        return
    known = _memory(root)
    now = _Known(pointer.md5, _fingerprint({file.path: file for file in _files(root / tracked)}))
    if known.get(tracked) != now:
        write_json(root / MEMORY, known | {tracked: now})


def _memory(root: Path) -> dict[str, _Known]:
    with suppress(FlywheelError):
        if (root / MEMORY).is_file():
            return read_json(root / MEMORY, dict[str, _Known])
    return {}


def _pointer(root: Path, tracked: str) -> metafiles.Pointer | None:
    path = root / f"{tracked}.dvc"
    return metafiles.parse_pointer(path.read_bytes()) if path.is_file() else None


def _listing(root: Path, pointer: metafiles.Pointer) -> Mapping[str, str] | None:
    return metafiles.cached_members(root, pointer.md5) if pointer.md5.endswith(".dir") else {"": pointer.md5}


def _files(path: Path, inside: str = "") -> Iterator[_File]:
    """Files below a folder, or the one file, with what tells whether they changed. Links are followed, as DVC makes them."""
    if path.is_file():
        yield _file("", path.stat())
        return
    with os.scandir(path) as entries:
        for entry in sorted(entries, key=lambda each: each.name):
            name = f"{inside}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if entry.name not in _OWN_FOLDERS:
                    yield from _files(Path(entry.path), f"{name}/")
            elif entry.is_file():
                yield _file(name, entry.stat())


def _file(name: str, status: os.stat_result) -> _File:
    changed = max(status.st_mtime_ns, status.st_ctime_ns)
    line = f"{name} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns} {status.st_ino}\n"
    return _File(name, status.st_size, changed, line)


def _fingerprint(found: Mapping[str, _File]) -> str:
    digest = hashlib.sha256()
    for file in found.values():
        digest.update(file.line.encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _by_counts(pointer: metafiles.Pointer, found: Mapping[str, _File], tracked: str) -> Look:
    """Without DVC's listing only their number and size can be compared."""
    size = sum(file.size for file in found.values())
    for recorded, here, what in ((pointer.files, len(found), "files"), (pointer.bytes, size, "bytes")):
        if recorded is not None and recorded != here:
            return Look("edited", f"{here:,} {what}, {tracked}.dvc records {recorded:,}")
    return Look("unknown", f"DVC's cache has no listing of {tracked}")


def _by_names(root: Path, listing: Mapping[str, str], found: Mapping[str, _File]) -> str:
    gone = sorted(listing.keys() - found.keys())
    new = sorted(found.keys() - listing.keys()) if not _ignores(root) else []
    return ", ".join(_named(files, word) for files, word in ((new, "new"), (gone, "gone")) if files)


def _named(files: Sequence[str], word: str) -> str:
    return f"{files[0]} is {word}" if len(files) == 1 else f"{len(files):,} files are {word}, as {files[0]}"


def _ignores(root: Path) -> bool:
    """Whether DVC is told to leave files out: which, is for DVC to say."""
    path = root / ".dvcignore"
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines() if path.is_file() else []
    return any(line.strip() and not line.lstrip().startswith("#") for line in lines)


def _by_content(
    root: Path,
    tracked: str,
    pointer: metafiles.Pointer,
    listing: Mapping[str, str],
    found: Mapping[str, _File],
    read_bytes: int,
) -> Look:
    stored = metafiles.cache_path(root, pointer.md5)
    since = stored.stat().st_mtime_ns if stored.is_file() else 0
    later = sorted(
        (found[name] for name in listing if found[name].changed_ns >= since),
        key=lambda file: file.changed_ns,
        reverse=True,
    )
    for position, file in enumerate(later):
        if read_bytes < file.size:
            left = len(later) - position
            return Look("unknown", f"{left:,} file{'s' * (left != 1)} written since `dvc add`")
        read_bytes -= file.size
        if (
            metafiles.file_md5(root / tracked / file.path if file.path else root / tracked)
            != listing[file.path]
        ):
            return Look("edited", f"{file.path or tracked} is another")
    return SAME
