"""A tiny project that has really run, shared by the tests that need one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from projects import SPRINT, commit, flywheel, make_project


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose sprint ran once, undisturbed. Read it, or copy it (`project`): never change it."""
    folder = make_project(tmp_path_factory.mktemp("finished") / "project")
    flywheel(folder, "run", SPRINT, check=True)
    commit(folder, "The sprint's record")
    return folder


@pytest.fixture
def project(finished: Path, tmp_path: Path) -> Path:
    """A copy of the finished project, cache included, to change at will."""
    return Path(shutil.copytree(finished, tmp_path / "project", symlinks=True))
