"""`flywheel score`: how unsure the champion is of each image of the pool."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say

EXAMPLE = """\
  flywheel score                           the champion predicts on the images of splits.pool
  flywheel score --pull                    fetch through DVC first what is not here
  flywheel score --format json             the counts and the spread of each measure"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "score",
        "run the champion on the pool, and say how unsure it is of the images there",
        EXAMPLE,
        execute,
    )
    parser.add_argument(
        "--pull",
        action="store_true",
        help="first fetch through DVC what is missing here: dataset, champion, outputs of a run that was pushed",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.scoring import score

    scored = score(project_root(options), pull=options.pull, say=say)
    if options.format == "json":
        print_json(scored.scores)
    else:
        from runner.report.scores import render

        print(render(scored.scores))
        print(f"\nscores: {scored.folder}/images.parquet, one row per image  (scores.json beside it)")
    return 0
