"""The Markdown report: whole texts, nothing invented where there is no data, never longer than allowed."""

from __future__ import annotations

import os
import re
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from runner.domain.error_analysis import Calibration, CalibrationBin
from runner.domain.evaluation import Evaluation, Metrics, SliceMetrics
from runner.domain.records import Checks
from runner.domain.verdict import Outcome, Wear
from runner.record.report import SprintReport
from runner.report import markdown, terminal
from runner.report.markdown import COMMENT_BYTES
from runner.report.wording import spread

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile", "classifying"])
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
    cost = replace(stopped.cost, stages=[], seconds=None, total=None, compute=None)
    empty = replace(stopped, failure=None, selection=None, checks=None, cost=cost, annotation=None)
    text = markdown.render(empty)
    sections = re.split(r"\n### ", text)[1:]
    assert [section.splitlines()[0] for section in sections if "not measured" not in section] == []
    assert len(sections) == 10
    assert text.startswith("## ○ NOT JUDGED — 0003-low-light")
    assert not re.search(r"\b(0\.000|nan|None|-1)\b", text)


def test_a_number_has_one_interval_wherever_it_stands(failing: SprintReport) -> None:
    judging = [
        gate for gate in (failing.verdict.gates if failing.verdict else []) if gate.metric == "map50_95"
    ]
    (gate,) = [gate for gate in judging if gate.slice is None and gate.reference is None]
    assert gate.interval is not None
    assert failing.evaluation is not None
    own = failing.evaluation.targets[-1].overall.intervals["map50_95"]
    text = markdown.render(failing).replace("\N{NO-BREAK SPACE}", " ")
    assert spread(own) not in text
    assert text.count(spread(gate.interval)) >= 3  # at a glance, in the gates, in the slices


def test_rows_that_nobody_can_read_are_folded(failing: SprintReport) -> None:
    lines = markdown.render(failing).splitlines()
    fold = next(
        at for at, line in enumerate(lines) if "1 slice of which the test split tells too little" in line
    )
    assert fold < next(at for at, line in enumerate(lines) if line.startswith("| camera=dock, time=night"))


def test_a_missing_metric_is_not_measured_and_never_zero(passing: SprintReport) -> None:
    row = next(line for line in markdown.render(passing).splitlines() if line.startswith("| weather=fog"))
    assert row.replace("\N{NO-BREAK SPACE}", " ").endswith(
        "| not measured | – | not measured | not measured | 0 | 0 | 0 |  |"
    )


def test_seeds_and_targets_that_are_absent_leave_no_trace(passing: SprintReport) -> None:
    assert passing.evaluation is not None
    evaluation = replace(passing.evaluation, seeds=[])
    text = markdown.render(replace(passing, evaluation=evaluation, benchmark=None))
    assert "Training seeds" not in text
    assert "| `torch` | 0.602 ▇▇▇▇▇▇ | – | not measured | not measured | not measured |" in text


def test_a_verdict_without_gates_says_that_nothing_was_judged(passing: SprintReport) -> None:
    assert passing.verdict is not None
    verdict = replace(passing.verdict, gates=[])
    assert "**No gate is set: nothing was judged.**" in markdown.render(replace(passing, verdict=verdict))


def test_many_met_gates_are_folded_and_unmet_ones_stay_in_sight(failing: SprintReport) -> None:
    assert failing.verdict is not None
    gates = failing.verdict.gates
    met = [gate for gate in gates if gate.outcome is Outcome.PASS] * 5
    verdict = replace(failing.verdict, gates=[*gates, *met])
    text = markdown.render(replace(failing, verdict=verdict))
    seen, folded = text.split("<details><summary>18 gates met</summary>")
    assert seen.count("| ✗\N{NO-BREAK SPACE}FAIL |") == 2
    assert "✓" not in seen
    assert folded.count("| ✓\N{NO-BREAK SPACE}PASS |") == 18


def test_plots_and_gallery_are_shown_where_there_is_data(
    failing: SprintReport, stopped: SprintReport
) -> None:
    text = markdown.render(failing, plots="plots")
    assert re.findall(r"!\[[^\]]*\]\(([^)]*)\)", text) == [
        "plots/champion.svg",
        "plots/seeds.svg",
        "plots/slices.svg",
        "plots/confusion.svg",
        "plots/f1_confidence.svg",
        "plots/precision_recall.svg",
        "plots/calibration.svg",
        *("gallery/01-000412.jpg", "gallery/02-000077.jpg", "gallery/03-000305.jpg"),  # in plain sight
        "gallery/01-000412.jpg",
        "gallery/01-000412-cam.jpg",
        "gallery/02-000077.jpg",
        "gallery/02-000077-cam.jpg",
        "gallery/03-000305.jpg",
        "plots/targets.svg",
        "plots/training.svg",
    ]
    assert "](reports/x/gallery/01-000412.jpg)" in markdown.render(
        failing, plots="p", gallery_folder="reports/x/"
    )
    assert "![" not in markdown.render(failing)
    assert "![" not in markdown.render(stopped, plots="plots")


def crowded(report: SprintReport) -> SprintReport:
    """The report with 800 slices, 600 classes, 200 gates, 60 pictures: as of a project with everything."""
    assert isinstance(report.evaluation, Evaluation)
    assert report.evaluation.champion is not None
    assert report.verdict is not None
    assert report.gallery is not None
    assert report.errors is not None
    targets = []
    for target in report.evaluation.targets:
        slices: list[SliceMetrics] = []
        classes: dict[str, Metrics] = {}
        for n in range(100):
            slices += [replace(cell, name=f"{cell.name}-{n}") for cell in target.slices]
            classes |= {f"{name}-{n}": cell for name, cell in target.per_class.items()}
        targets.append(replace(target, slices=slices, per_class=classes))
    rows = [
        replace(row, slice=f"{row.slice}-{n}")
        for row in report.evaluation.champion.differences
        for n in range(50)
        if row.slice
    ]
    points = {f"{name}-{n}": p for name, p in report.errors.recommended_per_class.items() for n in range(150)}
    return replace(
        report,
        evaluation=replace(
            report.evaluation, targets=targets, champion=replace(report.evaluation.champion, differences=rows)
        ),
        verdict=replace(report.verdict, gates=report.verdict.gates * 22),
        gallery=replace(report.gallery, images=report.gallery.images * 20),
        errors=replace(report.errors, recommended_per_class=points),
    )


def test_a_project_with_everything_fits_a_comment_and_says_what_is_left_out(failing: SprintReport) -> None:
    report = crowded(failing)
    assert len(markdown.render(report, max_bytes=None, plots="plots").encode()) > 70_000
    text = markdown.render(report, plots="plots")
    assert 50_000 < len(text.encode()) <= COMMENT_BYTES
    assert text.startswith("## ✗ FAIL — 0003-low-light")
    assert "<summary>60 further slices (521 more in report.json)</summary>" in text
    assert "<summary>The 12 worst test images (48 more in gallery.json)</summary>" in text
    assert "<summary>102 further gates that are not met, 42 of them in report.json only</summary>" in text
    assert "<summary>60 further differences (170 more in report.json)</summary>" in text
    assert "*… and 36 more in report.json.*" in text
    assert "more, left out to fit.*" in text
    assert text.count("<details>") == text.count("</details>")
    note = text.splitlines()[-1]
    assert note.startswith("*Left out to fit: ")
    assert note.endswith(". Everything is in report.json, in the sprint's folder.*")


@pytest.mark.parametrize("name", ["passing", "failing", "stopped", "hostile", "classifying"])
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
    several = replace(stopped, failure=replace(stopped.failure, message=message))
    text = markdown.render(several)
    assert "**The stage check failed: 2 of 11 data checks failed.**" in text
    assert "detection.label\\_problems" in text or "detection.label_problems" in text


def test_a_spec_without_checks_is_said_to_have_none(passing: SprintReport) -> None:
    text = markdown.render(replace(passing, checks=Checks(results=[])))
    assert "### Checks\n\nNone: the spec names no `checks`.\n" in text


def test_classes_that_the_champion_never_learnt_are_named(failing: SprintReport) -> None:
    assert "never learnt" not in markdown.render(failing)
    evaluation = failing.evaluation
    assert evaluation is not None
    assert evaluation.champion is not None
    champion = msgspec.structs.replace(evaluation.champion, unknown_classes=["two", "t|hree"])
    changed = msgspec.structs.replace(evaluation, champion=champion)
    text = markdown.render(msgspec.structs.replace(failing, evaluation=changed))
    assert "The champion never learnt 2 classes of the project" in text
    assert (
        "of the project: two, t&#124;hree. Objects of them do not count here: both are measured on the classes that both know."
        in text
    )


@pytest.mark.parametrize(
    ("gain", "said"),
    [(0.02, "All of the gain"), (0.1, "24 % of the gain"), (-3.0, "Less than 1 % of the loss"), (0.0, "")],
)
def test_the_gain_is_set_beside_the_spread_over_seeds(failing: SprintReport, gain: float, said: str) -> None:
    evaluation = failing.evaluation
    assert evaluation is not None
    assert evaluation.champion is not None
    rows = [
        msgspec.structs.replace(row, difference=gain) if (row.slice, row.class_name) == (None, None) else row
        for row in evaluation.champion.differences
    ]
    champion = msgspec.structs.replace(evaluation.champion, differences=rows)
    changed = msgspec.structs.replace(evaluation, champion=champion)
    text = markdown.render(msgspec.structs.replace(failing, evaluation=changed))
    assert ("lies within the spread" in text) == bool(said)
    assert said in text


def test_an_undecided_gate_says_what_would_decide_it(failing: SprintReport) -> None:
    text = seen(failing)
    assert "| ◐ INCONCLUSIVE | recall ≥ 0.50<br><sub>`specs/0003-low-light.yaml:41:5`</sub> |" in text
    assert (
        "| recall ≥ 0.50 | camera=dock, class two | 140 images (52 groups) of camera=dock | 39.20 EUR |"
        in text
    )
    assert "| small | no realistic number: the value lies too close to the threshold | – |" in text
    assert "| not known: there is no interval to reckon from | – |" in text


def test_the_target_has_a_column_where_gates_judge_several(failing: SprintReport) -> None:
    assert failing.verdict is not None
    assert "All of `openvino-int8`, the judged artefact." in markdown.render(failing)
    gates = [*failing.verdict.gates, replace(failing.verdict.gates[0], target="onnx-fp32")]
    text = seen(replace(failing, verdict=replace(failing.verdict, gates=gates)))
    assert "|  | Gate | Slice | Target | Value (interval) | Threshold |" in text
    assert "| ✓ PASS | map50_95 ≥ 0.45 | all images | `onnx-fp32` | 0.594 (0.51 to 0.67) | 0.45 |" in text


def test_a_gate_that_the_number_alone_decided_is_marked(failing: SprintReport) -> None:
    text = seen(failing)
    assert "| −0.008<br>0.594 against 0.602<br>*decided by the number alone* | 0.01 |" in text
    assert "1 gate says `decide: point`: *decided by the number alone*, however uncertain." in text


def test_a_search_that_found_nothing_says_among_how_many(
    classifying: SprintReport, passing: SprintReport
) -> None:
    assert "None with Top-1 below that of all images was found among 212 regions" in markdown.render(
        classifying
    )
    assert passing.evaluation is not None
    assert "Weak regions nobody named" in markdown.render(passing)
    torch = replace(
        passing, primary_target="nothing", evaluation=replace(passing.evaluation, searched_regions=None)
    )
    assert "Weak regions nobody named" not in markdown.render(torch)


@pytest.mark.parametrize(
    ("wear", "said"),
    [
        (
            Wear(split="test", uses=1, spent=0.025),
            "`test` has been used 1 time to decide; flywheel.yaml sets no budget for it (policy: holdout).",
        ),
        (
            Wear(split="test", uses=9, spent=0.225, budget=0.25, left=0.025),
            "0.225 of a significance of 0.25 is spent, 0.025 is left, enough for 1 further decision like these.",
        ),
        (
            Wear(split="test", uses=11, spent=0.275, budget=0.25, left=0.0, exhausted=True),
            "0 is left. The budget is spent: a new test split is advised; a winner may be one by luck.",
        ),
    ],
)
def test_wear_says_how_much_is_left(passing: SprintReport, wear: Wear, said: str) -> None:
    assert passing.verdict is not None
    assert said in markdown.render(replace(passing, verdict=replace(passing.verdict, wear=wear)))


def test_gates_that_wear_keeps_open_say_what_would_decide_them(passing: SprintReport) -> None:
    assert passing.verdict is not None
    gate = next(gate for gate in passing.verdict.gates if gate.reference is not None)
    kept = replace(
        gate,
        gate="map50_95 drop ≤ 0.02 vs champion",
        outcome=Outcome.INCONCLUSIVE,
        interval=None,
        further=None,
    )
    wear = Wear(split="test", uses=11, spent=0.275, budget=0.25, left=0.0, exhausted=True, refresh="required")
    verdict = replace(passing.verdict, outcome=Outcome.INCONCLUSIVE, gates=[kept], wear=wear)
    report = replace(passing, verdict=verdict)
    for text in (markdown.render(report), terminal.render(report, color=False)):
        assert (
            "undecided, since the test split's budget is spent and it may not decide against the champion"
            in text
        )
        assert "a new test split: the budget of this one is spent" in text


@pytest.mark.parametrize(
    ("path", "shown"),
    [
        ("gallery/a b|c](x).jpg", "![truth and prediction](gallery/a%20b%7Cc%5D%28x%29.jpg)"),
        ("//elsewhere.example/x.jpg", "| – |"),
        ("../../secret.jpg", "| – |"),
        ("https://elsewhere.example/x.jpg", "| – |"),
    ],
)
def test_a_picture_is_never_fetched_from_elsewhere(passing: SprintReport, path: str, shown: str) -> None:
    assert passing.gallery is not None
    image = replace(passing.gallery.images[2], picture=path)
    text = markdown.render(replace(passing, gallery=replace(passing.gallery, images=[image])), plots="plots")
    assert shown in text
    assert "elsewhere.example" not in text
    assert "secret" not in text


@pytest.mark.parametrize(
    ("ece", "gap", "said"),
    [
        (None, 0.0, "### Calibration\n\nnot measured"),
        (0.0, 0.0, "Confidence can be taken at its word."),
        (0.08, 0.08, "Confidence is a rough guide, and mostly too high: overconfident."),
        (0.3, -0.3, "Confidence is not to be believed as it is, and mostly too low: underconfident."),
    ],
)
def test_calibration_is_told_in_words(
    passing: SprintReport, ece: float | None, gap: float, said: str
) -> None:
    assert passing.errors is not None
    part = CalibrationBin(low=0.5, high=0.6, count=10, confidence=0.55, accuracy=0.55 - gap)
    errors = replace(passing.errors, calibration=Calibration(ece=ece, bins=[part]))
    assert said in markdown.render(replace(passing, errors=errors))


def seen(report: SprintReport) -> str:
    """The text with ordinary spaces."""
    return markdown.render(report).replace("\N{NO-BREAK SPACE}", " ")


def test_the_operating_point_of_a_classifier_is_not_beside_its_top_1_metrics(
    classifying: SprintReport, passing: SprintReport
) -> None:
    assert classifying.errors is not None
    assert passing.errors is not None
    errors = replace(classifying.errors, recommended=passing.errors.recommended)
    text = markdown.render(replace(classifying, errors=errors))
    assert "**recommended** (highest F1)" in text
    assert "the most probable class, whatever its probability" in text
    assert "the spec's" not in text


def test_a_search_without_a_region_is_not_said_to_have_found_none(classifying: SprintReport) -> None:
    assert classifying.evaluation is not None
    text = markdown.render(
        replace(classifying, evaluation=replace(classifying.evaluation, searched_regions=0))
    )
    assert "None was looked for: no region of metadata and image properties has enough images." in text
    assert "among 0 regions" not in text


def test_a_further_look_at_one_question_is_told_with_the_level_that_judged(passing: SprintReport) -> None:
    assert passing.verdict is not None
    worn = Wear(split="test", uses=3, spent=0.0625, budget=0.25, left=0.1875, look=2)
    verdict = msgspec.structs.replace(passing.verdict, wear=worn, level=0.975)
    text = markdown.render(msgspec.structs.replace(passing, verdict=verdict))
    assert (
        "This is look 2 at the same question (this recipe beside this champion). Its gates are judged with 97.5 % confidence: "
        "each look spends half of the significance of the one before." in text
    )
    first = msgspec.structs.replace(verdict, wear=msgspec.structs.replace(worn, look=1))
    assert "at the same question" not in markdown.render(msgspec.structs.replace(passing, verdict=first))
