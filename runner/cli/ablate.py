"""`flywheel ablate`: what a sprint's labelling strategy caused, beside its control arm."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say

EXAMPLE = """\
  flywheel ablate 0002-dark              five pairs of twins: ten trainings as long as the sprint's
  flywheel ablate 0002-dark --pairs 3    six trainings, and half as likely to tell a gain from none"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "ablate",
        "train twins without the strategy's images, and say what the strategy caused",
        EXAMPLE,
        execute,
    )
    parser.add_argument(
        "sprint", metavar="SPRINT", nargs="?", help="a sprint's name or its file; the newest when absent"
    )
    parser.add_argument(
        "--pairs",
        type=_pairs,
        default=5,
        help="of twins, each on other images of the two arms and with a seed of its own (5; at least 2)",
    )
    add_root(parser)


def _pairs(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if not 2 <= number <= 50:
        raise argparse.ArgumentTypeError(
            f"{text!a} is no number from 2 to 50: one pair cannot tell the choice from luck"
        )
    return number


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.ablating import ablate

    made = ablate(project_root(options), options.sprint, pairs=options.pairs, say=say)
    if options.format == "json":
        print_json(made)
        return 0
    from runner.report.sections.worth import caused_by

    for gain in made.gains:
        print(caused_by(gain))
    print(
        f"{made.chosen} images of the batch were picked by a strategy and {made.control} are of the control arm; the report has it too."
    )
    return 0
