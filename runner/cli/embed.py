"""`flywheel embed`: the vectors of the project's images, computed where they are missing."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, command, print_json, project_root, say

EXAMPLE = """\
  flywheel embed                           by the network that flywheel.yaml names, else lite0
  flywheel embed --source champion         by the backbone of the champion's model
  flywheel similar data/images/x.jpg       then: what looks like it"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "embed",
        "compute the embeddings of the project's images that are missing",
        EXAMPLE,
        execute,
    )
    add_source(parser)
    add_root(parser)


def add_source(parser: argparse.ArgumentParser) -> None:
    """The options that say whose vectors are meant."""
    parser.add_argument(
        "--source",
        choices=("lite0", "champion", "onnx"),
        default=None,
        help="the network (default: the one of `embeddings` in flywheel.yaml)",
    )
    parser.add_argument(
        "--pull", action="store_true", help="fetch the champion's model through DVC where it is missing here"
    )


def execute(options: argparse.Namespace) -> int:
    from runner.config.load import load_project
    from runner.workflow.embedding import embed, source_named

    root = project_root(options)
    project = load_project(root)
    source = source_named(project, options.source)
    embedded = embed(root, project, source, pull=options.pull, say=say)
    if options.format == "json":
        print_json(embedded)
    else:
        from runner.report.embedded import render_embedded

        print(render_embedded(embedded))
    return 0
