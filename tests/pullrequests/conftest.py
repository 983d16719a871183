"""States of one repository, each made once and copied for the tests that begin there."""

from __future__ import annotations

from pathlib import Path

import pytest
from forges.conftest import emulator, github  # noqa: F401 - fixtures
from forges.emulator import Emulator
from pullrequests.hubs import EmulatedHub, MemoryHub
from pullrequests.world import NEXT, SMALL, Loop, copied, spec, start


@pytest.fixture(scope="session")
def prepared(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Main has one sprint that ran, and a policy; nothing is proposed."""
    folder = tmp_path_factory.mktemp("prepared")
    start(folder, finished)
    return Loop(folder=folder, author=folder / "author", bare=folder / "origin.git", hub=MemoryHub())


@pytest.fixture(scope="session")
def first(prepared: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Pull request 7 proposes a sprint whose gate is not met; it ran, and is reported."""
    loop = prepared.copy(tmp_path_factory.mktemp("first"))
    loop.propose(7, {f"specs/{NEXT}.yaml": spec(0.5)})
    loop.planned(7)
    loop.sprinted(7)
    return loop


@pytest.fixture(scope="session")
def judged(first: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """A second push to it asks for less: PASS, and nothing to approve."""
    loop = first.copy(tmp_path_factory.mktemp("judged"))
    loop.propose(7, {f"specs/{NEXT}.yaml": spec(50)})
    loop.planned(7)
    loop.sprinted(7)
    return loop


@pytest.fixture(scope="session")
def promoted(judged: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """It was merged, recorded and promoted."""
    loop = judged.copy(tmp_path_factory.mktemp("promoted"))
    loop.merge(7)
    assert loop.promote(7) == 0, loop.log[-1]
    return loop


@pytest.fixture(scope="session")
def loosened(prepared: Loop, tmp_path_factory: pytest.TempPathFactory) -> Loop:
    """Pull request 7 loosens a gate of main: FAIL by the gate that is kept; reported."""
    loop = prepared.copy(tmp_path_factory.mktemp("loosened"))
    loop.on_main({f"specs/{SMALL}.yaml": spec(1)})  # the model has 10 MB
    loop.propose(7, {f"specs/{SMALL}.yaml": spec(100)})
    loop.planned(7)
    loop.sprinted(7)
    return loop


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
