"""What tests of the registry share: a second sprint that costs no training, and a remote to push to."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from projects import SPRINT, call, commit, flywheel

from runner.record.catalogue import sprint_folder

NEXT = "0002-next"
SPEC = f"""\
apiVersion: flywheel/v1
kind: Sprint
title: Judged a little differently
extends: {SPRINT}
evaluate: {{operating_confidence: 0.1}}
gates:
  - {{metric: size_mb, max: 50}}
"""


def add_sprint(project: Path, name: str = NEXT, spec: str = SPEC) -> None:
    """Runs a sprint of the finished one's models, and commits its record."""
    (project / "specs" / f"{name}.yaml").write_text(spec)
    commit(project, f"Propose {name}")
    result = flywheel(project, "run", name)
    assert result.returncode in (0, 1), result.stderr
    commit(project, f"Record {name}")


def with_remotes(project: Path, folder: Path) -> Path:
    """Gives the project a git and a DVC remote, and pushes both; returns git's."""
    bare = folder / "origin.git"
    call(folder, "git", "init", "-q", "--bare", "-b", "main", str(bare))
    call(project, "git", "remote", "add", "origin", str(bare))
    call(project, sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", str(folder / "store"))
    commit(project, "Remotes")
    call(project, "git", "push", "-q", "-u", "origin", "main")
    call(project, sys.executable, "-m", "dvc", "push", "-q")
    return bare


def clone(bare: Path, folder: Path) -> Path:
    """A fresh clone: of what DVC keeps it has nothing."""
    call(bare.parent, "git", "clone", "-q", str(bare), str(folder))
    return folder


def record(project: Path, file: str, sprint: str = NEXT) -> Any:
    """A JSON record of a sprint."""
    return json.loads((sprint_folder(project, sprint) / file).read_text())


def tags(project: Path) -> list[str]:
    """All tags, sorted by name."""
    return call(project, "git", "tag").stdout.split()


def log(project: Path) -> list[str]:
    """The subjects of all commits, the newest first."""
    return call(project, "git", "log", "--format=%s").stdout.splitlines()
