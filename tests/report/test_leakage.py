"""What the report says of leaked test images, and whether the verdict survives without them."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from runner.domain.error_analysis import Gallery
from runner.domain.evaluation import Interval, Leaks
from runner.domain.leaking import LeakPair
from runner.domain.verdict import Outcome, WithoutLeaks
from runner.record.report import SprintReport
from runner.report import comment, markdown, terminal
from runner.report.sections.leakage import sentence
from runner.report.sections.section import Pictures, Shown
from runner.report.tables import judged
from tests.report.test_comment import CONTEXT

PAIRS = [
    LeakPair(
        path="images/test/a.jpg",
        kind="near-duplicate",
        near_path="images/train/b.jpg",
        near_split="train",
        distance=2,
    ),
    LeakPair(
        path="images/test/f2.jpg", kind="neighbouring frame", near_path="images/val/f1.jpg", near_split="val"
    ),
]


def with_leaks(report: SprintReport, outcome: Outcome | None, *, left: int = 300) -> SprintReport:
    """Two leaked images; without them the first gate of quality has another outcome."""
    assert report.evaluation is not None
    assert report.verdict is not None
    measured = judged(report)
    assert measured is not None
    overall = replace(measured.overall, map50_95=0.5, intervals={"map50_95": Interval(low=0.48, high=0.52)})
    leaks = Leaks(
        images=2,
        groups=2,
        kinds={"near-duplicate": 1, "neighbouring frame": 1},
        pairs=PAIRS,
        left=left,
        targets=[replace(measured, overall=overall)] if left else [],
    )
    gates = list(report.verdict.gates)
    at = next(number for number, gate in enumerate(gates) if gate.decided_by == "interval")
    if outcome is not None:
        gates[at] = replace(gates[at], outcome=outcome, value=0.5)
    others = WithoutLeaks(outcome=outcome or report.verdict.outcome, gates=gates, optimizing_value=0.5)
    verdict = replace(report.verdict, without_leaks=others) if left else report.verdict
    return replace(report, evaluation=replace(report.evaluation, leaks=leaks), verdict=verdict)


def first_gate(report: SprintReport) -> str:
    assert report.verdict is not None
    return next(gate.gate for gate in report.verdict.gates if gate.decided_by == "interval")


def test_a_verdict_that_does_not_survive_is_said_with_the_gate(passing: SprintReport) -> None:
    report = with_leaks(passing, Outcome.INCONCLUSIVE)
    said = sentence(report)
    measured = judged(passing)
    assert measured is not None
    assert said.startswith(
        f"2 of {measured.overall.images:,} test images leaked from train or val (1 near-duplicate, 1 neighbouring frame); "
        f"without them mAP50-95 is 0.500 (0.480 to 0.520) instead of {measured.overall.map50_95:.3f}, and the verdict would be"
    )
    assert f"{first_gate(passing)} PASS → INCONCLUSIVE" in said
    assert said in terminal.render(report, color=False)
    text = markdown.render(report)
    assert "### Leakage between splits" in text
    assert "| `images/test/a.jpg` | near-duplicate | `images/train/b.jpg` | train | 2 |" in text
    assert "| `images/test/f2.jpg` | neighbouring frame | `images/val/f1.jpg` | val |  |" in text
    row = next(line for line in text.splitlines() if "INCONCLUSIVE<br>" in line)
    assert "PASS<br>" in row
    assert "verdict would be" in comment.render(report, CONTEXT)


def test_a_gate_on_a_difference_shows_the_difference_and_not_the_value(passing: SprintReport) -> None:
    report = with_leaks(passing, None)
    assert report.verdict is not None
    others = report.verdict.without_leaks
    assert isinstance(others, WithoutLeaks)
    at = next(number for number, gate in enumerate(others.gates) if gate.decided_by == "interval")
    drop = replace(
        others.gates[at],
        value=0.656,
        reference=0.657,
        interval=Interval(low=-0.007, high=0.006),
        threshold=0.03,
    )
    gates = [*others.gates[:at], drop, *others.gates[at + 1 :]]
    verdict = replace(report.verdict, without_leaks=replace(others, gates=gates))
    text = markdown.render(replace(report, verdict=verdict)).replace("\N{NO-BREAK SPACE}", " ")
    section = text[text.index("### Leakage between splits") :]
    assert "PASS<br>−0.001 (−0.007 to +0.006) |" in section
    assert "0.656" not in section


def test_a_verdict_that_survives_is_said_too(passing: SprintReport) -> None:
    assert sentence(with_leaks(passing, None)).endswith("and no gate comes out otherwise.")


def test_where_nothing_is_left_that_is_said(passing: SprintReport) -> None:
    assert sentence(with_leaks(passing, None, left=0)).endswith("nothing is left to judge the model by.")
    assert "### Leakage between splits" in markdown.render(with_leaks(passing, None, left=0))


def test_without_leaks_nothing_is_said(passing: SprintReport) -> None:
    assert sentence(passing) == ""
    assert "Leakage" not in markdown.render(passing)


@pytest.mark.parametrize("shown", [True, False])
def test_the_pairs_are_shown_where_pictures_are(passing: SprintReport, shown: bool) -> None:
    from runner.report.sections.leakage import LEAKAGE

    report = with_leaks(passing, Outcome.FAIL)
    report = replace(report, gallery=Gallery(target="torch", images=[], leaks="gallery/leaks.jpg"))
    pictures = Pictures(folder="https://example.org/") if shown else None
    parts = LEAKAGE.parts(report, Shown(pictures=pictures))
    text = "\n".join(part.text() for part in parts)
    assert ("(https://example.org/gallery/leaks.jpg)" in text) is shown
