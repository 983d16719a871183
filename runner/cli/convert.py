"""`flywheel convert`: change a dataset of one format into another."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

from runner.cli.common import LAYOUT_NAMES, TASK_NAMES, WRITER_NAMES, Subparsers, command, print_json
from runner.domain.errors import ExitCode

EXAMPLE = """\
  flywheel convert ../coco ../yolo                            any format that init reads, as YOLO
  flywheel convert ../yolo ../coco --layout coco              and the other way round
  flywheel convert ../yolo ../two --classes dog,cat           of two classes, in this order
  flywheel convert ../coco ../yolo --strict                   refuse if anything is lost"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "convert",
        "write a dataset in another format, and say what that cannot hold",
        EXAMPLE,
        execute,
    )
    parser.add_argument("source", type=Path, metavar="FROM", help="the dataset's folder; it is not changed")
    parser.add_argument("target", type=Path, metavar="TO", help="a new or empty folder")
    parser.add_argument(
        "--layout",
        choices=WRITER_NAMES,
        metavar="LAYOUT",
        default="yolo",
        help="the format to write: %(choices)s (default: %(default)s)",
    )
    parser.add_argument(
        "--task",
        choices=TASK_NAMES,
        metavar="TASK",
        default=None,
        help="what the labels are read for: %(choices)s (default: found out; outlines as outlines, where all labels have one)",
    )
    parser.add_argument(
        "--read-as",
        choices=LAYOUT_NAMES,
        metavar="LAYOUT",
        default=None,
        help="the layout to read, where FROM looks like several: %(choices)s (default: found out)",
    )
    parser.add_argument(
        "--classes",
        type=lambda text: next(csv.reader([text])),
        default=None,
        metavar="A,B,C",
        help='the classes to keep, in their new order (default: all); a comma in a name: "a,b",c',
    )
    parser.add_argument(
        "--images",
        choices=("copy", "link", "none"),
        default="copy",
        help="copy them, link them (hard links: a second name for the same file), or write labels only",
    )
    parser.add_argument(
        "--strict", action="store_true", help="write nothing if anything is lost (exit code 2)"
    )


def execute(options: argparse.Namespace) -> int:
    from runner.writers.convert import ConvertOptions, convert
    from runner.writers.wording import conversion_text

    asked = ConvertOptions(
        layout=options.layout,
        task=options.task,
        read_as=options.read_as,
        classes=options.classes,
        images=options.images,
        strict=options.strict,
    )
    result = convert(options.source.resolve(), options.target.resolve(), asked)
    if options.format == "json":
        print_json(result)
    else:
        print(conversion_text(result))
    if not result.written:
        print(
            "error: something would be lost, so nothing was written\n  hint: leave --strict out to write the rest",
            file=sys.stderr,
        )
        return int(ExitCode.INVALID_CONFIGURATION)
    return 0
