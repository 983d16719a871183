"""`flywheel report`: render a sprint's report again from what its stages wrote."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, wants_color

EXAMPLE = """\
  flywheel report                                      the newest sprint's, for the terminal
  flywheel report 0001-first-model --format markdown   what reports/0001-first-model/report.md shows
  flywheel report --format html --output report.html   one file with all pictures, to send to somebody"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "report",
        "judge a sprint again from its stage outputs and show the report",
        EXAMPLE,
        execute,
        formats=("text", "json", "markdown", "html"),
    )
    add_sprint(parser)
    parser.add_argument(
        "--max-bytes",
        type=int,
        default=60_000,
        metavar="N",
        help="with markdown: shorten to at most N bytes (default: %(default)s, what a comment holds)",
    )
    parser.add_argument(
        "--output", type=Path, metavar="FILE", help="with html: write the page there (default: to stdout)"
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import FlywheelError
    from runner.workflow.judging.report import report

    if options.output is not None and options.format != "html":
        raise FlywheelError(
            "--output goes with --format html", hint="flywheel report --format html --output report.html"
        )
    root = project_root(options)
    outcome = report(root, options.sprint)
    if options.format == "json":
        print_json(outcome.report)
    elif options.format == "markdown":
        from runner.report import markdown

        sys.stdout.write(markdown.render(outcome.report, max_bytes=options.max_bytes))
    elif options.format == "html":
        from runner.pullrequests.html_page import page, write_page

        text = page(outcome.report, root / outcome.folder)
        if options.output is None:
            sys.stdout.write(text)
        else:
            write_page(options.output, text)
            print(f"report: {options.output}")
    else:
        from runner.report import terminal

        print(terminal.render(outcome.report, color=wants_color()))
        print(f"report: {outcome.folder}/report.md")
    return outcome.exit_code
