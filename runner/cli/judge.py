"""`flywheel judge`: a sprint against the champion of today, from stored predictions."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say, wants_color

EXAMPLE = """\
  flywheel judge 0002-more-cameras           after another sprint was promoted
  flywheel judge 0002-more-cameras --pull    fetch through DVC first what is not here"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "judge",
        "judge a finished sprint against the champion of today, from stored predictions",
        EXAMPLE,
        execute,
    )
    parser.add_argument("sprint", metavar="SPRINT", help="a sprint's name or its file")
    parser.add_argument(
        "--pull", action="store_true", help="first fetch through DVC the predictions that are not here"
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.judging.judge_again import judge_again

    outcome = judge_again(project_root(options), options.sprint, pull=options.pull, say=say)
    if options.format == "json":
        print_json(outcome.report)
    else:
        from runner.report.terminal import render

        print(render(outcome.report, color=wants_color()))
        print(f"report: {outcome.folder}/report.md  (commit {outcome.folder}, and dvc push)")
    return outcome.exit_code
