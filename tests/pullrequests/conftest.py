"""What tests of pull requests begin with: states of a repository on a forge."""

from __future__ import annotations

from pathlib import Path

import pytest
from forges.conftest import emulator, github  # noqa: F401 - fixtures
from forges.emulator import Emulator
from simulated_forge.hubs import EmulatedHub
from simulated_forge.loop import Loop
from simulated_forge.repository import copied
from simulated_forge.states import (  # noqa: F401 - fixtures
    first,
    judged,
    loosened,
    overtaken,
    prepared,
    promoted,
    rivals,
    succeeded,
    waiting,
)

from tests.done_once import done_once  # noqa: F401 - a fixture


@pytest.fixture
def loop(prepared: Loop, tmp_path: Path) -> Loop:  # noqa: F811 - the fixture
    """With a forge in memory."""
    return prepared.copy(tmp_path)


@pytest.fixture
def real(prepared: Loop, tmp_path: Path, github: Emulator) -> Loop:  # noqa: F811 - the fixtures
    """With GitHub's API behind the validating proxy."""
    copied(prepared.folder, tmp_path)
    return Loop(folder=tmp_path, hub=EmulatedHub(github=github))
