"""What the workflow's steps hand to the command line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from runner.domain.errors import ExitCode
from runner.domain.verdict import Outcome
from runner.record.report import SprintReport


@dataclass(frozen=True, kw_only=True)
class JudgedSprint:
    """A judged sprint: its report and the folder it lies in (relative to the project)."""

    report: SprintReport
    folder: Path

    @property
    def exit_code(self) -> int:
        """The process's exit code: the failure's, or whether every gate passed."""
        if self.report.failure is not None:
            return self.report.failure.exit_code
        passed = self.report.verdict is not None and self.report.verdict.outcome is Outcome.PASS
        return int(ExitCode.PASS if passed else ExitCode.GATE_NOT_PASSED)
