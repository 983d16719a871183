"""The numbers are pycocotools' own, on the whole set, on image slices and on area slices."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from runner.evaluation.average_precision import accumulate
from runner.evaluation.boxes import Detections, GroundTruths, candidate_pairs
from runner.evaluation.matching import match

REFERENCE = Path(__file__).parents[2].parent / "shared" / "datasets" / "coco_reference"
PUBLISHED = (
    0.504580698724963,
    0.696972724729958,
    0.572981666990482,
)  # val2014_fake_eval_res.txt: AP, AP50, AP75
TOLERANCE = 1e-9  # the same operations in float64; only the order of the final means differs
ANY_AREA = (0.0, 1e10)


@dataclass(frozen=True, kw_only=True)
class Problem:
    """`n_images` images and `n_classes` classes; image and class ids are the index plus one in COCO's
    files."""

    n_images: int
    n_classes: int
    truths: GroundTruths
    detections: Detections
    areas: NDArray[np.float64]  # (N,) of the ground truths, in pixels


def random_problem(seed: int) -> Problem:
    """Crowds, ties, identical boxes, empty images, absent classes, more than 100 detections of a class."""
    random = np.random.default_rng(seed)
    n_images, n_classes = int(random.integers(1, 9)), int(random.integers(1, 5))
    n_truths, n_detections = int(random.integers(0, 60)), int(random.choice([0, 3, 80, 600]))
    image = random.integers(0, n_images, n_truths)
    corner = random.integers(0, 60, (n_truths, 2)).astype(float)
    truth_boxes = np.hstack([corner, corner + random.integers(1, 40, (n_truths, 2))])
    truths = GroundTruths(
        image=image,
        label=random.integers(0, max(1, n_classes - 1), n_truths),
        boxes_xyxy=truth_boxes,
        crowd=random.random(n_truths) < 0.15,
    )
    corner = random.integers(0, 60, (n_detections, 2)).astype(float)
    boxes = np.hstack([corner, corner + random.integers(1, 40, (n_detections, 2))])
    detected_image = random.integers(0, n_images, n_detections)
    label = random.integers(0, n_classes, n_detections)
    if n_truths:
        copied = random.random(n_detections) < 0.6
        of = random.integers(0, n_truths, n_detections)
        shift = random.choice([0.0, 0.0, 1.0, 2.5], (n_detections, 4))
        near = truth_boxes[of] + shift * random.choice([-1, 1], (n_detections, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2])
        boxes = np.where(copied[:, None], near, boxes)
        detected_image = np.where(copied, image[of], detected_image)
        label = np.where(copied, truths.label[of], label)
    if random.random() < 0.3:  # crowd everything into one image and class, beyond the 100 that count
        detected_image[:], label[:] = 0, 0
    score = np.round(random.random(n_detections), int(random.choice([1, 2, 6])))
    detections = Detections(image=detected_image, label=label, score=score, boxes_xyxy=boxes)
    size = truth_boxes[:, 2:] - truth_boxes[:, :2]
    return Problem(
        n_images=n_images,
        n_classes=n_classes,
        truths=truths,
        detections=detections,
        areas=size[:, 0] * size[:, 1] * random.choice([1.0, 0.7], n_truths),
    )


def xywh(boxes_xyxy: NDArray[np.float64]) -> list[list[float]]:
    return np.hstack([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]]).tolist()


def run_pycocotools(
    problem: Problem, image_ids: list[int], area_range: tuple[float, float]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """precision `(T, R, K)` and recall `(T, K)`, -1 for a class without ground truth."""
    truths, detections = problem.truths, problem.detections
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": number + 1} for number in range(problem.n_images)],
            "categories": [{"id": number + 1, "name": str(number)} for number in range(problem.n_classes)],
            "annotations": [
                {
                    "id": n + 1,
                    "image_id": int(i) + 1,
                    "category_id": int(c) + 1,
                    "bbox": b,
                    "area": a,
                    "iscrowd": int(w),
                }
                for n, (i, c, b, a, w) in enumerate(
                    zip(
                        truths.image,
                        truths.label,
                        xywh(truths.boxes_xyxy),
                        problem.areas,
                        truths.crowd,
                        strict=True,
                    )
                )
            ],
        }
        coco.createIndex()
        results = [
            {"image_id": int(i) + 1, "category_id": int(c) + 1, "bbox": b, "score": float(s)}
            for i, c, b, s in zip(
                detections.image, detections.label, xywh(detections.boxes_xyxy), detections.score, strict=True
            )
        ]
        found = coco.loadRes(results) if results else COCO()
        if not results:
            found.dataset = {**coco.dataset, "annotations": []}
            found.createIndex()
        engine = COCOeval(coco, found, "bbox")
        engine.params.imgIds = image_ids
        engine.params.catIds = list(range(1, problem.n_classes + 1))
        engine.params.areaRng, engine.params.areaRngLbl = [list(area_range)], ["all"]
        engine.params.maxDets = [100]
        engine.evaluate()
        engine.accumulate()
    return engine.eval["precision"][:, :, :, 0, 0], engine.eval["recall"][:, :, 0, 0]


def run_ours(
    problem: Problem, weights: NDArray[np.uint8], area_range: tuple[float, float] = ANY_AREA
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    low, high = area_range
    size = problem.detections.boxes_xyxy[:, 2:] - problem.detections.boxes_xyxy[:, :2]
    detected_area = size[:, 0] * size[:, 1]
    matches = match(
        candidate_pairs(problem.truths, problem.detections),
        ignored_truths=(problem.areas < low) | (problem.areas > high),
        ignored_detections=(detected_area < low) | (detected_area > high),
    )
    curves = accumulate(matches, n_classes=problem.n_classes, weights=weights)
    precision = np.nan_to_num(curves.precision, nan=-1).transpose(1, 2, 0)  # (K, T, R) -> (T, R, K)
    return precision, np.nan_to_num(curves.recall, nan=-1).T


def everything(problem: Problem) -> NDArray[np.uint8]:
    return np.ones(problem.n_images, dtype=np.uint8)


@pytest.mark.parametrize("seed", range(40))
def test_random_problems_equal_pycocotools_on_the_whole_set(seed: int) -> None:
    problem = random_problem(seed)
    expected = run_pycocotools(problem, list(range(1, problem.n_images + 1)), ANY_AREA)
    for ours, theirs in zip(run_ours(problem, everything(problem)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("seed", range(25))
def test_an_image_slice_equals_pycocotools_on_those_images(seed: int) -> None:
    problem = random_problem(seed)
    chosen = np.random.default_rng(seed).random(problem.n_images) < 0.5
    chosen[0] = True
    expected = run_pycocotools(problem, (np.flatnonzero(chosen) + 1).tolist(), ANY_AREA)
    for ours, theirs in zip(run_ours(problem, chosen.astype(np.uint8)), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("area_range", [(0.0, 200.0), (200.0, 600.0), (600.0, 1e10)])
@pytest.mark.parametrize("seed", range(15))
def test_an_area_slice_equals_pycocotools_area_range(seed: int, area_range: tuple[float, float]) -> None:
    problem = random_problem(seed)
    expected = run_pycocotools(problem, list(range(1, problem.n_images + 1)), area_range)
    for ours, theirs in zip(run_ours(problem, everything(problem), area_range), expected, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE, rtol=0)


@pytest.mark.parametrize("seed", range(6))
def test_a_weight_equals_that_many_copies_of_the_image(seed: int) -> None:
    problem = random_problem(seed)
    weights = np.random.default_rng(seed).integers(0, 4, problem.n_images).astype(np.uint8)
    copies = np.repeat(np.arange(problem.n_images), weights)

    def copied(field: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pairs = [(row, copy) for copy, of in enumerate(copies) for row in np.flatnonzero(field == of)]
        rows, images = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return rows, images

    rows, image = copied(problem.truths.image)
    found, found_image = copied(problem.detections.image)
    expanded = replace(
        problem,
        n_images=len(copies),
        areas=problem.areas[rows],
        truths=GroundTruths(
            image=image,
            label=problem.truths.label[rows],
            boxes_xyxy=problem.truths.boxes_xyxy[rows],
            crowd=problem.truths.crowd[rows],
        ),
        detections=Detections(
            image=found_image,
            label=problem.detections.label[found],
            # distinct scores: copies of one image must not interleave with another image's ties
            score=untied(problem.detections)[found],
            boxes_xyxy=problem.detections.boxes_xyxy[found],
        ),
    )
    original = replace(problem, detections=replace(problem.detections, score=untied(problem.detections)))
    for ours, theirs in zip(
        run_ours(original, weights), run_ours(expanded, everything(expanded)), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, atol=TOLERANCE, rtol=0)


def untied(detections: Detections) -> NDArray[np.floating]:
    return detections.score - 1e-9 * np.arange(len(detections.score))


@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/datasets/coco_reference is not there")
def test_the_published_coco_figures_are_reproduced() -> None:
    truth = json.loads((REFERENCE / "instances_val2014_100.json").read_bytes())
    found = json.loads((REFERENCE / "instances_val2014_fakebbox100_results.json").read_bytes())
    images = {number: index for index, number in enumerate(sorted(item["id"] for item in truth["images"]))}
    classes = {item["id"]: index for index, item in enumerate(truth["categories"])}
    annotations = truth["annotations"]
    matches = match(
        candidate_pairs(
            GroundTruths(
                image=np.array([images[item["image_id"]] for item in annotations]),
                label=np.array([classes[item["category_id"]] for item in annotations]),
                boxes_xyxy=corners(annotations),
                crowd=np.array([bool(item["iscrowd"]) for item in annotations]),
            ),
            Detections(
                image=np.array([images[item["image_id"]] for item in found]),
                label=np.array([classes[item["category_id"]] for item in found]),
                score=np.array([item["score"] for item in found]),
                boxes_xyxy=corners(found),
            ),
        )
    )
    curves = accumulate(matches, n_classes=len(classes), weights=np.ones(len(images), dtype=np.uint8))
    ours = [np.nanmean(curves.average_precision(iou)) for iou in (None, 0.5, 0.75)]
    np.testing.assert_allclose(ours, PUBLISHED, atol=1e-9, rtol=0)


def corners(items: list[dict[str, list[float]]]) -> NDArray[np.float64]:
    boxes = np.array([item["bbox"] for item in items])
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
