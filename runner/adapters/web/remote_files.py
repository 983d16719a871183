"""Files behind URLs, by any scheme that fsspec opens: `file`, `memory`, `http`, `s3` with s3fs, and so on."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.adapters.web.storage_faults import StorageFault, fault_of
from runner.domain.files import atomic_path
from runner.domain.progress import progress_bar

_AT_ONCE = 8
_CHUNK_BYTES = 1 << 20
_GONE = (404, 410)  # of HTTP
MAX_BYTES = 2**30
"""Larger files are no images that are read."""


@dataclass(frozen=True, kw_only=True)
class RemoteFile:
    """What to fetch, and what is known of it; hashes in hexadecimal digits.

    Attributes:
        sha256, md5, size: of its bytes.
        etag: as S3 gives it: the MD5 of the bytes, or of an upload in parts `<32 digits>-<parts>`, which no bytes tell: it is
            compared with the server's.
    """

    url: str
    target: Path
    sha256: str | None = None
    size: int | None = None
    md5: str | None = None
    etag: str | None = None

    @property
    def is_identified(self) -> bool:
        """Whether something tells its bytes from others."""
        return bool(self.sha256 or self.md5 or self.etag)

    def mismatch(self, size: int, sha256: str, md5: str) -> str | None:
        """What of bytes is not as it should be, in words."""
        wanted_md5 = self.md5 or (self.etag if self.etag and "-" not in self.etag else None)
        for name, found, wanted in (
            ("size", size, self.size),
            ("SHA-256", sha256, self.sha256 and self.sha256.lower()),
            ("MD5", md5, wanted_md5 and wanted_md5.lower()),
        ):
            if wanted is not None and found != wanted:
                return f"its {name} is {found}, not {wanted}"
        return None


@dataclass(frozen=True, kw_only=True)
class NotFetched:
    """A file that was not had, and why. `fault`: where the storage gave none, and not where it gave another."""

    file: RemoteFile
    words: str
    fault: StorageFault | None = None


def fetch_files(files: Sequence[RemoteFile]) -> list[str]:
    """Fetches files, several at once, each complete or not at all; those that are there already are left.

    Returns:
        What could not be fetched, as `url: why`.
    """
    return [f"{each.file.url}: {each.words}" for each in fetch_each(files)]


def fetch_each(files: Sequence[RemoteFile], aside: Path | None = None) -> list[NotFetched]:
    """As `fetch_files`.

    Args:
        aside: the folder that other bytes than the wanted ones are put into; they are dropped when None.
    """
    wanted = [file for file in files if not file.target.is_file()]
    failed = []
    with ThreadPoolExecutor(_AT_ONCE) as pool, progress_bar("fetch", len(wanted), "image") as bar:
        for failure in pool.map(lambda file: _fetched(file, aside), wanted):
            bar.update()
            if failure is not None:
                failed.append(failure)
    return failed


def mismatch_of(file: RemoteFile) -> str | None:
    """What of the file that is there is not as it should be. An ETag of parts is not looked at: the bytes do not tell it."""
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    with file.target.open("rb") as source:
        while chunk := source.read(_CHUNK_BYTES):
            size += len(chunk)
            sha256.update(chunk)
            md5.update(chunk)
    return file.mismatch(size, sha256.hexdigest(), md5.hexdigest())


def _fetched(file: RemoteFile, aside: Path | None) -> NotFetched | None:
    """Fetches one; what is wrong with its source, if something is.

    Raises:
        FlywheelError: it cannot be written.
    """
    sha256, md5, size = hashlib.sha256(), hashlib.md5(usedforsecurity=False), 0
    try:
        with atomic_path(file.target) as temporary:
            with temporary.open("wb") as target:
                for chunk in _chunks(file):
                    size += len(chunk)
                    sha256.update(chunk)
                    md5.update(chunk)
                    target.write(chunk)
            problem = file.mismatch(size, sha256.hexdigest(), md5.hexdigest())
            if problem is not None:
                if aside is not None:
                    aside.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(temporary, aside / sha256.hexdigest())
                raise _Refused(problem)
    except _Refused as error:
        fault = fault_of(error.__cause__) if error.__cause__ is not None else None
        return NotFetched(file=file, words=str(error), fault=fault)
    return None


def _chunks(file: RemoteFile) -> Iterator[bytes]:
    import fsspec

    if "::" in file.url:
        raise _Refused("chained URLs are not opened")
    size = 0
    try:
        with fsspec.open(file.url, "rb") as source:
            _compare_etag(file, source)
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


def _compare_etag(file: RemoteFile, source: Any) -> None:
    if file.etag is None or "-" not in file.etag:
        return
    found = str((getattr(source, "details", None) or {}).get("ETag", "")).strip('"')
    if found != file.etag:
        raise _Refused(f"its ETag is {found or 'not known'}, not {file.etag}")


def _said(error: BaseException | None) -> str:
    reason = str(error).splitlines()[0] if str(error) else "no reason was given"
    return f"{type(error).__name__}: {reason}"


class _Refused(Exception):  # noqa: N818 - what became of it
    """The file is not there, or not the one that is wanted."""
