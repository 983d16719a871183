"""Every task's way into and out of a model agrees with Ultralytics' own, and with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from runner.adapters.models.decoding import DECODERS, Decoder, decoder_for
from runner.adapters.models.decoding.suppression import suppress_rotated
from runner.adapters.models.detections import DetectionTable
from runner.adapters.models.inference import Floats, Letterbox, preprocess
from runner.adapters.pictures.coco_masks import decode_mask, encode_mask, encode_part
from runner.domain.task import Keypoints, TaskName, TaskSpec

CLASSES = ["a", "b", "c"]
SIZES = [(48, 80), (80, 48), (64, 64), (333, 77), (50, 64), (640, 479), (61, 90), (150, 148)]
PLAIN = Letterbox((100, 100), (1.0, 1.0), (0, 0))


def _decoder(task: TaskName, classes: list[str] | None = None) -> Decoder:
    points = Keypoints(names=["x", "y"]) if task == "pose" else None
    return decoder_for(TaskSpec(name=task, classes=classes or CLASSES, keypoints=points))


def _raw(rng: np.random.Generator, extra: Floats, *, spread: float = 900.0) -> Floats:
    """`(1, 4 + C + E, A)`: boxes in eighths of a pixel, few high scores."""
    anchors = extra.shape[1]
    boxes = rng.integers(0, 320, (4, anchors)) / 8 + np.array([[0], [0], [8], [8]])
    boxes[:2] = rng.integers(0, int(spread), (2, anchors))
    scores = rng.uniform(0, 1, (len(CLASSES), anchors)) ** 8
    return np.concatenate((boxes, scores, extra)).astype(np.float32)[None]


def test_every_task_has_a_decoder_that_names_its_outputs_and_columns() -> None:
    described = {task: (_decoder(task).outputs, _decoder(task).columns) for task in DECODERS}
    assert described == {
        "detect": (("raw",), ()),
        "segment": (("raw", "prototypes"), ("mask_rle",)),
        "pose": (("raw",), ("keypoints",)),
        "obb": (("raw",), ("corners",)),
        "classify": (("probabilities",), ()),
    }


@pytest.mark.parametrize("seed", range(4))
def test_rotated_suppression_is_ultralytics_validation(seed: int) -> None:
    import torch
    from ultralytics.utils.nms import non_max_suppression
    from ultralytics.utils.ops import xywhr2xyxyxyxy

    rng = np.random.default_rng(seed)
    angles = rng.uniform(-np.pi / 4, 3 * np.pi / 4, (1, 1200))
    raw = _raw(rng, angles, spread=60)
    found = _decoder("obb").decode((raw,), PLAIN)
    theirs = non_max_suppression(
        torch.from_numpy(raw), 0.001, 0.7, nc=len(CLASSES), multi_label=True, max_det=300, rotated=True
    )[0]
    # Theirs sorts ties in any order, and keeps classes apart by thousands of pixels, which rounds.
    assert abs(len(found.scores) - len(theirs)) <= 1
    ours = {
        (label, round(float(score), 6)) for label, score in zip(found.class_ids, found.scores, strict=True)
    }
    wanted = {(int(label), round(float(score), 6)) for score, label in theirs[:, 4:6].tolist()}
    assert len(ours ^ wanted) <= 2
    corners = xywhr2xyxyxyxy(torch.cat((theirs[:, :4], theirs[:, 6:]), dim=1)).reshape(-1, 8).numpy()
    np.testing.assert_allclose(found.further["corners"][0], corners[0], atol=1e-3)


def test_a_suppressed_box_still_suppresses() -> None:
    """As in Ultralytics' fast suppression: the third box goes because of the second, which itself went."""
    boxes = np.array([[50, 50, 20, 10, 0], [54, 50, 20, 10, 0], [58, 50, 20, 10, 0]], np.float32)
    assert suppress_rotated(boxes, np.zeros(3, np.int32)).tolist() == [0]
    assert suppress_rotated(boxes[[0, 2]], np.zeros(2, np.int32)).tolist() == [0, 1]


def test_rotated_boxes_of_other_classes_stay() -> None:
    boxes = np.array([[50, 50, 20, 10, 0.3]] * 2, np.float32)
    assert suppress_rotated(boxes, np.array([0, 1], np.int32)).tolist() == [0, 1]


def test_corners_of_a_turned_box_and_its_hull() -> None:
    raw = np.array([[50], [40], [20], [10], [0.9], [np.pi / 2]], np.float32)[None]
    found = _decoder("obb", ["a"]).decode((raw,), PLAIN)
    assert sorted(map(tuple, found.further["corners"][0].reshape(4, 2).round(3).tolist())) == [
        (45, 30),
        (45, 50),
        (55, 30),
        (55, 50),
    ]
    np.testing.assert_allclose(found.boxes_xyxy, [[45, 30, 55, 50]], atol=1e-4)


def test_corners_may_leave_the_image_but_the_hull_does_not() -> None:
    raw = np.array([[98], [50], [20], [10], [0.9], [0]], np.float32)[None]
    found = _decoder("obb", ["a"]).decode((raw,), PLAIN)
    assert found.further["corners"][0].max() == 108
    assert found.boxes_xyxy.tolist() == [[88, 45, 100, 55]]


def test_key_points_go_with_their_box_and_are_clipped() -> None:
    points = np.array([[10, 20, 0.9, 130, -5, 0.2], [1, 2, 0.3, 4, 5, 0.6]]).T  # two anchors
    boxes = np.array([[50, 50, 20, 20], [20, 20, 10, 10]]).T
    raw = np.concatenate((boxes, [[0.5, 0.8]], points)).astype(np.float32)[None]
    found = _decoder("pose", ["a"]).decode((raw,), PLAIN)
    np.testing.assert_allclose(found.further["keypoints"][0], [1, 2, 0.3, 4, 5, 0.6], rtol=1e-6)
    np.testing.assert_allclose(found.further["keypoints"][1], [10, 20, 0.9, 100, 0, 0.2], rtol=1e-6)


@pytest.mark.parametrize("hw", SIZES)
def test_key_points_go_back_where_ultralytics_puts_them(hw: tuple[int, int]) -> None:
    from ultralytics.utils.ops import scale_coords

    _, letterbox = preprocess(np.zeros((*hw, 3), np.uint8), (64, 64))
    raw = np.array([30, 33, 20, 10, 0.9, 31, 34, 0.8, 25, 30, 0.7], np.float32)[None, :, None]
    found = _decoder("pose", ["a"]).decode((raw,), letterbox)
    theirs = scale_coords((64, 64), np.array([[31.0, 34.0], [25.0, 30.0]]), hw)
    np.testing.assert_allclose(found.further["keypoints"][0].reshape(2, 3)[:, :2], theirs, atol=1e-4)


@pytest.mark.parametrize("hw", SIZES)
def test_masks_are_ultralytics_native_ones(hw: tuple[int, int]) -> None:
    import torch
    from ultralytics.utils.ops import process_mask_native

    rng = np.random.default_rng(0)
    _, letterbox = preprocess(np.zeros((*hw, 3), np.uint8), (64, 64))
    prototypes = rng.normal(size=(1, 8, 16, 16)).astype(np.float32)
    raw = _raw(rng, rng.normal(size=(8, 40)).astype(np.float32), spread=64)
    found = _decoder("segment").decode((raw, prototypes), letterbox)
    coefficients = {round(float(raw[0, 4 + c, a]), 6): raw[0, 7:, a] for c in range(3) for a in range(40)}
    chosen = np.stack([coefficients[round(float(score), 6)] for score in found.scores])
    theirs = process_mask_native(
        torch.from_numpy(prototypes[0]),
        torch.from_numpy(chosen),
        torch.from_numpy(found.boxes_xyxy.copy()),
        hw,
    )
    ours = np.stack([decode_mask(rle, hw) for rle in found.further["mask_rle"]])
    assert (ours != theirs.numpy().astype(bool)).mean() < 1e-4  # where a sum is all but 0


@pytest.mark.parametrize("seed", range(40))
def test_run_lengths_of_a_part_are_those_of_the_whole(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 9, 2).tolist()
    left, top = int(rng.integers(width)), int(rng.integers(height))
    right, bottom = int(rng.integers(left, width + 1)), int(rng.integers(top, height + 1))
    if seed % 4 == 0:  # runs go on from one column to the next
        top, bottom = 0, height
    whole = np.zeros((height, width), bool)
    whole[top:bottom, left:right] = rng.random((bottom - top, right - left)) < rng.choice([0, 0.3, 0.9, 1])
    assert encode_part(whole[top:bottom, left:right], (left, top), (height, width)) == encode_mask(whole)


def test_nothing_found_is_no_row_of_any_task() -> None:
    for task, channels in {"detect": 7, "segment": 15, "pose": 13, "obb": 8}.items():
        decoder = decoder_for(TaskSpec(name=task, classes=CLASSES))  # type: ignore[arg-type]
        outputs = (np.zeros((1, channels, 5), np.float32), np.zeros((1, 8, 4, 4), np.float32))
        found = decoder.decode(outputs, PLAIN)
        assert (found.boxes_xyxy.shape, found.scores.shape) == ((0, 4), (0,))
        table = DetectionTable(CLASSES, decoder.columns)
        table.add("a.jpg", found)
        assert {len(column) for column in table.columns().values()} == {0}


@pytest.mark.parametrize("hw", SIZES)
def test_classification_input_is_ultralytics_own(hw: tuple[int, int]) -> None:
    from PIL import Image
    from ultralytics.data.augment import classify_transforms

    image = np.random.default_rng(0).integers(0, 255, (*hw, 3), np.uint8)
    ours, letterbox = _decoder("classify").preprocess(image, (64, 64))
    theirs = classify_transforms(64)(Image.fromarray(np.ascontiguousarray(image[..., ::-1])))
    assert np.array_equal(ours[0], theirs.numpy())
    assert letterbox.original_hw == hw


def test_every_probable_class_and_the_five_best_are_listed() -> None:
    probabilities = np.array([[5e-5, 0.6, 2e-4, 1e-6, 0.3, 3e-5, 2e-5, 0.0995]], np.float32)
    decoder = _decoder("classify", list("abcdefgh"))
    found = decoder.decode((probabilities,), Letterbox((60, 90), (1.0, 1.0), (0, 0)))
    assert found.class_ids.tolist() == [1, 4, 7, 2, 0]
    assert np.array_equal(found.scores, probabilities[0, [1, 4, 7, 2, 0]])
    assert found.boxes_xyxy.tolist() == [[0, 0, 90, 60]] * 5
    even = decoder.decode((np.full((1, 8), 0.125, np.float32),), PLAIN)
    assert even.class_ids.tolist() == list(range(8))


def test_tables_keep_lists_of_one_length_as_rows() -> None:
    decoder = _decoder("pose", ["a"])
    raw = np.array([[50, 50, 10, 10, 0.5, *range(6)]], np.float32).T[None]
    table = DetectionTable(["a"], decoder.columns)
    for path in ("b.jpg", "a.jpg"):
        table.add(path, decoder.decode((raw,), PLAIN))
    column = table.columns()["keypoints"]
    assert column.shape == (2,)
    assert column[0].tolist() == list(range(6))
