"""Sprints in a row, as their records in git say: for the learning curve, what a sprint gained, and why a curve fell."""

from __future__ import annotations

from typing import Any

import msgspec
from planted_report import CLASSES, SELECTION, difference, target, with_champion

from runner.assessment.past_sprints import PastSprint
from runner.domain.evaluation import ChampionEvaluation, Evaluation, Interval
from runner.domain.image_set import packed
from runner.domain.records import Checks, Selection, SplitCounts
from runner.domain.verdict import Outcome, Verdict

TRAINER = {"framework": "ultralytics", "model": "yolo11n.yaml", "epochs": 40, "seeds": [0]}
TEST = [f"test-{number}" for number in range(120)]


def selection(
    labels: int, *, images: int | None = None, test: str = "3f" * 32, test_images: list[str] = TEST
) -> Selection:
    """So many labels in training, seven to an image, evenly over the classes."""
    each = {name: labels // len(CLASSES) for name in CLASSES}
    splits = {
        **SELECTION.splits,
        "train": SplitCounts(images=images or labels // 7, objects=labels, per_class=each),
        "test": SplitCounts(images=len(test_images), objects=840),
    }
    return msgspec.structs.replace(
        SELECTION,
        splits=splits,
        split_digests={**SELECTION.split_digests, "test": test},
        test_images=packed(test_images),
    )


def past(
    name: str,
    labels: int,
    value: float,
    *,
    half: float | None = 0.02,
    champion: ChampionEvaluation | None = None,
    test: str = "3f" * 32,
    trainer: dict[str, Any] | None = None,
    checks: Checks | None = None,
    selected: Selection | None = None,
    **told: Any,
) -> PastSprint:
    """A sprint that was judged, with an interval of ± `half`."""
    measured = Evaluation(
        task="detect",
        evaluator="flywheel 1.0 (COCO protocol)",
        split="test",
        split_digest=test,
        operating_confidence=0.25,
        optimizing="map50_95",
        resampling=with_champion().resampling,
        targets=[target("torch", value)],
        champion=champion,
    )
    ends = None if half is None else Interval(low=value - half, high=value + half)
    verdict = Verdict(
        outcome=Outcome.PASS,
        gates=[],
        optimizing="map50_95",
        optimizing_value=value,
        optimizing_interval=ends,
    )
    params = {
        "select": {"data": {"train": {"where": None}}},
        "train": {"trainer": trainer or TRAINER, "task": {"name": "detect", "classes": list(CLASSES)}},
        "evaluate": {"primary_target": "torch"},
        **told,
    }
    return PastSprint(
        name=name,
        evaluation=measured,
        selection=selected or selection(labels, test=test),
        verdict=verdict,
        params=params,
        checks=checks,
        files={"evaluation.json": f"{labels:064x}"},
    )


def champion_of(sprint: PastSprint, change: float, half: float, value: float) -> ChampionEvaluation:
    """That sprint's model on another sprint's test images: `value` of the other is so much above it."""
    return ChampionEvaluation(
        sprint=sprint.name,
        tag="parcel-digits#prod#1",
        target="torch",
        evaluation=target("champion", value - change),
        differences=[difference(None, None, value, change, half), difference("dark", None, 0.3, 0.1, 0.2)],
    )


def in_a_row(number: int = 5) -> list[PastSprint]:
    """Twice the labels each time; the last with the one before it as its champion, 0.04 better."""
    labels = [200 * 2**place for place in range(number)]
    values = [0.75 - 3.0 * count**-0.42 for count in labels]
    sprints = [
        past(f"{place + 1:04}-more", count, value)
        for place, (count, value) in enumerate(zip(labels, values, strict=True))
    ]
    if number > 1:
        champion = champion_of(sprints[-2], 0.04, 0.015, values[-1])
        sprints[-1] = past(f"{number:04}-more", labels[-1], values[-1], champion=champion)
    return sprints
