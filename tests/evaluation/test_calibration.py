"""Reliability bins and the expected calibration error."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.calibration import reliability


def test_the_error_is_the_gap_between_confidence_and_accuracy_weighted_by_count() -> None:
    confidence = np.array([0.95, 0.95, 0.95, 0.95, 0.15])
    found = reliability(confidence, np.array([True, True, True, False, False]))
    assert found.count.tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 4]
    assert found.accuracy[9] == 0.75
    assert found.ece == pytest.approx(0.8 * 0.2 + 0.2 * 0.15)


def test_a_bin_includes_its_low_end_and_the_last_one_includes_1() -> None:
    edges = np.array([0.0, 0.1, 0.2, 0.3, 0.6, 0.7, 0.8, 0.9, 1.0])
    found = reliability(edges, np.ones(9, dtype=bool))
    assert found.count.tolist() == [1, 1, 1, 1, 0, 0, 1, 1, 1, 2]


def test_perfect_confidence_has_no_error() -> None:
    found = reliability(np.array([1.0, 0.0]), np.array([True, False]))
    assert found.ece == 0.0


def test_no_predictions_are_not_measured() -> None:
    found = reliability(np.empty(0), np.empty(0, dtype=bool))
    assert found.ece is None
    assert np.isnan(found.accuracy).all()


def test_bins_are_those_of_scikit_learn() -> None:
    from sklearn.calibration import calibration_curve

    random = np.random.default_rng(0)
    confidence = random.random(2000)
    right = random.random(2000) < confidence**2
    accuracy, mean = calibration_curve(right, confidence, n_bins=15)
    found = reliability(confidence, right, bins=15)
    np.testing.assert_allclose(found.accuracy, accuracy)
    np.testing.assert_allclose(found.confidence, mean)
