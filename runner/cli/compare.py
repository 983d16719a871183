"""`flywheel compare`: two sprints side by side."""

from __future__ import annotations

import argparse
import sys

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

EXAMPLE = """\
  flywheel compare 0001-first-model 0002-dark
  flywheel compare 1 2 --format markdown          a table to paste into an issue"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "compare",
        "show two sprints side by side: quality, slices, classes, speed, cost",
        EXAMPLE,
        execute,
        formats=("text", "json", "markdown"),
    )
    parser.add_argument("before", metavar="BEFORE", help="a sprint's name, number or file")
    parser.add_argument("after", metavar="AFTER", help="the one that is held against it")
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.report.compare import render, render_markdown
    from runner.workflow.compare import compare_sprints

    result = compare_sprints(project_root(options), options.before, options.after)
    match options.format:
        case "json":
            print_json(result)
        case "markdown":
            sys.stdout.write(render_markdown(result))
        case _:
            print(render(result))
    return 0
