"""Files behind URLs, by any scheme that fsspec opens: `file`, `memory`, `http`, `s3` with s3fs, and so on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from runner.domain.files import atomic_path
from runner.domain.progress import progress_bar

_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20
_GONE = (404, 410)  # of HTTP
MAX_BYTES = 2**30
"""Larger files are no images that are read."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """What to fetch. `sha256`: of its bytes, in hexadecimal digits, where it is known."""

    url: str
    target: Path
    sha256: str | None = None


def fetch_files(files: Sequence[RemoteFile]) -> list[str]:
    """Fetches files, several at once, each complete or not at all; those that are there already are left.

    Returns:
        What could not be fetched, as `url: why`.
    """
    wanted = [file for file in files if not file.target.is_file()]
    problems = []
    with ThreadPoolExecutor(_AT_ONCE) as pool, progress_bar("fetch", len(wanted), "image") as bar:
        for file, problem in zip(wanted, pool.map(_fetched, wanted), strict=True):
            bar.update()
            if problem:
                problems.append(f"{file.url}: {problem}")
    return problems


def _fetched(file: RemoteFile) -> str | None:
    """Fetches one; what is wrong with its source, if something is.

    Raises:
        FlywheelError: it cannot be written.
    """
    digest = hashlib.sha256()
    try:
        with atomic_path(file.target) as temporary:
            with temporary.open("wb") as target:
                for chunk in _chunks(file.url):
                    digest.update(chunk)
                    target.write(chunk)
            if file.sha256 and digest.hexdigest() != file.sha256.lower():
                raise _Refused(f"its SHA-256 is {digest.hexdigest()}, not {file.sha256.lower()}")
    except _Refused as error:
        return str(error)
    return None


def _chunks(url: str) -> Iterator[bytes]:
    import fsspec

    if "::" in url:
        raise _Refused("chained URLs are not opened")
    size = 0
    try:
        with fsspec.open(url, "rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                size += len(chunk)
                if size > MAX_BYTES:
                    raise _Refused(f"larger than {MAX_BYTES:,} bytes")
                yield chunk
    except FileNotFoundError as error:
        # fsspec says so too of a server that does not answer, or refuses to.
        cause = error.__cause__
        absent = (
            isinstance(cause, LookupError | FileNotFoundError | type(None))
            or getattr(cause, "status", None) in _GONE
        )
        raise _Refused("file not found" if absent else _said(cause)) from error
    except ImportError as error:  # fsspec says which package to install for a scheme
        raise _Refused(str(error)) from error
    except (_Refused, GeneratorExit):
        raise
    except Exception as error:  # every file system of fsspec has errors of its own
        raise _Refused(_said(error)) from error


def _said(error: BaseException | None) -> str:
    reason = str(error).splitlines()[0] if str(error) else "no reason was given"
    return f"{type(error).__name__}: {reason}"


class _Refused(Exception):  # noqa: N818 - what became of it
    """The file is not there, or not the one that is wanted."""
