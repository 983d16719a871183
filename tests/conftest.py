"""A tiny project that has really run, shared by the tests that need one."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import SPRINT, commit, flywheel, make_project


@pytest.fixture(scope="session", autouse=True)
def git_as_on_a_fresh_machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nobody's name, keys or habits: what works here must not rest on the configuration of whoever runs the tests."""
    configuration = tmp_path_factory.mktemp("git") / "config"
    configuration.write_text(
        "[user]\n\tuseConfigOnly = true\n"
    )  # nor on what the machine's name makes of an address
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GIT_CONFIG_GLOBAL", str(configuration))
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        yield


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
