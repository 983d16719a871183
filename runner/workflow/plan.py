"""`plan`: load, then plan."""

from __future__ import annotations

from pathlib import Path

from runner.planning.plan import make_plan
from runner.planning.records import Plan
from runner.workflow.load import load


def plan(root: Path, name: str | None) -> Plan:
    """What a run of the sprint would do; changes nothing."""
    project, loaded = load(root, name)
    return make_plan(root, project, loaded)
