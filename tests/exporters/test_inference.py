"""Pre- and post-processing agree with Ultralytics', and with numbers worked out by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models.decoding.detect import DetectDecoder
from runner.adapters.models.decoding.suppression import MAX_DETECTIONS, suppress
from runner.adapters.models.detections import DetectionTable
from runner.adapters.models.inference import (
    ImageDetections,
    Letterbox,
    input_chunks,
    load_inputs,
    preprocess,
    read_image,
)
from runner.adapters.tables.parquet import read_table
from runner.domain.errors import FlywheelError
from runner.domain.task import TaskSpec

PLAIN = Letterbox((100, 100), (1.0, 1.0), (0, 0))
SIZES = [(48, 80), (80, 48), (64, 64), (333, 77), (1, 50), (640, 479)]


def _raw(*rows: tuple[float, ...]) -> np.ndarray:
    """Anchors as rows `cx, cy, w, h, score…` -> (4 + C, A)."""
    return np.array(rows, np.float32).T


def decode(output: np.ndarray, letterbox: Letterbox) -> ImageDetections:
    classes = [str(number) for number in range(len(output) - 4)]
    return DetectDecoder(TaskSpec(name="detect", classes=classes)).decode((output[None],), letterbox)


@pytest.mark.parametrize("hw", SIZES)
def test_letterbox_is_ultralytics_own(hw: tuple[int, int]) -> None:
    from ultralytics.data.augment import LetterBox

    image = np.random.default_rng(0).integers(0, 255, (*hw, 3), np.uint8)
    tensor, _ = preprocess(image, (64, 64))
    theirs = LetterBox((64, 64), auto=False)(image=image)
    assert np.array_equal(tensor[0], theirs[..., ::-1].transpose(2, 0, 1).astype(np.float32) / 255)


@pytest.mark.parametrize("hw", SIZES)
def test_boxes_go_back_where_ultralytics_puts_them(hw: tuple[int, int]) -> None:
    from ultralytics.utils.ops import scale_boxes

    _, letterbox = preprocess(np.zeros((*hw, 3), np.uint8), (64, 64))
    output = _raw((30, 33, 20, 10, 0.9))
    theirs = scale_boxes((64, 64), np.array([[20.0, 28.0, 40.0, 38.0]], np.float32), hw)
    np.testing.assert_allclose(decode(output, letterbox).boxes_xyxy, theirs, atol=1e-4)


@pytest.mark.parametrize("seed", range(5))
def test_decoding_is_ultralytics_validation(seed: int) -> None:
    import torch
    from ultralytics.utils.nms import non_max_suppression

    rng = np.random.default_rng(seed)
    anchors, classes = 1500, 3
    # Eighths of a pixel: Ultralytics offsets boxes by thousands of pixels to keep classes apart, and rounds.
    boxes = rng.integers(0, 800, (4, anchors)) / 8 % np.array([[100], [100], [40], [40]]) + 5
    output = np.concatenate((boxes, rng.uniform(0, 1, (classes, anchors)) ** 8)).astype(np.float32)
    found = decode(output, Letterbox((1000, 1000), (1.0, 1.0), (0, 0)))
    theirs = non_max_suppression(
        torch.from_numpy(output[None].copy()), conf_thres=0.001, iou_thres=0.7, multi_label=True, max_det=300
    )[0].numpy()
    assert np.array_equal(found.class_ids, theirs[:, 5].astype(int))
    assert np.array_equal(found.scores, theirs[:, 4])
    np.testing.assert_allclose(
        found.boxes_xyxy, theirs[:, :4].clip(0), atol=2e-3
    )  # they offset boxes by class


def test_nothing_above_the_threshold_is_no_detection() -> None:
    found = decode(_raw((50, 50, 10, 10, 0.001, 0.0)), PLAIN)
    assert found.boxes_xyxy.shape == (0, 4)
    assert found.scores.shape == found.class_ids.shape == (0,)


def test_an_anchor_counts_for_every_class_it_scores_in() -> None:
    found = decode(_raw((50, 50, 10, 10, 0.3, 0.6)), PLAIN)
    assert found.class_ids.tolist() == [1, 0]
    np.testing.assert_allclose(found.boxes_xyxy, [[45, 45, 55, 55]] * 2)


def test_overlaps_are_suppressed_within_a_class_only() -> None:
    found = decode(_raw((50, 50, 10, 10, 0.9, 0), (50, 51, 10, 10, 0.8, 0), (50, 50, 10, 10, 0, 0.7)), PLAIN)
    assert found.class_ids.tolist() == [0, 1]


def test_iou_of_exactly_the_threshold_is_kept() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 7]], np.float32)
    assert suppress(boxes, np.zeros(2, np.int32)).tolist() == [0, 1]


def test_boxes_are_clipped_to_the_image() -> None:
    found = decode(_raw((95, 5, 20, 20, 0.9)), PLAIN)
    np.testing.assert_allclose(found.boxes_xyxy, [[85, 0, 100, 15]])


def test_at_most_so_many_detections_an_image() -> None:
    grid = [(x * 3.0 + 1, y * 3.0 + 1, 2.0, 2.0, 0.5) for x in range(30) for y in range(30)]
    assert len(decode(_raw(*grid), PLAIN).scores) == MAX_DETECTIONS


def test_ties_keep_the_order_of_anchors() -> None:
    found = decode(_raw((10, 10, 4, 4, 0.5), (80, 80, 4, 4, 0.5), (40, 40, 4, 4, 0.5)), PLAIN)
    assert found.boxes_xyxy[:, 0].tolist() == [8, 78, 38]


def test_inputs_come_in_order_and_in_bounded_chunks(tmp_path: Path) -> None:
    import cv2

    paths = []
    for number in range(21):
        paths.append(tmp_path / f"{number}.png")
        cv2.imwrite(str(paths[-1]), np.full((8, 8, 3), number, np.uint8))
    whole = [round(float(pixels[0, 0, 0, 0]) * 255) for pixels, _ in load_inputs(paths, (8, 8))]
    assert whole == list(range(21))
    chunks = list(input_chunks(paths, (8, 8), 8 * 8 * 3 * 4 * 10))
    assert [(start, len(inputs)) for start, inputs in chunks] == [(0, 10), (10, 10), (20, 1)]
    assert list(load_inputs([], (8, 8))) == []


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "file not found"),
        (b"", "the file is empty"),
        (b"no image", "not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF"),
        (b"BM no image", "cannot be decoded as BMP: the content is damaged"),
    ],
)
def test_unreadable_image_says_to_fetch_the_data(tmp_path: Path, content: bytes | None, problem: str) -> None:
    path = tmp_path / "x.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(FlywheelError) as caught:
        read_image(path)
    assert str(caught.value) == (
        f"{path}: the image cannot be used: {problem}\n"
        "  hint: fetch the data (dvc pull), or run the sprint again so that the index sees the change"
    )


def test_table_is_sorted_by_path_score_class_and_box(tmp_path: Path) -> None:
    table = DetectionTable(["a", "b"])
    first = np.array([[3, 0, 4, 1], [1, 0, 2, 1], [0, 0, 9, 9]], np.float32)
    table.add(
        "z.jpg", ImageDetections(first, np.array([0.5, 0.5, 0.9], np.float32), np.array([1, 1, 0], np.int32))
    )
    table.add(
        "m.jpg", ImageDetections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32))
    )
    table.add("a.jpg", ImageDetections(first[:1], np.array([0.1], np.float32), np.array([0], np.int32)))
    table.write(tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet")
    assert list(rows) == ["path", "class_id", "class", "score", "x_min", "y_min", "x_max", "y_max"]
    assert list(rows["path"]) == ["a.jpg", "z.jpg", "z.jpg", "z.jpg"]
    assert list(rows["class"]) == ["a", "a", "b", "b"]
    assert rows["x_min"].tolist() == [3, 0, 1, 3]
    assert (rows["class_id"].dtype, rows["score"].dtype, rows["x_max"].dtype) == (
        np.int32,
        np.float32,
        np.float32,
    )


def test_no_detections_at_all_is_an_empty_table(tmp_path: Path) -> None:
    DetectionTable(["a"]).write(tmp_path / "t.parquet")
    rows = read_table(tmp_path / "t.parquet")
    assert {name: len(column) for name, column in rows.items()} == dict.fromkeys(rows, 0)
    assert rows["score"].dtype == np.float32
