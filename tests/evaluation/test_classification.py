"""Classes of whole images: hand-computed cases, and scikit-learn's own."""

from __future__ import annotations

import warnings
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.evaluation.classification import ClassifiedMeasurable
from runner.evaluation.problem import Detections, GroundTruths
from runner.evaluation.slices import ObjectSlice


def measurable(
    labels: list[tuple[int, int]], rows: list[tuple[int, int, float]], *, images: int, classes: int
) -> ClassifiedMeasurable:
    """Labels `(image, class)`, predictions `(image, class, probability)`."""
    image, label = np.array(labels, dtype=np.int64).reshape(-1, 2).T
    no = np.zeros(len(image), dtype=bool)
    return ClassifiedMeasurable(
        truths=GroundTruths(image=image, label=label, crowd=no, ignored=no),
        detections=Detections(
            image=np.array([row[0] for row in rows], dtype=np.int64),
            label=np.array([row[1] for row in rows], dtype=np.int64),
            score=np.array([row[2] for row in rows], dtype=np.float32),
        ),
        n_images=images,
        n_classes=classes,
    )


def cells(measured: ClassifiedMeasurable, weights: list[int] | None = None) -> list[dict[str, float]]:
    """Each class, then all together."""
    lane = np.array([[1] * measured.n_images if weights is None else weights], dtype=np.uint8)
    values = measured.measure(lane).values[0]
    return [dict(zip(measured.metrics, row.tolist(), strict=True)) for row in values]


def firsts(*classes: int) -> list[tuple[int, int, float]]:
    return [(image, label, 0.9) for image, label in enumerate(classes) if label >= 0]


def test_hand_computed() -> None:
    measured = measurable([(0, 0), (1, 0), (2, 0), (3, 1)], firsts(0, 0, 1, 1), images=4, classes=2)
    cat, dog, together = cells(measured)
    assert (cat["recall"], cat["precision"], cat["f1"]) == (2 / 3, 1.0, 0.8)
    assert (dog["recall"], dog["precision"], dog["f1"]) == (1.0, 0.5, 2 / 3)
    assert together["top1"] == 0.75
    assert together["balanced_accuracy"] == together["recall"] == pytest.approx(5 / 6)
    assert together["precision"] == 0.75
    assert together["f1"] == pytest.approx((0.8 + 2 / 3) / 2)
    assert measured.measure(np.ones((1, 4), np.uint8)).objects.tolist() == [[3, 1, 4]]


def test_a_weight_counts_an_image_that_many_times() -> None:
    measured = measurable([(0, 0), (1, 0)], firsts(0, 1), images=2, classes=2)
    assert cells(measured, [3, 1])[-1]["top1"] == 0.75
    assert cells(measured, [0, 200])[-1]["top1"] == 0.0


def test_top5_is_among_the_five_most_probable() -> None:
    rows = [(image, label, 0.9 - 0.1 * label) for image in range(7) for label in range(7)]
    measured = measurable([(label, label) for label in range(7)], rows, images=7, classes=7)
    assert [cell["top5"] for cell in cells(measured)] == [1, 1, 1, 1, 1, 0, 0, 5 / 7]


def test_the_top5_of_fewer_than_five_classes_is_1_wherever_there_is_a_prediction() -> None:
    measured = measurable([(0, 0), (1, 1)], firsts(1, 1), images=2, classes=3)
    assert cells(measured)[-1]["top5"] == 0.5  # class 0 was left out of the first image's predictions
    rows = [*firsts(1, 1), (0, 0, 0.05), (0, 2, 0.05)]
    assert cells(measurable([(0, 0), (1, 1)], rows, images=2, classes=3))[-1]["top5"] == 1.0


@pytest.mark.parametrize("rows", [[(0, 1, 0.5), (0, 0, 0.5)], [(0, 0, 0.5), (0, 1, 0.5)]])
def test_of_equal_probabilities_the_class_listed_first_is_the_first(
    rows: list[tuple[int, int, float]],
) -> None:
    assert measurable([(0, 0)], rows, images=1, classes=2).ranking.first.tolist() == [0]
    tied = [(0, label, 0.1) for label in reversed(range(10))]
    places = [measurable([(0, k)], tied, images=1, classes=10).ranking.place[0] for k in range(10)]
    assert places == list(range(10))


def test_an_image_with_no_label_or_with_several_does_not_count() -> None:
    measured = measurable([(0, 0), (1, 0), (1, 1)], firsts(0, 1, 1), images=3, classes=2)
    everywhere = np.ones((1, 3), np.uint8)
    assert measured.measure(everywhere).objects.tolist() == [[1, 0, 1]]
    assert cells(measured)[-1]["precision"] == 1.0
    assert measured.holding(everywhere[0]).tolist() == [
        [True, False, False],
        [False, False, False],
        [True, False, False],
    ]


def test_an_image_without_predictions_is_wrong() -> None:
    together = cells(measurable([(0, 0), (1, 0)], firsts(0, -1), images=2, classes=2))[-1]
    assert (together["top1"], together["top5"], together["recall"], together["precision"]) == (
        0.5,
        0.5,
        0.5,
        1,
    )


def test_macro_averages_are_over_the_classes_that_occur() -> None:
    shown, absent, never, together = cells(
        measurable([(0, 0), (1, 0), (2, 2)], firsts(0, 1, 0), images=3, classes=3)
    )
    assert (shown["precision"], shown["recall"]) == (0.5, 0.5)
    assert absent["precision"] == 0.0  # it was the first class of an image, wrongly
    assert np.isnan([absent["recall"], absent["f1"], absent["top1"], never["precision"]]).all()
    assert (never["recall"], never["f1"]) == (0.0, 0.0)
    assert (together["precision"], together["recall"], together["f1"]) == (0.25, 0.25, 0.25)


@pytest.mark.parametrize(("labels", "images"), [([], 0), ([], 3), ([(0, 0)], 1)])
def test_nothing_that_counts_is_not_measured(labels: list[tuple[int, int]], images: int) -> None:
    measured = measurable(labels, [], images=images, classes=2)
    empty = measured.measure(np.zeros((2, images), np.uint8))
    assert np.isnan(empty.values).all()
    assert not empty.objects.any()
    assert measured.measure(np.zeros((0, images), np.uint8)).values.shape == (0, 3, 6)


def test_an_object_slice_keeps_the_images_whose_label_lies_inside() -> None:
    measured = measurable([(0, 0), (1, 0), (2, 1)], firsts(0, 1, 0), images=3, classes=2)
    part = ObjectSlice(name="clear", condition="…", objects=np.array([True, True, False]), detections=None)
    cat, dog, together = cells(measured.restricted(part))
    assert (cat["recall"], cat["precision"], dog["precision"]) == (0.5, 1.0, 0.0)
    assert together["top1"] == 0.5
    assert np.isnan(dog["recall"])


def scikit_learn(
    truth: NDArray[np.int64], probability: NDArray[np.float64], weights: NDArray[np.uint8]
) -> list[dict[str, float]]:
    """Each class, then all together, of images with a weight."""
    from sklearn import metrics as reference

    chosen = weights > 0
    truth, probability, weight = truth[chosen], probability[chosen], weights[chosen].astype(float)
    classes = probability.shape[1]
    first, occurring = probability.argmax(axis=1), np.unique(truth)
    per_class = reference.precision_recall_fscore_support(
        truth, first, labels=range(classes), sample_weight=weight, zero_division=np.nan
    )
    macro = reference.precision_recall_fscore_support(
        truth, first, labels=occurring, sample_weight=weight, average="macro", zero_division=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of classes that occur only among the predictions
        balanced = reference.balanced_accuracy_score(truth, first, sample_weight=weight)
    top5 = reference.top_k_accuracy_score(
        truth, probability, k=5, sample_weight=weight, labels=range(classes)
    )
    top1 = reference.accuracy_score(truth, first, sample_weight=weight)
    found = [
        {"precision": p, "recall": r, "f1": f if support else np.nan}
        for p, r, f, support in zip(*per_class, strict=True)
    ]
    together = {"top1": top1, "top5": top5, "balanced_accuracy": balanced}
    return [*found, together | dict(zip(("precision", "recall", "f1"), macro[:3], strict=True))]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_random_problems_equal_scikit_learn_under_any_weights(seed: int) -> None:
    random = np.random.default_rng(seed)
    classes, images = int(random.integers(6, 10)), int(random.integers(2, 60))
    truth = random.integers(0, classes - int(random.integers(0, 5)), images)  # the last classes are absent
    probability = random.dirichlet(np.ones(classes), images)
    probability[np.arange(images), truth] += random.random(images)
    weights = random.integers(0, 4, (3, images)).astype(np.uint8)
    weights[:, 0] = 1
    # scores are stored in single precision; these stay distinct there
    rows = [(i, c, float(probability[i, c])) for i in range(images) for c in range(classes)]
    measured = measurable(list(enumerate(truth.tolist())), rows, images=images, classes=classes)
    for lane in weights:
        for ours, theirs in zip(
            cells(measured, lane.tolist()), scikit_learn(truth, probability, lane), strict=True
        ):
            for name, value in theirs.items():
                assert ours[name] == pytest.approx(value, abs=1e-9, nan_ok=True), name


def test_many_lanes_at_a_time_are_what_each_is_alone() -> None:
    random = np.random.default_rng(0)
    truth = random.integers(0, 4, 50)
    rows = [(i, int(c), float(p)) for i in range(50) for c, p in enumerate(random.random(4))]
    measured = measurable(list(enumerate(truth.tolist())), rows, images=50, classes=4)
    weights = random.integers(0, 3, (300, 50)).astype(np.uint8)
    together = measured.measure(weights)
    alone = measured.measure(weights[259:260])
    np.testing.assert_array_equal(together.values[259], alone.values[0])
    np.testing.assert_array_equal(replace(measured).measure(weights[:1]).values[0], together.values[0])
