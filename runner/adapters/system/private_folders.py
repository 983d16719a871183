"""Folders that only this user writes: where compiled code is cached, and where libraries look for their configuration.

A library that looks into the working folder finds there what a repository holds, and a repository holds what a pull request
brought: numba unpickles (executes) what a `.numba_config.yaml` names, matplotlib imports what a `matplotlibrc` names.
"""

from __future__ import annotations

import atexit
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

VARIABLE = "FLYWHEEL_CACHE"
_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@cache
def cache_home() -> Path:
    """The folder that lasts: $FLYWHEEL_CACHE, else `flywheel` in $XDG_CACHE_HOME, else in ~/.cache.

    One that others could write, or that lies in a checkout, is not used: then it is a new one, removed when this process
    ends, which the processes that are started from here share.
    """
    for folder in _candidates():
        with suppress(OSError):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if is_private(folder):
                return folder
    scratch = Path(tempfile.mkdtemp(prefix="flywheel-cache-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    os.environ[VARIABLE] = str(scratch)
    return scratch


def cache_folder(name: str) -> Path:
    """A folder of `cache_home`, made when it is not there."""
    folder = cache_home() / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def is_private(folder: Path) -> bool:
    """Whether a folder is this user's, written by nobody else, no link, and in no git checkout."""
    here = folder.lstat()
    if not stat.S_ISDIR(here.st_mode) or here.st_mode & _OTHERS_WRITE or not os.access(folder, os.W_OK):
        return False
    if hasattr(os, "geteuid") and here.st_uid != os.geteuid():
        return False
    above = folder.resolve().parents
    if any(parent.stat().st_mode & (stat.S_IWOTH | stat.S_ISVTX) == stat.S_IWOTH for parent in above):
        return False  # anybody may put another folder in its place
    return not any((parent / ".git").exists() for parent in (folder, *above))


@contextmanager
def out_of_reach() -> Iterator[None]:
    """The process works in an empty folder meanwhile: for imports that read files of the working folder."""
    try:
        before = Path.cwd()
    except FileNotFoundError:  # it was removed: nothing can be read from it
        yield
        return
    os.chdir(cache_folder("empty"))
    try:
        yield
    finally:
        os.chdir(before)


def leave_working_folder() -> None:
    """The process works in a new, empty folder from here on, which is removed when it ends."""
    scratch = Path(tempfile.mkdtemp(prefix="flywheel-work-"))
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    os.chdir(scratch)


def _candidates() -> Iterator[Path]:
    for variable, below in ((VARIABLE, ""), ("XDG_CACHE_HOME", "flywheel")):
        value = os.environ.get(variable, "")
        if Path(value).is_absolute():
            yield Path(value) / below
    with suppress(RuntimeError):  # no home folder
        yield Path.home() / ".cache" / "flywheel"
