"""What tests of the registry share: a second sprint that costs no training, and what git and the record say of it."""

from __future__ import annotations

import json
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


def record(project: Path, file: str, sprint: str = NEXT) -> Any:
    """A JSON record of a sprint."""
    return json.loads((sprint_folder(project, sprint) / file).read_text())


def tags(project: Path) -> list[str]:
    """All tags, sorted by name."""
    return call(project, "git", "tag").stdout.split()


def log(project: Path) -> list[str]:
    """The subjects of all commits, the newest first."""
    return call(project, "git", "log", "--format=%s").stdout.splitlines()
