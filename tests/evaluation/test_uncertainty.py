"""Uncertainty per image: the textbook's numbers, and images of which nothing was predicted."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.uncertainty import of_classes, of_objects

NOTHING = np.array([], dtype=np.int64)


def test_an_image_is_as_unsure_as_its_most_unsure_prediction() -> None:
    image, scores = np.array([0, 0, 2, 2]), np.array([0.9, 0.25, 0.001, 1.0])
    measured = of_objects(image, scores, 4)
    assert measured.least_confidence == pytest.approx([0.25, np.nan, 0.001, np.nan], nan_ok=True)
    assert measured.margin == pytest.approx([0.5, np.nan, 0.998, np.nan], nan_ok=True)
    quarter, tenth = 0.8112781244591328, 0.4689955935892812  # bits of a coin that falls so
    assert measured.entropy[0] == pytest.approx(quarter)
    assert measured.entropy_sum[0] == pytest.approx(quarter + tenth)
    assert np.isnan(measured.entropy_sum[[1, 3]]).all()


def test_one_answer_per_image_is_measured_over_its_classes() -> None:
    image = np.array([1, 0, 0, 0, 1])
    measured = of_classes(image, np.array([1.0, 0.2, 0.7, 0.1, 0.0]), 3, 3)
    assert measured.least_confidence == pytest.approx([0.3, 0.0, np.nan], nan_ok=True)
    assert measured.margin == pytest.approx([0.5, 1.0, np.nan], nan_ok=True)
    expected = -(0.2 * np.log(0.2) + 0.7 * np.log(0.7) + 0.1 * np.log(0.1)) / np.log(3)
    assert measured.entropy == pytest.approx([expected, 0.0, np.nan], nan_ok=True)
    assert measured.entropy_sum == pytest.approx(measured.entropy, nan_ok=True)


def test_all_classes_alike_are_as_unsure_as_can_be_however_many_there_are() -> None:
    for classes in (2, 5, 40):
        measured = of_classes(np.zeros(classes, np.int64), np.full(classes, 1 / classes), 1, classes)
        assert measured.entropy == pytest.approx([1.0])
        assert measured.margin == pytest.approx([0.0])


def test_a_single_class_is_no_question() -> None:
    measured = of_classes(np.array([0]), np.array([1.0]), 1, 1)
    assert (measured.margin[0], measured.entropy[0]) == (1.0, 0.0)


def test_nothing_predicted_is_not_measured() -> None:
    for measured in (
        of_objects(NOTHING, NOTHING.astype(float), 2),
        of_classes(NOTHING, NOTHING.astype(float), 2, 3),
    ):
        assert np.isnan(measured.entropy).all()
        assert np.isnan(measured.margin).all()
