"""Precision over recall, F1 over confidence, and the recommended confidence."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.curves import RankedPredictions, curves_and_points, interpolated_precision


def predictions_of(
    rows: list[tuple[int, float, bool]], objects: list[int], *, dtype: type = np.float32
) -> RankedPredictions:
    ordered = sorted(rows, key=lambda row: (row[0], -row[1]))
    return RankedPredictions(
        label=np.array([row[0] for row in ordered], dtype=np.int64),
        score=np.array([row[1] for row in ordered], dtype=dtype),
        right=np.array([row[2] for row in ordered], dtype=bool),
        objects=np.array(objects),
    )


def test_precision_is_the_highest_at_a_recall_of_at_least_each_point() -> None:
    precision = interpolated_precision(np.array([False, True, True, False]), 4)
    assert precision[:51].tolist() == pytest.approx([2 / 3] * 51)
    assert not precision[51:].any()


def test_f1_counts_what_scores_at_least_each_threshold() -> None:
    curves, _ = curves_and_points(predictions_of([(0, 0.9, True), (0, 0.6, False), (0, 0.3, True)], [2]))
    f1 = dict(zip(np.round(curves.confidence, 2).tolist(), curves.f1[0].tolist(), strict=True))
    assert f1[0.3] == pytest.approx(2 * 2 / 5)  # a score equal to the threshold counts
    assert f1[0.31] == f1[0.6] == pytest.approx(2 * 1 / 4)
    assert f1[0.61] == f1[0.9] == pytest.approx(2 * 1 / 3)
    assert f1[0.91] == 0


def test_the_recommended_confidence_is_the_middle_of_the_best_ones() -> None:
    rows = [(0, 0.9, True), (0, 0.8, True), (0, 0.4, False)]
    _, points = curves_and_points(predictions_of(rows, [2]))
    assert points.confidence.tolist() == pytest.approx([0.6, 0.6])
    assert points.precision.tolist() == points.recall.tolist() == points.f1.tolist() == [1.0, 1.0]


def test_all_classes_are_counted_together_and_precision_is_averaged() -> None:
    rows = [(0, 0.9, True), (1, 0.8, False), (1, 0.7, True)]
    curves, points = curves_and_points(predictions_of(rows, [1, 3, 0]))
    np.testing.assert_allclose(curves.precision[-1], curves.precision[:2].mean(axis=0))
    assert np.isnan(curves.precision[2]).all()
    assert np.isnan(curves.f1[2]).all()
    assert curves.f1[-1, 50] == pytest.approx(2 * 2 / (3 + 4))
    assert np.isnan(points.confidence[2])


def test_without_a_right_prediction_nothing_is_recommended() -> None:
    _, points = curves_and_points(predictions_of([(0, 0.9, False)], [1]))
    assert np.isnan(points.confidence).all()
    assert np.isnan(points.f1).all()


def test_no_objects_and_no_predictions_are_not_measured() -> None:
    curves, points = curves_and_points(predictions_of([], [0]))
    assert np.isnan(curves.precision).all()
    assert np.isnan(points.recall).all()


def test_f1_is_that_of_scikit_learn_at_every_threshold() -> None:
    from sklearn.metrics import f1_score

    random = np.random.default_rng(1)
    score, right = random.random(300).round(2), random.random(300) < 0.4
    rows = [(0, float(s), bool(r)) for s, r in zip(score, right, strict=True)]
    curves, _ = curves_and_points(predictions_of(rows, [int(right.sum())], dtype=np.float64))
    expected = [f1_score(right, score >= at, zero_division=0) for at in curves.confidence]
    np.testing.assert_allclose(curves.f1[0], expected)
