"""Two sprints side by side: numbers that can be compared, and what is said where they cannot."""

from __future__ import annotations

from msgspec.structs import replace

from runner.record.report import SprintReport
from runner.report.build import build
from runner.report.compare import compare, render, render_markdown
from runner.report.inputs import ReportInputs
from runner.report.tables import judged


def renamed(report: SprintReport, name: str) -> SprintReport:
    return replace(report, sprint=name)


def test_every_number_stands_beside_that_of_the_other(passing: SprintReport) -> None:
    found = compare(renamed(passing, "0001-a"), renamed(passing, "0002-b"))
    assert found.same_test
    assert not found.paired
    assert found.notes == [
        "0002-b was not compared with 0001-a on the same resamples: how sure a difference is, is not known"
    ]
    parts = {row.part for row in found.rows}
    assert {"all images", "slice dark", "judged artefact", "sprint"} <= parts
    assert {row.difference for row in found.rows if row.before is not None} == {0.0}
    first = found.rows[0]
    measured = judged(passing)
    assert measured is not None
    assert (first.metric, first.after) == ("map50_95", measured.overall.map50_95)
    text = render(found)
    assert text.splitlines()[0].startswith("note: 0002-b was not compared with")
    assert "0001-a: PASS  0002-b: PASS" in text
    assert render_markdown(found).startswith("> 0002-b was not compared with")


def test_the_champions_own_report_gives_the_intervals(failing: SprintReport) -> None:
    assert failing.evaluation is not None
    champion = failing.evaluation.champion
    assert champion is not None
    own = replace(champion.evaluation, target=failing.primary_target)
    before = replace(
        failing, sprint=champion.sprint, evaluation=replace(failing.evaluation, targets=[own], champion=None)
    )
    found = compare(before, failing)
    assert found.paired
    assert found.notes == []
    whole = found.rows[0]
    expected = next(
        each
        for each in champion.differences
        if (each.slice, each.class_name, each.metric) == (None, None, whole.metric)
    )
    assert whole.interval == expected.interval
    assert whole.difference is not None
    assert abs(whole.difference - expected.difference) < 1e-9


def test_other_test_images_are_said_and_what_is_missing_is_not_measured(
    passing: SprintReport, inputs: ReportInputs
) -> None:
    assert passing.evaluation is not None
    other = replace(passing, sprint="0001-a", evaluation=replace(passing.evaluation, split_digest="x"))
    assert compare(other, passing).notes[0].startswith("the test images or their labels are not the same")
    nothing = build(replace(inputs, sprint_name="0001-a", evaluation=None, verdict=None, benchmark=None))
    found = compare(nothing, passing)
    assert found.verdicts[0] is None
    assert {row.before for row in found.rows if row.part == "all images"} == {None}
    assert "not measured" in render(found)
