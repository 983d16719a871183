"""A tiny project that has really run, shared by the tests that need one."""

from __future__ import annotations

import gc
import importlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from filelock import FileLock
from projects import SPRINT, commit, flywheel, make_project
from warm import begin, warm_python

from tests.built import built, of_all_workers
from tests.dealing import dealt

# Some machines forbid Python to keep what it compiled: every process would compile its libraries anew, which takes longer
# than its imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

FRESH = sys.executable
MEMORY, ROOMY_BYTES = Path("/dev/shm"), 12 * 2**30
BEGAN = pytest.StashKey[float]()
SLOW_FIXTURES = {"finished", "tiny_root", "task_root", "github"}


def pytest_configure(config: pytest.Config) -> None:
    if hasattr(config.option, "loadscopereorder"):
        # pytest-xdist would begin with the largest groups: see dealing.py
        config.option.loadscopereorder = False
    if is_roomy(MEMORY):
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(MEMORY))


def is_roomy(memory: Path) -> bool:
    """Whether copies of projects can lie in memory: a whole run holds some 2 GB at once."""
    if not memory.is_dir():
        return False
    return min(shutil.disk_usage(memory).free, psutil.virtual_memory().available) > ROOMY_BYTES


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks `slow` what rests on a real run, a training or a server, whatever it was marked before."""
    for item in items:
        if not SLOW_FIXTURES.isdisjoint(getattr(item, "fixturenames", ())):
            item.add_marker("slow")
    if "PYTEST_XDIST_WORKER" in os.environ:
        items[:] = dealt(items)


def pytest_collection_finish() -> None:
    """What was imported and collected stays: looking through it for garbage, again and again, took a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


def pytest_runtest_setup(item: pytest.Item) -> None:
    """`make check` has a limit, from the first test on: what it does not reach is skipped, and counted."""
    within = os.environ.get("FLYWHEEL_TESTS_WITHIN_S")
    if within is None:
        return
    began = item.session.stash.setdefault(BEGAN, time.monotonic())
    if time.monotonic() - began > float(within):
        pytest.skip("the time of `make check` is over: make test runs it")


@pytest.fixture(scope="session", autouse=True)
def git_as_on_a_fresh_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nobody's name, keys or habits: what works here must not rest on the configuration of whoever runs the tests."""
    configuration = tmp_path_factory.mktemp("git") / "config"
    configuration.write_text(
        "[user]\n\tuseConfigOnly = true\n"
    )  # nor on what the machine's name makes of an address
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


@pytest.fixture(scope="session", autouse=True)
def _nothing_waits_for_the_disk() -> Iterator[None]:
    """What a test writes need not outlive the machine's power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


class Clock:
    """The machine's clock, which goes on at once where somebody would wait for it."""

    _not_before = 0.0

    def time(self) -> float:
        return max(time.time(), self._not_before)

    def sleep(self, seconds: float) -> None:
        self._not_before = self.time() + seconds + 0.001  # as a real one, it never wakes too early

    def __getattr__(self, name: str) -> object:
        return getattr(time, name)


@pytest.fixture(scope="session", autouse=True)
def _tags_a_second_apart_at_once() -> Iterator[None]:
    """GTO orders tags by whole seconds, and a promotion waits for the next one: here its tag is of that second already."""
    from runner.adapters.dvc import registry

    with pytest.MonkeyPatch.context() as patch:
        clock = Clock()
        patch.setattr(registry, "time", clock)
        patch.setattr(importlib.import_module("dulwich.porcelain.tag"), "time", clock)
        # Whichever of its libraries git was last asked by writes the tag: it is to be that one.
        patch.setattr("scmrepo.git.backend.pygit2.Pygit2Backend.tag", _left_to_others)
        yield


def _left_to_others(*arguments: object, **options: object) -> None:
    raise NotImplementedError


@pytest.fixture(scope="session", autouse=True)
def warm(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The `python` of stages and of DVC's commands is one that has imported their libraries already (warm.py)."""
    if not hasattr(os, "pidfd_open"):  # not Linux: every process starts afresh
        yield
        return
    shared = of_all_workers(tmp_path_factory)
    owner = os.getppid() if "PYTEST_XDIST_WORKER" in os.environ else os.getpid()
    with FileLock(shared / "warm.lock"):
        program = warm_python(shared / "warm", owner)
    if any(item.get_closest_marker("slow") for item in request.session.items):
        begin(
            shared / "warm", owner
        )  # many will ask for it: none is to wait until its libraries are imported
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "executable", str(program))
        yield


@pytest.fixture(autouse=True)
def _fresh_processes(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.node.get_closest_marker("fresh_processes"):
        monkeypatch.setattr(sys, "executable", FRESH)


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose sprint ran once, undisturbed. Read it, or copy it (`project`): never change it.

    Its stages are forked (warm.py); tests/workflow/test_run.py holds that fresh processes write the same bytes.
    """

    def build(folder: Path) -> None:
        make_project(folder)
        flywheel(folder, "run", SPRINT, check=True)
        commit(folder, "The sprint's record")

    return built("finished", build, tmp_path_factory)


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, cache included, to change at will."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
