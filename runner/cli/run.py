"""`flywheel run`: the plan, the stages, the verdict and the report."""

from __future__ import annotations

import argparse

from runner.cli.common import (
    Subparsers,
    add_root,
    add_sprint,
    command,
    print_json,
    project_root,
    say,
    wants_color,
)

EXAMPLE = """\
  flywheel run                             the newest sprint
  flywheel run 0001-first-model --pull     fetch through DVC first what is not here
  flywheel run 0002-dark --base main       judged by the policy, slices and gates of main, as a pull request is"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "run",
        "run a sprint's stages that changed, judge it, and write its report",
        EXAMPLE,
        execute,
    )
    add_sprint(parser)
    parser.add_argument(
        "--pull",
        action="store_true",
        help="first fetch through DVC what is missing here: dataset, champion, outputs of a run that was pushed",
    )
    parser.add_argument(
        "--base",
        metavar="REF",
        help="judge under the terms of this branch or commit, not under what is changed here",
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.workflow.running.run import run

    outcome = run(project_root(options), options.sprint, pull=options.pull, say=say, base=options.base)
    if options.format == "json":
        print_json(outcome.report)
    else:
        from runner.report.terminal import render

        print(render(outcome.report, color=wants_color()))
        print(f"report: {outcome.folder}/report.md  (report.json and plots/ beside it)")
    return outcome.exit_code
