"""Hand-computed cases of matching, average precision and the operating point."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from runner.evaluation.average_precision import Curves, accumulate
from runner.evaluation.boxes import Candidates, Detections, GroundTruths, candidate_pairs, paired_iou
from runner.evaluation.matching import match
from runner.evaluation.operating_point import f1, operating_point, precision, recall

Box = tuple[float, float, float, float]
SQUARE: Box = (0, 0, 10, 10)
FAR: Box = (50, 50, 60, 60)


def candidates(
    truths: Sequence[tuple[int, Box]], found: Sequence[tuple[int, float, Box]], crowd: Sequence[int] = ()
) -> Candidates:
    """`(image, box)` and `(image, score, box)`, all of class 0."""
    is_crowd = np.zeros(len(truths), dtype=bool)
    is_crowd[list(crowd)] = True
    return candidate_pairs(
        GroundTruths(
            image=np.array([image for image, _ in truths], dtype=np.int64),
            label=np.zeros(len(truths), dtype=np.int64),
            boxes_xyxy=np.array([box for _, box in truths], dtype=np.float64).reshape(-1, 4),
            crowd=is_crowd,
        ),
        Detections(
            image=np.array([image for image, _, _ in found], dtype=np.int64),
            label=np.zeros(len(found), dtype=np.int64),
            score=np.array([score for _, score, _ in found], dtype=np.float32),
            boxes_xyxy=np.array([box for _, _, box in found], dtype=np.float64).reshape(-1, 4),
        ),
    )


def curves(of: Candidates, images: int = 2) -> Curves:
    return accumulate(match(of), n_classes=1, weights=np.ones(images, dtype=np.uint8))


@pytest.mark.parametrize(
    ("truth", "found", "crowd", "iou"),
    [
        (SQUARE, SQUARE, False, 1.0),
        (SQUARE, (0, 0, 10, 5), False, 0.5),
        (SQUARE, (0, 0, 10, 5), True, 1.0),
        (SQUARE, (10, 0, 20, 10), False, 0.0),
        (SQUARE, (5, 5, 5, 5), False, 0.0),
        ((3, 3, 3, 3), (3, 3, 3, 3), True, 0.0),
    ],
)
def test_iou_of_boxes(truth: Box, found: Box, crowd: bool, iou: float) -> None:
    assert paired_iou(np.array([truth], float), np.array([found], float), np.array([crowd])).tolist() == [iou]


def test_a_perfect_detection_scores_one() -> None:
    measured = curves(candidates([(0, SQUARE)], [(0, 0.9, SQUARE)]))
    assert measured.average_precision().tolist() == pytest.approx([1.0])  # COCO adds 2e-16 to a denominator
    assert measured.average_recall().tolist() == [1.0]


def test_iou_of_a_threshold_counts_at_that_threshold() -> None:
    measured = curves(candidates([(0, SQUARE)], [(0, 0.9, (0, 0, 10, 7.5))]))
    assert measured.average_precision(0.75).tolist() == pytest.approx([1.0])
    assert measured.recall[0].tolist() == [1.0] * 6 + [0.0] * 4


def test_a_second_detection_of_one_object_is_wrong() -> None:
    matches = match(candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, SQUARE)]))
    assert matches.true_positive[0].tolist() == [True, False]
    assert not matches.ignored.any()


def test_a_confident_mistake_halves_precision_at_every_recall() -> None:
    measured = curves(candidates([(0, SQUARE)], [(0, 0.9, FAR), (0, 0.8, SQUARE)]))
    assert measured.average_precision(0.5).tolist() == pytest.approx([0.5])


def test_half_the_objects_found_reach_the_first_51_of_101_recall_points() -> None:
    measured = curves(candidates([(0, SQUARE), (1, SQUARE)], [(0, 0.9, SQUARE)]))
    assert measured.average_precision(0.5).tolist() == pytest.approx([51 / 101])


def test_detections_on_a_crowd_are_ignored_and_the_crowd_is_no_object() -> None:
    of = candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, (0, 0, 5, 5))], crowd=[0])
    matches = match(of)
    assert matches.ignored.all()
    assert len(matches.truth_image) == 0
    assert np.isnan(curves(of).average_precision()).all()


def test_an_object_that_counts_is_preferred_to_an_ignored_one_that_fits_better() -> None:
    of = candidates([(0, SQUARE), (0, (0, 0, 10, 9))], [(0, 0.9, SQUARE)])
    matches = match(of, ignored_truths=np.array([True, False]))
    assert matches.true_positive[0].tolist() == [True]


def test_an_unmatched_detection_outside_the_slice_is_ignored_and_a_matched_one_is_right() -> None:
    of = candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, FAR)])
    matches = match(of, ignored_detections=np.array([True, True]))
    assert matches.true_positive[0].tolist() == [True, False]
    assert matches.ignored[0].tolist() == [False, True]


def test_only_the_best_100_detections_of_an_image_and_class_count() -> None:
    found = [(0, 0.5 + 0.001 * number, FAR) for number in range(100)] + [(0, 0.1, SQUARE), (1, 0.1, SQUARE)]
    of = candidates([(0, SQUARE), (1, SQUARE)], found)
    assert len(of.row) == 101
    assert curves(of).recall[0, 0] == 0.5


def test_ties_are_ordered_by_image_then_by_row() -> None:
    found = [(1, 0.5, SQUARE), (0, 0.5, FAR), (0, 0.5, SQUARE), (1, 0.7, FAR)]
    assert candidates([], found).row.tolist() == [3, 1, 2, 0]


@pytest.mark.parametrize(
    ("truths", "found", "ap"),
    [
        ([], [], None),
        ([], [(0, 0.9, SQUARE)], None),
        ([(0, SQUARE)], [], 0.0),
        ([(0, SQUARE)], [(1, 0.9, SQUARE)], 0.0),
    ],
    ids=["nothing", "no ground truth", "no predictions", "another image"],
)
def test_average_precision_without_matches(
    truths: list[tuple[int, Box]], found: list[tuple[int, float, Box]], ap: float | None
) -> None:
    (value,) = curves(candidates(truths, found)).average_precision().tolist()
    assert np.isnan(value) if ap is None else value == ap


def test_no_images_measure_nothing() -> None:
    measured = accumulate(match(candidates([], [])), n_classes=1, weights=np.zeros(0, dtype=np.uint8))
    assert np.isnan(measured.precision).all()
    assert measured.objects.tolist() == [0.0]


def test_the_operating_point_counts_only_confident_detections() -> None:
    found = [(0, 0.9, SQUARE), (0, 0.6, FAR), (1, 0.2, SQUARE)]
    matches = match(candidates([(0, SQUARE), (1, SQUARE)], found))
    everything = np.ones(2, dtype=np.uint8)
    point = operating_point(matches, n_classes=1, weights=everything, confidence=0.5)
    counts = (point.true_positives[0], point.false_positives[0], point.objects[0])
    assert counts == (1.0, 1.0, 2.0)
    assert (precision(1, 1), recall(1, 2), f1(1, 1, 2)) == (0.5, 0.5, 0.5)


def test_a_score_stored_in_single_precision_reaches_its_threshold() -> None:
    matches = match(candidates([(0, SQUARE)], [(0, 0.7, SQUARE)]))  # float32(0.7) < 0.7
    point = operating_point(matches, n_classes=1, weights=np.ones(1, dtype=np.uint8), confidence=0.7)
    assert point.true_positives.tolist() == [1.0]
