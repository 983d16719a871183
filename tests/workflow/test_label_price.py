"""What one more label costs: the price that the project's task is labelled by."""

from __future__ import annotations

import msgspec
import pytest

from runner.config.project import Project
from runner.gates.evidence import LabelPrice
from runner.workflow.judging.collect import label_price

PRICES = {"box": 0.04, "polygon": 0.3, "keypoints": 0.5, "class": 0.02}


def project(task: str, prices: dict[str, float]) -> Project:
    return msgspec.convert(
        {
            "apiVersion": "flywheel/v1",
            "kind": "Project",
            "name": "priced",
            "task": task,
            "classes": ["cat"],
            "dataset": {"path": "data", "layout": "yolo"},
            "costs": {"currency": "CHF", "label": prices},
        },
        Project,
    )


@pytest.mark.parametrize(
    ("task", "price"),
    [("detect", 0.04), ("obb", 0.04), ("segment", 0.3), ("pose", 0.5), ("classify", 0.02)],
)
def test_each_task_has_its_own_price(task: str, price: float) -> None:
    assert label_price(project(task, PRICES)) == LabelPrice(per_object=price, currency="CHF")


def test_a_price_that_nobody_entered_is_none() -> None:
    assert label_price(project("pose", {"box": 0.04})).per_object is None
