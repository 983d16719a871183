"""`flywheel verify`: whether a report follows from the stored predictions, to the byte."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.workflow.verifying.verify import Verification

EXAMPLE = """\
  flywheel verify reports/0001-first-model
  flywheel verify 0001-first-model --format json"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "verify",
        "make metrics, verdict and report again from the stored predictions, and compare them to the byte",
        EXAMPLE,
        execute,
    )
    parser.add_argument("sprint", metavar="SPRINT", help="a sprint's folder, its name or its number")
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.domain.errors import ExitCode
    from runner.workflow.verifying.verify import verify

    result = verify(_root(options), options.sprint)
    if options.format == "json":
        print_json(result)
    else:
        print(render(result))
    return int(ExitCode.GATE_NOT_PASSED if result.findings else ExitCode.PASS)


def _root(options: argparse.Namespace) -> Path:
    """The project that a folder lies in, wherever the command is typed."""
    folder = Path(options.sprint)
    if options.root is None and folder.is_dir():
        options.root = folder
    return project_root(options)


def render(result: Verification) -> str:
    """What was found, one file to a line."""
    head = f"{result.sprint}: {result.compared} files compared, {len(result.rebuilt)} made again"
    same = "the same numbers and outcomes; another version of flywheel wrote it"
    if not result.compared and not result.rebuilt and not result.findings:
        same = "nothing could be compared"
    lines = [f"{head}: {'identical' if result.identical else 'NOT identical' if result.findings else same}"]
    listed = [*result.findings, *result.renderings]
    width = max((len(finding.problem) for finding in listed), default=0)
    for finding in listed:
        detail = f": {finding.detail}" if finding.detail else ""
        lines.append(f"  {finding.problem:<{width}}  {finding.file}{detail}")
    lines += [f"  not compared: {part}/ is not here, and no number rests on it" for part in result.absent]
    lines += [f"  not compared: {note}" for note in result.notes]
    if result.hint:
        lines.append(f"  hint: to verify with the project as it was recorded: {result.hint}")
    return "\n".join(lines)
