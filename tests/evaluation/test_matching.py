"""Hand-computed cases of overlap, ties and matching."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.candidates import MatchCandidates, candidate_pairs
from runner.evaluation.matching import Matches, at_threshold, match, threshold_index
from runner.evaluation.problem import Detections, GroundTruths, Problem

Box = tuple[float, float, float, float]
SQUARE: Box = (0, 0, 10, 10)
FAR: Box = (50, 50, 60, 60)


def candidates(
    truths: Sequence[tuple[int, Box]],
    found: Sequence[tuple[int, float, Box]],
    *,
    crowd: Sequence[int] = (),
    ignored: Sequence[int] = (),
    max_detections: int = 100,
) -> MatchCandidates:
    """`(image, box)` and `(image, score, box)`, all of class 0, on two images."""
    is_crowd, is_ignored = np.zeros((2, len(truths)), dtype=bool)
    is_crowd[list(crowd)] = True
    is_ignored[list(ignored)] = True
    return candidate_pairs(
        Problem(
            n_images=2,
            n_classes=1,
            truths=GroundTruths(
                image=np.array([image for image, _ in truths], dtype=np.int64),
                label=np.zeros(len(truths), dtype=np.int64),
                crowd=is_crowd,
                ignored=is_ignored,
            ),
            detections=Detections(
                image=np.array([image for image, _, _ in found], dtype=np.int64),
                label=np.zeros(len(found), dtype=np.int64),
                score=np.array([score for _, score, _ in found], dtype=np.float32),
            ),
            similarity=BoxSimilarity(
                truths_xyxy=np.array([box for _, box in truths], dtype=np.float64).reshape(-1, 4),
                detections_xyxy=np.array([box for _, _, box in found], dtype=np.float64).reshape(-1, 4),
                crowd=is_crowd,
            ),
            max_detections=max_detections,
        )
    )


def right(matches: Matches, similarity: float = 0.5) -> list[bool]:
    return at_threshold(matches.true_positive, threshold_index(similarity)).tolist()


def neither(matches: Matches, similarity: float = 0.5) -> list[bool]:
    return at_threshold(matches.ignored, threshold_index(similarity)).tolist()


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
    similarity = BoxSimilarity(
        truths_xyxy=np.array([truth], float),
        detections_xyxy=np.array([found], float),
        crowd=np.array([crowd]),
    )
    assert similarity(np.array([0]), np.array([0])).tolist() == [iou]


def test_no_pairs_have_no_similarity() -> None:
    nothing: NDArray[np.float64] = np.empty((0, 4))
    similarity = BoxSimilarity(truths_xyxy=nothing, detections_xyxy=nothing, crowd=np.empty(0, dtype=bool))
    rows = np.empty(0, dtype=np.int64)
    assert similarity(rows, rows).shape == (0,)


def test_a_detection_matches_up_to_its_overlap() -> None:
    matches = match(candidates([(0, SQUARE)], [(0, 0.9, (0, 0, 10, 7.5))]))
    assert matches.true_positive.tolist() == [0b0000111111]  # 0.50, …, 0.75
    assert matches.truth.tolist() == [[0] * 6 + [-1] * 4]


def test_a_second_detection_of_one_object_is_wrong() -> None:
    matches = match(candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, SQUARE)]))
    assert right(matches) == [True, False]
    assert not matches.ignored.any()


def test_the_last_of_equally_good_objects_is_taken() -> None:
    matches = match(candidates([(0, SQUARE), (0, SQUARE)], [(0, 0.9, SQUARE)]))
    assert matches.truth[0].tolist() == [1] * 10


def test_detections_on_a_crowd_are_ignored_and_the_crowd_is_no_object() -> None:
    matches = match(candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, (0, 0, 5, 5))], crowd=[0]))
    assert neither(matches) == [True, True]
    assert not matches.counted.any()


def test_an_ignored_object_absorbs_one_detection() -> None:
    matches = match(candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, SQUARE)], ignored=[0]))
    assert neither(matches) == [True, False]
    assert not matches.counted.any()


def test_an_object_that_counts_is_preferred_to_an_ignored_one_that_fits_better() -> None:
    of = candidates([(0, SQUARE), (0, (0, 0, 10, 9))], [(0, 0.9, SQUARE)])
    matches = match(of, ignored_truths=np.array([True, False]))
    assert right(matches) == [True]
    assert neither(matches, 0.95) == [True]  # too little overlap with the other


def test_an_unmatched_detection_outside_the_slice_is_ignored_and_a_matched_one_is_right() -> None:
    of = candidates([(0, SQUARE)], [(0, 0.9, SQUARE), (0, 0.8, FAR)])
    matches = match(of, ignored_detections=np.array([True, True]))
    assert right(matches) == [True, False]
    assert neither(matches) == [False, True]


def test_only_the_best_detections_of_an_image_and_class_count() -> None:
    found = [(0, 0.1 * number, FAR) for number in range(5)] + [(1, 0.05, SQUARE)]
    assert candidates([], found, max_detections=3).row.tolist() == [4, 3, 2, 5]


def test_ties_are_ordered_by_image_then_by_row() -> None:
    found = [(1, 0.5, SQUARE), (0, 0.5, FAR), (0, 0.5, SQUARE), (1, 0.7, FAR)]
    assert candidates([], found).row.tolist() == [3, 1, 2, 0]


def test_scores_of_any_sign_are_ordered() -> None:
    found = [(0, score, FAR) for score in (0.0, -1.5, 3.0, -0.0, 1e-30, -1e30)]
    assert candidates([], found).row.tolist() == [2, 4, 0, 3, 1, 5]


@pytest.mark.parametrize(
    ("truths", "found"),
    [([], []), ([], [(0, 0.9, SQUARE)]), ([(0, SQUARE)], []), ([(0, SQUARE)], [(1, 0.9, SQUARE)])],
    ids=["nothing", "no ground truth", "no predictions", "another image"],
)
def test_nothing_matches_without_a_pair(
    truths: list[tuple[int, Box]], found: list[tuple[int, float, Box]]
) -> None:
    matches = match(candidates(truths, found))
    assert right(matches) == [False] * len(found)
    assert neither(matches) == [False] * len(found)


def test_pairs_found_in_portions_are_those_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    truths = [(number % 2, (0.0, 0.0, 10.0, 10.0 - 0.3 * number)) for number in range(8)]
    found = [(number % 2, 0.1 * number, (0.0, 0.0, 10.0, 10.0 - 0.3 * number)) for number in range(9)]
    at_once = candidates(truths, found)
    monkeypatch.setattr("runner.evaluation.candidates._PAIRS_AT_ONCE", 5)
    portions = candidates(truths, found)
    assert portions.pair_start.tolist() == at_once.pair_start.tolist()
    assert portions.pair_truth.tolist() == at_once.pair_truth.tolist()
    assert portions.pair_similarity.tolist() == at_once.pair_similarity.tolist()


def test_an_unknown_threshold_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.62 is not one of"):
        threshold_index(0.62)
