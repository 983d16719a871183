"""Archives and folders from somebody else: listed, refused as a whole where anything is odd, and read in pieces.

Nothing is unpacked by name: the caller asks for the files that it knows. So no name in an archive ever becomes a path
that was not spelled out before.
"""

from __future__ import annotations

import io
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from runner.domain.errors import ExitCode, FlywheelError, Where

PIECE_BYTES = 1024 * 1024
_DIRECTORY_BYTES = 16 * 1024 * 1024  # of an archive's list of contents, which is read in one go
_NAME = re.compile(r"[A-Za-z0-9._-]+(?:/[A-Za-z0-9._-]+)*")
_MOST_CHARACTERS = 255
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED = 0x1 | 0x40  # the file, its header
# What `zipfile` raises for an archive that is not whole, or was made to trip it.
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError)
_SMALL_BYTES = 16 * 1024 * 1024  # below it any ratio is harmless


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What is accepted of an archive, by what it says and by what comes out.

    Attributes:
        ratio: how many times larger than the archive all files together may be. Not each file: a confusion matrix of many
            classes is mostly zeros, and packs a thousandfold.
    """

    files: int
    file_bytes: int
    total_bytes: int
    ratio: int = 100


@dataclass(frozen=True, kw_only=True)
class Files:
    """The files of an archive or a folder. `sizes` are what they will have, by name; `pieces` reads one."""

    sizes: Mapping[str, int]
    pieces: Callable[[str], Iterator[bytes]]

    def read(self, name: str) -> bytes:
        """The bytes of one file."""
        return b"".join(self.pieces(name))


@contextmanager
def opened(source: Path, limits: Limits) -> Iterator[Files]:
    """The files of a zip archive, or of a folder laid out as one.

    Raises:
        FlywheelError: it cannot be read, or it is larger, or holds something else, than is accepted (exit code 5); the
            message names the file. Reading a file raises it too.
    """
    if source.is_dir() and not source.is_symlink():
        yield _folder(source, limits)
        return
    with ExitStack() as stack:
        try:
            reader = stack.enter_context(_Reader(source))
            archive = stack.enter_context(zipfile.ZipFile(reader))
        except (*_BROKEN, ValueError) as error:
            raise refused(source.name, f"it is no zip archive that can be read: {error}") from error
        yield _archive(source, archive, limits)


def refused(name: str, why: str) -> FlywheelError:
    """The error for something that is not accepted."""
    return FlywheelError(
        why,
        where=Where(name),
        hint="run the sprint again: /flywheel run, in a comment on the pull request",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


class _Reader(io.FileIO):
    """A file of which nobody may ask for much at once: an archive's list can say that it is as large as it likes."""

    def read(self, size: int | None = -1, /) -> bytes:
        left = max(0, os.fstat(self.fileno()).st_size - self.tell())
        asked = left if size is None or size < 0 else min(size, left)
        if asked > _DIRECTORY_BYTES:
            raise zipfile.BadZipFile("its list of contents is too long")
        return super().read(asked) or b""


def _archive(source: Path, archive: zipfile.ZipFile, limits: Limits) -> Files:
    entries: dict[str, zipfile.ZipInfo] = {}
    seen = _Names(limits.files)
    packed, total = source.stat().st_size, 0
    for entry in archive.infolist():
        name = entry.orig_filename  # as it is written: `filename` ends at a NUL
        if name.endswith("/"):
            _require_folder(entry)
            continue
        seen.add(name)
        _require_plain(entry, limits)
        total += entry.file_size
        if total > limits.total_bytes:
            raise refused(source.name, f"more than {limits.total_bytes:,} bytes when unpacked")
        if total > max(_SMALL_BYTES, limits.ratio * packed):
            raise refused(
                name, f"more than {limits.ratio} times larger than the archive: it would fill the disk"
            )
        entries[name] = entry
    return Files(
        sizes={name: entry.file_size for name, entry in entries.items()},
        pieces=lambda name: _unpacked(archive, entries[name]),
    )


class _Names:
    """The names that an archive has brought so far."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._known: set[str] = set()

    def add(self, name: str) -> None:
        """Takes a name in.

        Raises:
            FlywheelError: it leads somewhere else, was there before (a file system may not tell A from a), or is one
                too many.
        """
        _require_inside(name)
        if name.casefold() in self._known:
            raise refused(name, "this name is there twice")
        self._known.add(name.casefold())
        if len(self._known) > self._most:
            raise refused(name, f"one file too many: {self._most:,} are accepted")


def _require_inside(name: str) -> None:
    """Names are plain ASCII, relative and without a way up: no drive, no backslash, no hidden meaning."""
    inside = _NAME.fullmatch(name) and not any(part in (".", "..") for part in name.split("/"))
    if not inside or len(name) > _MOST_CHARACTERS:
        raise refused(ascii(name[:_MOST_CHARACTERS]), "not a name that is accepted")


def _require_folder(entry: zipfile.ZipInfo) -> None:
    _require_inside(entry.orig_filename.removesuffix("/"))
    if entry.file_size or _kind(entry) not in (0, stat.S_IFDIR):
        raise refused(entry.orig_filename, "it calls itself a folder and is none")


def _require_plain(entry: zipfile.ZipInfo, limits: Limits) -> None:
    name = entry.orig_filename
    if _kind(entry) == stat.S_IFLNK:
        raise refused(name, "a symbolic link")
    if _kind(entry) not in (0, stat.S_IFREG):
        raise refused(name, "not a plain file")
    if entry.flag_bits & _ENCRYPTED:
        raise refused(name, "encrypted")
    if entry.compress_type not in _COMPRESSIONS:
        raise refused(name, f"packed in a way that is not accepted (method {entry.compress_type})")
    if entry.file_size > limits.file_bytes:
        raise refused(name, f"{entry.file_size:,} bytes when unpacked: {limits.file_bytes:,} are accepted")


def _kind(entry: zipfile.ZipInfo) -> int:
    """The file's type, whatever system the archive says that it comes from; 0 where it does not say."""
    return stat.S_IFMT(entry.external_attr >> 16)


def _unpacked(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """The bytes of one file; `zipfile` stops at the size that was declared, and compares the checksum."""
    name = entry.orig_filename
    with ExitStack() as stack:
        try:
            file = stack.enter_context(archive.open(entry))
        except _BROKEN as error:
            raise refused(name, f"it cannot be unpacked: {error}") from error
        yield from _pieces(file, name, entry.file_size)


def _pieces(file: IO[bytes], name: str, size: int) -> Iterator[bytes]:
    left = size
    while True:
        try:
            piece = file.read(PIECE_BYTES)
        except _BROKEN as error:
            raise refused(name, f"it cannot be unpacked: {error}") from error
        left -= len(piece)
        if not piece or left < 0:
            break
        yield piece
    if left:
        raise refused(name, "not as long as it said")


def _folder(folder: Path, limits: Limits) -> Files:
    sizes: dict[str, int] = {}
    seen = _Names(limits.files)
    for path in _walked(folder):
        name = path.relative_to(folder).as_posix()
        seen.add(name)
        status = path.lstat()
        if stat.S_ISLNK(status.st_mode):
            raise refused(name, "a symbolic link")
        if not stat.S_ISREG(status.st_mode):
            raise refused(name, "not a plain file")
        if status.st_size > limits.file_bytes:
            raise refused(name, f"{status.st_size:,} bytes: {limits.file_bytes:,} are accepted")
        sizes[name] = status.st_size
        if sum(sizes.values()) > limits.total_bytes:
            raise refused(folder.name, f"more than {limits.total_bytes:,} bytes")
    return Files(sizes=sizes, pieces=lambda name: _file(folder, name, sizes[name]))


def _walked(folder: Path) -> Iterator[Path]:
    """Everything that is no folder, links to folders too; links are never followed."""
    for top, folders, files in os.walk(folder):
        for name in files:
            yield Path(top, name)
        for name in folders:
            if Path(top, name).is_symlink():
                yield Path(top, name)


def _file(folder: Path, name: str, size: int) -> Iterator[bytes]:
    with (folder / name).open("rb") as file:
        yield from _pieces(file, name, size)
