"""`compare`: two sprints beside one another, by the reports that they have in this checkout."""

from __future__ import annotations

from pathlib import Path

from runner.config.load import sprint_name
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.record.catalogue import REPORT, sprint_folder, sprint_path
from runner.record.report import SprintReport
from runner.report.compare import SprintComparison, compare


def compare_sprints(root: Path, before: str, after: str) -> SprintComparison:
    """Reads both reports and lays them side by side; nothing is run or judged.

    Raises:
        FlywheelError: one is no sprint, both are the same, or one has no report (exit code 3).
    """
    names = [sprint_name(root, name) for name in (before, after)]
    if names[0] == names[1]:
        raise FlywheelError(
            f"{names[0]} is compared with itself", hint="name two sprints: flywheel compare 0001 0002"
        )
    return compare(*(_report(root, name) for name in names))


def _report(root: Path, name: str) -> SprintReport:
    report = REPORT.read_if_there(sprint_folder(root, name))
    if report is None:
        raise FlywheelError(
            "it was not reported yet",
            where=Where(sprint_path(name)),
            hint=f"flywheel run {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return report
