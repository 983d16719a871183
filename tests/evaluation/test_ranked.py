"""Hand-computed cases of average precision and the operating point, and what lanes must not change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.domain.evaluation import RANKED_METRICS
from runner.evaluation.lanes import LANES, thresholds_within
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable
from runner.evaluation.slices import ObjectSlice

CONFIDENCE = 0.5


def measurable(
    truths: Sequence[tuple[int, int]],
    found: Sequence[tuple[int, int, float, int | None]],
    *,
    n_images: int = 2,
    n_classes: int = 1,
    similarity: float = 1.0,
    dtype: type[np.floating] = np.float32,
    crowd: Sequence[int] = (),
) -> RankedMeasurable:
    """`(image, class)`, and `(image, class, score, the object's row or None)`: alike or not at all."""
    of = np.array([-1 if row is None else row for *_, row in found], dtype=np.int64)
    is_crowd = np.isin(np.arange(len(truths)), crowd)
    return RankedMeasurable(
        Problem(
            n_images=n_images,
            n_classes=n_classes,
            truths=GroundTruths(
                image=np.array([image for image, _ in truths], dtype=np.int64),
                label=np.array([label for _, label in truths], dtype=np.int64),
                crowd=is_crowd,
                ignored=np.zeros(len(truths), dtype=bool),
            ),
            detections=Detections(
                image=np.array([image for image, *_ in found], dtype=np.int64),
                label=np.array([label for _, label, *_ in found], dtype=np.int64),
                score=np.array([score for _, _, score, _ in found], dtype=dtype),
            ),
            similarity=lambda rows, detections: np.where(of[detections] == rows, similarity, 0.0),
        ),
        CONFIDENCE,
    )


def cells(of: RankedMeasurable, weights: Sequence[int] = (1, 1), label: int = -1) -> dict[str, float]:
    values = of.measure(np.array([weights], dtype=np.uint8)).values[0, label]
    return dict(zip(RANKED_METRICS, values.tolist(), strict=True))


def random_measurable(seed: int, n_images: int = 30) -> RankedMeasurable:
    random = np.random.default_rng(seed)
    truths = [(int(random.integers(n_images)), int(random.integers(3))) for _ in range(150)]
    found: list[tuple[int, int, float, int | None]] = []
    for row, (image, label) in enumerate(truths):
        found += [(image, label, random.random(), row if random.random() < 0.7 else None) for _ in range(2)]
    return measurable(truths, found, n_images=n_images, n_classes=4, similarity=0.8)


def test_a_perfect_detection_scores_one() -> None:
    measured = cells(measurable([(0, 0)], [(0, 0, 0.9, 0)]))
    assert measured == pytest.approx(dict.fromkeys(RANKED_METRICS, 1.0))


def test_similarity_decides_at_which_thresholds_a_detection_counts() -> None:
    measured = cells(measurable([(0, 0)], [(0, 0, 0.9, 0)], similarity=0.75))
    assert measured["map50_95"] == pytest.approx(0.6)
    assert (measured["map50"], measured["map75"], measured["ar"]) == pytest.approx((1.0, 1.0, 0.6))


def test_a_confident_mistake_halves_precision_at_every_recall() -> None:
    measured = cells(measurable([(0, 0)], [(0, 0, 0.9, None), (0, 0, 0.8, 0)]))
    assert measured["map50"] == pytest.approx(0.5)


def test_half_the_objects_found_reach_the_first_51_of_101_recall_points() -> None:
    measured = cells(measurable([(0, 0), (1, 0)], [(0, 0, 0.9, 0)]))
    assert measured["map50"] == pytest.approx(51 / 101)


def test_a_weight_counts_an_image_that_often() -> None:
    of = measurable([(0, 0), (1, 0)], [(0, 0, 0.9, 0), (1, 0, 0.8, None), (1, 0, 0.7, 1)])
    measured = cells(of, (1, 2))
    # 1 of 1 right, then two mistakes, then two more right: 3 of 5
    assert measured["map50"] == pytest.approx((34 * 1.0 + 67 * 0.6) / 101)
    assert (measured["precision"], measured["recall"], measured["f1"]) == pytest.approx((0.6, 1.0, 0.75))


def test_a_weight_of_255_is_counted_in_full() -> None:
    of = measurable([(0, 0), (1, 0)], [(0, 0, 0.9, 0), (1, 0, 0.8, None)])
    measures = of.measure(np.array([[255, 255]], dtype=np.uint8))
    assert measures.objects.tolist() == [[510, 510]]
    assert measures.values[0, -1, RANKED_METRICS.index("recall")] == 0.5


def test_the_operating_point_counts_only_confident_detections() -> None:
    measured = cells(
        measurable([(0, 0), (1, 0)], [(0, 0, 0.9, 0), (0, 0, 0.6, None), (1, 0, 0.2, 1), (1, 0, 0.1, None)])
    )
    assert (measured["precision"], measured["recall"], measured["f1"]) == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("score", [0.5, 0.7])
def test_a_score_reaches_the_same_threshold_in_any_precision(dtype: type[np.floating], score: float) -> None:
    of = measurable([(0, 0)], [(0, 0, score, 0)], dtype=dtype)
    of = RankedMeasurable(of.problem, score)
    assert cells(of)["recall"] == 1.0


def test_detections_on_a_crowd_count_neither_way() -> None:
    of = measurable([(0, 0), (1, 0)], [(0, 0, 0.9, 0), (0, 0, 0.8, 0), (1, 0, 0.7, 1)], crowd=[0])
    assert cells(of) == pytest.approx(dict.fromkeys(RANKED_METRICS, 1.0))


def test_a_class_without_objects_is_not_measured_and_not_averaged() -> None:
    of = measurable([(0, 0)], [(0, 0, 0.9, 0), (0, 1, 0.8, None)], n_classes=3)
    absent = cells(of, label=1)
    assert [name for name, value in absent.items() if not np.isnan(value)] == ["precision"]
    assert absent["precision"] == 0.0
    assert np.isnan(list(cells(of, label=2).values())).all()
    assert cells(of)["map50"] == pytest.approx(1.0)
    assert cells(of)["precision"] == 0.5


@pytest.mark.parametrize(
    ("truths", "found", "weights", "measured"),
    [
        ([], [], (1, 1), []),
        ([], [(0, 0, 0.9, None)], (1, 1), ["precision"]),
        ([(0, 0)], [(0, 0, 0.9, 0)], (0, 1), []),
        ([(0, 0)], [], (1, 1), ["map50_95", "map50", "map75", "ar", "recall", "f1"]),
    ],
    ids=["nothing", "no objects", "no weight", "no detections"],
)
def test_what_has_no_data_is_not_measured_and_the_rest_is_zero(
    truths: list[tuple[int, int]],
    found: list[tuple[int, int, float, int | None]],
    weights: tuple[int, int],
    measured: list[str],
) -> None:
    values = cells(measurable(truths, found), weights)
    assert {name: value for name, value in values.items() if not np.isnan(value)} == dict.fromkeys(
        measured, 0.0
    )


def test_all_wrong_scores_zero() -> None:
    assert cells(measurable([(0, 0)], [(0, 0, 0.9, None)])) == dict.fromkeys(RANKED_METRICS, 0.0)


def test_no_images_measure_nothing() -> None:
    measures = measurable([], [], n_images=0).measure(np.zeros((1, 0), dtype=np.uint8))
    assert np.isnan(measures.values).all()
    assert measures.objects.tolist() == [[0.0, 0.0]]


def test_no_lanes_give_no_measures() -> None:
    measures = random_measurable(0).measure(np.zeros((0, 30), dtype=np.uint8))
    assert measures.values.shape == (0, 5, len(RANKED_METRICS))


@pytest.mark.parametrize(
    "weights", [np.ones((1, 3), dtype=np.uint8), np.ones(2, dtype=np.uint8), np.ones((1, 2))]
)
def test_weights_of_another_shape_or_type_are_refused(weights: NDArray[np.uint8]) -> None:
    with pytest.raises(ValueError, match=r"not uint8 \(L, 2\)"):
        measurable([(0, 0)], []).measure(weights)


@pytest.mark.parametrize(
    ("truths", "found", "message"),
    [
        ([(2, 0)], [], "not all below 2"),
        ([(0, 1)], [], "not all below 1"),
        ([], [(-1, 0, 0.5, None)], "not all below 2"),
        ([], [(0, 0, float("nan"), None)], "not a number"),
    ],
)
def test_indices_outside_the_problem_are_refused(
    truths: list[tuple[int, int]], found: list[tuple[int, int, float, int | None]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        measurable(truths, found)


def resamples(lanes: int, n_images: int = 30) -> NDArray[np.uint8]:
    return np.random.default_rng(1).integers(0, 4, (lanes, n_images)).astype(np.uint8)


@pytest.mark.parametrize("lanes", [1, LANES - 1, LANES, LANES + 1, 3 * LANES])
def test_lanes_do_not_touch_each_other(lanes: int) -> None:
    of, weights = random_measurable(3), resamples(lanes)
    together = of.measure(weights)
    for lane in (0, lanes // 2, lanes - 1):
        alone = of.measure(weights[lane : lane + 1])
        np.testing.assert_array_equal(together.values[lane], alone.values[0])
        np.testing.assert_array_equal(together.objects[lane], alone.objects[0])


def test_the_number_of_threads_changes_nothing() -> None:
    of, weights = random_measurable(4), resamples(5 * LANES)
    np.testing.assert_array_equal(
        of.measure(weights, threads=1).values, of.measure(weights, threads=4).values
    )


def test_images_without_weight_in_any_lane_change_nothing() -> None:
    of, weights = random_measurable(5), resamples(3)
    weights[:, ::2] = 0
    full = np.vstack([weights, np.ones((1, 30), dtype=np.uint8)])
    np.testing.assert_array_equal(of.measure(weights).values, of.measure(full).values[:3])


def test_the_mean_of_curves_is_the_average_precision() -> None:
    of, weights = random_measurable(6), resamples(1)
    curves = of.curves(weights[0])
    np.testing.assert_allclose(
        curves.average_precision(), of.measure(weights).values[0, :-1, 0], atol=1e-12, rtol=0
    )


def test_recall_thresholds_are_compared_as_numpy_compares_them() -> None:
    thresholds = np.linspace(0.0, 1.0, 101)
    for total in (*range(1, 301), 1000, 36_000, 255 * 36_000):
        found = np.unique(np.linspace(0, total, min(total, 400) + 1).astype(int))
        expected = np.searchsorted(thresholds, found / total, side="right")
        ours = [thresholds_within(float(count), float(total)) for count in found]
        np.testing.assert_array_equal(ours, expected)


def test_objects_outside_the_slice_are_ignored() -> None:
    of = measurable([(0, 0), (0, 0)], [(0, 0, 0.9, 0), (0, 0, 0.8, 1), (0, 0, 0.7, None)])
    part = ObjectSlice(
        name="first",
        condition="",
        objects=np.array([True, False]),
        detections=np.array([True, True, False]),
    )
    measures = of.restricted(part).measure(np.ones((1, 2), dtype=np.uint8))
    assert measures.objects[0].tolist() == [1, 1]
    assert measures.values[0, -1].tolist() == pytest.approx([1.0] * 7)


def test_without_sized_detections_only_images_that_hold_the_slice_have_false_positives() -> None:
    of = measurable([(0, 0), (1, 0)], [(0, 0, 0.9, None), (0, 0, 0.8, 0), (1, 0, 0.95, None)])
    part = ObjectSlice(name="first", condition="", objects=np.array([True, False]), detections=None)
    measured = cells(of.restricted(part))
    assert (measured["precision"], measured["recall"]) == (0.5, 1.0)


def test_an_object_slice_is_always_one_of_all_objects() -> None:
    of = random_measurable(7)
    even = ObjectSlice(name="even", condition="", objects=np.arange(150) % 2 == 0, detections=None)
    odd = ObjectSlice(name="odd", condition="", objects=np.arange(150) % 2 == 1, detections=None)
    np.testing.assert_array_equal(
        of.restricted(odd).restricted(even).measure(resamples(2)).values,
        of.restricted(even).measure(resamples(2)).values,
    )


def test_holding_names_weighted_images_with_counting_objects() -> None:
    of = measurable([(0, 0), (1, 1), (1, 0)], [], n_images=3, n_classes=2, crowd=[2])
    held = of.holding(np.array([1, 2, 1], dtype=np.uint8))
    assert held.tolist() == [[True, False, False], [False, True, False], [True, True, False]]
    assert not of.holding(np.array([0, 0, 1], dtype=np.uint8)).any()


@pytest.mark.parametrize("objects", range(1, 40))
def test_rounding_lifts_no_metric_above_1(objects: int) -> None:
    perfect = measurable([(0, 0)] * objects, [(0, 0, 0.9, row) for row in range(objects)])
    assert max(cells(perfect).values()) <= 1
