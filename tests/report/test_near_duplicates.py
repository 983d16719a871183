"""What the report says of test images that nearly repeat training images."""

from __future__ import annotations

from msgspec.structs import replace

from runner.domain.evaluation import Interval, NearDuplicates
from runner.domain.leaking import NearPair
from runner.record.report import SprintReport
from runner.report import markdown, terminal
from runner.report.sections.near_duplicates import sentence
from runner.report.tables import judged

PAIR = NearPair(path="images/test/a.jpg", near_path="images/train/b.jpg", near_split="train", distance=2)


def with_near(report: SprintReport, low: float | None, pairs: int = 6) -> SprintReport:
    """With `pairs` test images that repeat others, and an interval of 0.04 for mAP50-95 without them."""
    assert report.evaluation is not None
    measured = judged(report)
    assert measured is not None
    without = None
    if low is not None:
        interval = Interval(low=low, high=low + 0.04)
        without = replace(measured.overall, map50_95=low + 0.02, intervals={"map50_95": interval})
    near = NearDuplicates(distance=4, images=pairs, pairs=[PAIR] * min(pairs, 2), without=without)
    return replace(report, evaluation=replace(report.evaluation, near_duplicates=near))


def test_the_number_without_them_is_said_beside_the_verdict(passing: SprintReport) -> None:
    report = with_near(passing, 0.52)
    images = judged(passing).overall.images  # type: ignore[union-attr]
    said = f"6 of {images:,} test images nearly repeat images of train or val; without them mAP50-95 is 0.540 (0.520 to 0.560)."
    assert sentence(report) == said
    assert said in terminal.render(report, color=False)
    text = markdown.render(report)
    assert "### Near-duplicates across splits" in text
    assert "| `images/test/a.jpg` | `images/train/b.jpg` | train | 2 |" in text


def test_a_gate_that_would_not_pass_without_them_is_named(passing: SprintReport) -> None:
    assert passing.verdict is not None
    gates = [
        gate
        for gate in passing.verdict.gates
        if gate.metric == "map50_95" and gate.slice is None and gate.reference is None and "≥" in gate.gate
    ]
    assert gates
    limit = gates[0].threshold
    assert f"{gates[0].gate} would not pass on those alone" in sentence(with_near(passing, limit - 0.001))
    assert "would not pass" not in sentence(with_near(passing, limit + 0.001))


def test_nothing_is_said_where_there_are_none_and_all_is_said_where_nothing_is_left(
    passing: SprintReport,
) -> None:
    assert sentence(passing) == sentence(with_near(passing, None, pairs=0)) == ""
    assert "Near-duplicates" not in markdown.render(passing)
    assert sentence(with_near(passing, None)).endswith("nothing can be measured without them.")
