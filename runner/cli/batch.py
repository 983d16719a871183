"""`flywheel batch`: the next images to be labelled are drawn from the pool."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say

EXAMPLE = """\
  flywheel batch 0002-dark                  draw the images that annotation.batch of the spec asks for
  flywheel batch 0002-dark --format json    each with its arm, score and reason
  flywheel batch 0002-dark --redraw         after a change of annotation.batch, before anybody was asked"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands, "batch", "draw a sprint's next images to be labelled from the pool", EXAMPLE, execute
    )
    parser.add_argument(
        "sprint", nargs="?", metavar="SPRINT", help="its name, its number or its spec; the newest when absent"
    )
    parser.add_argument(
        "--redraw", action="store_true", help="draw anew what was drawn, as long as nobody was asked"
    )
    parser.add_argument(
        "--pull", action="store_true", help="first fetch through DVC what is missing here: dataset, models"
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.labelling.batch import batch

    found = batch(project_root(options), options.sprint, redraw=options.redraw, pull=options.pull, say=say)
    if options.format == "json":
        print_json(found)
    else:
        from runner.report.batch import render

        print(render(found.batch, found.images, found.folder, drawn=found.drawn))
    return 0
