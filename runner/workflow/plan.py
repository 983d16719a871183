"""`plan`: load, then plan."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from runner.planning.plan import make_plan
from runner.planning.records import Plan
from runner.workflow.load import load_written
from runner.workflow.terms import settle


def plan(root: Path, name: str | None, say: Callable[[str], None]) -> Plan:
    """What a run of the sprint without a base would do, and what would judge it; changes nothing."""
    return make_plan(settle(load_written(root, name), None, say).situation)
