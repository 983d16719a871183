"""Worlds to merge in: each is made once per machine (`tests/built.py`), and copied."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from jobs.merging import SPEC, A, B, World

from tests.built import built

Factory = pytest.TempPathFactory


def _state(name: str, make: Callable[[Path], World], factory: Factory) -> Path:
    return built(f"world-{name}", lambda folder: make(folder).keep(), factory)


@pytest.fixture(scope="session")
def _started(finished: Path, tmp_path_factory: Factory) -> Path:
    return _state("started", lambda folder: World.start(folder, finished), tmp_path_factory)


@pytest.fixture(scope="session")
def _merged(_started: Path, tmp_path_factory: Factory) -> Path:
    def make(folder: Path) -> World:
        world = World.copied(_started, folder)
        world.propose(7, A, SPEC)
        world.merge(7)
        return world

    return _state("merged", make, tmp_path_factory)


@pytest.fixture(scope="session")
def _overtaken(_started: Path, tmp_path_factory: Factory) -> Path:
    def make(folder: Path) -> World:
        world = World.copied(_started, folder)
        world.propose(7, A, SPEC)
        world.propose(8, B, SPEC.replace("50", "40"))
        world.merge(7)
        world.merge(8)
        assert world.job(7) == 0
        return world

    return _state("overtaken", make, tmp_path_factory)


@pytest.fixture
def world(_started: Path, tmp_path: Path) -> World:
    """A repository on a forge, with one sprint on main that was never promoted."""
    return World.copied(_started, tmp_path)


@pytest.fixture
def merged(_merged: Path, tmp_path: Path) -> World:
    """Pull request 7, which brings sprint A, was merged, and no job ran yet."""
    return World.copied(_merged, tmp_path)


@pytest.fixture
def overtaken(_overtaken: Path, tmp_path: Path) -> World:
    """7 and 8 were judged, then both were merged; A, of 7, was recorded and promoted."""
    return World.copied(_overtaken, tmp_path)
