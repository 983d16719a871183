"""`flywheel validate`: every error of every file, in one pass."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

if TYPE_CHECKING:
    from runner.domain.errors import FlywheelError

EXAMPLE = """\
  flywheel validate                        flywheel.yaml and every spec
  flywheel validate 0001-first-model       flywheel.yaml and this spec
  flywheel validate specs/0001-first-model.yaml --format json
  flywheel validate --format github        in a workflow: each error at its line of the pull request"""


def add_parser(commands: Subparsers) -> None:
    parser = command(
        commands,
        "validate",
        "check flywheel.yaml and the specs without running anything",
        EXAMPLE,
        execute,
        formats=("text", "json", "github"),
    )
    parser.add_argument(
        "sprints", nargs="*", metavar="SPRINT", help="a sprint's name or its file (default: all)"
    )
    add_root(parser)


def execute(options: argparse.Namespace) -> int:
    from runner.config.load import list_sprints, validate
    from runner.config.numbers import shared_numbers
    from runner.domain.errors import ConfigurationErrors, ExitCode

    root = project_root(options)
    warnings = [] if options.sprints else shared_numbers(root)
    errors = validate(root, options.sprints or None, warnings)
    match options.format:
        case "json":
            told = {"errors": _rows(errors), "warnings": _rows(warnings)}
            print_json({"valid": not errors, **told})
        case "github":
            _annotate(root, errors, warnings)
        case _:
            for warning in warnings:
                print(f"warning: {warning}", file=sys.stderr)
            if errors:
                raise ConfigurationErrors(errors)
    if errors:
        return int(ExitCode.INVALID_CONFIGURATION)
    if options.format != "json":
        checked = options.sprints or list_sprints(root)
        print(f"valid: flywheel.yaml and {len(checked)} spec{'s' if len(checked) != 1 else ''}")
    return int(ExitCode.PASS)


def _rows(errors: Sequence[FlywheelError]) -> list[dict[str, object]]:
    return [
        {
            "file": error.where.file if error.where else None,
            "line": error.where.line if error.where else None,
            "column": error.where.column if error.where else None,
            "message": error.message,
            "hint": error.hint,
        }
        for error in errors
    ]


def _annotate(root: Path, errors: Sequence[FlywheelError], warnings: Sequence[FlywheelError]) -> None:
    from runner.adapters.git.repository import folder_in_repository
    from runner.planning.proposal import problem_of
    from runner.report.annotations import print_problems

    folder = folder_in_repository(root)
    print_problems([problem_of(warning) for warning in warnings], folder, level="warning")
    print_problems([problem_of(error) for error in errors], folder)
