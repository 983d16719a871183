"""Single objects of DVC's remote, fetched by their hashes, and why those that were not had could not be."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runner.adapters.dvc import metafiles
from runner.adapters.dvc.cache_objects import require_sound
from runner.adapters.dvc.repo import check_out, opened, quiet_dvc
from runner.adapters.web.storage_faults import StorageFault, fault_of
from runner.domain.errors import ExitCode, FlywheelError, Where

_TRANSFER = "dvc_data.hashfile.transfer"  # its logger: DVC raises nothing of a single file, it logs it
_FAILED = re.compile(r"failed to transfer '(%s|[0-9a-f]{32}(\.dir)?)'")


class _Failures(logging.Handler):
    """Keeps the exceptions that DVC logs, by the hash of what was to be transferred."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.by_hash: dict[str, BaseException] = {}

    def emit(self, record: logging.LogRecord) -> None:
        if not _FAILED.match(str(record.msg)) or not record.args or not record.exc_info:
            return
        said = record.args[0] if isinstance(record.args, tuple) else ""
        if record.exc_info[1] is not None:
            self.by_hash[str(said)] = record.exc_info[1]


def fetch_of(root: Path, pointer: str, hashes: Sequence[str]) -> dict[str, StorageFault]:
    """Objects of what a `.dvc` file tracks, from the remote that the file names, else the repository's: see `fetch`."""
    return fetch(root, hashes, pointer, metafiles.pointer_remote(root / pointer))


def fetch(
    root: Path, hashes: Sequence[str], shown: str, remote: str | None = None
) -> dict[str, StorageFault]:
    """Fetches objects that the cache lacks, many at once; of a folder its listing alone.

    Each is complete in the cache or not there, so that a fetch that was killed goes on.

    Args:
        shown: what they are, for messages.
        remote: the name of the one to ask; None: the repository's.

    Returns:
        Those that are still not in the cache, with the reason.

    Raises:
        FlywheelError: there is no remote, or it cannot be asked at all (exit code 3).
    """
    wanted = [md5 for md5 in dict.fromkeys(hashes) if not _is_here(root, md5)]
    if not wanted:
        return {}
    failures = _Failures()
    with quiet_dvc(logging.NullHandler()):
        from dvc.config import ConfigError
        from dvc.exceptions import DvcException
        from dvc_data.hashfile.hash_info import HashInfo

        logger = logging.getLogger(_TRANSFER)
        before = logger.propagate
        logger.propagate = False
        logger.addHandler(failures)
        try:
            with opened(root) as repo:
                repo.cloud.pull([HashInfo("md5", md5) for md5 in wanted], remote=remote)
                if not failures.by_hash and not any(_is_here(root, md5) for md5 in wanted):
                    _require_store(repo, shown, remote)
        except FlywheelError:
            raise
        except (ConfigError, DvcException) as error:
            said = str(error).splitlines()[0].removeprefix("config file error: ").partition(" in ")[0]
            raise _not_fetched(
                shown, said, "dvc remote list; without one: dvc remote add -d NAME URL"
            ) from error
        except Exception as error:  # every storage has exceptions of its own
            fault = fault_of(error)
            raise _not_fetched(shown, fault.words, fault.hint) from error
        finally:
            logger.removeHandler(failures)
            logger.propagate = before
    absent = StorageFault(kind="absent", words="there is no such object")
    return {
        md5: fault_of(failures.by_hash[md5]) if md5 in failures.by_hash else absent
        for md5 in wanted
        if not _is_here(root, md5)
    }


def _is_here(root: Path, md5: str) -> bool:
    return metafiles.cache_path(root, md5).is_file()


def _require_store(repo: Any, shown: str, name: str | None) -> None:
    """Tells a storage that lacks all that was asked for from one that is not there, or does not answer."""
    remote = repo.cloud.get_remote(name, command="pull")
    try:
        remote.fs.info(remote.path)
    except Exception as error:  # every storage has exceptions of its own
        fault = fault_of(error)
        if fault.kind in (
            "absent",
            "no bucket",
        ):  # storages differ in what they say of a bucket that is not there
            place = remote.fs.unstrip_protocol(remote.path)
            fault = StorageFault(kind="no bucket", words=f"there is no {place}, or nothing in it")
        raise _not_fetched(shown, fault.words, fault.hint) from error


def fetch_objects(root: Path, hashes: Sequence[str], shown: str) -> None:
    """As `fetch`, where what the remote lacks may be left out.

    Raises:
        FlywheelError: there is no remote, or it gives nothing at all (exit code 3).
    """
    faults = fetch(root, hashes, shown)
    of_all = next((fault for fault in faults.values() if fault.of_all), None)
    if of_all is not None:
        raise _not_fetched(shown, of_all.words, of_all.hint)


def pull(root: Path, pointer: str) -> None:
    """Fetches the files of one `.dvc` file from its remote and checks them out.

    Raises:
        FlywheelError: there is no remote, it cannot be reached, or it lacks files (exit code 3); or the folder's listing
            names files outside it, where DVC would write them (exit code 2).
    """
    md5, shown = metafiles.pointer_md5(root / pointer) or "", pointer.removesuffix(".dvc")
    refuse_faults(fetch_of(root, pointer, [md5]), {shown: md5}, pointer)
    require_inside(root, md5, pointer)
    members = metafiles.cached_members(root, md5) or {}
    named = {f"{shown}/{name}": each for name, each in members.items()}
    refuse_faults(fetch_of(root, pointer, list(named.values())), named, pointer)
    require_sound(root, md5, shown)
    check_out(root, [root / pointer])


def refuse_faults(faults: Mapping[str, StorageFault], wanted: Mapping[str, str], pointer: str) -> None:
    """Stops where files were not had.

    Args:
        faults: of hashes. `wanted`: the hash of each file, by where it belongs. `pointer`: the `.dvc` file that records them.

    Raises:
        FlywheelError: some were not; it names one, and why (exit code 3).
    """
    lacking = [(shown, faults[md5]) for shown, md5 in wanted.items() if md5 in faults]
    if not lacking:
        return
    shown, fault = next((each for each in lacking if each[1].of_all), lacking[0])
    raise FlywheelError(
        f"{len(lacking):,} of {len(wanted):,} could not be fetched from DVC's remote: {fault.words}",
        where=Where(shown),
        hint=fault.hint if fault.kind != "absent" else f"where the data was added: dvc push {pointer}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def require_inside(root: Path, md5: str, pointer: str) -> None:
    """Refuses a stored folder whose listing, which is in the cache, leads out of it.

    Raises:
        FlywheelError: it does (exit code 2).
    """
    outside = metafiles.leads_outside(root, md5)
    if outside is not None:
        raise FlywheelError(
            f"its listing names a file outside the folder: {outside!a}",
            where=Where(pointer),
            hint="no `dvc add` writes such a listing: find out who made it, and track the data again",
        )


def _not_fetched(shown: str, why: str, hint: str) -> FlywheelError:
    return FlywheelError(
        f"nothing could be fetched from DVC's remote: {why}",
        where=Where(shown),
        hint=hint,
        exit_code=ExitCode.STAGE_FAILED,
    )
