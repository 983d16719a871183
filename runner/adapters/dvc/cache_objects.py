"""Objects of DVC's cache, looked at before they are used: each is named by the md5 of its bytes, and DVC believes the name.

A disk error, a full disk or somebody's hand changes an object and leaves its name; DVC then serves it as "cached".
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Iterable
from pathlib import Path

from runner.adapters.dvc import metafiles
from runner.domain.errors import ExitCode, FlywheelError, Where

QUARANTINE = ".flywheel/quarantine"  # git-ignored: of this machine alone


def require_sound(root: Path, md5: str, shown: str) -> None:
    """Compares a stored file, or a folder with all its files, with the hashes that name them. What is absent is no fault.

    Every byte is read once: about half a gigabyte a second.

    Args:
        shown: where it belongs, for the message.

    Raises:
        FlywheelError: one holds other bytes; its message names the file, and says what to type (exit code 3).
    """
    members: dict[str, str] = {}
    if md5.endswith(".dir"):
        require_objects(root, {shown: md5})
        members = metafiles.cached_members(root, md5) or {}
    require_objects(
        root, {f"{shown.rstrip('/')}/{name}": each for name, each in members.items()} or {shown: md5}
    )


def require_objects(root: Path, objects: dict[str, str]) -> None:
    """As `require_sound`, of single objects by where they belong.

    Raises:
        FlywheelError: one holds other bytes (exit code 3).
    """
    spoiled = [(shown, md5) for shown, md5 in objects.items() if _is_spoiled(root, md5)]
    if not spoiled:
        return
    shown, md5 = spoiled[0]
    more = f" (and {len(spoiled) - 1} more)" if len(spoiled) > 1 else ""
    raise FlywheelError(
        f"spoiled in DVC's cache: what is stored for {shown}{more} is not what its hash names",
        where=Where(_place(root, md5)),
        hint=f"rm -f {shlex.join(_places(root, (each for _, each in spoiled)))}, then run again: what a remote has is fetched "
        "with --pull, and what no remote has is made again",
        exit_code=ExitCode.STAGE_FAILED,
    )


def set_aside(root: Path, hashes: Iterable[str]) -> str:
    """Takes objects out of the cache, so that nothing uses them, and keeps them for whoever wants to know what they are.

    Returns:
        The folder that they are in now, from the repository's top.
    """
    place = root / QUARANTINE
    place.mkdir(parents=True, exist_ok=True)
    for md5 in hashes:
        stored = metafiles.cache_path(root, md5)
        if stored.is_file():
            shutil.move(stored, place / md5)
    return f"{QUARANTINE}/"


def _is_spoiled(root: Path, md5: str) -> bool:
    path = metafiles.cache_path(root, md5)
    return bool(md5) and path.is_file() and metafiles.file_md5(path) != md5.removesuffix(".dir")


def _place(root: Path, md5: str) -> str:
    """Where an object lies: from the repository's top, or in full where the cache is elsewhere."""
    path = metafiles.cache_path(root, md5)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _places(root: Path, hashes: Iterable[str], most: int = 5) -> list[str]:
    return [_place(root, md5) for md5 in hashes][:most]
