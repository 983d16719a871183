"""Answers of annotators, written by hand for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runner.domain.labelling import Answer, AnsweredObject, Proposal
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.tasks import TASKS, Task

CLASSES = ["one", "two", "three"]


def task(name: TaskName = "detect", points: int = 0) -> Task:
    skeleton = Keypoints(names=[f"p{n}" for n in range(points)]) if points else None
    return TASKS[name](
        spec=TaskSpec(name=name, classes=CLASSES, keypoints=skeleton), operating_confidence=0.25
    )


def drawn(
    left: float, top: float, class_name: str = "one", size: float = 0.2, **further: Any
) -> AnsweredObject:
    """An object that was added, `size` wide and high."""
    kept = {"outcome": "added", **further}
    return AnsweredObject(class_name=class_name, box=(left, top, left + size, top + size), **kept)


def answer(
    annotator: str,
    *objects: AnsweredObject,
    image: str = "a",
    proposals: Sequence[Proposal] = (),
    **further: Any,
) -> Answer:
    return Answer(
        key=f"key-{image}",
        path=f"images/pool/{image}.jpg",
        image_id=f"id-{image}",
        annotator=annotator,
        tool="simulated",
        proposals=list(proposals),
        objects=list(objects),
        **further,
    )


def noisy(
    rng: np.random.Generator, truth: Sequence[AnsweredObject], *, jitter: float = 0.05, missed: float = 0.0
) -> list[AnsweredObject]:
    """What an annotator draws who moves every side by a share of the object's size, and overlooks some."""
    found = []
    for item in truth:
        if rng.random() < missed:
            continue
        box = np.array(item.box)
        size = np.tile(box[2:] - box[:2], 2)
        left, top, right, bottom = (box + rng.normal(0, jitter, 4) * size).tolist()
        found.append(
            AnsweredObject(class_name=item.class_name, box=(left, top, right, bottom), outcome="added")
        )
    return found
