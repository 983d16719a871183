"""What the commands' parsers share."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Subparsers = Any  # argparse's own type for it is private


class Choices(Sequence[str]):
    """Names that an option takes, looked up when they are compared with or shown: `flywheel --help` shows none of them.

    The option needs a metavar, and `%(choices)s` in its help.
    """

    def __init__(self, names: Callable[[], Sequence[str]]) -> None:
        self.names = names

    def __len__(self) -> int:
        return len(self.names())

    def __getitem__(self, at: Any) -> Any:
        return self.names()[at]


def _layouts() -> Sequence[str]:
    from runner.layouts import LAYOUTS

    return tuple(LAYOUTS)


def _tasks() -> Sequence[str]:
    from runner.domain import task

    return task.TASK_NAMES


def _writers() -> Sequence[str]:
    from runner.writers import WRITERS

    return tuple(WRITERS)


LAYOUT_NAMES, TASK_NAMES, WRITER_NAMES = Choices(_layouts), Choices(_tasks), Choices(_writers)


def command(
    commands: Subparsers,
    name: str,
    summary: str,
    example: str,
    execute: Callable[[argparse.Namespace], int],
    *,
    formats: tuple[str, ...] = ("text", "json"),
) -> argparse.ArgumentParser:
    """Adds one command with the options that all of them have."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=summary,
        description=summary[0].upper() + summary[1:] + ".",
        epilog=f"example:\n{example}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--format", choices=formats, default="text", help="how the result is printed")
    parser.add_argument("--debug", action="store_true", help="show the traceback of an error")
    parser.set_defaults(execute=execute)
    return parser


def add_root(parser: argparse.ArgumentParser) -> None:
    """The option for commands that work inside a project."""
    parser.add_argument(
        "--root",
        type=Path,
        default=None,
        metavar="DIR",
        help="the project (default: the folder of flywheel.yaml above here)",
    )


def add_sprint(parser: argparse.ArgumentParser) -> None:
    """The sprint that a command is about, where it may be left out."""
    parser.add_argument(
        "sprint", nargs="?", metavar="SPRINT", help="a sprint's name or its file (default: the newest)"
    )


def whole(least: int, most: int) -> Callable[[str], int]:
    """Reads an option's whole number from `least` to `most`; any other text is an error that says so."""

    def number(text: str) -> int:
        value = int(text) if text.isdecimal() and len(text) < 12 else -1
        if not least <= value <= most:
            raise argparse.ArgumentTypeError(f"{text!a} is no number from {least} to {most}")
        return value

    return number


def project_root(options: argparse.Namespace) -> Path:
    """The project's folder.

    Raises:
        FlywheelError: there is no flywheel.yaml in the folder or above it.
    """
    from runner.config.root import find_root

    return find_root((options.root or Path.cwd()).resolve())


def wants_color() -> bool:
    """Whether to colour what goes to stdout."""
    return sys.stdout.isatty() and "NO_COLOR" not in os.environ


def say(line: str) -> None:
    """A line about what is done, to stderr: stdout is for results."""
    print(line, file=sys.stderr, flush=True)


def print_json(record: Any) -> None:
    """Prints a record as JSON."""
    from runner.domain.files import encode_json

    sys.stdout.write(encode_json(record).decode())
