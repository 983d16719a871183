"""`flywheel query`: which images or objects satisfy a condition."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say

EXAMPLE = """\
  flywheel query "brightness < 0.2 AND n_platelet > 0"
  flywheel query "camera = 'dock'" --sort sharpness --limit 20 --sheet blurred.png
  flywheel query "class = 'platelet' AND area_px < 100" --objects
  flywheel query "entropy > 0.8" --sort entropy --descending      of the pool, after `flywheel score`
  flywheel query "labelled" --format csv > labelled.csv"""
LIMIT = 20


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "query",
        "count, list and show the images or objects that satisfy a condition",
        EXAMPLE,
        execute,
        formats=("text", "json", "csv"),
    )
    parser.add_argument("condition", metavar="CONDITION", help="a SQL expression, as in a spec's `where`")
    parser.add_argument("--objects", action="store_true", help="ask about objects instead of images")
    parser.add_argument(
        "--limit",
        type=_limit,
        metavar="N",
        help=f"list at most N (default: {LIMIT}; all with --format json or csv)",
    )
    parser.add_argument(
        "--sort", metavar="COLUMN", help="list in the order of this column (default: by path)"
    )
    parser.add_argument("--descending", action="store_true", help="the largest first")
    parser.add_argument(
        "--sheet",
        type=Path,
        metavar="FILE.png",
        help="write a contact sheet of the listed images, with their labels",
    )
    add_root(parser)


def _limit(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError("a whole number from 0 on")
    return int(text)


def execute(options: argparse.Namespace) -> int:
    from runner.assessment.query import Query
    from runner.workflow.querying import query

    asked = Query(
        condition=options.condition,
        table="objects" if options.objects else "images",
        sort=options.sort,
        descending=options.descending,
        limit=LIMIT if options.limit is None and options.format == "text" else options.limit,
    )
    result = query(project_root(options), asked, options.sheet, say)
    match options.format:
        case "json":
            print_json(result)
        case "csv":
            from runner.report.queried import query_csv

            sys.stdout.write(query_csv(result))
        case _:
            from runner.report.queried import render_query

            print(render_query(result))
    if options.sheet is not None:
        print(f"contact sheet: {options.sheet}", file=sys.stderr)
    return 0
