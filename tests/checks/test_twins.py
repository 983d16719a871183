"""Boxes that are one and the same are found as comparing every pair would find them, but without doing so."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.adapters.tables.parquet import write_table
from runner.checks.twins import twin_frame
from runner.dataset.twins import near_pairs
from runner.domain.label_faults import TWIN_IOU


def every_pair(path: list[str], boxes: list[list[float]]) -> list[tuple[int, int]]:
    found = []
    for first in range(len(boxes)):
        for second in range(first + 1, len(boxes)):
            a, b = boxes[first], boxes[second]
            sides = [min(a[2 + axis], b[2 + axis]) - max(a[axis], b[axis]) for axis in (0, 1)]
            common = max(sides[0], 0) * max(sides[1], 0)
            union = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)) - common
            if path[first] == path[second] and union > 0 and common / union >= TWIN_IOU:
                found.append((first, second))
    return found


CORNER, SIDE = st.integers(0, 3), st.sampled_from([0, 100, 101, 200])


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("ab"), CORNER, CORNER, SIDE, SIDE), max_size=12))
def test_the_pairs_are_those_of_comparing_all(rows: list[tuple[str, int, int, int, int]]) -> None:
    path = [row[0] for row in rows]
    boxes = [[float(x), float(y), float(x + w), float(y + h)] for _, x, y, w, h in rows]
    steps = near_pairs(np.array(path, dtype=object), np.array(boxes, np.float64).reshape(-1, 4))
    found = [(int(first), int(second)) for a, b, _ in steps for first, second in zip(a, b, strict=True)]
    assert sorted(found) == every_pair(path, boxes)


@pytest.mark.parametrize(
    ("second", "same"),
    [
        ([1, 0, 10, 9, 9, 10, 0, 1], True),
        ([9, 10, 0, 1, 1, 0, 10, 9], True),  # begun at another corner
        ([9, 0, 10, 1, 1, 10, 0, 9], False),  # across, in the same hull
    ],
)
def test_rotated_boxes_of_one_hull_are_one_only_where_their_corners_meet(
    tmp_path: Path, second: list[float], same: bool
) -> None:
    folder = tmp_path
    rows = {"path": ["a", "a"], "object_id": ["1", "2"], "class": ["x", "x"], "crowd": [False, False]}
    sides = {"x_min": [0.0, 0.0], "y_min": [0.0, 0.0], "x_max": [10.0, 10.0], "y_max": [10.0, 10.0]}
    shapes = {"corners": [[1.0, 0, 10, 9, 9, 10, 0, 1], second], "area_px": [18.0, 18.0]}
    write_table(folder / "index" / "objects.parquet", {**rows, **sides, **shapes})
    write_table(
        folder / "selection" / "manifest.parquet", {"path": ["a"], "assigned": ["test"], "selected": [True]}
    )
    # An index of an earlier version has places as the objects' ids.
    assert twin_frame(folder)["same_as"].dropna().tolist() == (["1"] if same else [])


def test_a_line_that_is_written_a_thousand_times_is_found_in_no_time(tmp_path: Path) -> None:
    count = 3000
    rows = {"path": ["a"] * count, "object_id": [str(at) for at in range(count)], "class": ["x"] * count}
    sides = {"x_min": [0.0] * count, "y_min": [0.0] * count, "x_max": [9.0] * count, "y_max": [9.0] * count}
    write_table(tmp_path / "index" / "objects.parquet", {**rows, "crowd": [False] * count, **sides})
    write_table(
        tmp_path / "selection" / "manifest.parquet", {"path": ["a"], "assigned": ["test"], "selected": [True]}
    )
    started = time.process_time()
    assert twin_frame(tmp_path)["same_as"].notna().sum() == count - 1
    assert time.process_time() - started < 5
