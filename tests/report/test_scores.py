"""The scores of the pool on a terminal: whose they are, their spread, and what was predicted."""

from __future__ import annotations

import msgspec

from runner.record.scoring import ClassScores, Quantiles, Scores
from runner.report.scores import render

SCORES = Scores(
    sprint="0001-first",
    tag="parcel-digits#prod#1",
    target="openvino-fp32",
    split="pool",
    split_digest="d",
    confidence=0.25,
    images=1200,
    without_predictions=1,
    per_class={
        "zero": ClassScores(predictions=1500, images=900),
        "one": ClassScores(predictions=0, images=0),
    },
    measures={
        "margin": Quantiles(minimum=0, lower_quartile=0.125, median=0.5, upper_quartile=0.75, maximum=1),
        "entropy": None,
    },
)


def test_the_summary_of_a_scoring() -> None:
    assert render(SCORES).splitlines() == [
        "0001-first (parcel-digits#prod#1, openvino-fp32) on 1,200 images of the pool; "
        "on 1 image it predicted nothing from a score of 0.25 on",
        "",
        "measure       minimum  lower quartile  median  upper quartile  maximum",
        "margin          0.000           0.125   0.500           0.750    1.000",
        "entropy  not measured",
        "",
        "class  predictions  images",
        "zero         1,500     900",
        "one              0       0",
    ]


def test_of_many_classes_those_predicted_most_are_shown() -> None:
    many = {f"c{number}": ClassScores(predictions=number, images=1) for number in range(22)}
    lines = render(msgspec.structs.replace(SCORES, per_class=many)).splitlines()
    assert lines[-1] == "and 2 classes more"
    assert lines[-21].split() == ["c21", "21", "1"]


def test_no_control_character_of_a_record_reaches_the_terminal() -> None:
    planted = msgspec.structs.replace(
        SCORES, sprint="\x1b[2J0001", per_class={"\x1b]0;x\x07": ClassScores(predictions=1, images=1)}
    )
    assert "\x1b" not in render(planted)
    assert "\x07" not in render(planted)
