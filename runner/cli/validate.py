"""`flywheel validate`: every error of every file, in one pass."""

from __future__ import annotations

import argparse

from runner.cli.common import Subparsers, add_root, command, print_json, project_root

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
    from runner.domain.errors import ConfigurationErrors, ExitCode

    root = project_root(options)
    errors = validate(root, options.sprints or None)
    if options.format == "json":
        rows = [
            {
                "file": error.where.file if error.where else None,
                "line": error.where.line if error.where else None,
                "column": error.where.column if error.where else None,
                "message": error.message,
                "hint": error.hint,
            }
            for error in errors
        ]
        print_json({"valid": not errors, "errors": rows})
        return int(ExitCode.INVALID_CONFIGURATION if errors else ExitCode.PASS)
    if errors and options.format == "github":
        from runner.adapters.git import folder_in_repository
        from runner.planning.proposal import problem_of
        from runner.report.annotations import print_problems

        print_problems([problem_of(error) for error in errors], folder_in_repository(root))
        return int(ExitCode.INVALID_CONFIGURATION)
    if errors:
        raise ConfigurationErrors(errors)
    checked = options.sprints or list_sprints(root)
    print(f"valid: flywheel.yaml and {len(checked)} spec{'s' if len(checked) != 1 else ''}")
    return int(ExitCode.PASS)
