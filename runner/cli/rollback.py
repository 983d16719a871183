"""`flywheel rollback`: the stage goes back to a model that held it before."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.workflow.promoting.rollback import Rollback

EXAMPLE = """\
  flywheel rollback --push                    to the champion before today's
  flywheel rollback 0001-first-model          to a sprint that held the stage once"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "rollback",
        "assign the stage to the previous champion again, or to the named one; nothing is deleted",
        EXAMPLE,
        execute,
    )
    parser.add_argument(
        "sprint", nargs="?", metavar="SPRINT", help="a sprint that held the stage (default: the previous one)"
    )
    parser.add_argument("--push", action="store_true", help="push the commit and the tags, all or nothing")
    parser.add_argument("--dry-run", action="store_true", help="say what would be done, and change nothing")
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.promoting.rollback import rollback

    result = rollback(project_root(options), options.sprint, push=options.push, dry_run=options.dry_run)
    if options.format == "json":
        print_json(result)
    else:
        print(render(result, named=options.sprint is not None))
    return 0


def render(result: Rollback, *, named: bool) -> str:
    """What was done, and what comes next."""
    match result.result:
        case "rolled back":
            head = f"rolled back from {result.before or 'none'} to {result.sprint} ({result.version}): {result.tag}"
        case "would roll back":
            head = f"would roll back from {result.before or 'none'} to {result.sprint} ({result.version})"
        case "unchanged":
            head = f"{result.sprint} ({result.version}) holds the stage already: {result.tag}"
    lines = [head]
    if result.result == "unchanged" and not named:
        lines.append(
            "  it was rolled back; to go further back: flywheel rollback SPRINT (flywheel history shows which)"
        )
    if result.pushed:
        lines.append("  pushed: the branch, and every tag of the model that the remote lacked")
    elif result.result == "rolled back":
        lines.append(f"  not pushed; next: flywheel rollback {result.sprint} --push")
    return "\n".join(lines)
