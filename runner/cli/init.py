"""`flywheel init`: adopt an existing dataset."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.cli.common import LAYOUT_NAMES, TASK_NAMES, Subparsers, command, print_json

EXAMPLE = """\
  mkdir dice && cd dice
  flywheel init --data ../datasets/dice                           train from scratch
  flywheel init --data ../datasets/dice --weights ../yolo26n.pt   start from weights that you have
  flywheel init --data ../datasets/signs                          a folder per class: classification
  flywheel init --schemas                                         only the schemas for editors, after an upgrade
  flywheel init --data ../photos --task detect --classes cat,dog  images without labels: the first sprint is a batch
  flywheel init --workflows                                       only the workflows, into a project that is there"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "init",
        "start a project from an existing dataset (YOLO, COCO, VOC, CVAT, Label Studio, a manifest, or a folder per class)",
        EXAMPLE,
        execute,
    )
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--data", type=Path, metavar="PATH", help="the dataset's folder; it is copied")
    what.add_argument(
        "--workflows",
        action="store_true",
        help="write .github only, for the repository of the remote `origin`",
    )
    what.add_argument(
        "--schemas",
        action="store_true",
        help="write .schemas only, by which an editor completes and checks: for this version of flywheel",
    )
    parser.add_argument(
        "--into", type=Path, default=Path(), metavar="DIR", help="the project's folder (default: here)"
    )
    parser.add_argument("--name", default=None, help="the project's name (default: the folder's)")
    parser.add_argument(
        "--weights",
        type=Path,
        default=None,
        metavar="FILE",
        help="a .pt file to fine-tune (default: train from scratch)",
    )
    parser.add_argument(
        "--layout",
        choices=LAYOUT_NAMES,
        metavar="LAYOUT",
        default=None,
        help="how labels are written: %(choices)s (default: found out)",
    )
    parser.add_argument(
        "--task",
        choices=TASK_NAMES,
        metavar="TASK",
        default=None,
        help="what the labels are for: %(choices)s (default: found out)",
    )
    parser.add_argument(
        "--classes",
        metavar="NAMES",
        default=None,
        help="of images without labels: what annotators will draw, with commas; every image goes into the pool, and the first "
        "sprint asks for a batch of labels",
    )
    parser.add_argument(
        "--branch",
        default=None,
        metavar="NAME",
        help="the default branch that the workflows are for (default: what the clone knows, else a guess, and it says so)",
    )
    parser.add_argument(
        "--force", action="store_true", help="replace files of an earlier init; data is never replaced"
    )


def execute(options: argparse.Namespace) -> int:
    if options.workflows:
        return _workflows(options)
    if options.schemas:
        return _schemas(options)
    from runner.scaffold.init import initialise, render

    result = initialise(
        options.into.resolve(),
        options.data.resolve(),
        name=options.name,
        weights=options.weights.resolve() if options.weights else None,
        layout=options.layout,
        task=options.task,
        force=options.force,
        branch=options.branch,
        classes=[name.strip() for name in options.classes.split(",")] if options.classes is not None else (),
    )
    if options.format == "json":
        print_json(result)
    else:
        print(render(result))
    return 0


def _schemas(options: argparse.Namespace) -> int:
    from runner.config.root import find_root
    from runner.scaffold.schemas import render_schemas, write_schemas

    result = write_schemas(find_root(options.into.resolve()))
    if options.format == "json":
        print_json(result)
    else:
        print(render_schemas(result))
    return 0


def _workflows(options: argparse.Namespace) -> int:
    from runner.scaffold.workflows import render_workflows, write_workflows

    result = write_workflows(options.into.resolve(), force=options.force, branch=options.branch)
    if options.format == "json":
        print_json(result)
    else:
        print(render_workflows(result))
    return 0
