"""States of one repository, each made once and copied for the tests that begin there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from forges.conftest import emulator, github  # noqa: F401 - fixtures
from forges.emulator import Emulator
from pullrequests.hubs import EmulatedHub, MemoryHub
from pullrequests.world import NEXT, SMALL, Loop, copied, spec, start

from tests.built import built

Factory = pytest.TempPathFactory


def state(name: str, make: Callable[[Path], Loop], factory: Factory) -> Loop:
    """What `make` makes in an empty folder, once per machine (`tests/built.py`)."""
    return Loop.kept(built(f"loop-{name}", lambda folder: make(folder).keep(), factory))


@pytest.fixture(scope="session")
def prepared(finished: Path, tmp_path_factory: Factory) -> Loop:
    """Main has one sprint that ran, and a policy; nothing is proposed."""

    def make(folder: Path) -> Loop:
        start(folder, finished)
        return Loop(folder=folder, author=folder / "author", bare=folder / "origin.git", hub=MemoryHub())

    return state("prepared", make, tmp_path_factory)


@pytest.fixture(scope="session")
def first(prepared: Loop, tmp_path_factory: Factory) -> Loop:
    """Pull request 7 proposes a sprint whose gate is not met; it ran, and is reported."""

    def make(folder: Path) -> Loop:
        loop = prepared.copy(folder)
        loop.propose(7, {f"specs/{NEXT}.yaml": spec(0.5)})
        loop.planned(7)
        loop.sprinted(7)
        return loop

    return state("first", make, tmp_path_factory)


@pytest.fixture(scope="session")
def judged(first: Loop, tmp_path_factory: Factory) -> Loop:
    """A second push to it asks for less: PASS, and nothing to approve."""

    def make(folder: Path) -> Loop:
        loop = first.copy(folder)
        loop.propose(7, {f"specs/{NEXT}.yaml": spec(50)})
        loop.planned(7)
        loop.sprinted(7)
        return loop

    return state("judged", make, tmp_path_factory)


@pytest.fixture(scope="session")
def promoted(judged: Loop, tmp_path_factory: Factory) -> Loop:
    """It was merged, recorded and promoted."""

    def make(folder: Path) -> Loop:
        loop = judged.copy(folder)
        loop.merge(7)
        assert loop.promote(7) == 0, loop.log[-1]
        return loop

    return state("promoted", make, tmp_path_factory)


@pytest.fixture(scope="session")
def loosened(prepared: Loop, tmp_path_factory: Factory) -> Loop:
    """Pull request 7 loosens a gate of main: FAIL by the gate that is kept; reported."""

    def make(folder: Path) -> Loop:
        loop = prepared.copy(folder)
        loop.on_main({f"specs/{SMALL}.yaml": spec(1)})  # the model has 10 MB
        loop.propose(7, {f"specs/{SMALL}.yaml": spec(100)})
        loop.planned(7)
        loop.sprinted(7)
        return loop

    return state("loosened", make, tmp_path_factory)


@pytest.fixture
def loop(prepared: Loop, tmp_path: Path) -> Loop:
    """With a forge in memory."""
    return prepared.copy(tmp_path)


@pytest.fixture
def real(prepared: Loop, tmp_path: Path, github: Emulator) -> Loop:  # noqa: F811 - the fixture
    """With GitHub's API behind the validating proxy."""
    copied(prepared.folder, tmp_path)
    hub = EmulatedHub(github=github)
    return Loop(folder=tmp_path, author=tmp_path / "author", bare=tmp_path / "origin.git", hub=hub)
