"""The sprint beside its variants, as every rendering shows them."""

from __future__ import annotations

import msgspec
from planted_report import failing_inputs, sprint_inputs

from runner.domain.evaluation import Interval
from runner.domain.verdict import Outcome
from runner.record.catalogue import VARIANTS
from runner.record.report import SprintReport
from runner.record.variants import VariantGate, VariantResult, Variants
from runner.report import markdown, terminal
from runner.report.build import build
from runner.report.sections import catalogue
from runner.report.sections.section import Shown

PASSED = [VariantGate(gate="recall ≥ 0.70", outcome=Outcome.PASS, place="dark")]
FAILED = [VariantGate(gate="recall ≥ 0.70", outcome=Outcome.FAIL, place="dark")]
OWN = VariantResult(
    name="small",
    value=0.5,
    interval=Interval(low=0.45, high=0.55),
    train_s=90,
    compute=0.02,
    images=100,
    labels=250,
    label_price=0.1,
    seeds=1,
    gates=FAILED,
)
MEDIUM = msgspec.structs.replace(
    OWN,
    name="medium",
    says=["train.model: yolo26s.pt"],
    value=0.58,
    difference=0.08,
    difference_interval=Interval(low=0.03, high=0.13),
    train_s=200,
    gates=PASSED,
)
FEWER = msgspec.structs.replace(
    OWN,
    name="fewer",
    says=["data.train.sample.size: 50"],
    value=0.49,
    difference=-0.01,
    difference_interval=Interval(low=-0.04, high=0.02),
    images=50,
    labels=125,
)
BOXES = msgspec.structs.replace(
    OWN,
    name="boxes",
    says=["annotation.strategy: boxes"],
    value=0.7,
    on="boxes",
    reference=0.66,
    difference=0.04,
    difference_interval=Interval(low=-0.01, high=0.09),
    label_price=0.02,
    gates=[],
    apart="the gates are of labels that it does not have",
)
BROKEN = VariantResult(name="broken", says=["train.epochs: 900"], trouble="train failed: out of | memory")


def _report(*others: VariantResult) -> SprintReport:
    made = Variants(metric="map50_95", level=0.95, currency="EUR", results=[OWN, *others])
    records = {VARIANTS.name: msgspec.to_builtins(made)}
    return build(msgspec.structs.replace(failing_inputs(), records=records))


def _text(*others: VariantResult) -> str:
    text = markdown.render(_report(*others), plots="plots")
    return text[text.index("### Variants") : text.index("### Slices")].replace("\N{NO-BREAK SPACE}", " ")


def test_a_report_without_variants_has_no_such_section() -> None:
    assert "Variants" not in markdown.render(build(sprint_inputs()), plots="plots")


def test_each_variant_with_its_difference_its_cost_and_the_gates() -> None:
    text = _text(MEDIUM, FEWER)
    assert "Better: medium. Not separable from the spec (small): fewer." in text
    assert "Each was trained with one seed, so part of a difference may be luck of training" in text
    assert (
        "| **`small`** | – | 0.500 (0.45 to 0.55) | – | 1 min 30 s, 0.0200 EUR | 0.1000 EUR | 1 FAIL |"
        in text
    )
    assert (
        "| `medium` | `train.model: yolo26s.pt` | 0.580 (0.45 to 0.55) | +0.080 (+0.030 to +0.130) | 3 min 20 s"
        in text
    )
    assert "−0.010 (−0.040 to +0.020), not separable" in text
    assert "| `recall ≥ 0.70, dark` | FAIL | PASS | FAIL |" in text
    assert "Only the spec itself is judged and can be promoted." in text


def test_other_labels_are_compared_on_what_both_have() -> None:
    text = _text(BOXES)
    assert (
        "boxes has other labels: it and the spec (small) are both measured on the boxes of the labels" in text
    )
    assert "| 0.700 (0.45 to 0.55) on boxes |" in text
    assert "not separable; boxes, where the spec has 0.660" in text
    assert "| the gates are of labels that it does not have |" in text


def test_what_was_not_made_says_why() -> None:
    text = _text(BROKEN)
    assert "Not measured: broken." in text
    assert "| `broken` | `train.epochs: 900` | not measured: train failed: out of &#124; memory |" in text


def test_the_other_renderings_show_it_too() -> None:
    report = _report(MEDIUM, BROKEN)
    shown = terminal.render(report, color=False)
    assert "medium  0.580 (0.45 to 0.55) +0.080 (+0.030 to +0.130) 3 min 20 s of training" in shown
    assert "broken  not measured: train failed" in shown
    folded = [fold.line(report) for fold, parts in catalogue.folds(report, Shown()) if parts and fold.line]
    assert "2 variants beside the spec, 1 of them not separable" in folded
