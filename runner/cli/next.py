"""`flywheel next`: what to do next, on what evidence; with `--write` the sprint that does it."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, say

if TYPE_CHECKING:
    from runner.workflow.recommending.next import Advice

EXAMPLE = """\
  flywheel next                          label, clean, tune, collect, label for the test split, ship or stop
  flywheel next --write                  the recommended sprint as a spec that can be proposed
  flywheel next --write --option label   another option than the recommended one, or where there is none"""
OPTIONS = ("label", "clean", "tune", "label_test")


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "next",
        "recommend what to do next, with its expected gain and cost, and write the sprint that does it",
        EXAMPLE,
        execute,
    )
    add_sprint(parser)
    parser.add_argument(
        "--write", action="store_true", help="write the sprint as specs/NNNN-….yaml; nothing is overwritten"
    )
    parser.add_argument(
        "--option",
        choices=OPTIONS,
        default=None,
        metavar="OPTION",
        help="with --write: this one, whatever is recommended: %(choices)s",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import FlywheelError
    from runner.workflow.recommending.next import advise, render, write

    root = project_root(options)
    if options.option is not None and not options.write:
        raise FlywheelError(
            "--option says what is written: it needs --write",
            hint=f"flywheel next --write --option {options.option}",
        )
    advice = advise(root, options.sprint, say)
    if options.write:
        advice = write(root, advice, options.option)
        _draw(root, advice)
    if options.format == "json":
        print_json(advice)
    else:
        print(render(advice))
    return 0


def _draw(root: Path, advice: Advice) -> None:
    """The batch of a sprint that asks for one. The spec stays where it cannot be drawn: what is missing is said."""
    from runner.domain.errors import FlywheelError
    from runner.labelling.batch import batch

    if advice.sprint is None:
        return
    try:
        drawn = batch(root, advice.sprint, redraw=False, pull=False, say=say)
    except FlywheelError as error:
        say(f"warning: its batch is not drawn: {error}")
    else:
        say(f"drawn: {len(drawn.images)} images: {drawn.folder}/")
