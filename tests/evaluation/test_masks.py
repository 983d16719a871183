"""Masks in run-length encoding, beside pycocotools and beside pixels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import (
    counts_to_rle,
    decode_mask,
    encode_mask,
    encode_masks,
    mask_area,
    polygons_to_rle,
)
from runner.evaluation.masks import MaskSimilarity, run_lengths

SIZE = (13, 9)


def random_masks(random: np.random.Generator, count: int, size_hw: tuple[int, int]) -> NDArray[np.bool_]:
    """Empty, full, speckled, and rectangular masks."""
    pixels = random.random((count, *size_hw)) < random.choice([0, 0.05, 0.5, 0.95, 1], (count, 1, 1))
    for row in range(0, count, 2):
        y, x = random.integers(0, size_hw[0]), random.integers(0, size_hw[1])
        pixels[row] = False
        pixels[row, y : y + random.integers(0, 9), x : x + random.integers(0, 9)] = True
    return pixels


@settings(max_examples=40, deadline=None, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1))
def test_iou_equals_pycocotools_and_pixels(seed: int) -> None:
    from pycocotools import mask as reference

    random = np.random.default_rng(seed)
    size = (int(random.integers(1, 40)), int(random.integers(1, 40)))
    pixels = random_masks(random, 12, size)
    texts = encode_masks(pixels)
    masks = run_lengths(texts, np.tile([size], (12, 1)))
    crowd = random.random(12) < 0.3
    similarity = MaskSimilarity(truths=masks, detections=masks, crowd=crowd)
    truth, detection = (side.ravel() for side in np.indices((12, 12)))
    ours = similarity(truth, detection).reshape(12, 12)
    items = [{"counts": text.encode(), "size": list(size)} for text in texts]
    theirs = reference.iou(items, items, crowd.astype(int)).T
    np.testing.assert_array_equal(ours, theirs)
    np.testing.assert_array_equal(masks.area_px, pixels.sum(axis=(1, 2)))
    for row, item in enumerate(items):
        x_min, y_min, width, height = reference.toBbox(item).tolist()
        if pixels[row].any():
            assert masks.boxes_xyxy[row].tolist() == [x_min, y_min, x_min + width - 1, y_min + height - 1]


def test_a_crowd_divides_by_the_detection_alone() -> None:
    region, part = np.zeros((2, *SIZE), dtype=bool)
    region[:10], part[2:4, 2:4] = True, True
    masks = run_lengths(encode_masks(np.stack([region, part])), np.tile([SIZE], (2, 1)))
    for crowd, expected in ((True, 1.0), (False, 4 / 90)):
        similarity = MaskSimilarity(truths=masks, detections=masks, crowd=np.array([crowd, crowd]))
        assert similarity(np.array([0]), np.array([1])).tolist() == [expected]


def test_masks_of_different_sizes_are_read_side_by_side() -> None:
    texts = [encode_mask(np.ones((2, 3), dtype=bool)), encode_mask(np.ones((30, 40), dtype=bool))]
    assert run_lengths(texts, np.array([[2, 3], [30, 40]])).area_px.tolist() == [6, 1200]


@pytest.mark.parametrize("text", ["", "5", "~~~", "é", "52203", "o"], ids=repr)
def test_a_text_that_is_no_mask_of_the_size_is_damaged(text: str) -> None:
    good = encode_mask(np.ones((3, 4), dtype=bool))
    masks = run_lengths([good, text, good], np.tile([[3, 4]], (3, 1)))
    assert masks.damaged.tolist() == [False, True, False]
    assert masks.area_px.tolist() == [12, 0, 12]


def test_no_mask_is_an_empty_one_and_overlaps_nothing() -> None:
    masks = run_lengths([None, encode_mask(np.ones((3, 4), dtype=bool))], np.tile([[3, 4]], (2, 1)))
    assert not masks.damaged.any()
    similarity = MaskSimilarity(truths=masks, detections=masks, crowd=np.zeros(2, dtype=bool))
    assert similarity(np.array([0, 0, 1]), np.array([0, 1, 1])).tolist() == [0.0, 0.0, 1.0]


def test_no_masks_at_all() -> None:
    masks = run_lengths([], np.empty((0, 2), dtype=np.int64))
    similarity = MaskSimilarity(truths=masks, detections=masks, crowd=np.zeros(0, dtype=bool))
    nothing = np.empty(0, dtype=np.int64)
    assert len(similarity(nothing, nothing)) == 0
    assert encode_masks(np.empty((0, 3, 4), dtype=bool)) == []


def test_encoding_and_decoding_keep_the_pixels() -> None:
    pixels = random_masks(np.random.default_rng(0), 8, SIZE)
    for mask in pixels:
        text = encode_mask(mask)
        np.testing.assert_array_equal(decode_mask(text, SIZE), mask)
        assert mask_area(text, SIZE) == mask.sum()


def test_polygons_are_joined_and_those_without_area_left_out() -> None:
    squares = [[0.0, 0, 2, 0, 2, 2, 0, 2], [1.0, 1, 4, 1, 4, 4, 1, 4], [5.0, 5, 6, 6]]
    pixels = decode_mask(polygons_to_rle(squares, SIZE), SIZE)
    expected = np.zeros(SIZE, dtype=bool)
    expected[:2, :2] = expected[1:4, 1:4] = True
    np.testing.assert_array_equal(pixels, expected)
    assert not decode_mask(polygons_to_rle([[5.0, 5, 6, 6]], SIZE), SIZE).any()


def test_plain_counts_run_down_the_columns() -> None:
    pixels = decode_mask(counts_to_rle([1, 2, 13 * 9 - 3], SIZE), SIZE)
    assert np.argwhere(pixels).tolist() == [[1, 0], [2, 0]]
