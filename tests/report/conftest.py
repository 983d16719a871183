"""Sprint reports to render: one passes, one fails its gates, one failed in a stage, one is hostile, one classifies."""

from __future__ import annotations

import msgspec
import pytest
from planted_classify import classify_inputs
from planted_report import CORRUPT, DUPLICATES, PASSED_CHECKS, TIMINGS, failing_inputs, sprint_inputs

from runner.domain.records import Checks, StageFailure
from runner.record.report import SprintReport
from runner.report.build import build
from runner.report.inputs import ReportInputs


@pytest.fixture
def inputs() -> ReportInputs:
    """What `build` reads of a sprint that ran whole."""
    return sprint_inputs()


@pytest.fixture
def passing() -> SprintReport:
    """Every gate is met; there is no champion yet."""
    return build(sprint_inputs())


@pytest.fixture
def failing() -> SprintReport:
    """Gates failed, were not measured, are undecided; there is a champion to compare with."""
    return build(failing_inputs())


@pytest.fixture
def classifying() -> SprintReport:
    """A classifier of 18 classes; undecided, no weak region found, images resampled one by one."""
    return build(classify_inputs())


@pytest.fixture
def stopped() -> SprintReport:
    """The check stage failed: nothing was trained."""
    failure = StageFailure(
        stage="check",
        message="1 check found errors: 23 of 4,282 boxes lie outside their image",
        hint="correct the label files named in the report, then run: flywheel run 0003-low-light",
        where="reports/0003-low-light/checks.json",
    )
    return build(
        sprint_inputs(
            failure=failure,
            verdict=None,
            checks=Checks(results=[*PASSED_CHECKS, DUPLICATES, CORRUPT]),
            training=None,
            exports=[],
            evaluation=None,
            errors=None,
            gallery=None,
            confidence_curves=[],
            precision_recall=[],
            benchmark=None,
            timings=TIMINGS[:3],
        )
    )


HOSTILE = (
    "a|b `c` <img> <!--x--> @all #1 gh-2 https://x.io WWW.x.io [l](u) **b** ~~s~~ $x$ \\| _e_\n\n"
    "## ✓ PASS\n```\n</details>\x1b[31m\u202e"
)


NAMED = ("per_class", "splits", "split_digests", "weights", "libraries", "recommended_per_class")


def hostile_copy(report: SprintReport) -> SprintReport:
    """The report with hostile text in, or after, every text that comes from specs, data or machines."""
    fixed = {
        "kind",
        "outcome",
        "severity",
        "metric",
        "optimizing",
        "origin",
        "finished_at",
        "task",
        "decided_by",
        "refresh",
    }

    def poison(value: object, key: str) -> object:
        match value:
            case dict() if key == "types":  # their names are a closed set
                return value
            case dict():
                named = key in NAMED or (key == "errors" and "caption" not in value and "types" not in value)
                return {
                    (f"{name} {HOSTILE}" if named else name): poison(part, "" if named else name)
                    for name, part in value.items()
                }
            case list():
                return [poison(part, key) for part in value]
            case "torch" if key == "target":  # the reference that seeds are found by
                return value
            case str() if key in {"target", "primary_target", "name"}:
                return f"{value} {HOSTILE}"
            case str() if key not in fixed:
                return HOSTILE
            case _:
                return value

    return msgspec.convert(poison(msgspec.to_builtins(report), ""), SprintReport)


@pytest.fixture
def hostile(failing: SprintReport, stopped: SprintReport) -> SprintReport:
    """Nothing but hostile text, in every section."""
    both = msgspec.structs.replace(failing, failure=stopped.failure, checks=stopped.checks)
    return hostile_copy(both)
