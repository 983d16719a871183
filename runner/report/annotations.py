"""Lines that GitHub's runner reads as commands: notes at lines of files, and text that must not be read as commands."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Literal

from runner.domain.errors import Where
from runner.planning.proposal import ConfigProblem

Level = Literal["error", "warning", "notice"]

# Source: escapeData and escapeProperty of github.com/actions/toolkit, packages/core/src/command.ts
_DATA = {"%": "%25", "\r": "%0D", "\n": "%0A"}
_PROPERTY = {**_DATA, ":": "%3A", ",": "%2C"}


def command(
    level: Level,
    message: str,
    *,
    title: str = "",
    file: str = "",
    line: int | None = None,
    column: int | None = None,
) -> str:
    """One annotation; without a file it is of the whole run.

    >>> command("error", "100 % of\\nit", file="specs/a:b,c.yaml", line=3, title="no::such")
    '::error file=specs/a%3Ab%2Cc.yaml,line=3,title=no%3A%3Asuch::100 %25 of%0Ait'
    """
    properties = {"file": file, "line": line, "col": column if line is not None else None, "title": title}
    shown = ",".join(f"{key}={_escaped(str(value), _PROPERTY)}" for key, value in properties.items() if value)
    return f"::{level}{' ' if shown else ''}{shown}::{_escaped(message, _DATA)}"


def of_problems(problems: Iterable[ConfigProblem], folder: str = "", *, level: Level = "error") -> list[str]:
    """A note at the line of each problem.

    Args:
        folder: of the project inside its repository, with a slash at its end: GitHub counts paths from the top.
    """
    return [
        command(
            level,
            f"{problem.message}\n{problem.hint}" if problem.hint else problem.message,
            title="flywheel: not valid" if level == "error" else "flywheel",
            file=f"{folder}{problem.file}",
            line=problem.line,
            column=problem.column,
        )
        for problem in problems
    ]


def print_problems(problems: Sequence[ConfigProblem], folder: str = "", *, level: Level = "error") -> None:
    """Prints each problem to be read in the log, then as an annotation at its line; see `of_problems`."""
    if not problems:
        return
    with untrusted():
        for problem in problems:
            place = Where(problem.file, problem.line, problem.column)
            print(
                f"{level}: {place}: {problem.message}" + (f"\n  hint: {problem.hint}" if problem.hint else "")
            )
    for line in of_problems(problems, folder, level=level):
        print(line)


def _escaped(text: str, characters: dict[str, str]) -> str:
    return "".join(characters.get(character, character) for character in text)


@contextmanager
def untrusted(token: str | None = None) -> Iterator[None]:
    """What is printed inside is shown by GitHub's runner, and never read as a command of a job.

    The runner would obey `::set-output…` at the start of a line, and `##[…]` anywhere in one. It reads stdout and
    stderr side by side, so inside the block stderr goes to stdout: what is printed there cannot slip out of it.

    Args:
        token: what ends the block, which nobody who prints inside it may know; random when absent.

    Source: GitHub docs, "Workflow commands", Stopping and starting workflow commands.
    """
    token = secrets.token_hex(16) if token is None else token
    with _stderr_to_stdout():
        print(f"::stop-commands::{token}", flush=True)
        try:
            yield
        finally:
            sys.stdout.flush()
            # On a line of its own, whatever was printed last.
            print(f"\n::{token}::", flush=True)


@contextmanager
def _stderr_to_stdout() -> Iterator[None]:
    sys.stderr.flush()
    before = os.dup(2)
    stream, sys.stderr = sys.stderr, sys.stdout
    os.dup2(1, 2)
    try:
        yield
    finally:
        sys.stderr = stream
        os.dup2(before, 2)
        os.close(before)
