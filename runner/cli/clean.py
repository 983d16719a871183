"""`flywheel clean`: suspected labels are reviewed, and what was decided becomes a change of the labels."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.cli.common import Subparsers, add_root, add_sprint, command, print_json, project_root, whole

EXAMPLE = """\
  flywheel clean 0002-clean-labels                          list the suspected labels, and draw a page that shows them
  flywheel clean 0002-clean-labels --limit 50               the fifty that are worth most
  flywheel clean 0002-clean-labels --apply                  carry out what review.csv decides, dvc add, commit
  flywheel clean 0002-clean-labels --apply ~/review.csv     with the decisions that the page saved"""
LIST = "list"  # --apply without a file


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "clean",
        "review suspected labels, and change those that are wrong",
        EXAMPLE,
        execute,
    )
    add_sprint(parser)
    parser.add_argument(
        "--limit",
        type=whole(1, 1_000_000),
        default=None,
        metavar="N",
        help="list so many labels (default: 100)",
    )
    parser.add_argument(
        "--budget",
        type=_money,
        default=None,
        metavar="MONEY",
        help="list as many as that pays for, by costs.label.review",
    )
    parser.add_argument(
        "--apply",
        nargs="?",
        const=LIST,
        default=None,
        metavar="FILE",
        help="carry out the decisions of reports/SPRINT/review.csv; of FILE, which are taken over into it first",
    )
    parser.add_argument(
        "--reviewer", default="", metavar="NAME", help="--apply: who decided, where the list does not say"
    )
    parser.add_argument(
        "--include-test",
        action="store_true",
        help="labels of the test split too, on which verdicts rest: the policy asks for an approval",
    )
    parser.add_argument("--no-commit", action="store_true", help="--apply: leave the commit to you")
    parser.add_argument(
        "--commit-here",
        action="store_true",
        help="--apply: commit although the default branch is checked out",
    )
    add_root(parser)


def _money(text: str) -> float:
    try:
        money = float(text)
    except ValueError:
        money = 0.0
    if not 0 < money < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!a} is no sum of money above 0")
    return money


def execute(options: argparse.Namespace) -> int:
    from runner.report import cleaned

    root = project_root(options)
    if options.apply is None:
        from runner.labelling.cleaning.review import review

        found = review(
            root, options.sprint, limit=options.limit, budget=options.budget, test=options.include_test
        )
        return _show(options, found, cleaned.listed)
    from runner.labelling.cleaning.apply import apply

    applied = apply(
        root,
        options.sprint,
        decisions=None if options.apply == LIST else Path(options.apply),
        reviewer=options.reviewer,
        test=options.include_test,
        commit=not options.no_commit,
        on_default_branch=options.commit_here,
    )
    return _show(options, applied, cleaned.applied)


def _show(options: argparse.Namespace, record: object, render: object) -> int:
    if options.format == "json":
        print_json(record)
    else:
        print(render(record))  # type: ignore[operator]
    return 0
