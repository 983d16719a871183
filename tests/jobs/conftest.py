"""A world to merge in."""

from __future__ import annotations

from pathlib import Path

import pytest
from jobs.merging import World
from promoting import with_remotes


@pytest.fixture
def world(project: Path, tmp_path: Path) -> World:
    """A repository on a forge, with one sprint on main that was never promoted."""
    (project / ".gitignore").write_text("/.flywheel/\n/data\n")
    return World(folder=tmp_path, project=project, bare=with_remotes(project, tmp_path))
