"""The Markdown report: whole texts, nothing invented where there is no data, never longer than allowed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest

from runner.domain.records import Benchmark, Checks, Evaluation, Outcome, SliceMetrics
from runner.report import markdown
from runner.report.markdown import COMMENT_BYTES
from runner.report.record import SprintReport

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile"])
def test_the_whole_text_is_as_agreed(name: str, request: pytest.FixtureRequest) -> None:
    """FLYWHEEL_UPDATE_GOLDEN=1 writes the files anew; read the difference before committing it."""
    text = markdown.render(request.getfixturevalue(name))
    path = GOLDEN / f"{name}.md"
    if os.environ.get("FLYWHEEL_UPDATE_GOLDEN"):
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_hostile_text_adds_no_heading_link_picture_comment_or_mention(
    failing: SprintReport, hostile: SprintReport
) -> None:
    text = markdown.render(hostile)
    for forbidden in (
        "<img",
        "<!--",
        "-->",
        "@all",
        " #1",
        "gh-2",
        "://",
        "WWW.",
        "$x",
        "\x1b",
        "\u202e",
        "**b**",
    ):
        assert forbidden not in text, forbidden
    assert text.count("\n## ") == 0
    assert text.count("</details>") == text.count("<details>")
    rows = [line for line in text.splitlines() if line.startswith("|")]
    expected = [line for line in markdown.render(failing).splitlines() if line.startswith("|")]
    assert {row.count("|") for row in rows} <= {row.count("|") for row in expected}


def test_without_data_every_section_says_not_measured(stopped: SprintReport) -> None:
    cost = msgspec.structs.replace(stopped.cost, stages=[], seconds=None, total=None, compute=None)
    empty = msgspec.structs.replace(
        stopped, failure=None, selection=None, checks=None, cost=cost, annotation=None
    )
    text = markdown.render(empty)
    sections = re.split(r"\n### ", text)[1:]
    assert [section.splitlines()[0] for section in sections if "not measured" not in section] == []
    assert len(sections) == 9
    assert text.startswith("## ⚪ NOT JUDGED — 0003-low-light")
    assert not re.search(r"\b(0\.000|nan|None|-1)\b", text)


def test_a_missing_metric_is_not_measured_and_never_zero(passing: SprintReport) -> None:
    row = next(line for line in markdown.render(passing).splitlines() if line.startswith("| weather=fog"))
    assert row.endswith("| not measured | – | not measured | not measured | 0 | 0 |  |")


def test_seeds_and_targets_that_are_absent_leave_no_trace(passing: SprintReport) -> None:
    assert passing.evaluation is not None
    evaluation = msgspec.structs.replace(passing.evaluation, seeds={})
    text = markdown.render(msgspec.structs.replace(passing, evaluation=evaluation, benchmark=None))
    assert "Seed spread" not in text
    assert "| `torch` | 0.602 ▇▇▇▇▇▇ | – | not measured | not measured | not measured |" in text


def test_a_verdict_without_gates_says_that_nothing_was_judged(passing: SprintReport) -> None:
    assert passing.verdict is not None
    verdict = msgspec.structs.replace(passing.verdict, gates=[])
    assert "**No gate is set: nothing was judged.**" in markdown.render(
        msgspec.structs.replace(passing, verdict=verdict)
    )


def test_many_met_gates_are_folded_and_unmet_ones_stay_in_sight(failing: SprintReport) -> None:
    assert failing.verdict is not None
    gates = failing.verdict.gates
    met = [gate for gate in gates if gate.outcome is Outcome.PASS] * 5
    verdict = msgspec.structs.replace(failing.verdict, gates=[*gates, *met])
    text = markdown.render(msgspec.structs.replace(failing, verdict=verdict))
    seen, folded = text.split("<details><summary>18 gates met</summary>")
    assert seen.count("| ❌ FAIL |") == 2
    assert "✅" not in seen
    assert folded.count("| ✅ PASS |") == 18


def test_plots_are_shown_where_there_is_data(passing: SprintReport, stopped: SprintReport) -> None:
    text = markdown.render(passing, plots="plots")
    assert re.findall(r"!\[.*\]\((.*)\)", text) == [
        "plots/slices.svg",
        "plots/precision_recall.svg",
        "plots/targets.svg",
        "plots/training.svg",
    ]
    assert "![" not in markdown.render(stopped, plots="plots")


def crowded(report: SprintReport) -> SprintReport:
    """The report with 600 slices: more than 70 kB."""
    assert isinstance(report.evaluation, Evaluation)
    assert isinstance(report.benchmark, Benchmark)
    targets = []
    for target in report.evaluation.targets:
        slices: list[SliceMetrics] = []
        for n in range(100):
            slices += [msgspec.structs.replace(cell, name=f"{cell.name}-{n}") for cell in target.slices]
        targets.append(msgspec.structs.replace(target, slices=slices))
    evaluation = msgspec.structs.replace(report.evaluation, targets=targets)
    return msgspec.structs.replace(report, evaluation=evaluation)


def test_a_comment_of_70_kilobytes_is_cut_and_says_what_is_left_out(failing: SprintReport) -> None:
    report = crowded(failing)
    assert len(markdown.render(report).encode()) > 70_000
    text = markdown.render(report, max_bytes=COMMENT_BYTES)
    assert 50_000 < len(text.encode()) <= COMMENT_BYTES
    assert text.startswith("## ❌ FAIL — 0003-low-light")
    assert "more, left out to fit.*" in text
    assert text.count("<details>") == text.count("</details>")
    note = text.splitlines()[-1]
    assert note == "*Left out to fit: passed checks, epochs. The whole report is in the sprint's folder.*"


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile"])
def test_no_limit_is_ever_exceeded_and_no_table_or_fold_left_open(
    name: str, request: pytest.FixtureRequest
) -> None:
    report = request.getfixturevalue(name)
    for limit in range(60, 42_000, 613):
        text = markdown.render(report, max_bytes=limit)
        assert len(text.encode()) <= limit
        assert text.startswith("## ")
        assert text.count("<details>") == text.count("</details>")
        assert text.count("```") % 2 == 0


def test_what_fits_is_not_changed(passing: SprintReport) -> None:
    text = markdown.render(passing)
    assert markdown.render(passing, max_bytes=len(text.encode())) == text
    assert markdown.render(passing, max_bytes=len(text.encode()) - 1) != text


def test_the_headline_of_a_failure_is_its_first_line(stopped: SprintReport) -> None:
    assert stopped.failure is not None
    message = "2 of 11 data checks failed\n  detection.label_problems: not so for 3 of 34"
    several = msgspec.structs.replace(
        stopped, failure=msgspec.structs.replace(stopped.failure, message=message)
    )
    text = markdown.render(several)
    assert "**The stage check failed: 2 of 11 data checks failed.**" in text
    assert "detection.label\\_problems" in text or "detection.label_problems" in text


def test_a_spec_without_checks_is_said_to_have_none(passing: SprintReport) -> None:
    text = markdown.render(msgspec.structs.replace(passing, checks=Checks(results=[])))
    assert "### Checks\n\nNone: the spec names no `checks`.\n" in text
