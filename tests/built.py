"""What is dear to make and the same for all tests: made once per machine, and kept between test runs.

It is kept in $FLYWHEEL_TEST_CACHE, else in `flywheel-tests` of the user's cache, under the digest of what it depends on:
all of `runner/`, the helpers that make it, the pinned versions and Python's. Every test run works on a copy.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from filelock import FileLock

from tests.touched import closure

ROOT = Path(__file__).parents[1]
ABANDONED_S = 3600
KEPT = 4
"""Of each thing, this many versions are kept: those used last."""


def home() -> Path:
    """Where it is kept."""
    given = os.environ.get("FLYWHEEL_TEST_CACHE")
    user = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(given) if given else user / "flywheel-tests"


@cache
def version(maker: Path) -> str:
    """The digest of all that a sprint's outputs can depend on, and of the helpers that `maker` uses."""
    digest = hashlib.sha256(sys.version.encode())
    code = [
        path for path in (ROOT / "runner").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    helpers = closure(ROOT / "tests" / "conftest.py") | closure(maker)
    for path in sorted([*code, *helpers, ROOT / "constraints.txt"]):
        digest.update(f"{path.relative_to(ROOT)}\0".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()[:16]


def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of this test run, whichever of its processes asks."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if base.name.startswith("popen-") else base


def built(name: str, build: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """This test run's folder `name`: what `build` makes of an empty folder. Read it, or copy it: never change it."""
    here = of_all_workers(tmp_path_factory) / "built" / name
    here.parent.mkdir(exist_ok=True)
    with FileLock(f"{here}.lock"):
        if not here.is_dir():
            copied = here.with_suffix(".copying")
            shutil.copytree(_kept(name, build), copied, symlinks=True)
            copied.rename(here)
    return here


def _kept(name: str, build: Callable[[Path], None]) -> Path:
    kept = home() / f"{name}-{version(Path(build.__code__.co_filename))}"
    kept.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(f"{kept}.lock"):  # checkouts that differ do not wait for each other
        if not kept.is_dir():
            with tempfile.TemporaryDirectory(prefix=f"building-{name}-", dir=kept.parent) as building:
                made = Path(building) / name
                made.mkdir()
                build(made)
                made.rename(kept)
        os.utime(kept)
    _drop_old(name)
    return kept


def shared(name: str, maker: Path) -> Path:
    """A folder that every test run of this version of the code may read, and add files to."""
    folder = home() / f"{name}-{version(maker)}"
    folder.mkdir(parents=True, exist_ok=True)
    os.utime(folder)
    _drop_old(name)
    return folder


def _drop_old(name: str) -> None:
    """Versions that are not used any more, and what a killed test run left half built."""
    versions = [path for path in home().glob(f"{name}-*") if path.is_dir()]
    versions.sort(key=lambda path: path.stat().st_mtime)
    killed = [path for path in home().glob("building-*") if time.time() - path.stat().st_mtime > ABANDONED_S]
    for old in [*versions[:-KEPT], *killed]:
        shutil.rmtree(old, ignore_errors=True)
        Path(f"{old}.lock").unlink(missing_ok=True)
