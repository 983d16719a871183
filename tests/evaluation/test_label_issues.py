"""Planted label errors are found, and a label that is right is not suspected."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import encode_mask
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.fault_costs import fault_costs
from runner.evaluation.label_issues import (
    BADLY_PLACED,
    MISSED,
    SPURIOUS,
    WRONG_CLASS,
    Suspects,
    image_class_issues,
    label_issues,
)
from runner.evaluation.masks import MaskSimilarity, run_lengths
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.slices import ImageSlice
from runner.evaluation.two_groups import beyond, isotonic, noise_among

IMAGES, PER_IMAGE, CLASSES = 80, 6, 3


def drawn(seed: int = 0, *, faint: float = 1.0) -> tuple[Problem, NDArray[np.float64]]:
    """A problem whose labels are right, and their boxes: a good detector's boxes, and faint false ones.

    Args:
        faint: what the scores of the second fold's model are multiplied by.
    """
    dice = np.random.default_rng(seed)
    image = np.repeat(np.arange(IMAGES), PER_IMAGE)
    corner = np.stack(
        [
            np.tile(np.arange(PER_IMAGE) % 3, IMAGES) * 100.0,
            np.tile(np.arange(PER_IMAGE) // 3, IMAGES) * 100.0,
        ],
        axis=1,
    ) + dice.uniform(0, 40, (len(image), 2))
    boxes = np.hstack([corner, corner + dice.uniform(30, 50, (len(image), 2))])
    label = dice.integers(0, CLASSES, len(image))
    seen = dice.random(len(image)) < 0.995
    found = boxes[seen] + dice.normal(0, 1, (int(seen.sum()), 4))
    score = dice.beta(6, 2, len(found))
    noise = 4 * IMAGES
    at = dice.uniform(0, 300, (noise, 2))
    problem = _problem(
        boxes,
        image,
        label,
        np.vstack([found, np.hstack([at, at + 30])]),
        np.concatenate([image[seen], dice.integers(0, IMAGES, noise)]),
        np.concatenate([label[seen], dice.integers(0, CLASSES, noise)]),
        np.concatenate([score, dice.beta(1, 12, noise)]),
    )
    fold_of = problem.detections.image % 2
    scores = np.where(fold_of == 1, problem.detections.score * faint, problem.detections.score)
    return replace(problem, detections=replace(problem.detections, score=scores)), boxes


def _problem(
    boxes: NDArray[np.float64],
    image: NDArray[np.int64],
    label: NDArray[np.int64],
    found: NDArray[np.float64],
    found_image: NDArray[np.int64],
    found_label: NDArray[np.int64],
    score: NDArray[np.float64],
) -> Problem:
    no = np.zeros(len(label), bool)
    return Problem(
        n_images=IMAGES,
        n_classes=CLASSES,
        truths=GroundTruths(image=image, label=label, crowd=no, ignored=no),
        detections=Detections(image=found_image, label=found_label, score=score),
        similarity=BoxSimilarity(truths_xyxy=boxes, detections_xyxy=found, crowd=no),
    )


def planted(kind: int, rows: NDArray[np.int64]) -> tuple[Problem, NDArray[np.bool_]]:
    """The problem with some labels made wrong; and `(M,)` which predictions are of an object whose label was taken away."""
    problem, boxes = drawn()
    truths, similarity = problem.truths, problem.similarity
    assert isinstance(similarity, BoxSimilarity)
    gone = np.zeros(len(problem.detections.label), bool)
    if kind == WRONG_CLASS:
        label = truths.label.copy()
        label[rows] = (label[rows] + 1) % CLASSES
        return replace(problem, truths=replace(truths, label=label)), gone
    if kind == MISSED:
        kept = np.setdiff1d(np.arange(len(boxes)), rows)
        for row in rows.tolist():
            every = np.arange(len(gone))
            gone |= (similarity(np.full(len(every), row), every) > 0.5) & (
                problem.detections.image == truths.image[row]
            )
        return _of_labels(problem, boxes[kept], truths.image[kept], truths.label[kept]), gone
    moved = boxes.copy()
    if kind == BADLY_PLACED:
        moved[rows] += 12
        return _of_labels(problem, moved, truths.image, truths.label), gone
    far = moved[rows] + 400  # where nothing is
    return _of_labels(
        problem,
        np.vstack([boxes, far]),
        np.concatenate([truths.image, truths.image[rows]]),
        np.concatenate([truths.label, truths.label[rows]]),
    ), gone


def _of_labels(
    problem: Problem, boxes: NDArray[np.float64], image: NDArray[np.int64], label: NDArray[np.int64]
) -> Problem:
    no, similarity = np.zeros(len(label), bool), problem.similarity
    assert isinstance(similarity, BoxSimilarity)
    return replace(
        problem,
        truths=GroundTruths(image=image, label=label, crowd=no, ignored=no),
        similarity=replace(similarity, truths_xyxy=boxes, crowd=no),
    )


def of_kind(found: Suspects, kind: int) -> Suspects:
    return found.rows(np.flatnonzero(found.kind == kind))


ROWS = np.arange(7, IMAGES * PER_IMAGE, 20)  # 5 %


@pytest.mark.parametrize("kind", [WRONG_CLASS, BADLY_PLACED, SPURIOUS])
def test_wrong_labels_come_first(kind: int) -> None:
    problem, _ = planted(kind, ROWS)
    found = of_kind(label_issues(problem, fold=np.arange(IMAGES) % 2), kind)
    rows = ROWS if kind != SPURIOUS else np.arange(IMAGES * PER_IMAGE, IMAGES * PER_IMAGE + len(ROWS))
    first = found.truth[: len(rows)]
    assert np.isin(first, rows).mean() >= (0.8 if kind == SPURIOUS else 0.9)


def test_objects_without_a_label_come_first() -> None:
    problem, gone = planted(MISSED, ROWS)
    found = of_kind(label_issues(problem, fold=np.arange(IMAGES) % 2), MISSED)
    assert gone[found.detection[: len(ROWS)]].mean() >= 0.9
    assert (found.truth == -1).all()


def test_where_labels_are_right_little_is_suspected() -> None:
    problem, _ = drawn()
    found = label_issues(problem)
    assert found.suspicion.sum() < 0.06 * len(problem.truths.label)
    assert (found.suspicion[found.kind == WRONG_CLASS] < 0.5).all()


def test_suspicion_is_about_how_often_it_is_so() -> None:
    problem, _ = planted(WRONG_CLASS, ROWS)
    found = of_kind(label_issues(problem), WRONG_CLASS)
    wrong = np.isin(found.truth, ROWS).sum()
    assert (
        0.5 * wrong < found.suspicion.sum() < 1.2 * wrong
    )  # before the labels are seen, so many wrong ones are unlikely


def test_a_fold_whose_model_is_less_sure_is_measured_by_itself() -> None:
    """Halving one model's scores changes hardly what is suspected."""
    plain, _ = drawn()
    halved, _ = drawn(faint=0.5)
    label = plain.truths.label.copy()
    label[ROWS] = (label[ROWS] + 1) % CLASSES
    folds = np.arange(IMAGES) % 2
    ranks = [
        of_kind(label_issues(replace(each, truths=replace(each.truths, label=label)), fold=fold), WRONG_CLASS)
        for each, fold in ((plain, folds), (halved, folds))
    ]
    first = [set(found.truth[: len(ROWS)].tolist()) for found in ranks]
    assert len(first[0] & first[1]) >= 0.9 * len(ROWS)


def test_the_same_bytes_whatever_the_order_of_the_predictions() -> None:
    problem, _ = planted(WRONG_CLASS, ROWS)
    found = label_issues(problem)
    again = label_issues(problem)
    assert found.truth.tolist() == again.truth.tolist()
    assert found.suspicion.tolist() == again.suspicion.tolist()


def test_nothing_labelled_and_nothing_seen() -> None:
    none, no = np.zeros(0, np.int64), np.zeros((0, 4))
    problem = _problem(no, none, none, no, none, none, np.zeros(0))
    assert not len(label_issues(problem).kind)


def test_what_is_not_judged_is_not_suspected() -> None:
    problem, _ = planted(WRONG_CLASS, ROWS)
    crowd = np.zeros(len(problem.truths.label), bool)
    crowd[ROWS] = True
    found = label_issues(replace(problem, truths=replace(problem.truths, crowd=crowd)))
    assert not np.isin(found.truth, ROWS).any()


def test_neither_is_believed_where_such_predictions_are_mostly_wrong() -> None:
    problem, _ = drawn()
    poor = problem.detections.score * 0 + 0.3
    poor[: len(poor) // 8] = 0.9
    label = (problem.detections.label + (np.arange(len(poor)) % 3 > 0)) % CLASSES  # two of three are wrong
    found = label_issues(replace(problem, detections=replace(problem.detections, score=poor, label=label)))
    doubted = found.rows(np.flatnonzero(found.kind == WRONG_CLASS))
    assert doubted.both_wrong.all()
    assert not found.both_wrong[found.kind == SPURIOUS].any()


def _mask(x: int, y: int, width: int, height: int) -> str:
    pixels = np.zeros((64, 64), np.bool_)
    pixels[y : y + height, x : x + width] = True
    return encode_mask(pixels)


def test_a_mask_over_two_touching_objects_is_badly_placed_and_neither_is_missed() -> None:
    """40 images of two touching cells each; in the first, one mask is drawn over both."""
    images = 40
    seen = [_mask(10, 10 + at % 3, 12, 12) for at in range(images)]
    seen += [_mask(22, 10 + at % 3, 12, 12) for at in range(images)]
    drawn_ = [_mask(10 + at % 2, 10, 12, 12) for at in range(1, images)]
    drawn_ += [_mask(22, 10 + at % 2, 12, 12) for at in range(1, images)]
    labels = [_mask(10, 10, 24, 12), *drawn_]
    image = np.array([0, *range(1, images), *range(1, images)])
    no = np.zeros(len(labels), bool)
    size = np.full((1, 2), 64)
    problem = Problem(
        n_images=images,
        n_classes=1,
        truths=GroundTruths(image=image, label=np.zeros(len(labels), np.int64), crowd=no, ignored=no),
        detections=Detections(
            image=np.tile(np.arange(images), 2),
            label=np.zeros(2 * images, np.int64),
            score=np.random.default_rng(0).uniform(0.7, 0.95, 2 * images),
        ),
        similarity=MaskSimilarity(
            truths=run_lengths(labels, np.repeat(size, len(labels), 0)),
            detections=run_lengths(seen, np.repeat(size, 2 * images, 0)),
            crowd=no,
        ),
    )
    found = label_issues(problem)
    assert (found.kind[0], found.truth[0]) == (BADLY_PLACED, 0)
    assert found.parts[0] == 2
    assert not (found.kind == MISSED).any()


def test_a_wrong_class_of_an_image() -> None:
    dice = np.random.default_rng(1)
    label = dice.integers(0, 3, 150)
    chance = dice.dirichlet([1, 1, 1], 150) * 0.3
    chance[np.arange(150), label] += 0.7
    wrong = np.arange(0, 150, 15)
    given = label.copy()
    given[wrong] = (given[wrong] + 1) % 3
    no = np.zeros(150, bool)
    found = image_class_issues(
        GroundTruths(image=np.arange(150), label=given, crowd=no, ignored=no),
        Detections(
            image=np.repeat(np.arange(150), 3), label=np.tile(np.arange(3), 150), score=chance.ravel()
        ),
        150,
        3,
    )
    assert set(found.truth[: len(wrong)].tolist()) == set(wrong.tolist())
    assert (found.kind == WRONG_CLASS).all()


def test_a_rare_class_and_a_small_slice_are_worth_more_per_label() -> None:
    problem, _ = drawn()
    label = np.where(
        problem.truths.label == 2,
        np.where(np.arange(len(problem.truths.label)) % 5, 0, 2),
        problem.truths.label,
    )
    problem = replace(problem, truths=replace(problem.truths, label=label))
    few = np.arange(IMAGES) < 10
    whole, part, recall = fault_costs(
        problem,
        0.25,
        [
            ("map50_95", None, None),
            ("map50_95", None, ImageSlice(name="few", condition="", images=few)),
            ("recall", None, None),
        ],
        0.6,
    )
    each = whole.lost / np.maximum(whole.objects, 1)
    assert each[MISSED, 2] > each[MISSED, 0]
    assert (part.objects < whole.objects).all()
    assert recall.lost[SPURIOUS].max() < 0.02 < recall.lost[MISSED].max()


def test_shares_of_a_mixture() -> None:
    dice = np.random.default_rng(3)
    clear = dice.uniform(0, 1, 2000)
    noise = dice.random(2000) < 0.05
    model = dice.random(2000) < np.exp(-6 * clear) / (1 + np.exp(-6 * clear))
    chance = noise_among(clear, noise | model)
    assert chance[clear > 0.9].mean() > 0.3
    assert chance[clear < 0.1].mean() < 0.2
    guessing = noise_among(clear, dice.random(2000) < 0.5)
    assert guessing.max() < 0.2  # a model that is wrong half of the time tells little of the labels
    far = np.concatenate([dice.normal(0, 1, 900), dice.normal(6, 1, 50)])
    assert beyond(far)[900:].mean() > 0.9
    assert beyond(far)[:900].mean() < 0.1
    assert isotonic(np.array([3.0, 1.0]), np.array([1.0, 1.0])).tolist() == [2.0, 2.0]
