"""The tiny trained sprint, built once for all test processes."""

from __future__ import annotations

from pathlib import Path

import pytest
from filelock import FileLock

from tests.models_fixture import build


@pytest.fixture(scope="session")
def tiny_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository with one trained and exported sprint. Read only: copy it to change it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if base.name.startswith("popen-") else base
    root = shared / "tiny-sprint"
    with FileLock(shared / "tiny-sprint.lock"):
        if not (root / "process.json").is_file():
            build(root)
    return root
