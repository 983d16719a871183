"""What the report says and draws of the champion's data."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from runner.domain.bias import NewValue, Shift
from runner.domain.drift import Drift, SplitChange
from runner.record.report import SprintReport
from runner.report import markdown
from runner.report.sections.drift import SECTION, sentence

SHIFTS = [
    Shift(of="test", column="brightness", distance=0.4, chance=0.2, shift=0.4, words="mean 0.2 instead of 0.4"),
    Shift(of="train", column="brightness", distance=0.1, chance=0.2, shift=0.0, words=""),
]  # fmt: skip
MEASURED = Drift(
    champion="0001-first",
    images=[SplitChange(split="train", new=12, shared=288, gone=3), SplitChange(split="test", new=60, shared=60, gone=0)],
    shifts=SHIFTS,
    new_values=[NewValue(column="class", value="ten", images={"test": 4}, path="a|b.jpg")],
    max_shift=0.2,
)  # fmt: skip


def with_drift(report: SprintReport, drift: Drift) -> SprintReport:
    return replace(report, records={"drift.json": msgspec.to_builtins(drift)})


def test_what_is_new_is_said_with_its_rows_and_a_picture(passing: SprintReport) -> None:
    report = with_drift(passing, MEASURED)
    assert sentence(report) == (
        "Beside the data of 0001-first, new are 12 of 300 images of train, 60 of 120 images of test; 3 of its images are gone; "
        "what is new shifts brightness; 1 value or class it never met."
    )
    text = markdown.render(report, plots="plots")
    assert "### Data beside the champion's" in text
    assert "| test | `brightness` | 0.40 | 0.20 | mean 0.2 instead of 0.4 |" in text
    assert "4 of test" in text
    assert "plots/drift.svg" in text
    (plot,) = SECTION.plots
    assert plot.there(report)
    assert b"<svg" in plot.draw(report).svg


def test_what_could_not_be_measured_is_said_so(passing: SprintReport) -> None:
    report = with_drift(
        passing, Drift(champion="0001-first", not_measured="no index of it is here", max_shift=0.2)
    )
    assert sentence(report) == "Beside the data of 0001-first: not measured: no index of it is here."
    assert not SECTION.plots[0].there(report)
    assert sentence(passing) == ""
    assert "Data beside" not in markdown.render(passing)


def test_a_shift_within_the_limit_is_not_said_to_be_none(passing: SprintReport) -> None:
    within = sentence(with_drift(passing, replace(MEASURED, max_shift=0.9, new_values=[])))
    assert within.endswith("what is new shifts brightness by more than chance, and none by more than 0.90.")
    alike = sentence(with_drift(passing, replace(MEASURED, shifts=SHIFTS[1:], new_values=[])))
    assert alike.endswith("what is new looks as the champion's data does.")
