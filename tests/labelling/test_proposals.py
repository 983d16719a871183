"""Pre-annotations: what of the champion's predictions annotators are shown, in every shape."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runner.adapters.pictures.coco_masks import decode_mask, encode_mask, polygons_to_rle
from runner.adapters.tables.parquet import write_table
from runner.domain.errors import FlywheelError
from runner.domain.labelling import Batch, Proposal
from runner.labelling.proposals import proposals, simplified

WIDTH, HEIGHT = 64, 48
PATH = "images/pool/1.jpg"
FOLDER = "scores/0001-first-pool"


def batch() -> Batch:
    return Batch(
        sprint="0002-more",
        into="train",
        champion="0001-first",
        tag="pets#prod#1",
        seed=0,
        pool_images=1,
        pool_digest="0",
        evidence={},
        arms={"random": 1},
    )


def predicted(root: Path, **columns: Any) -> None:
    """Plants the champion's predictions; boxes are the left half of the image where none is given."""
    count = len(columns["score"])
    box = {"x_min": 0.0, "y_min": 0.0, "x_max": 32.0, "y_max": 48.0}
    whole = {"path": [PATH] * count, "class": ["dog"] * count}
    whole |= {name: np.full(count, value) for name, value in box.items()} | columns
    file = root / FOLDER / "champion/predictions.parquet"
    file.parent.mkdir(parents=True)
    write_table(file, whole)


def shown(root: Path, task: str = "detect", *, least: float = 0.3, exact: bool = False) -> list[Proposal]:
    project: Any = SimpleNamespace(task=task, classes=["cat", "dog"])
    found = proposals(root, project, batch(), {PATH: (WIDTH, HEIGHT)}, min_confidence=least, exact=exact)
    return found[PATH]


def lists(rows: list[list[float]]) -> Any:
    column = np.empty(len(rows), dtype=object)
    for at, row in enumerate(rows):
        column[at] = row
    return column


def test_sure_enough_ones_of_the_projects_classes_are_shown_the_surest_first(tmp_path: Path) -> None:
    predicted(
        tmp_path,
        score=np.array([0.4, 0.9, 0.29, 0.8, 0.7], np.float32),
        **{"class": ["dog", "cat", "dog", "horse", "dog"], "path": [PATH, PATH, PATH, PATH, "another.jpg"]},
    )
    assert [(one.class_name, one.score) for one in shown(tmp_path)] == [("cat", 0.9), ("dog", 0.4)]
    assert shown(tmp_path)[0].box == (0.0, 0.0, 0.5, 1.0)


def test_what_reaches_out_is_cut_and_what_is_outside_is_not_shown(tmp_path: Path) -> None:
    predicted(
        tmp_path,
        score=np.array([0.9, 0.8]),
        x_min=np.array([-10.0, 70.0]),
        x_max=np.array([80.0, 90.0]),
    )
    assert [one.box for one in shown(tmp_path)] == [(0.0, 0.0, 1.0, 1.0)]


def test_a_mask_is_an_outline_exact_or_of_few_points(tmp_path: Path) -> None:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    disc = (rows - 24) ** 2 + (columns - 32) ** 2 < 15**2
    predicted(tmp_path, score=np.array([0.9, 0.8]), mask_rle=[encode_mask(disc), encode_mask(disc & False)])
    (exact,), (simple,) = shown(tmp_path, "segment", exact=True), shown(tmp_path, "segment")
    assert (_pixels(exact) == disc).all()
    assert len(simple.polygons[0]) < len(exact.polygons[0]) / 2
    overlap = (_pixels(simple) & disc).sum() / (_pixels(simple) | disc).sum()
    assert overlap > 0.95


def _pixels(proposal: Proposal) -> Any:
    (outline,) = proposal.polygons
    scaled = [value * (HEIGHT if at % 2 else WIDTH) for at, value in enumerate(outline)]
    return decode_mask(polygons_to_rle([scaled], (HEIGHT, WIDTH)), (HEIGHT, WIDTH))


def test_points_of_a_skeleton_that_the_model_is_unsure_of_are_not_shown(tmp_path: Path) -> None:
    predicted(tmp_path, score=np.array([0.9]), keypoints=lists([[16.0, 12.0, 0.9, 32.0, 24.0, 0.2]]))
    assert shown(tmp_path, "pose")[0].keypoints == [0.25, 0.25, 2.0, 0.0, 0.0, 0.0]


def test_rotated_boxes_keep_their_corners(tmp_path: Path) -> None:
    corners = [32.0, 12.0, 48.0, 24.0, 32.0, 36.0, 16.0, 24.0]
    predicted(tmp_path, score=np.array([0.9]), corners=lists([corners]))
    assert shown(tmp_path, "obb")[0].corners == [0.5, 0.25, 0.75, 0.5, 0.5, 0.75, 0.25, 0.5]


def test_of_an_images_classes_the_likeliest_is_shown(tmp_path: Path) -> None:
    predicted(tmp_path, score=np.array([0.4, 0.6]), **{"class": ["cat", "dog"]})
    assert [(one.class_name, one.box) for one in shown(tmp_path, "classify")] == [
        ("dog", (0.0, 0.0, 1.0, 1.0))
    ]


def test_predictions_that_are_not_here_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        shown(tmp_path)
    assert error.value.hint == "flywheel score --pull"
    (tmp_path / FOLDER).mkdir(
        parents=True
    )  # as git brings it: the record of a scoring, whose outputs are in DVC
    (tmp_path / FOLDER / "dvc.yaml").write_text("stages: {}\n")
    with pytest.raises(FlywheelError) as error:
        shown(tmp_path)
    assert str(error.value.hint).startswith(f"dvc pull {FOLDER}/dvc.yaml; ")


def test_an_outline_is_simplified_within_a_tolerance() -> None:
    stairs = [(float(at // 2), float((at + 1) // 2)) for at in range(20)] + [(0.0, 10.0)]
    assert simplified(stairs, 0.0) == [point for at, point in enumerate(stairs)]
    assert len(simplified(stairs, 1.0)) <= 4
    assert simplified([(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)], 9.0) == [(0.0, 0.0), (1.0, 0.0), (1.0, 1.0)]
