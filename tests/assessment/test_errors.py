"""From what is wrong with one artefact to errors.json, its tables and its curves."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.tables.parquet import read_table
from runner.assessment.curves import write_curves
from runner.assessment.errors import errors_record, write_outcomes
from runner.domain.files import encode_json
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.errors import ErrorAnalysis, classification_errors, ranked_errors
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.tasks.task import TestData

CLASSES = ["cat", "dog"]
SQUARE, FAR, PART = (0, 0, 10, 10), (50, 50, 60, 60), (0, 0, 10, 4)


def texts(*values: str) -> NDArray[np.object_]:
    return np.array(values, dtype=object)


@pytest.fixture
def data() -> TestData:
    """An object of an unknown class lies between the others; the third image is empty."""
    return TestData(
        target="onnx-fp32",
        images={
            "path": texts("a.jpg", "b.jpg", "c.jpg"),
            "width": np.full(3, 100),
            "height": np.full(3, 100),
        },
        objects={
            "path": texts("a.jpg", "a.jpg", "b.jpg"),
            "object_id": texts("a:1", "a:2", "b:1"),
            "class": texts("cat", "horse", "dog"),
        },
        predictions={
            "path": texts("b.jpg", "a.jpg", "b.jpg"),
            "class": texts("dog", "cat", "cat"),
            "score": np.array([0.6, 0.9, 0.7], dtype=np.float32),
        },
    )


@pytest.fixture
def analysis() -> ErrorAnalysis:
    crowd = np.zeros(2, dtype=bool)
    problem = Problem(
        n_images=3,
        n_classes=2,
        truths=GroundTruths(image=np.array([0, 1]), label=np.array([0, 1]), crowd=crowd, ignored=crowd),
        detections=Detections(
            image=np.array([1, 0, 1]),
            label=np.array([1, 0, 0]),
            score=np.array([0.6, 0.9, 0.7], dtype=np.float32),
        ),
        similarity=BoxSimilarity(
            truths_xyxy=np.array([SQUARE, SQUARE], dtype=float),
            detections_xyxy=np.array([PART, SQUARE, FAR], dtype=float),
            crowd=crowd,
        ),
    )
    return ranked_errors(problem, confidence=0.5, class_names=CLASSES)


def test_tables_say_what_became_of_detections_objects_and_images(
    tmp_path: Path, data: TestData, analysis: ErrorAnalysis
) -> None:
    write_outcomes(tmp_path, "onnx-fp32", data, analysis)
    detections = read_table(tmp_path / "onnx-fp32-detections.parquet")
    assert detections["outcome"].tolist() == ["localisation", "true_positive", "background"]
    assert detections["object_id"].tolist() == ["b:1", "a:1", None]
    assert detections["row"].tolist() == [0, 1, 2]
    assert detections["similarity"].tolist() == [0.4, 1.0, 0.0]
    objects = read_table(tmp_path / "onnx-fp32-objects.parquet")
    assert objects["object_id"].tolist() == ["a:1", "b:1"]
    assert objects["outcome"].tolist() == ["found", "missed"]
    assert objects["near"].tolist() == [False, True]
    np.testing.assert_array_equal(objects["score"], [np.float32(0.9), np.nan])
    images = read_table(tmp_path / "onnx-fp32-images.parquet")
    np.testing.assert_array_equal(images["loss"], [0.0, 1.0, np.nan])
    assert images["localisation"].tolist() == images["background"].tolist() == [0, 1, 0]
    assert images["n_objects"].tolist() == [1, 1, 0]
    assert images["n_detections"].tolist() == [1, 2, 0]


def test_the_same_outcomes_are_the_same_bytes(
    tmp_path: Path, data: TestData, analysis: ErrorAnalysis
) -> None:
    def digests(folder: Path) -> list[str]:
        write_outcomes(folder, "torch", data, analysis)
        return [hashlib.sha256(file.read_bytes()).hexdigest() for file in sorted(folder.iterdir())]

    for name in ("x", "y"):
        (tmp_path / name).mkdir()
    assert digests(tmp_path / "x") == digests(tmp_path / "y")


def test_other_objects_than_those_analysed_are_refused(
    tmp_path: Path, data: TestData, analysis: ErrorAnalysis
) -> None:
    fewer: dict[str, NDArray[Any]] = {name: values[:1] for name, values in data.objects.items()}
    other = TestData(target="x", images=data.images, objects=fewer, predictions=data.predictions)
    with pytest.raises(ValueError, match="2 objects were analysed, the table has 1"):
        write_outcomes(tmp_path, "x", other, analysis)


def test_the_record_holds_what_a_reader_looks_at(analysis: ErrorAnalysis) -> None:
    record = errors_record(analysis, CLASSES, "onnx-fp32")
    counts = {error.name: error.count for error in record.types}
    assert counts == {
        "classification": 0,
        "localisation": 1,
        "both": 0,
        "duplicate": 0,
        "background": 1,
        "missed": 0,
    }
    cost = {error.name: error.ap_cost for error in record.types}
    assert cost["localisation"] == pytest.approx(0.5)
    assert record.confusion.labels == ["cat", "dog", "background"]
    assert record.confusion.background
    assert record.confusion.counts == [[1, 0, 0], [0, 0, 1], [1, 1, 0]]
    assert record.recommended is not None
    assert record.recommended.confidence == pytest.approx(0.8)  # between the hit and the next false one
    assert list(record.recommended_per_class) == ["cat"]
    assert record.calibration.ece is not None
    assert b"NaN" not in encode_json(record)


def test_the_record_of_classes_of_images_has_no_background() -> None:
    analysis = classification_errors(
        GroundTruths(
            image=np.array([0]), label=np.array([1]), crowd=np.zeros(1, bool), ignored=np.zeros(1, bool)
        ),
        Detections(image=np.array([0, 0]), label=np.array([0, 1]), score=np.array([0.7, 0.3])),
        n_images=1,
        confidence=0.25,
        class_names=CLASSES,
    )
    record = errors_record(analysis, CLASSES, "torch")
    assert record.confusion.labels == CLASSES
    assert not record.confusion.background
    assert [(error.name, error.count, error.ap_cost) for error in record.types] == [
        ("classification", 1, None)
    ]


def test_nothing_measured_is_none_in_the_record() -> None:
    none = np.zeros(0, dtype=np.int64)
    problem = Problem(
        n_images=1,
        n_classes=2,
        truths=GroundTruths(image=none, label=none, crowd=none.astype(bool), ignored=none.astype(bool)),
        detections=Detections(image=none, label=none, score=none.astype(np.float32)),
        similarity=lambda truth, detection: np.zeros(len(truth)),
    )
    record = errors_record(ranked_errors(problem, confidence=0.5, class_names=CLASSES), CLASSES, "torch")
    assert record.calibration.ece is None
    assert record.recommended is None
    assert {error.ap_cost for error in record.types} == {None}


def test_curves_are_written_for_every_artefact_and_for_the_classes_of_the_judged_one(
    tmp_path: Path, analysis: ErrorAnalysis
) -> None:
    write_curves(tmp_path, {"torch": analysis, "onnx-fp32": analysis}, "onnx-fp32", CLASSES)

    def rows(name: str) -> list[dict[str, str]]:
        with (tmp_path / "plots" / name).open(newline="", encoding="utf-8") as handle:
            return list(csv.DictReader(handle))

    means, classes, f1 = (
        rows(name) for name in ("precision_recall.csv", "class_curves.csv", "f1_confidence.csv")
    )
    assert len(means) == 2 * 101
    assert means[0] == {"target": "torch", "recall": "0.00", "precision": "0.500000"}
    assert [row["class"] for row in classes[::101]] == ["cat", "dog"]
    assert classes[101 + 50] == {
        "class": "dog",
        "at": "0.50",
        "precision_at_recall": "0.000000",
        "f1_at_confidence": "0.000000",
    }
    assert [row["target"] for row in f1[::101]] == ["torch", "onnx-fp32"]
    assert f1[50] == {"target": "torch", "confidence": "0.50", "f1": "0.400000"}
