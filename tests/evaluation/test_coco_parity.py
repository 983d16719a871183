"""The numbers are pycocotools' own: on whole sets, image slices, area slices and resamples."""

from __future__ import annotations

import contextlib
import io
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.domain.evaluation import RANKED_METRICS
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.measurable import Measures
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.ranked import RankedMeasurable
from runner.evaluation.slices import ObjectSlice

REFERENCE = Path(__file__).parents[2].parent / "shared" / "datasets" / "coco_reference"
# val2014_fake_eval_res.txt: AP, AP50, AP75
PUBLISHED = (0.504580698724963, 0.696972724729958, 0.572981666990482)
TOLERANCE = 1e-9  # the same operations in float64; only the order of the final means differs
CONFIDENCE = 0.4
ANY_AREA = (0.0, 1e10)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A problem with boxes; image and class ids are the index plus one in COCO's files."""

    n_images: int
    n_classes: int
    max_detections: int
    image: NDArray[np.int64]  # (N,) of the ground truths
    label: NDArray[np.int64]
    boxes_xyxy: NDArray[np.float64]
    crowd: NDArray[np.bool_]
    ignored: NDArray[np.bool_]
    areas: NDArray[np.float64]
    found_image: NDArray[np.int64]  # (M,) of the detections
    found_label: NDArray[np.int64]
    found_xyxy: NDArray[np.float64]
    score: NDArray[np.float64]

    def problem(self) -> Problem:
        return Problem(
            n_images=self.n_images,
            n_classes=self.n_classes,
            truths=GroundTruths(image=self.image, label=self.label, crowd=self.crowd, ignored=self.ignored),
            detections=Detections(image=self.found_image, label=self.found_label, score=self.score),
            similarity=BoxSimilarity(
                truths_xyxy=self.boxes_xyxy, detections_xyxy=self.found_xyxy, crowd=self.crowd
            ),
            max_detections=self.max_detections,
        )

    def measurable(self) -> RankedMeasurable:
        return RankedMeasurable(self.problem(), CONFIDENCE)

    def everything(self) -> NDArray[np.uint8]:
        return np.ones(self.n_images, dtype=np.uint8)


@st.composite
def scenes(draw: st.DrawFn) -> Scene:
    """Crowds, ignored objects, ties, identical boxes, empty images, absent classes, too many detections."""
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_images, n_classes = draw(st.integers(1, 8)), draw(st.integers(1, 4))
    n_truths, n_detections = draw(st.integers(0, 60)), draw(st.sampled_from([0, 3, 80, 500]))
    image = random.integers(0, n_images, n_truths)
    label = random.integers(0, max(1, n_classes - 1), n_truths)
    boxes = random_boxes(random, n_truths)
    found_xyxy = random_boxes(random, n_detections)
    found_image = random.integers(0, n_images, n_detections)
    found_label = random.integers(0, n_classes, n_detections)
    if n_truths:
        copied = random.random(n_detections) < 0.6
        of = random.integers(0, n_truths, n_detections)
        shift = random.choice([0.0, 0.0, 1.0, 2.5], (n_detections, 4))
        near = boxes[of] + shift * random.choice([-1, 1], (n_detections, 4))
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2])
        found_xyxy = np.where(copied[:, None], near, found_xyxy)
        found_image = np.where(copied, image[of], found_image)
        found_label = np.where(copied, label[of], found_label)
    if draw(st.integers(0, 3)) == 0:  # everything in one image and class, beyond those that count
        found_image[:], found_label[:] = 0, 0
    return Scene(
        n_images=n_images,
        n_classes=n_classes,
        max_detections=draw(st.sampled_from([100, 100, 20, 1])),
        image=image,
        label=label,
        boxes_xyxy=boxes,
        crowd=random.random(n_truths) < draw(st.sampled_from([0.0, 0.15, 1.0])),
        ignored=random.random(n_truths) < draw(st.sampled_from([0.0, 0.2])),
        areas=(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) * random.choice([1.0, 0.7], n_truths),
        found_image=found_image,
        found_label=found_label,
        found_xyxy=found_xyxy,
        score=np.round(random.random(n_detections), draw(st.sampled_from([0, 1, 2, 6]))),
    )


def random_boxes(random: np.random.Generator, n: int) -> NDArray[np.float64]:
    corner = random.integers(0, 60, (n, 2)).astype(float)
    return np.hstack([corner, corner + random.integers(1, 40, (n, 2))])


def xywh(boxes_xyxy: NDArray[np.float64]) -> list[list[float]]:
    return np.hstack([boxes_xyxy[:, :2], boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]]).tolist()


def ignoring_evaluator(truth: Any, found: Any) -> Any:
    """COCOeval overwrites `ignore` of boxes by `iscrowd`; here both count, as for key points."""
    from pycocotools.cocoeval import COCOeval

    class IgnoringEval(COCOeval):  # type: ignore[misc]
        def _prepare(self) -> None:
            super()._prepare()
            for objects in self._gts.values():
                for item in objects:
                    item["ignore"] = item["ignore"] or item["set_aside"]

    return IgnoringEval(truth, found, "bbox")


@dataclass(frozen=True, kw_only=True)
class Expected:
    """pycocotools' precision `(T, R, K)`, recall `(T, K)` (-1 without objects), and cells by the metric's name."""

    precision: NDArray[np.float64]
    recall: NDArray[np.float64]
    cells: dict[str, NDArray[np.float64]]  # (K + 1,)


def run_pycocotools(
    scene: Scene, chosen: NDArray[np.bool_] | None = None, area_range: tuple[float, float] = ANY_AREA
) -> Expected:
    from pycocotools.coco import COCO

    image_ids = (
        list(range(1, scene.n_images + 1)) if chosen is None else (np.flatnonzero(chosen) + 1).tolist()
    )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco_dataset(scene)
        truth.createIndex()
        results = [
            {"image_id": int(i) + 1, "category_id": int(c) + 1, "bbox": b, "score": float(s)}
            for i, c, b, s in zip(
                scene.found_image, scene.found_label, xywh(scene.found_xyxy), scene.score, strict=True
            )
        ]
        found = truth.loadRes(results) if results else COCO()
        if not results:
            found.dataset = {**truth.dataset, "annotations": []}
            found.createIndex()
        engine = ignoring_evaluator(truth, found)
        engine.params.imgIds = image_ids
        engine.params.catIds = list(range(1, scene.n_classes + 1))
        engine.params.areaRng, engine.params.areaRngLbl = [list(area_range)], ["all"]
        engine.params.maxDets = [scene.max_detections]
        engine.evaluate()
        engine.accumulate()
    precision, recall = engine.eval["precision"][:, :, :, 0, 0], engine.eval["recall"][:, :, 0, 0]
    return Expected(precision=precision, recall=recall, cells=cells(precision, recall, engine.evalImgs))


def coco_dataset(scene: Scene) -> dict[str, Any]:
    fields = (scene.image, scene.label, xywh(scene.boxes_xyxy), scene.areas, scene.crowd, scene.ignored)
    return {
        "images": [{"id": number + 1} for number in range(scene.n_images)],
        "categories": [{"id": number + 1, "name": str(number)} for number in range(scene.n_classes)],
        "annotations": [
            {
                "id": n + 1,
                "image_id": int(image) + 1,
                "category_id": int(label) + 1,
                "bbox": box,
                "area": area,
                "iscrowd": int(crowd),
                "set_aside": int(ignored),
            }
            for n, (image, label, box, area, crowd, ignored) in enumerate(zip(*fields, strict=True))
        ],
    }


def cells(
    precision: NDArray[np.float64], recall: NDArray[np.float64], images: list[dict[str, Any] | None]
) -> dict[str, NDArray[np.float64]]:
    n_classes = precision.shape[2]
    right, detections, objects = np.zeros((3, n_classes))
    for image in images:
        if image is not None:
            label = image["category_id"] - 1
            confident = np.array(image["dtScores"]) >= CONFIDENCE
            counts = confident & ~image["dtIgnore"][0].astype(bool)
            right[label] += (counts & (image["dtMatches"][0] > 0)).sum()
            detections[label] += counts.sum()
            objects[label] += (np.array(image["gtIgnore"]) == 0).sum()
    absent = objects == 0

    def with_mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        mean = values[~absent].mean() if (~absent).any() else np.nan
        return np.append(np.where(absent, np.nan, values), mean)

    right, detections, objects = (np.append(of, of.sum()) for of in (right, detections, objects))
    with np.errstate(invalid="ignore"):
        return {
            "map50_95": with_mean(precision.mean(axis=(0, 1))),
            "map50": with_mean(precision[0].mean(axis=0)),
            "map75": with_mean(precision[5].mean(axis=0)),
            "ar": with_mean(recall.mean(axis=0)),
            "precision": right / detections,
            "recall": right / objects,
            "f1": np.where(objects > 0, 2 * right / np.maximum(detections + objects, 1), np.nan),
            "objects": objects,
        }


def assert_equal(measures: Measures, lane: int, expected: Expected) -> None:
    for number, metric in enumerate(RANKED_METRICS):
        np.testing.assert_allclose(
            measures.values[lane, :, number], expected.cells[metric], atol=TOLERANCE, rtol=0, err_msg=metric
        )
    np.testing.assert_array_equal(measures.objects[lane], expected.cells["objects"])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(scenes())
def test_random_problems_equal_pycocotools_on_the_whole_set(scene: Scene) -> None:
    expected, measurable = run_pycocotools(scene), scene.measurable()
    assert_equal(measurable.measure(scene.everything()[None]), 0, expected)
    curves = measurable.curves(scene.everything())
    precision = np.nan_to_num(curves.precision, nan=-1).transpose(1, 2, 0)  # (K, T, R) -> (T, R, K)
    np.testing.assert_allclose(precision, expected.precision, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(
        np.nan_to_num(curves.recall, nan=-1).T, expected.recall, atol=TOLERANCE, rtol=0
    )


@settings(max_examples=25, deadline=None, derandomize=True)
@given(scenes(), st.integers(0, 2**32 - 1))
def test_every_image_slice_equals_pycocotools_on_those_images(scene: Scene, seed: int) -> None:
    chosen = np.random.default_rng(seed).random((3, scene.n_images)) < 0.5
    measures = scene.measurable().measure(chosen.astype(np.uint8))
    for lane in np.flatnonzero(chosen.any(axis=1)):  # pycocotools takes no images for all images
        assert_equal(measures, lane, run_pycocotools(scene, chosen[lane]))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(scenes(), st.sampled_from([(0.0, 200.0), (200.0, 600.0), (600.0, 1e10)]))
def test_an_area_slice_equals_pycocotools_area_range(scene: Scene, area_range: tuple[float, float]) -> None:
    low, high = area_range
    found_area = (scene.found_xyxy[:, 2:] - scene.found_xyxy[:, :2]).prod(axis=1)
    part = ObjectSlice(
        name="sized",
        condition="area_px",
        objects=(scene.areas >= low) & (scene.areas <= high),
        detections=(found_area >= low) & (found_area <= high),
    )
    measures = scene.measurable().restricted(part).measure(scene.everything()[None])
    assert_equal(measures, 0, run_pycocotools(scene, area_range=area_range))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(scenes(), st.integers(0, 2**32 - 1))
def test_a_weight_equals_pycocotools_on_that_many_copies_of_the_image(scene: Scene, seed: int) -> None:
    # ties between images stay; within one image, copies of a tie would interleave
    scene = replace(scene, score=np.round(scene.score + 1e-4 * np.arange(len(scene.score)), 6))
    weights = np.random.default_rng(seed).integers(0, 4, scene.n_images).astype(np.uint8)
    weights[0] = max(1, weights[0])
    measures = scene.measurable().measure(np.stack([weights, scene.everything()]))
    assert_equal(measures, 0, run_pycocotools(repeated(scene, weights)))


def repeated(scene: Scene, weights: NDArray[np.uint8]) -> Scene:
    """Copies of an image follow it directly: tied scores are in the order of images."""
    copies = np.repeat(np.arange(scene.n_images), weights)

    def rows_of(image: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pairs = [(row, copy) for copy, of in enumerate(copies) for row in np.flatnonzero(image == of)]
        rows, images = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
        return rows, images

    truth, image = rows_of(scene.image)
    found, found_image = rows_of(scene.found_image)
    return replace(
        scene,
        n_images=len(copies),
        image=image,
        label=scene.label[truth],
        boxes_xyxy=scene.boxes_xyxy[truth],
        crowd=scene.crowd[truth],
        ignored=scene.ignored[truth],
        areas=scene.areas[truth],
        found_image=found_image,
        found_label=scene.found_label[found],
        found_xyxy=scene.found_xyxy[found],
        score=scene.score[found],
    )


def reference_scene() -> Scene:
    truth = json.loads((REFERENCE / "instances_val2014_100.json").read_bytes())
    found = json.loads((REFERENCE / "instances_val2014_fakebbox100_results.json").read_bytes())
    images = {number: index for index, number in enumerate(sorted(item["id"] for item in truth["images"]))}
    classes = {item["id"]: index for index, item in enumerate(truth["categories"])}
    labelled = truth["annotations"]
    return Scene(
        n_images=len(images),
        n_classes=len(classes),
        max_detections=100,
        image=np.array([images[item["image_id"]] for item in labelled]),
        label=np.array([classes[item["category_id"]] for item in labelled]),
        boxes_xyxy=corners(labelled),
        crowd=np.array([bool(item["iscrowd"]) for item in labelled]),
        ignored=np.zeros(len(labelled), dtype=bool),
        areas=np.array([item["area"] for item in labelled]),
        found_image=np.array([images[item["image_id"]] for item in found]),
        found_label=np.array([classes[item["category_id"]] for item in found]),
        found_xyxy=corners(found),
        score=np.array([item["score"] for item in found]),
    )


def corners(items: list[dict[str, Any]]) -> NDArray[np.float64]:
    boxes = np.array([item["bbox"] for item in items])
    return np.hstack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])


@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/datasets/coco_reference is not there")
def test_the_published_coco_figures_are_reproduced() -> None:
    scene = reference_scene()
    measures = scene.measurable().measure(scene.everything()[None])
    np.testing.assert_allclose(measures.values[0, -1, :3], PUBLISHED, atol=TOLERANCE, rtol=0)
    assert_equal(measures, 0, run_pycocotools(scene))


@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/datasets/coco_reference is not there")
def test_slices_of_the_coco_reference_equal_pycocotools() -> None:
    scene = reference_scene()
    chosen = np.random.default_rng(0).random((4, scene.n_images)) < 0.3
    measures = scene.measurable().measure(chosen.astype(np.uint8))
    for lane in range(len(chosen)):
        assert_equal(measures, lane, run_pycocotools(scene, chosen[lane]))
