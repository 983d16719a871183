"""`flywheel similar`: which images look most like one."""

from __future__ import annotations

import argparse
from pathlib import Path

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say, whole
from runner.cli.embed import add_source

EXAMPLE = """\
  flywheel similar data/images/train/x.jpg             the twelve that look most like it
  flywheel similar images/train/x.jpg --top 30         named as the index does
  flywheel similar new.jpg --sheet new-and-known.png   an image that is not in the dataset"""
MOST = 100


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands, "similar", "list the images that look most like one, with a contact sheet", EXAMPLE, execute
    )
    parser.add_argument(
        "image", type=Path, metavar="IMAGE", help="a file, or an image by its path in the dataset"
    )
    parser.add_argument("--top", type=whole(1, MOST), default=12, metavar="N", help="how many (default: 12)")
    parser.add_argument(
        "--sheet", type=Path, default=None, metavar="FILE.png", help="where the contact sheet is written"
    )
    add_source(parser)
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.config.load import load_project
    from runner.workflow.embedding import source_named
    from runner.workflow.similar import similar

    root = project_root(options)
    project = load_project(root)
    found = similar(
        root,
        project,
        options.image,
        source_named(project, options.source),
        top=options.top,
        sheet=options.sheet.resolve() if options.sheet else None,
        pull=options.pull,
        say=say,
    )
    if options.format == "json":
        print_json(found)
    else:
        from runner.report.embedded import render_similar

        print(render_similar(found))
    return 0
