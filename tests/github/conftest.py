"""What the tests of the workflows begin with; those that need Node skip, and say so, where it is not there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from forges.emulator import Emulator, missing
from projects import SPEC
from simulated_forge.act import HEAD, PULL, SECRETS, ActRepository, Finished

NEXT = "0002-next"
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


@pytest.fixture(scope="session")
def proposed(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> ActRepository:
    """The finished project on a forge, and a pull request that adds a sprint. Look at it, or copy it."""
    repository = ActRepository.start(tmp_path_factory.mktemp("forge"), finished)
    repository.propose(PULL, {f"specs/{NEXT}.yaml": SPEC.replace("A sprint small", "The next, small")})
    return repository


@pytest.fixture(scope="session")
def ran(proposed: ActRepository) -> Finished:
    """The pull request's run of sprint.yml, by the installed program and fresh stages."""
    event = proposed.pull_request()
    return proposed.act("pull_request", "sprint.yml", event, ref=HEAD, secrets=SECRETS, fresh=True)
