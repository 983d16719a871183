"""`flywheel next`: what to do next, on what evidence; with `--write` the sprint that does it."""

from __future__ import annotations

import argparse
import sys

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root

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
    from runner.workflow.recommending.next import advise, render, write

    root = project_root(options)
    advice = advise(root, options.sprint, lambda line: print(line, file=sys.stderr))
    if options.write or options.option is not None:
        advice = write(root, advice, options.option)
    if options.format == "json":
        print_json(advice)
    else:
        print(render(advice))
    return 0
