"""`flywheel select`: what a sprint's rules leave of each split, and why an image is in or out."""

from __future__ import annotations

import argparse
import sys

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, say

EXAMPLE = """\
  flywheel select                          the newest sprint: what each rule leaves of each split
  flywheel select 0002-night --explain images/train/dock-041.jpg
  flywheel select --explain dock-041.jpg   the end of a path is enough where one image has it
  flywheel select --explain 3f0a91c24be7 --format json"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands, "select", "show which images a sprint uses for what, and why", EXAMPLE, execute
    )
    add_sprint(parser)
    parser.add_argument(
        "--explain",
        metavar="IMAGE",
        help="why this image is in or out: its path, the end of it, or its content hash",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import ExitCode
    from runner.workflow.selecting import explanation, selection

    root = project_root(options)
    if options.explain is not None:
        explained = explanation(root, options.sprint, options.explain, say)
        if options.format == "json":
            print_json(explained)
        else:
            from runner.report.explained import render_explanation

            print(render_explanation(explained))
        return int(ExitCode.PASS)
    steps = selection(root, options.sprint, say)
    if options.format == "json":
        print_json(steps)
    else:
        from runner.report.explained import render_steps

        print(render_steps(steps))
        if steps.problem is not None:
            print(f"error: {steps.problem}", file=sys.stderr)
    return int(ExitCode.PASS if steps.problem is None else ExitCode.STAGE_FAILED)
