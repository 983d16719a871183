"""`flywheel history`: every assignment of the model's stage."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.workflow.promoting.history import Assigned

EXAMPLE = """\
  flywheel history
  flywheel history --format json"""

HEADINGS = ("#", "when (UTC)", "version", "sprint", "what", "verdict", "by", "")


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "history",
        "list what held the model's stage, and when: promotions and rollbacks, the newest first",
        EXAMPLE,
        execute,
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.promoting.history import history

    rows = history(project_root(options))
    if options.format == "json":
        print_json(rows)
    elif not rows:
        print("nothing was promoted yet: flywheel promote SPRINT")
    else:
        print(render(rows))
    return 0


def render(rows: Sequence[Assigned]) -> str:
    """A table, one assignment to a line."""
    table = [HEADINGS, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in table
    )


def _cells(row: Assigned) -> tuple[str, ...]:
    value = "not measured" if row.value is None else f"{row.value:.3f}"
    verdict = f"{row.outcome}, {row.optimizing} {value}" if row.outcome else row.unreadable or "no verdict"
    verdict += f", accepted by {row.accepted}" if row.accepted else ""
    return (
        str(row.number),
        row.at.replace("T", " ").removesuffix("Z"),
        row.version or "none",
        row.sprint or "unknown",
        row.event,
        verdict,
        row.by,
        "current" if row.current else "",
    )
