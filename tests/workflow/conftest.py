"""States of the finished project that several tests begin with: each is made once, and copied (`built.py`)."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from projects import SPRINT, flywheel
from promoting import NEXT, add_sprint

from tests.built import built


def _after(before: Path, *steps: Callable[[Path], object]) -> Callable[[Path], None]:
    def build(folder: Path) -> None:
        shutil.copytree(before, folder, symlinks=True, dirs_exist_ok=True)
        for step in steps:
            step(folder)

    return build


def _promote(name: str) -> Callable[[Path], object]:
    return lambda folder: flywheel(folder, "promote", name, check=True)


@pytest.fixture(scope="session")
def _two_sprints(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("two-sprints", _after(finished, add_sprint), tmp_path_factory)


@pytest.fixture(scope="session")
def _overtaken(_two_sprints: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("overtaken", _after(_two_sprints, _promote(SPRINT)), tmp_path_factory)


@pytest.fixture(scope="session")
def _challenged(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("challenged", _after(finished, _promote(SPRINT), add_sprint), tmp_path_factory)


@pytest.fixture(scope="session")
def _succeeded(_challenged: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built("succeeded", _after(_challenged, _promote(NEXT)), tmp_path_factory)


def _copy(project: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(project, tmp_path / "project", symlinks=True))


@pytest.fixture
def overtaken(_overtaken: Path, tmp_path: Path) -> Path:
    """Two sprints ran, and the first was promoted after the second was judged: against no champion."""
    return _copy(_overtaken, tmp_path)


@pytest.fixture
def challenged(_challenged: Path, tmp_path: Path) -> Path:
    """The first sprint was promoted, and a second was judged against it."""
    return _copy(_challenged, tmp_path)


@pytest.fixture
def succeeded(_succeeded: Path, tmp_path: Path) -> Path:
    """The first sprint was promoted, and then a second in its place."""
    return _copy(_succeeded, tmp_path)
