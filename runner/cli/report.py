"""`flywheel report`: render a sprint's report again from what its stages wrote."""

from __future__ import annotations

import argparse
import sys

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, wants_color

EXAMPLE = """\
  flywheel report                                      the newest sprint's, for the terminal
  flywheel report 0001-first-model --format markdown   what the pull request shows"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "report",
        "judge a sprint again from its stage outputs and show the report",
        EXAMPLE,
        execute,
        formats=("text", "json", "markdown"),
    )
    parser.add_argument(
        "sprint", nargs="?", metavar="SPRINT", help="a sprint's name or its file (default: the newest)"
    )
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=60_000,
        metavar="N",
        help="with markdown: shorten to at most N bytes (default: %(default)s, what a comment holds)",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.report import report

    outcome = report(project_root(options), options.sprint)
    if options.format == "json":
        print_json(outcome.report)
    elif options.format == "markdown":
        from runner.report import markdown

        sys.stdout.write(markdown.render(outcome.report, max_bytes=options.max_bytes))
    else:
        from runner.report import terminal

        print(terminal.render(outcome.report, color=wants_color()))
        print(f"report: {outcome.folder}/report.md")
    return outcome.exit_code
