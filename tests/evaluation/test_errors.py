"""What is wrong with detections, objects and images, and what each kind of error costs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.errors import (
    DETECTION_OUTCOMES,
    ERROR_NAMES,
    TRUTH_OUTCOMES,
    ErrorAnalysis,
    classification_errors,
    ranked_errors,
)
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable

CLASSES = ["cat", "dog"]
Box = tuple[float, float, float, float]


def problem_of(
    truths: Sequence[tuple[int, int, Box]],
    detections: Sequence[tuple[int, int, float, Box]],
    *,
    n_images: int = 1,
    n_classes: int = 2,
    crowd: Sequence[int] = (),
    ignored: Sequence[int] = (),
    max_detections: int = 100,
) -> Problem:
    """Truths are (image, class, box), detections (image, class, score, box)."""
    rows = np.arange(len(truths))
    crowds = np.isin(rows, crowd)
    return Problem(
        n_images=n_images,
        n_classes=n_classes,
        truths=GroundTruths(
            image=np.array([t[0] for t in truths], dtype=np.int64),
            label=np.array([t[1] for t in truths], dtype=np.int64),
            crowd=crowds,
            ignored=np.isin(rows, ignored),
        ),
        detections=Detections(
            image=np.array([d[0] for d in detections], dtype=np.int64),
            label=np.array([d[1] for d in detections], dtype=np.int64),
            score=np.array([d[2] for d in detections], dtype=np.float32),
        ),
        similarity=BoxSimilarity(
            truths_xyxy=np.array([t[2] for t in truths], dtype=float).reshape(-1, 4),
            detections_xyxy=np.array([d[3] for d in detections], dtype=float).reshape(-1, 4),
            crowd=crowds,
        ),
        max_detections=max_detections,
    )


def analysed(problem: Problem, confidence: float = 0.5) -> ErrorAnalysis:
    names = [f"class {number}" for number in range(problem.n_classes)]
    return ranked_errors(problem, confidence=confidence, class_names=names)


def outcomes(analysis: ErrorAnalysis) -> list[str]:
    return [DETECTION_OUTCOMES[number] for number in analysis.detections.outcome]


SQUARE: Box = (0, 0, 10, 10)
AT_04: Box = (0, 0, 10, 4)  # IoU 0.4 with SQUARE
AT_005: Box = (0, 0, 10, 0.5)  # IoU 0.05
FAR: Box = (50, 50, 60, 60)


@pytest.mark.parametrize(
    ("detections", "expected"),
    [
        ([(0, 0, 0.9, SQUARE)], ["true_positive"]),
        ([(0, 0, 0.9, AT_04)], ["localisation"]),
        ([(0, 1, 0.9, SQUARE)], ["classification"]),
        ([(0, 1, 0.9, AT_04)], ["both"]),
        ([(0, 0, 0.9, AT_005)], ["background"]),
        ([(0, 0, 0.9, FAR)], ["background"]),
        ([(0, 0, 0.8, SQUARE), (0, 0, 0.9, SQUARE)], ["duplicate", "true_positive"]),
        ([(0, 0, 0.9, SQUARE), (0, 1, 0.8, SQUARE)], ["true_positive", "classification"]),
    ],
    ids=[
        "right",
        "badly placed",
        "wrong class",
        "wrong class and badly placed",
        "hardly overlaps",
        "overlaps nothing",
        "found twice",
        "found, and found as another class",
    ],
)
def test_each_detection_is_one_kind_of_error(
    detections: list[tuple[int, int, float, Box]], expected: list[str]
) -> None:
    assert outcomes(analysed(problem_of([(0, 0, SQUARE)], detections))) == expected


def test_a_badly_placed_detection_of_its_class_is_a_localisation_error_whatever_else_it_covers() -> None:
    truths = [(0, 0, SQUARE), (0, 1, AT_04)]
    analysis = analysed(problem_of(truths, [(0, 0, 0.9, AT_04)]))
    assert outcomes(analysis) == ["localisation"]  # TIDE tests for it before the class
    assert analysis.detections.truth.tolist() == [0]
    assert analysis.detections.similarity.tolist() == [0.4]


def test_detections_on_crowds_and_ignored_objects_are_neither_right_nor_wrong() -> None:
    truths = [(0, 0, SQUARE), (0, 1, FAR)]
    found = [(0, 0, 0.9, SQUARE), (0, 0, 0.8, SQUARE), (0, 1, 0.9, FAR), (0, 1, 0.8, FAR)]
    analysis = analysed(problem_of(truths, found, crowd=[0], ignored=[1]))
    # a crowd absorbs any number, an ignored object one; objects that do not count make no duplicates
    assert outcomes(analysis) == ["ignored", "ignored", "ignored", "background"]
    assert [TRUTH_OUTCOMES[number] for number in analysis.truths.outcome] == ["ignored", "ignored"]
    assert analysis.images.loss.tolist() == [1.0]


def test_what_lies_beyond_the_limit_does_not_count() -> None:
    found = [(0, 0, 0.7, FAR), (0, 0, 0.8, FAR), (0, 0, 0.9, SQUARE), (0, 1, 0.6, FAR)]
    analysis = analysed(problem_of([(0, 0, SQUARE)], found, max_detections=2))
    assert outcomes(analysis) == ["beyond_limit", "background", "true_positive", "background"]
    assert analysis.detections.counts.tolist() == [False, True, True, True]


def test_objects_are_found_or_missed_at_the_operating_confidence() -> None:
    truths = [(0, 0, SQUARE), (0, 0, FAR), (1, 1, SQUARE), (1, 1, FAR)]
    found = [(0, 0, 0.9, SQUARE), (0, 0, 0.4, FAR), (1, 0, 0.8, SQUARE)]
    analysis = analysed(problem_of(truths, found, n_images=2))
    named = [TRUTH_OUTCOMES[number] for number in analysis.truths.outcome]
    assert named == ["found", "missed", "missed", "missed"]
    assert analysis.truths.near.tolist() == [False, False, True, False]
    assert analysis.truths.detection.tolist() == [0, -1, -1, -1]
    np.testing.assert_allclose(analysis.truths.score, [np.float32(0.9), np.nan, np.nan, np.nan])
    counts = {error.name: error.count for error in analysis.types}
    assert counts == {**dict.fromkeys(ERROR_NAMES, 0), "classification": 1, "missed": 2}


def test_the_loss_of_an_image_is_one_minus_its_f1() -> None:
    truths = [(0, 0, SQUARE), (0, 0, FAR), (1, 0, SQUARE)]
    found = [(0, 0, 0.9, SQUARE), (0, 1, 0.9, FAR), (2, 0, 0.9, FAR), (3, 0, 0.4, FAR)]
    images = analysed(problem_of(truths, found, n_images=5)).images
    # 1 hit, 1 miss, 1 false; nothing found; a false alarm; a false alarm below the confidence; nothing
    np.testing.assert_allclose(images.loss, [0.5, 1.0, 1.0, np.nan, np.nan])
    assert images.objects.tolist() == [2, 1, 0, 0, 0]
    assert images.detections.tolist() == [2, 0, 1, 0, 0]
    assert images.wrong.sum() / images.weight.sum() == 4 / 6


def test_every_object_and_every_detection_is_in_one_cell_of_the_confusion_matrix() -> None:
    truths = [(0, 0, SQUARE), (0, 1, FAR), (1, 0, SQUARE), (1, 1, FAR)]
    found = [
        *[(0, 0, 0.9, SQUARE), (0, 1, 0.8, SQUARE)],  # found, and again as another class
        *[(0, 0, 0.9, FAR), (0, 0, 0.8, FAR)],  # twice taken for another class
        *[(1, 0, 0.9, AT_04), (1, 1, 0.3, FAR)],
    ]
    analysis = analysed(problem_of(truths, found, n_images=2))
    assert analysis.confusion.tolist() == [[1, 0, 1], [1, 0, 1], [2, 1, 0]]


def test_calibration_is_of_the_detections_that_count() -> None:
    found = [(0, 0, 0.95, SQUARE), (0, 0, 0.75, FAR), (0, 0, 0.2, FAR)]
    bins = analysed(problem_of([(0, 0, SQUARE)], found)).calibration
    assert bins.count.tolist() == [0, 0, 0, 0, 0, 0, 0, 1, 0, 1]
    assert bins.ece == pytest.approx((0.05 + 0.75) / 2)


# --- AP costs -------------------------------------------------------------------------------------


def test_costs_of_a_case_by_hand() -> None:
    truths = [(0, 0, SQUARE), (1, 0, SQUARE)]
    found = [(0, 0, 0.9, SQUARE), (1, 1, 0.8, SQUARE)]  # class 1 has no objects
    cost = {error.name: error.ap_cost for error in analysed(problem_of(truths, found, n_images=2)).types}
    half = 51 / 101  # recall points up to 0.5
    assert cost["classification"] == pytest.approx(1 - half)
    assert {name: value for name, value in cost.items() if value} == {
        "classification": cost["classification"]
    }


def test_a_class_that_keeps_no_object_lacks_nothing() -> None:
    cost = {error.name: error.ap_cost for error in analysed(problem_of([(0, 0, SQUARE)], [])).types}
    assert cost == {**dict.fromkeys(ERROR_NAMES, 0.0), "missed": 1.0}


def random_problem(seed: int, *, crowds: bool = False) -> Problem:
    random = np.random.default_rng(seed)
    n, m, n_images, n_classes = 60, 150, 12, 3

    def boxes(count: int) -> NDArray[np.float64]:
        corner = random.integers(0, 30, (count, 2))
        return np.hstack([corner, corner + random.integers(8, 25, (count, 2))]).astype(float)

    truth, image, label = boxes(n), random.integers(0, n_images, n), random.integers(0, n_classes, n)
    of = random.integers(0, n, m)
    near = random.random(m) < 0.7
    found = np.where(near[:, None], truth[of] + random.normal(0, 2.5, (m, 4)), boxes(m))
    crowd = (random.random(n) < 0.1) & crowds
    return Problem(
        n_images=n_images,
        n_classes=n_classes,
        truths=GroundTruths(image=image, label=label, crowd=crowd, ignored=np.zeros(n, bool)),
        detections=Detections(
            image=np.where(near, image[of], random.integers(0, n_images, m)),
            label=np.where(random.random(m) < 0.7, label[of], random.integers(0, n_classes, m)),
            score=(random.integers(0, 40, m) / 40).astype(np.float32),  # with ties
        ),
        similarity=BoxSimilarity(truths_xyxy=truth, detections_xyxy=found, crowd=crowd),
    )


def average_precision(scored: list[tuple[float, bool]], objects: int) -> float:
    """COCO's, from (score, right) in the order of ties, one recall point at a time."""
    scored = sorted(scored, key=lambda item: -item[0])
    precision, recall, hits = [], [], 0
    for rank, (_, right) in enumerate(scored, start=1):
        hits += right
        precision.append(hits / rank)
        recall.append(hits / objects)
    points = []
    for wanted in np.linspace(0, 1, 101):
        points.append(max((p for p, r in zip(precision, recall, strict=True) if r >= wanted), default=0.0))
    return float(np.mean(points))


class Tide:
    """The paper's method, one image, one detection and one object after the other."""

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.kind: dict[int, tuple[str, int]] = {}  # detection -> what it is, about which object
        for image in range(problem.n_images):
            self._image(image)
        self.found = {truth for kind, truth in self.kind.values() if kind == "true_positive"}

    def _image(self, image: int) -> None:
        truths, found = self.problem.truths, self.problem.detections
        objects = np.flatnonzero(truths.image == image)
        rows = np.flatnonzero(found.image == image)
        taken: set[int] = set()
        for row in rows[np.argsort(-found.score[rows], kind="stable")]:
            iou = {t: float(self.problem.similarity(np.array([t]), np.array([row]))[0]) for t in objects}
            same = {t: iou[t] for t in objects if truths.label[t] == found.label[row]}
            other = {t: iou[t] for t in objects if truths.label[t] != found.label[row]}
            free = {t: v for t, v in same.items() if t not in taken and v >= 0.5}
            best = {
                name: max(part, key=part.__getitem__) for name, part in (("s", same), ("o", other)) if part
            }
            if free:
                truth = max(free, key=lambda t: (free[t], t))
                taken.add(truth)
                self.kind[row] = ("true_positive", truth)
            elif same and 0.1 <= same[best["s"]] < 0.5:
                self.kind[row] = ("localisation", best["s"])
            elif other and other[best["o"]] >= 0.5:
                self.kind[row] = ("classification", best["o"])
            elif same and same[best["s"]] >= 0.5:
                self.kind[row] = ("duplicate", best["s"])
            elif max(iou.values(), default=0) <= 0.1:
                self.kind[row] = ("background", -1)
            else:
                self.kind[row] = ("both", best["o"])

    def map50(self, mended: str | None = None) -> float:
        labels = self.problem.truths.label
        reached = {truth for kind, truth in self.kind.values() if kind in ("classification", "localisation")}
        best: dict[int, int] = {}  # object -> the detection that gets it
        for row, (kind, truth) in self.kind.items():
            if kind == mended and mended in ("classification", "localisation") and truth not in self.found:
                score = self.problem.detections.score
                if truth not in best or score[row] > score[best[truth]]:
                    best[truth] = row
        values = []
        for label in np.unique(labels):
            objects = set(np.flatnonzero(labels == label).tolist())
            if mended == "missed":
                objects &= self.found | reached
            scored = []
            for row in np.lexsort((np.arange(len(self.kind)), self.problem.detections.image)):
                kind, truth = self.kind[row]
                right, of_class = kind == "true_positive", self.problem.detections.label[row]
                if kind == mended:
                    if best.get(truth) != row:
                        continue
                    right, of_class = True, labels[truth]
                if of_class == label:
                    scored.append((float(self.problem.detections.score[row]), right))
            values.append(average_precision(scored, len(objects)) if objects else 1.0)
        return float(np.mean(values))


@pytest.mark.parametrize("seed", range(6))
def test_kinds_and_costs_are_those_of_a_plain_reading_of_the_paper(seed: int) -> None:
    problem = random_problem(seed)
    tide, analysis = Tide(problem), analysed(problem)
    assert outcomes(analysis) == [tide.kind[row][0] for row in range(len(tide.kind))]
    about = [tide.kind[row][1] for row in range(len(tide.kind))]
    assert analysis.detections.truth.tolist() == about
    for error in analysis.types:
        expected = max(0.0, tide.map50(error.name) - tide.map50())
        assert error.ap_cost == pytest.approx(expected, abs=1e-12), error.name
    assert max(error.ap_cost for error in analysis.types) > 0.02


@pytest.mark.parametrize("seed", range(4))
def test_counts_and_curves_agree_with_the_metrics(seed: int) -> None:
    problem = random_problem(seed, crowds=True)
    analysis = analysed(problem)
    measurable = RankedMeasurable(problem, 0.5)
    values = measurable.measure(np.ones((1, problem.n_images), dtype=np.uint8)).values[0]
    metric = {name: values[:, at] for at, name in enumerate(measurable.metrics)}
    images, last = analysis.images, metric["f1"][-1]
    assert 1 - images.wrong.sum() / images.weight.sum() == pytest.approx(last)
    np.testing.assert_allclose(analysis.curves.precision.mean(axis=1), metric["map50"], atol=1e-12)
    np.testing.assert_allclose(analysis.curves.f1[:, 50], metric["f1"], atol=1e-12)
    false = analysis.detections.counts & (analysis.detections.outcome < len(ERROR_NAMES) - 1)
    confusion = analysis.confusion
    hits = np.trace(confusion[:-1, :-1])
    assert confusion[:-1].sum() == np.count_nonzero(~problem.truths.crowd)
    assert confusion[:, :-1].sum() == hits + np.count_nonzero(false)
    assert hits / confusion[:-1].sum() == pytest.approx(metric["recall"][-1])


def test_all_pairs_need_not_fit_in_memory_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = analysed(random_problem(1))
    monkeypatch.setattr("runner.evaluation.error_types._PAIRS_AT_ONCE", 7)
    parts = analysed(random_problem(1))
    assert parts.detections.outcome.tolist() == whole.detections.outcome.tolist()
    assert parts.types == whole.types


@pytest.mark.parametrize(
    ("truths", "detections"),
    [([], []), ([(0, 0, SQUARE)], []), ([], [(0, 0, 0.9, SQUARE)])],
    ids=["nothing", "no detections", "no objects"],
)
def test_nothing_to_analyse_is_no_error(
    truths: list[tuple[int, int, Box]], detections: list[tuple[int, int, float, Box]]
) -> None:
    analysis = analysed(problem_of(truths, detections))
    assert (analysis.calibration.ece is None) == (not detections)
    assert np.isnan(analysis.points.confidence).all()
    assert np.isnan(analysis.curves.precision[-1]).all() == (not truths)
    assert all(np.isnan(error.ap_cost) for error in analysis.types) == (not truths)
    assert analysis.confusion.sum() == len(truths) + len(detections)


# --- classes of images ----------------------------------------------------------------------------


def classified(
    labels: dict[int, int], rows: Sequence[tuple[int, int, float]], *, n_images: int
) -> ErrorAnalysis:
    """`labels` is image → class, `rows` are (image, class, probability)."""
    n = len(labels)
    return classification_errors(
        GroundTruths(
            image=np.array(list(labels), dtype=np.int64),
            label=np.array(list(labels.values()), dtype=np.int64),
            crowd=np.zeros(n, bool),
            ignored=np.zeros(n, bool),
        ),
        Detections(
            image=np.array([row[0] for row in rows], dtype=np.int64),
            label=np.array([row[1] for row in rows], dtype=np.int64),
            score=np.array([row[2] for row in rows], dtype=np.float32),
        ),
        n_images=n_images,
        confidence=0.5,
        class_names=CLASSES,
    )


def test_an_image_is_wrong_when_its_first_class_is() -> None:
    rows = [(0, 0, 0.9), (0, 1, 0.1), (1, 0, 0.6), (1, 1, 0.4), (2, 1, 1.0)]
    analysis = classified({0: 0, 1: 1}, rows, n_images=4)  # 2 is not labelled; 3 neither, nor predicted
    assert outcomes(analysis) == [
        *("true_positive", "beyond_limit", "classification", "beyond_limit", "ignored")
    ]
    np.testing.assert_allclose(analysis.images.loss, [0, 1, np.nan, np.nan])
    assert analysis.confusion.tolist() == [[1, 0], [1, 0]]
    assert analysis.calibration.ece == pytest.approx((0.1 + 0.6) / 2)
    counts = {error.name: error.count for error in analysis.types}
    assert counts == {**dict.fromkeys(ERROR_NAMES, 0), "classification": 1}
    assert [TRUTH_OUTCOMES[number] for number in analysis.truths.outcome] == ["found", "missed"]


def test_equally_probable_classes_are_taken_in_the_order_of_classes() -> None:
    analysis = classified({0: 0}, [(0, 1, 0.5), (0, 0, 0.5)], n_images=1)
    assert outcomes(analysis) == ["beyond_limit", "true_positive"]


def test_a_labelled_image_without_any_class_is_missed() -> None:
    analysis = classified({0: 0}, [], n_images=1)
    assert analysis.images.loss.tolist() == [1.0]
    assert analysis.types[-1].count == 1
    assert analysis.calibration.ece is None


def test_no_labels_at_all_leave_nothing_to_be_wrong_about() -> None:
    analysis = classified({}, [(0, 0, 1.0)], n_images=1)
    assert np.isnan(analysis.images.loss).all()
    assert analysis.confusion.sum() == 0
