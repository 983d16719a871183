"""The emulator for tests: one server per worker, a fresh repository per test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from forges.emulator import Emulator, missing


@pytest.fixture(scope="session")
def emulator() -> Iterator[Emulator]:
    """A running server, with whatever the last test left in it: use `github`."""
    if why := missing():
        pytest.skip(why)
    with Emulator.start() as server:
        yield server


@pytest.fixture
def github(emulator: Emulator) -> Iterator[Emulator]:
    """A fresh repository; afterwards every request must have been one that GitHub's description allows."""
    yield emulator.seed()
    assert emulator.violations() == []
