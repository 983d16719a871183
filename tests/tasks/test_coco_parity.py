"""Detect, segment and pose are pycocotools' own numbers, from tables to metrics, on the whole set and on slices."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import counts_to_rle, polygons_to_rle
from runner.domain.task import TaskName, TaskSpec
from runner.evaluation.measurable import Measurable
from runner.evaluation.slices import ObjectSlice
from runner.tasks import TASKS
from runner.tasks.task import TestData
from tests.tasks.random_tables import METRICS, column, detected_area, pycocotools_values, random_case

REFERENCE = Path(__file__).parents[2].parent / "shared" / "datasets" / "coco_reference"
SEGM = {"map50_95": 0.319545275857643, "map50": 0.562288397252164}  # published with the data
BBOX = {"map50_95": 0.504580698724963, "map50": 0.696972724729958, "map75": 0.572981666990482}

coco_tasks = pytest.mark.parametrize("task", ["detect", "segment", "pose"])
seeds = st.integers(0, 2**32 - 1)


def measured(spec: TaskSpec, data: TestData) -> Measurable:
    return TASKS[spec.name](spec=spec, operating_confidence=0.25).measurable(data)


def values(measurable: Measurable, images: NDArray[np.bool_] | None = None) -> NDArray[np.float64]:
    """`(K, 4)` as `pycocotools_values`, and a last row for all classes."""
    weights = np.ones(measurable.n_images) if images is None else images
    found = measurable.measure(weights[None].astype(np.uint8)).values[0]
    return found[:, [measurable.metrics.index(name) for name in METRICS]]


def assert_equal(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> None:
    np.testing.assert_allclose(ours[:-1], theirs, atol=1e-9, rtol=0)
    present = theirs[~np.isnan(theirs[:, 0])]
    together = present.mean(axis=0) if len(present) else np.full(4, np.nan)
    np.testing.assert_allclose(ours[-1], together, atol=1e-9, rtol=0)


@coco_tasks
@settings(max_examples=100, deadline=None, derandomize=True)
@given(seed=seeds)
def test_the_whole_set(task: TaskName, seed: int) -> None:
    spec, data = random_case(task, seed)
    assert_equal(values(measured(spec, data)), pycocotools_values(spec, data))


@coco_tasks
@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=seeds)
def test_a_slice_of_the_images(task: TaskName, seed: int) -> None:
    spec, data = random_case(task, seed)
    chosen = np.random.default_rng(seed).random(len(data.images["path"])) < 0.5
    chosen[0] = True
    assert_equal(values(measured(spec, data), chosen), pycocotools_values(spec, data, images=chosen))


@coco_tasks
@settings(max_examples=50, deadline=None, derandomize=True)
@given(seed=seeds, area_range=st.sampled_from([(0.0, 30.0), (30.0, 90.0), (90.0, 1e10)]))
def test_a_slice_of_the_objects_by_area(task: TaskName, seed: int, area_range: tuple[float, float]) -> None:
    spec, data = random_case(task, seed)
    area, detected = data.objects["area_px"], detected_area(task, data.predictions)
    part = ObjectSlice(
        name="size",
        condition="…",
        objects=(area >= area_range[0]) & (area <= area_range[1]),
        detections=(detected >= area_range[0]) & (detected <= area_range[1]),
    )
    assert_equal(
        values(measured(spec, data).restricted(part)), pycocotools_values(spec, data, area_range=area_range)
    )


def coco_reference(task: TaskName, results: str) -> tuple[TaskSpec, TestData]:
    """The published labels and detections as tables."""
    content = json.loads((REFERENCE / "instances_val2014_100.json").read_bytes())
    found = json.loads((REFERENCE / results).read_bytes())
    sizes = {item["id"]: (item["height"], item["width"]) for item in content["images"]}
    images = sorted(content["images"], key=lambda item: item["id"])
    names = {item["id"]: item["name"] for item in content["categories"]}

    def rle(item: dict[str, object]) -> str:
        mask, size_hw = item["segmentation"], sizes[item["image_id"]]  # type: ignore[index]
        if isinstance(mask, list):
            return polygons_to_rle(mask, size_hw)
        assert isinstance(mask, dict)
        counts = mask["counts"]
        return counts if isinstance(counts, str) else counts_to_rle(counts, size_hw)

    def table(items: list[dict[str, object]]) -> dict[str, NDArray[np.generic]]:
        left, top, width, height = np.array([item.get("bbox", (0, 0, 0, 0)) for item in items], float).T
        columns = {
            "path": column([f"{item['image_id']:012d}" for item in items]),
            "class": column([names[item["category_id"]] for item in items]),  # type: ignore[index]
            **dict(
                zip(
                    ("x_min", "y_min", "x_max", "y_max"), (left, top, left + width, top + height), strict=True
                )
            ),
        }
        return columns | ({"mask_rle": column([rle(item) for item in items])} if task == "segment" else {})

    return TaskSpec(name=task, classes=list(names.values())), TestData(
        target="published",
        images={
            "path": column([f"{item['id']:012d}" for item in images]),
            "height": np.array([item["height"] for item in images]),
            "width": np.array([item["width"] for item in images]),
        },
        objects=table(content["annotations"])
        | {"crowd": np.array([bool(item["iscrowd"]) for item in content["annotations"]])},
        predictions=table(found) | {"score": np.array([item["score"] for item in found])},
    )


@pytest.mark.skipif(not REFERENCE.exists(), reason="../shared/datasets/coco_reference is not there")
@pytest.mark.parametrize(
    ("task", "results", "published"),
    [
        ("detect", "instances_val2014_fakebbox100_results.json", BBOX),
        ("segment", "instances_val2014_fakesegm100_results.json", SEGM),
    ],
)
def test_the_published_figures_are_reproduced(
    task: TaskName, results: str, published: dict[str, float]
) -> None:
    measurable = measured(*coco_reference(task, results))
    together = dict(zip(METRICS, values(measurable)[-1].tolist(), strict=True))
    for name, value in published.items():
        assert together[name] == pytest.approx(value, abs=1e-9)
