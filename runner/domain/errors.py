"""The one error type a user meets: what is wrong, where, what to do next, and the exit code."""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple


class ExitCode(IntEnum):
    """Process exit codes, documented in docs/architecture.md."""

    PASS = 0
    GATE_NOT_PASSED = 1
    INVALID_CONFIGURATION = 2
    STAGE_FAILED = 3
    MISSING_TOOL = 4
    PUBLISH_FAILED = 5
    BUG = 70
    INTERRUPTED = 130


class Where(NamedTuple):
    """A place in a user's file; `line` and `column` count from 1."""

    file: str
    line: int | None = None
    column: int | None = None

    def __str__(self) -> str:
        return ":".join(str(part) for part in self if part is not None)


class FlywheelError(Exception):
    """An expected failure, shown without a traceback as `where: message`, then the hint.

    Args:
        message: what is wrong, in one sentence.
        where: the file (and line and column) it is wrong in.
        hint: what to do next; a command to type where there is one.
        exit_code: the process's exit code when this reaches the command line.
    """

    def __init__(
        self,
        message: str,
        *,
        where: Where | None = None,
        hint: str | None = None,
        exit_code: ExitCode = ExitCode.INVALID_CONFIGURATION,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.where = where
        self.hint = hint
        self.exit_code = exit_code

    def __str__(self) -> str:
        head = f"{self.where}: {self.message}" if self.where else self.message
        return f"{head}\n  hint: {self.hint}" if self.hint else head


class ConfigurationErrors(FlywheelError):  # noqa: N818 - several, and that is its point
    """Every configuration error of one pass, raised together."""

    def __init__(self, errors: list[FlywheelError]) -> None:
        super().__init__("\n".join(str(error) for error in errors))
        self.errors = errors
