"""Test images that training or choosing the model may have seen: which they are, and which are left without them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import read_table, write_table
from runner.assessment.split import TestSplit
from runner.dataset.leaks import LeakedImage, SelectedImages, find_leaks
from runner.domain.evaluation import Leaks
from runner.domain.leaking import LEAK_KINDS, LeakPair
from runner.domain.records import JUDGED

# In outcomes/, where there are leaks: every pair, and what `resamples.parquet` has, on the other images.
PAIRS_FILE, SAMPLES_FILE = "leaks.parquet", "resamples-without-leaks.parquet"
MOST_PAIRS = 50


def leaked_images(sprint: Path, *, distance: int, frame_correlation: float) -> list[LeakedImage]:
    """The test images that an earlier split gives away, sorted by path.

    Raises:
        FlywheelError: a table is missing or not readable.
    """
    found = find_leaks(SelectedImages.read(sprint), distance=distance, frame_correlation=frame_correlation)
    return [leak for leak in found if leak.split == JUDGED]


def left_images(split: TestSplit, leaked: Sequence[LeakedImage]) -> NDArray[np.bool_]:
    """`(I,)`: which test images did not leak."""
    known = {leak.path for leak in leaked}
    return np.array([path not in known for path in split.images["path"].tolist()], np.bool_)


def leaks_record(leaked: Sequence[LeakedImage], left: NDArray[np.bool_], groups: NDArray[np.int64]) -> Leaks:
    """The record, of nothing measured yet."""
    counted = Counter(leak.kind for leak in leaked)
    return Leaks(
        images=len(leaked),
        groups=len(np.unique(groups[~left])),
        kinds={kind: counted[kind] for kind in LEAK_KINDS if counted[kind]},
        pairs=[_pair(leak) for leak in leaked[:MOST_PAIRS]],
        left=int(np.count_nonzero(left)),
    )


def _pair(leak: LeakedImage) -> LeakPair:
    return LeakPair(
        path=leak.path,
        kind=leak.kind,
        near_path=leak.near_path,
        near_split=leak.near_split,
        distance=leak.distance,
    )


def write_pairs(path: Path, leaked: Sequence[LeakedImage]) -> None:
    """All of them, one row each."""
    columns = ("path", "kind", "near_path", "near_split")
    write_table(path, {name: [getattr(leak, name) for leak in leaked] for name in columns})


def read_pairs(path: Path) -> list[dict[str, str]]:
    """What `write_pairs` wrote, row by row; none where there is no such file, since nothing leaked."""
    if not path.is_file():
        return []
    table = read_table(path)
    return [
        dict(zip(table, row, strict=True))
        for row in zip(*(column.tolist() for column in table.values()), strict=True)
    ]
