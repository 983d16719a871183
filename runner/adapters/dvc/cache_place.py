"""Where DVC's local cache lies: `cache.dir` of its configuration, read as DVC reads it, without importing DVC.

Teams share one cache between checkouts (`dvc cache dir --local /data/cache`). Whoever looks for an object below `.dvc/cache`
alone says that it is not here, while DVC has it. Source: `Config` of dvc/config.py, `CacheManager` of dvc/cachemgr.py (DVC 3.67).
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from runner.domain.conflicts import unfinished_merge
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import read_text

CONFIGURATION = ".dvc/config"
LOCAL_CONFIGURATION = ".dvc/config.local"
_MENTION = re.compile(r"^\s*[\"']?dir[\"']?\s*=", re.IGNORECASE | re.MULTILINE)
_PLACED_BY = ("DVC_GLOBAL_CONFIG_DIR", "DVC_SYSTEM_CONFIG_DIR", "XDG_CONFIG_HOME", "XDG_CONFIG_DIRS", "HOME")


def cache_folder(root: Path) -> Path:
    """The folder of DVC's local cache; it may lie outside the repository.

    `.dvc/config.local` goes before `.dvc/config`, and both go before the user's own configuration and the machine's. A job
    never reads a proposal's: the guard lets in none but the base branch's (rule 13 of docs/security.md).

    Raises:
        FlywheelError: a configuration that names a folder cannot be read (exit code 2; 3 when it is no text).
    """
    of_machine = _of_the_machine(*(os.environ.get(name) for name in _PLACED_BY))
    files = (f"{root}/{LOCAL_CONFIGURATION}", f"{root}/{CONFIGURATION}", *of_machine)
    return _cache_folder(root, tuple((file, _state(file)) for file in files))


def invalid_configuration(error: Exception, where: Where) -> FlywheelError:
    """The error for a configuration that DVC, or the parser that it uses, refuses."""
    said = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return FlywheelError(
        f"DVC's configuration is not valid: {said.removeprefix('config file error: ')}",
        where=where,
        hint=f"correct it, or take git's: git checkout -- {CONFIGURATION} (.dvc/config.local and your own configuration of DVC "
        "are read too: dvc config --list --show-origin)",
    )


@cache  # its arguments are what the places depend on
def _of_the_machine(*_placed: str | None) -> tuple[str, str]:
    """This user's configuration of DVC, and that of all users of the machine. Source: dvc/dirs.py."""
    import platformdirs

    own = os.environ.get("DVC_GLOBAL_CONFIG_DIR") or platformdirs.user_config_dir("dvc", "iterative")
    every = os.environ.get("DVC_SYSTEM_CONFIG_DIR") or platformdirs.site_config_dir("dvc", "iterative")
    return f"{own}/config", f"{every}/config"


def _state(file: str) -> tuple[int, int, int] | None:
    """What changes when a file is written anew; None where there is none."""
    try:
        status = os.stat(file)  # noqa: PTH116 - asked for every object, and a Path takes longer than the question
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


@lru_cache(maxsize=64)
def _cache_folder(root: Path, files: tuple[tuple[str, tuple[int, int, int] | None], ...]) -> Path:
    for file, state in files:
        named = _named_folder(root, Path(file)) if state is not None else None
        if named is not None:
            return named
    return root / ".dvc" / "cache"


def _option(section: object, name: str) -> object:
    """A section's option, or a document's section, whatever the case of its name."""
    entries = section.items() if isinstance(section, Mapping) else ()
    return next((value for key, value in entries if key.lower() == name), None)


def _named_folder(root: Path, file: Path) -> Path | None:
    """The folder that one configuration names: a relative one is relative to the configuration's own folder."""
    text = read_text(file)
    if not _MENTION.search(text):
        return None
    shown = file.relative_to(root).as_posix() if file.is_relative_to(root) else str(file)
    unfinished = unfinished_merge(shown, text.encode())
    if unfinished is not None:
        raise unfinished
    from configobj import ConfigObj, ConfigObjError  # DVC's own parser of it

    try:
        document = ConfigObj(io.StringIO(text)).dict()
    except ConfigObjError as error:
        raise invalid_configuration(error, Where(shown)) from error
    named = _option(_option(document, "cache"), "dir")
    if not isinstance(named, str) or re.match(r"\w+://", named):
        return None
    return Path(os.path.abspath(file.parent / Path(named).expanduser()))  # noqa: PTH100 - a link to the cache stays as it is
