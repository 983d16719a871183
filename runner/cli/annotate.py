"""`flywheel annotate push | status | pull`: a sprint's batch goes to annotators, and their answers into the dataset."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, say
from runner.domain.errors import ExitCode

EXAMPLE = """\
  flywheel annotate push 0002-night        hand the batch out to annotation.tool, with pre-annotations
  flywheel annotate status                 how many images are answered, and by whom
  flywheel annotate pull                   merge what is answered, track it with DVC, commit it on this branch
  flywheel annotate pull --finished        what came back as it was sent was looked at, too"""

ACTIONS = {
    "push": "hand out what annotators do not have yet",
    "status": "say how far they are",
    "pull": "take what is answered",
}


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "annotate",
        "hand a batch out to annotators, and merge what they answer into the dataset",
        EXAMPLE,
        execute,
    )
    parser.add_argument(
        "action", choices=tuple(ACTIONS), help="; ".join(f"{name}: {what}" for name, what in ACTIONS.items())
    )
    add_sprint(parser)
    parser.add_argument(
        "--finished",
        action="store_true",
        help="pull: the annotators looked at everything, so what came back as it was sent is an answer, and an image that fewer "
        "annotators answered than were to is not waited for",
    )
    parser.add_argument("--no-commit", action="store_true", help="pull: leave the commit to you")
    parser.add_argument(
        "--commit-here", action="store_true", help="pull: commit although the default branch is checked out"
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.report import annotated

    root = project_root(options)
    if options.action == "push":
        from runner.labelling.push import push

        pushed = push(root, options.sprint, say=say)
        return _show(options, pushed, annotated.pushed)
    if options.action == "status":
        from runner.labelling.pull import status

        return _show(options, status(root, options.sprint, say=say), annotated.status)
    from runner.labelling.pull import pull

    pulled = pull(
        root,
        options.sprint,
        finished=options.finished,
        commit=not options.no_commit,
        on_default_branch=options.commit_here,
        say=say,
    )
    _show(options, pulled, annotated.pulled)
    return ExitCode.GATE_NOT_PASSED if pulled.failed else ExitCode.PASS


def _show(options: argparse.Namespace, record: object, render: object) -> int:
    if options.format == "json":
        print_json(record)
    else:
        print(render(record))  # type: ignore[operator]
    return 0
