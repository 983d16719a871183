"""Reading and writing records: typed JSON, written last and atomically."""

from __future__ import annotations

import csv
import errno
import io
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runner.domain.conflicts import unfinished_merge
from runner.domain.errors import ExitCode, FlywheelError, Where

T = TypeVar("T")
_SMALL_BYTES = 1 << 14
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf]")


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` and renames it there when the block succeeds.

    The target is never half written: on any error, a full disk included, the old content stays.

    Raises:
        FlywheelError: the disk is full or not writable (exit code 3), with what to do.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=path.suffix)
    except OSError as error:
        raise write_error(path, error) from error
    os.close(handle)
    temporary = Path(name)
    try:
        temporary.chmod(0o644)
        yield temporary
        with temporary.open("rb+") as written:
            os.fsync(written.fileno())
        temporary.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder beside `path` that takes its place when the block succeeds.

    A folder that a killed process left half filled is removed by the next call.

    Raises:
        FlywheelError: the disk is full or not writable (exit code 3), with what to do.
    """
    temporary = path.with_name(f".{path.name}.partial")
    try:
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        yield temporary
        shutil.rmtree(path, ignore_errors=True)
        temporary.replace(path)
    except OSError as error:
        raise write_error(path, error) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def write_error(path: Path, error: OSError) -> FlywheelError:
    """The error a user sees when `path` could not be written."""
    full = error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
    return FlywheelError(
        "no space left on the device while writing" if full else f"could not be written: {error.strerror}",
        where=Where(str(path)),
        hint="free some space, then run the same command again: nothing that was finished is lost"
        if full
        else "check the folder's permissions, then run the same command again",
        exit_code=ExitCode.STAGE_FAILED,
    )


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` atomically."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text(path: Path, content: str) -> None:
    """Writes `content` as UTF-8, atomically."""
    write_bytes(path, content.encode())


def csv_text(rows: Iterable[Sequence[object]]) -> str:
    """Rows as CSV with newlines alone; the same text for the same rows on any machine.

    >>> csv_text([("target", "recall"), ("onnx, fp16", 0.5)])
    'target,recall\\n"onnx, fp16",0.5\\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def encode_json(record: Any) -> bytes:
    """Indented JSON with a final newline; the same bytes for the same record on any machine."""
    return msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n"


def write_json(path: Path, record: Any) -> None:
    """Writes a record as indented JSON, atomically."""
    write_bytes(path, encode_json(record))


def unusable_output(path: Path, message: str) -> FlywheelError:
    """The error a user sees when a stage's output cannot be read."""
    return FlywheelError(
        message,
        where=Where(str(path)),
        hint="delete it and run the sprint again: flywheel run",
        exit_code=ExitCode.STAGE_FAILED,
    )


def read_error(path: Path, error: OSError) -> FlywheelError:
    """The error a user sees when `path` could not be read."""
    return FlywheelError(
        f"could not be read: {error.strerror or error}",
        where=Where(str(path)),
        hint="check that it is a file and its permissions, then run the same command again",
        exit_code=ExitCode.STAGE_FAILED,
    )


def read_small(path: str) -> bytes:
    """The content of one of very many small files, with fewer calls than `Path.read_bytes`.

    Raises:
        OSError: it cannot be read.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        content = os.read(descriptor, _SMALL_BYTES)
        while more := os.read(descriptor, _SMALL_BYTES):
            content += more
    finally:
        os.close(descriptor)
    return content


def read_text(path: Path, hint: str = "restore it from git: git checkout -- {path}") -> str:
    """Reads a text file of the project.

    Args:
        hint: what to do about one that is not text; `{path}` stands for it.

    Raises:
        FlywheelError: it cannot be read, or is not UTF-8 (exit code 3), with the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise read_error(path, error) from error
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        raise FlywheelError(
            f"not UTF-8 text: byte 0x{content[error.start]:02x}",
            where=Where(str(path), content[: error.start].count(b"\n") + 1),
            hint=hint.format(path=path),
            exit_code=ExitCode.STAGE_FAILED,
        ) from error


def decode_json(content: bytes, record_type: type[T]) -> T:
    """A typed record from its bytes.

    Raises:
        msgspec.MsgspecError: they are none, whatever is wrong: no UTF-8, half a surrogate pair, nested without end.
    """
    if _SURROGATE.search(content):  # msgspec takes these bytes for text, which nobody could write again
        raise msgspec.DecodeError("not UTF-8 text: half of a surrogate pair")
    try:
        return msgspec.json.decode(content, type=record_type)
    except UnicodeDecodeError as error:
        raise msgspec.DecodeError(f"not UTF-8 text: {error.reason}") from error
    except RecursionError as error:
        raise msgspec.DecodeError("nested too deeply") from error


def read_json(path: Path, record_type: type[T], decode: Callable[[bytes, type[T]], T] = decode_json) -> T:
    """Reads a typed record.

    Args:
        decode: from its bytes; strictly, unless a record of another version is asked for.

    Raises:
        FlywheelError: the file is missing, or does not hold such a record (exit code 3), or a merge left it unfinished (2).
    """
    try:
        return decode(path.read_bytes(), record_type)
    except FileNotFoundError:
        raise FlywheelError(
            "file not found",
            where=Where(str(path)),
            hint="run the sprint: flywheel run",
            exit_code=ExitCode.STAGE_FAILED,
        ) from None
    except OSError as error:
        raise read_error(path, error) from error
    except msgspec.MsgspecError as error:
        unfinished = unfinished_merge(str(path), path.read_bytes())
        if unfinished is not None:
            raise unfinished from error
        name = getattr(record_type, "__name__", str(record_type))
        article = "an" if name[0] in "AEIO" else "a"
        raise unusable_output(path, f"not {article} {name} record: {error}") from error
