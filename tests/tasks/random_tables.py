"""Random tables of labels and predictions for the tasks that COCO has, and what pycocotools measures on them."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import encode_masks
from runner.domain.task import Keypoints, TaskName, TaskSpec
from runner.tasks.task import Table, TestData

SIZE_HW = (24, 30)
POINTS = 5
ANY_AREA = (0.0, 1e10)
KINDS = {"detect": "bbox", "segment": "segm", "pose": "keypoints"}
METRICS = ("map50_95", "map50", "map75", "ar")


def column(values: list[Any]) -> NDArray[Any]:
    """An object column, whatever its values are."""
    result = np.empty(len(values), dtype=object)
    result[:] = values
    return result


def random_case(task: TaskName, seed: int) -> tuple[TaskSpec, TestData]:
    """Crowds, ties, copies, empty images, absent classes, and more detections of a class than count."""
    random = np.random.default_rng(seed)
    n_images, n_classes = int(random.integers(1, 6)), int(random.integers(1, 4))
    n_truths, n_found = int(random.integers(0, 30)), int(random.choice([0, 3, 40, 250]))
    classes = [f"class {number}" for number in range(n_classes)]
    points = 17 if random.random() < 0.3 else POINTS
    spec = TaskSpec(
        name=task,
        classes=classes,
        keypoints=Keypoints(names=[f"p{k}" for k in range(points)]) if task == "pose" else None,
    )
    image = random.integers(0, n_images, n_truths)
    label = random.integers(0, max(1, n_classes - 1), n_truths)
    of = random.integers(0, n_truths, n_found) if n_truths else np.zeros(n_found, dtype=int)
    copied = (random.random(n_found) < 0.7) if n_truths else np.zeros(n_found, dtype=bool)
    found_image = np.where(copied, image[of] if n_truths else 0, random.integers(0, n_images, n_found))
    found_label = np.where(copied, label[of] if n_truths else 0, random.integers(0, n_classes, n_found))
    if random.random() < 0.3:
        found_image[:], found_label[:] = 0, 0
    crowd = random.random(n_truths) < 0.15
    shapes = {"detect": _boxes, "segment": _masks, "pose": _skeletons}[task]
    truth_columns, found_columns = shapes(random, n_truths, of, copied, points)
    score = np.round(random.random(n_found), int(random.choice([1, 2, 6]))).astype(np.float32)
    names, paths = column(classes), column([f"{number}.png" for number in range(n_images)])
    objects = {"path": paths[image], "class": names[label], "crowd": crowd, **truth_columns}
    predictions = {"path": paths[found_image], "class": names[found_label], "score": score, **found_columns}
    images = {
        "path": paths,
        "height": np.full(n_images, SIZE_HW[0]),
        "width": np.full(n_images, SIZE_HW[1]),
    }
    return spec, TestData(target="torch", images=images, objects=objects, predictions=predictions)


def _random_boxes(random: np.random.Generator, count: int) -> NDArray[np.float64]:
    corner = random.integers(0, 18, (count, 2)).astype(float)
    return np.hstack([corner, corner + random.integers(1, 14, (count, 2))])


def _near(random: np.random.Generator, boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    moved = boxes + random.choice([0.0, 0.0, 1.0, 2.5], boxes.shape) * random.choice([-1, 1], boxes.shape)
    moved[:, 2:] = np.maximum(moved[:, 2:], moved[:, :2])
    return moved


def _corners(boxes: NDArray[np.float64]) -> dict[str, NDArray[Any]]:
    return dict(zip(("x_min", "y_min", "x_max", "y_max"), boxes.T, strict=True))


def _boxes(
    random: np.random.Generator, n_truths: int, of: NDArray[Any], copied: NDArray[np.bool_], points: int
) -> tuple[Table, Table]:
    truths, found = _random_boxes(random, n_truths), _random_boxes(random, len(of))
    if n_truths:
        found = np.where(copied[:, None], _near(random, truths[of]), found)
    area = (truths[:, 2:] - truths[:, :2]).prod(axis=1) * random.choice([1.0, 0.7], n_truths)
    return {**_corners(truths), "area_px": area}, _corners(found)


def _masks(
    random: np.random.Generator, n_truths: int, of: NDArray[Any], copied: NDArray[np.bool_], points: int
) -> tuple[Table, Table]:
    boxes = _random_boxes(random, n_truths)
    found_boxes = _random_boxes(random, len(of))
    if n_truths:
        found_boxes = np.where(copied[:, None], _near(random, boxes[of]), found_boxes)
    truths, found = _filled(random, boxes), _filled(random, found_boxes)
    area = truths.sum(axis=(1, 2)) * random.choice([1.0, 0.7], n_truths)
    return (
        {**_corners(boxes), "area_px": area, "mask_rle": column(encode_masks(truths))},
        {**_corners(found_boxes), "mask_rle": column(encode_masks(found))},
    )


def _filled(random: np.random.Generator, boxes: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Boxes and ellipses as pixels, some with holes."""
    y, x = np.indices(SIZE_HW)
    inside = np.zeros((len(boxes), *SIZE_HW), dtype=bool)
    for row, (left, top, right, bottom) in enumerate(boxes):
        inside[row] = (x >= left) & (x < right) & (y >= top) & (y < bottom)
        if row % 3 == 0:
            across = (x - (left + right) / 2) / max(right - left, 1)
            inside[row] &= across**2 + ((y - (top + bottom) / 2) / max(bottom - top, 1)) ** 2 < 0.25
    return inside & (random.random(inside.shape) < random.choice([1.0, 1.0, 0.9], (len(boxes), 1, 1)))


def _skeletons(
    random: np.random.Generator, n_truths: int, of: NDArray[Any], copied: NDArray[np.bool_], points: int
) -> tuple[Table, Table]:
    boxes = _random_boxes(random, n_truths)
    truths = np.zeros((n_truths, points, 3))
    size = (boxes[:, 2:] - boxes[:, :2])[:, None]
    truths[:, :, :2] = boxes[:, None, :2] + random.random((n_truths, points, 2)) * size
    truths[:, :, 2] = random.integers(0, 3, (n_truths, points))
    truths[random.random(n_truths) < 0.15, :, 2] = 0
    found = random.uniform(0, 24, (len(of), points, 3))
    if n_truths:
        noise = random.normal(0, 1, (len(of), points, 2)) * random.choice([0, 0.3, 1.0], (len(of), 1, 1))
        found[copied, :, :2] = truths[of][copied, :, :2] + noise[copied]
    hull = np.hstack([found[:, :, :2].min(axis=1), found[:, :, :2].max(axis=1)])
    area = size[:, 0].prod(axis=1) * random.choice([1.0, 0.6], n_truths)
    return (
        {**_corners(boxes), "area_px": area, "keypoints": column(truths.reshape(-1, points * 3).tolist())},
        {**_corners(hull.reshape(-1, 4)), "keypoints": column(found.reshape(-1, points * 3).tolist())},
    )


def detected_area(task: TaskName, predictions: Table) -> NDArray[np.float64]:
    """Areas of detections as pycocotools has them: of the mask, else of the box around everything."""
    if task == "segment":
        from pycocotools import mask

        items = [{"counts": text.encode(), "size": list(SIZE_HW)} for text in predictions["mask_rle"]]
        return np.array(mask.area(items), dtype=float) if items else np.empty(0)
    sides = [predictions[f"{axis}_max"] - predictions[f"{axis}_min"] for axis in "xy"]
    area: NDArray[np.float64] = sides[0] * sides[1]
    return area


def pycocotools_values(
    spec: TaskSpec,
    data: TestData,
    *,
    images: NDArray[np.bool_] | None = None,
    area_range: tuple[float, float] = ANY_AREA,
) -> NDArray[np.float64]:
    """`(K, 4)` of `METRICS`, NaN for a class without objects that count."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    number_of = {path: number + 1 for number, path in enumerate(data.images["path"])}
    category = {name: number + 1 for number, name in enumerate(spec.classes)}
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [
                {"id": number, "height": SIZE_HW[0], "width": SIZE_HW[1]} for number in number_of.values()
            ],
            "categories": [{"id": number, "name": name} for name, number in category.items()],
            "annotations": _annotations(data.objects, number_of, category, truths=True),
        }
        coco.createIndex()
        results = _annotations(data.predictions, number_of, category, truths=False)
        found = coco.loadRes(results) if results else COCO()
        if not results:
            found.dataset = {**coco.dataset, "annotations": []}
            found.createIndex()
        engine = COCOeval(coco, found, KINDS[spec.name])
        parameters = engine.params
        everywhere = np.ones(len(number_of), dtype=bool)
        parameters.imgIds = (np.flatnonzero(everywhere if images is None else images) + 1).tolist()
        parameters.catIds = list(category.values())
        parameters.areaRng, parameters.areaRngLbl = [list(area_range)], ["all"]
        parameters.maxDets = [20 if spec.name == "pose" else 100]
        if spec.keypoints is not None and len(spec.keypoints.names) != 17:
            parameters.kpt_oks_sigmas = np.full(len(spec.keypoints.names), 1 / len(spec.keypoints.names))
        engine.evaluate()
        engine.accumulate()
    precision = engine.eval["precision"][:, :, :, 0, 0]  # (T, R, K)
    recall = engine.eval["recall"][:, :, 0, 0]  # (T, K)
    per_threshold = precision.mean(axis=1)  # (T, K)
    values = np.stack(
        [per_threshold.mean(axis=0), per_threshold[0], per_threshold[5], recall.mean(axis=0)], axis=1
    )
    return np.where(values < 0, np.nan, values)


def _annotations(
    table: Table, number_of: dict[str, int], category: dict[str, int], *, truths: bool
) -> list[dict[str, Any]]:
    rows = []
    for row in range(len(table["path"])):
        x, y, right, bottom = (float(table[name][row]) for name in ("x_min", "y_min", "x_max", "y_max"))
        item: dict[str, Any] = {
            "image_id": number_of[table["path"][row]],
            "category_id": category[table["class"][row]],
        }
        if "mask_rle" in table:
            item["segmentation"] = {"counts": table["mask_rle"][row], "size": list(SIZE_HW)}
        if "keypoints" in table:
            item["keypoints"] = table["keypoints"][row]
        if truths or len(item) == 2:
            item["bbox"] = [x, y, right - x, bottom - y]
        if truths:
            item |= {"id": row + 1, "area": float(table["area_px"][row]), "iscrowd": int(table["crowd"][row])}
            item["num_keypoints"] = sum(visible > 0 for visible in item.get("keypoints", [])[2::3])
        else:
            item["score"] = float(table["score"][row])
        rows.append(item)
    return rows
