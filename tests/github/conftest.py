"""What the tests of the workflows need of Node; they skip, and say so, where it is not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from forges.emulator import Emulator, missing

ACTIONLINT = (
    Path(__file__).parent
    / "node"
    / "node_modules"
    / "@tktco"
    / "node-actionlint"
    / "bin"
    / "node-actionlint.js"
)


@pytest.fixture(scope="session")
def actionlint() -> Path:
    """actionlint's script for node."""
    if shutil.which("node") is None:
        pytest.skip("Node is not installed")
    if not ACTIONLINT.is_file():
        pytest.skip("actionlint is not installed: make node")
    return ACTIONLINT


@pytest.fixture(scope="module")
def github() -> Iterator[Emulator]:
    """GitHub's API for the runs of one module; every request must have been one that GitHub's description allows."""
    if why := missing():
        pytest.skip(why)
    with Emulator.start() as server:
        yield server.seed()
        assert server.violations() == []
