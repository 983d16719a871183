"""`flywheel ci JOB`: what the workflows call. Each job reads the forge's environment; nobody types these by hand."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.cli.common import Subparsers, add_root, command, project_root

EXAMPLE = """\
  flywheel ci plan --base BASE_SHA --output out      in plan.yml: writes out/plan.json
  flywheel ci sprint --base BASE_SHA --output out    in run-sprint.yml: runs, and writes out/bundle and out/outputs
  flywheel ci publish --run-id 123                   in report.yml: comments and checks"""

JOBS = {
    "plan": "plan what a pull request proposes; no secrets are needed",
    "sprint": "run the sprints that a pull request proposes, under the base's terms, and pack their bundles",
    "publish": "put a plan or a report on its pull request",
    "pictures": "put a report's pictures on the branch flywheel-reports",
    "promote": "record what was merged, verify it, and promote it",
    "chat": "answer a comment that begins with /flywheel",
}


def add_parser(commands: Subparsers) -> None:
    parser = command(commands, "ci", "do one job of the pull request loop, inside CI", EXAMPLE, execute)
    parser.add_argument(
        "job",
        choices=tuple(JOBS),
        metavar="JOB",
        help="; ".join(f"{name}: {what}" for name, what in JOBS.items()),
    )
    parser.add_argument("--base", metavar="SHA", help="the commit of the base branch that judges")
    parser.add_argument("--head", metavar="SHA", help="the proposed commit (default: what is checked out)")
    parser.add_argument(
        "--output", type=Path, metavar="DIR", help="where plan.json, the bundle and the outputs go"
    )
    parser.add_argument("--run-id", type=int, metavar="N", help="the run whose artifacts are published")
    parser.add_argument("--sprint", metavar="SPRINT", help="promote: this sprint, instead of what was merged")
    parser.add_argument("--rollback", metavar="SPRINT", help='promote: go back to this sprint ("previous")')
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    root = project_root(options)
    match options.job:
        case "plan":
            from runner.jobs import plan

            return plan.run(root, base=options.base, head=options.head, output=options.output)
        case "sprint":
            from runner.jobs import sprint

            return sprint.run(root, base=options.base, head=options.head, output=options.output)
        case "publish":
            from runner.jobs import publish

            return publish.run(root, run_id=options.run_id)
        case "pictures":
            from runner.jobs import pictures

            return pictures.run(root, run_id=options.run_id)
        case "promote":
            from runner.jobs import promote

            return promote.run(root, sprint=options.sprint, rollback=options.rollback)
        case _:
            from runner.jobs import chat

            return chat.run(root)
