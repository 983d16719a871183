"""The report as it stands once findings are approved. Nothing is judged again."""

from __future__ import annotations

from collections.abc import Set

from msgspec.structs import replace

from runner.record.report import SprintReport


def under_approvals(report: SprintReport, approved: Set[str]) -> SprintReport:
    """The report without the gates that judged only until one of these findings was approved."""
    verdict = report.verdict
    if verdict is None or not verdict.kept_for & approved:
        return report
    gates = [gate for gate in verdict.gates if gate.finding not in approved]
    outcome = verdict.outcome_under(frozenset(approved))
    return replace(report, verdict=replace(verdict, gates=gates, outcome=outcome))
