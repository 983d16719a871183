"""The DVC remote, for the one job that may write to it: its credentials for as long as they are needed, and the push."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from runner.adapters.dvc import opened, quiet_dvc
from runner.domain.errors import ExitCode, FlywheelError, Where

CONFIG = ".dvc/config.local"
_OWN = 0o600


@contextmanager
def local_config(root: Path, text: str | None) -> Iterator[None]:
    """DVC's private configuration, from a secret, readable by this user alone; afterwards it is as it was before.

    Args:
        text: of a .dvc/config.local; None or empty: nothing is changed.
    """
    path = root / CONFIG
    if not text or not text.strip():
        yield
        return
    before = path.read_bytes() if path.is_file() and not path.is_symlink() else None
    _write(path, text.encode())
    try:
        yield
    finally:
        path.unlink(missing_ok=True)
        if before is not None:
            _write(path, before)


def push_objects(root: Path, cache_folder: Path, hashes: Sequence[str]) -> int:
    """Puts objects into the default remote, and makes sure that it holds them; returns how many it did not hold before.

    Args:
        cache_folder: holds them at `files/md5/aa/bbb…`.
        hashes: md5 of files, and of folders' listings (`….dir`); a folder's files are to be among them.

    Raises:
        FlywheelError: there is no remote, it cannot be reached, or it lacks an object afterwards (exit code 5).
    """
    if not hashes:
        return 0
    with quiet_dvc(logging.NullHandler()):
        from dvc.exceptions import DvcException

        try:
            with opened(root) as repo:
                remote = repo.cloud.get_remote_odb(None, "push")
                missing = _missing(remote, hashes)
                _transfer(cache_folder, remote, missing)
                lacking = _missing(remote, missing)
        except (DvcException, OSError) as error:
            raise _failed(f"the outputs could not be stored: {_first_line(error)}") from error
    if lacking:
        raise _failed(f"the remote lacks {len(lacking):,} of {len(hashes):,} objects after the push")
    return len(missing)


def _missing(remote: Any, hashes: Sequence[str]) -> list[str]:
    """Those that the remote does not hold: asked of the remote itself, not of an index of earlier answers."""
    there = set(remote.oids_exist(list(hashes))) if hashes else set()
    return [each for each in hashes if each not in there]


def _transfer(cache_folder: Path, remote: Any, hashes: Sequence[str]) -> None:
    from dvc.fs import LocalFileSystem
    from dvc_data.hashfile.db.local import LocalHashFileDB
    from dvc_data.hashfile.hash_info import HashInfo
    from dvc_data.hashfile.transfer import transfer

    store: Any = LocalHashFileDB  # DVC has no types
    cache = store(LocalFileSystem(), str(cache_folder / "files" / "md5"), hash_name="md5")
    wanted = {HashInfo("md5", each) for each in hashes}
    if wanted:
        # shallow: every file is named here, and a listing goes after the files that it lists
        files = {each for each in wanted if not each.isdir}
        for part in (files, wanted - files):
            if part and transfer(cache, remote, part, shallow=True).failed:
                raise _failed("the remote did not take every object")


def _write(path: Path, content: bytes) -> None:
    path.unlink(missing_ok=True)  # never through a link, and never into a file that others may read
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWN)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _first_line(error: BaseException) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _failed(message: str) -> FlywheelError:
    return FlywheelError(
        message,
        where=Where(".dvc/config"),
        hint="look at the remote with: dvc remote list, and at the secret FLYWHEEL_DVC_CONFIG with: flywheel doctor",
        exit_code=ExitCode.PUBLISH_FAILED,
    )
