"""`flywheel status`: all sprints at a glance."""

from __future__ import annotations

import argparse
import sys

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

EXAMPLE = """\
  flywheel status
  flywheel status --format json"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "status",
        "list all sprints: planned, batch proposed, waiting for labels, ready to run, running, passed, failed, promoted, stale",
        EXAMPLE,
        execute,
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.status import status

    rows = status(project_root(options), lambda line: print(line, file=sys.stderr))
    if options.format == "json":
        print_json(rows)
        return 0
    if not rows:
        print("no sprints yet: write specs/0001-first-model.yaml")
        return 0
    name = max(len(row.sprint) for row in rows)
    state = max(len(row.label) for row in rows)
    for row in rows:
        print(f"{row.sprint:<{name}}  {row.label:<{state}}  {row.detail}".rstrip())
    return 0
