"""Suspected labels of masks and of classes of images, from planted tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.pictures.coco_masks import encode_mask
from runner.adapters.tables.parquet import read_table, write_table
from runner.assessment.cross_validation import cross_validated
from runner.assessment.folds import deal
from runner.assessment.label_issues import Aim, FoldData, ranked_issues
from runner.domain.task import TaskName, TaskSpec
from runner.tasks import TASKS
from tests.planted_sprint import CLASSES, SprintFolder, sprint_folder

IMAGES = 60


def mask(left: int, top: int, width: int, height: int) -> str:
    """A rectangle in 80 x 100 px."""
    pixels = np.zeros((80, 100), np.bool_)
    pixels[top : top + height, left : left + width] = True
    return encode_mask(pixels)


def folded(root: Path, task: TaskName, predictions: list[dict[str, Any]], **columns: list[Any]) -> FoldData:
    """60 images with a cat and a dog each, and what the folds predicted there.

    Args:
        columns: of the objects, in place of what is planted.
    """
    made = SprintFolder(sprint_folder(root, "0001-folds"))
    for number in range(IMAGES):
        made.add(
            f"images/train/s{number:02d}-0.jpg",
            objects=2 if task == "segment" else 1,
            phash=number * 2**40 + number,
        )
    folder = made.write()
    objects = read_table(folder / "index" / "objects.parquet")
    write_table(folder / "index" / "objects.parquet", {**objects, **columns})
    dealt = deal(folder, CLASSES, 3, 0, 4)
    names = list(predictions[0])
    write_table(
        folder / "folds" / "predictions.parquet", {name: [row[name] for row in predictions] for name in names}
    )
    write_table(folder / "folds" / "folds.parquet", {"path": dealt.paths, "fold": dealt.fold})
    spec = TaskSpec(name=task, classes=CLASSES)
    return FoldData.read(folder, TASKS[task](spec=spec, operating_confidence=0.25))


def test_a_merged_mask_comes_first_with_the_outline_that_is_seen(tmp_path: Path) -> None:
    dice = np.random.default_rng(2)
    predictions, labels = [], []
    for number in range(IMAGES):
        path = f"images/train/s{number:02d}-0.jpg"
        for class_id, top in ((0, 20), (1, 50)):
            left = 10 + int(dice.integers(0, 2))
            predictions.append(
                {
                    "path": path,
                    "class_id": class_id,
                    "class": CLASSES[class_id],
                    "score": float(dice.uniform(0.6, 0.95)),
                    "x_min": float(left),
                    "y_min": float(top),
                    "x_max": left + 20.0,
                    "y_max": top + 10.0,
                    "mask_rle": mask(left, top, 20, 10),
                }
            )
            labels.append(mask(10, top, 20, 10))
    labels[0] = mask(10, 20, 50, 10)  # over more than its object
    found = folded(tmp_path, "segment", predictions, mask_rle=labels)
    issues = ranked_issues(found, [Aim(metric="map50_95")], [], least=0.01)
    first = issues[0]
    assert (first.kind, first.path) == ("badly_placed", "images/train/s00-0.jpg")
    assert len(first.polygons) == 1
    xs = first.polygons[0][::2]
    assert 0.09 < min(xs) < max(xs) < 0.33
    assert cross_validated(found, "map50", None).pooled.map50 == pytest.approx(1.0, abs=0.05)


def test_a_wrong_class_of_an_image_comes_first(tmp_path: Path) -> None:
    dice = np.random.default_rng(4)
    given = [CLASSES[number % 2] for number in range(IMAGES)]
    predictions = []
    for number in range(IMAGES):
        sure = float(dice.uniform(0.7, 0.99))
        for class_id in (0, 1):
            score = sure if class_id == number % 2 else 1 - sure
            predictions.append(
                {
                    "path": f"images/train/s{number:02d}-0.jpg",
                    "class_id": class_id,
                    "class": CLASSES[class_id],
                    "score": score,
                    **dict.fromkeys(("x_min", "y_min", "x_max", "y_max"), 0.0),
                }
            )
    given[7], given[20] = "cat", "dog"
    columns = {"class": given, "class_id": [CLASSES.index(name) for name in given]}
    found = folded(tmp_path, "classify", predictions, **columns)
    issues = ranked_issues(found, [Aim(metric="top1", most=0.05)], [], least=0.01)
    assert {one.path for one in issues[:2]} == {"images/train/s07-0.jpg", "images/train/s20-0.jpg"}
    assert {one.kind for one in issues} == {"wrong_class"}
    assert issues[0].box is None
    assert 0 < (issues[0].effect or 0) <= 1 / IMAGES
