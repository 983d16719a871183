"""What becomes of the champion's predictions on the pool: a row per image, and a summary."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.tables.parquet import read_table, write_table
from runner.dataset.columns import SCORE_COLUMNS
from runner.domain.evaluation import ChampionModel
from runner.domain.files import write_json
from runner.domain.records import Selection
from runner.domain.task import TaskName, TaskSpec
from runner.record.scoring import IMAGE_SCORES, MEASURES, SCORES, ClassScores, Scores
from runner.stages import score
from runner.stages.score import ScoreParams
from runner.stages.stage import StageContext

PATHS = ["b.jpg", "a.jpg", "c.jpg", "kept-out.jpg"]


def scored(
    tmp_path: Path, task: TaskName, rows: list[tuple[str, str, float]]
) -> tuple[Scores, dict[str, Any]]:
    folder = tmp_path / "scores" / "0001-a-pool"
    for name in ("selection", "champion"):
        (folder / name).mkdir(parents=True)
    manifest = {
        "path": PATHS,
        "image_id": [f"id of {path}" for path in PATHS],
        "assigned": ["pool"] * 4,
        "selected": np.array([True, True, True, False]),
    }
    write_table(folder / "selection" / "manifest.parquet", manifest)
    selection = Selection(splits={}, dropped=[], digest="", split_digests={"pool": "p"})
    write_json(folder / "selection.json", selection)
    path, name, points = zip(*rows, strict=True) if rows else ((), (), ())
    columns = {"path": list(path), "class": list(name), "score": np.array(points, dtype=np.float32)}
    write_table(folder / "champion" / "predictions.parquet", columns)
    model = ChampionModel(
        sprint="0001-a", tag="m#prod#1", target="onnx-fp32", class_names=["cat", "dog"], digest="d.dir"
    )
    write_json(folder / "champion" / "champion.json", model)
    params = ScoreParams(task=TaskSpec(name=task, classes=["cat", "dog"]), confidence=0.4)
    score.run(StageContext(root=tmp_path, folder=folder), params)
    return SCORES.read(folder), read_table(folder / IMAGE_SCORES.name)


def test_objects_count_from_the_confidence_on_and_all_predictions_make_an_image_unsure(
    tmp_path: Path,
) -> None:
    rows = [("a.jpg", "cat", 0.9), ("a.jpg", "cat", 0.5), ("a.jpg", "dog", 0.3), ("b.jpg", "dog", 0.2)]
    summary, images = scored(tmp_path, "detect", rows)
    assert images["path"].tolist() == ["a.jpg", "b.jpg", "c.jpg"]
    assert images["image_id"].tolist() == ["id of a.jpg", "id of b.jpg", "id of c.jpg"]
    assert images["predictions"].tolist() == [2, 0, 0]
    assert images["confidence"] == pytest.approx([0.9, 0.2, np.nan], nan_ok=True)
    assert images["margin"] == pytest.approx([0.0, 0.6, np.nan], nan_ok=True, abs=1e-6)
    assert (summary.images, summary.without_predictions, summary.split_digest) == (3, 2, "p")
    assert summary.per_class == {
        "cat": ClassScores(predictions=2, images=1),
        "dog": ClassScores(predictions=0, images=0),
    }
    margin = summary.measures["margin"]
    assert margin is not None
    assert (margin.minimum, margin.median, margin.maximum) == pytest.approx((0.0, 0.3, 0.6), abs=1e-6)


def test_of_the_classes_of_an_image_the_likeliest_counts_whatever_its_probability(tmp_path: Path) -> None:
    rows = [("a.jpg", "cat", 0.35), ("a.jpg", "dog", 0.65), ("c.jpg", "cat", 0.38), ("c.jpg", "dog", 0.3)]
    summary, images = scored(tmp_path, "classify", rows)
    assert images["predictions"].tolist() == [1, 0, 1]
    assert images["margin"] == pytest.approx([0.3, np.nan, 0.08], nan_ok=True, abs=1e-6)
    assert {name: counts.predictions for name, counts in summary.per_class.items()} == {"cat": 1, "dog": 1}


def test_every_measure_is_a_column_that_questions_may_name(tmp_path: Path) -> None:
    _, images = scored(tmp_path, "detect", [("a.jpg", "cat", 0.9)])
    assert list(images) == ["path", "image_id", *SCORE_COLUMNS]
    assert set(MEASURES) < set(SCORE_COLUMNS)


def test_a_model_that_predicts_nothing_is_not_measured(tmp_path: Path) -> None:
    summary, images = scored(tmp_path, "detect", [])
    assert summary.without_predictions == 3
    assert set(summary.measures.values()) == {None}
    assert np.isnan(images["entropy"]).all()
