"""One slice per value of a column."""

from __future__ import annotations

import datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.evaluation.slices import value_slices, value_text


@pytest.mark.parametrize(
    ("values", "names", "conditions"),
    [
        (
            np.array(["b", "a", "b", None], dtype=object),
            ["camera=b", "camera=(none)", "camera=a"],
            ["\"camera\" = 'b'", '"camera" IS NULL', "\"camera\" = 'a'"],
        ),
        (np.array([2, 1, 2]), ["camera=2", "camera=1"], ['"camera" = 2', '"camera" = 1']),
        (np.array([0.5, np.nan]), ["camera=(none)", "camera=0.5"], ['"camera" IS NULL', '"camera" = 0.5']),
        (
            np.array([True, False, True]),
            ["camera=true", "camera=false"],
            ['"camera" = true', '"camera" = false'],
        ),
        (np.array(["o'x"], dtype=object), ["camera=o'x"], ["\"camera\" = 'o''x'"]),
        (np.array([], dtype=object), [], []),
    ],
    ids=["text", "integers", "floats", "booleans", "quote", "no images"],
)
def test_a_column_becomes_a_slice_per_value(
    values: NDArray[np.generic], names: list[str], conditions: list[str]
) -> None:
    found = value_slices("camera", values, maximum=20)
    assert [part.name for part in found] == names
    assert [part.condition for part in found] == conditions
    assert sum(part.images.sum() for part in found) == len(values)


def test_only_the_most_frequent_values_become_slices() -> None:
    values = np.array(["a", "b", "c", "b", "c", "c"], dtype=object)
    assert [part.name for part in value_slices("x", values, maximum=2)] == ["x=c", "x=b"]


def test_dates_are_named_as_people_write_them() -> None:
    moment = datetime.datetime(2026, 5, 4, 12, 30)
    assert [value_text(moment), value_text(moment.date())] == ["2026-05-04 12:30:00", "2026-05-04"]
