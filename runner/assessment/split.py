"""The test images and their labels, as every artefact is measured on them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.duckdb import condition_mask
from runner.adapters.tables.parquet import read_table
from runner.domain.records import JUDGED
from runner.domain.task import BOX
from runner.record.catalogue import INDEX_FOLDER, SELECTION_FOLDER, sprint_path
from runner.tasks.sound import require_sound
from runner.tasks.task import Table, Task, TestData

_CONDITION_COLUMNS = ("class", "class_id", *BOX)  # what slices ask of detections


@dataclass(frozen=True, kw_only=True)
class TestSplit:
    """What sprints are judged on.

    Attributes:
        images_file, objects_file: the index, which conditions are evaluated over.
        image_rows: `(I,)` the test images' rows in `images_file`, sorted by path: the order of tied scores must
            not depend on the order of the index.
        object_rows: `(N,)` their objects' rows in `objects_file`.
        images: every column of the index, `(I,)`.
        objects: what the task reads, and `object_id`, `(N,)`.
        groups: `(I,)` int, the number of the group that each image belongs to.
    """

    images_file: Path
    objects_file: Path
    image_rows: NDArray[np.int64]
    object_rows: NDArray[np.int64]
    images: Table
    objects: Table
    groups: NDArray[np.int64]
    _masks: dict[tuple[Path, str], NDArray[np.bool_]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    __test__ = False  # not a test class, whatever pytest thinks of its name

    def column(self, name: str) -> NDArray[Any]:
        """An index column of the test images; a name is written as SQL does, in any case."""
        known = {column.lower(): column for column in self.images}
        return self.images[known[name.lower()]]

    def images_where(self, condition: str) -> NDArray[np.bool_]:
        """`(I,)`: which test images satisfy a condition over the index; asked of DuckDB once.

        Raises:
            FlywheelError: the condition is refused.
        """
        return self._mask(self.images_file, condition)[self.image_rows]

    def objects_where(self, condition: str) -> NDArray[np.bool_]:
        """`(N,)`: as `images_where`, of the objects."""
        return self._mask(self.objects_file, condition)[self.object_rows]

    def _mask(self, file: Path, condition: str) -> NDArray[np.bool_]:
        if (file, condition) not in self._masks:
            self._masks[file, condition] = condition_mask(file, condition)
        return self._masks[file, condition]


def load_split(folder: Path, task: Task, split: str = JUDGED) -> TestSplit:
    """Reads the selected test images and their labels, or those of another split.

    Args:
        folder: the sprint's folder, with `index` and `selection`.
        task: says which columns of the labels are read.
    """
    manifest = read_table(
        folder / SELECTION_FOLDER.name / "manifest.parquet", ["path", "assigned", "selected"]
    )
    chosen = (manifest["assigned"] == split) & manifest["selected"].astype(bool)
    paths = frozenset(manifest["path"][chosen].tolist())
    images_file, objects_file = (
        folder / INDEX_FOLDER.name / "images.parquet",
        folder / INDEX_FOLDER.name / "objects.parquet",
    )
    images = read_table(images_file)
    rows = np.flatnonzero([path in paths for path in images["path"].tolist()])
    image_rows = rows[np.argsort(images["path"][rows], kind="stable")]
    objects = read_table(objects_file, list(dict.fromkeys(("object_id", *task.object_columns))))
    object_rows = np.flatnonzero([path in paths for path in objects["path"].tolist()])
    return TestSplit(
        images_file=images_file,
        objects_file=objects_file,
        image_rows=image_rows,
        object_rows=object_rows,
        images={name: values[image_rows] for name, values in images.items()},
        objects={name: values[object_rows] for name, values in objects.items()},
        groups=_numbered(images["group"][image_rows]) if "group" in images else np.arange(len(image_rows)),
    )


def data_of(split: TestSplit, target: str, predictions_file: Path, task: Task) -> TestData:
    """One artefact's stored predictions on the split.

    Raises:
        FlywheelError: they cannot be read, or a row of them cannot be measured (`runner.tasks.sound`).
    """
    columns = dict.fromkeys((*task.prediction_columns, *_CONDITION_COLUMNS))
    predictions = read_table(predictions_file, list(columns))
    sprint, folder, name = predictions_file.parts[-3:]
    require_sound(
        predictions,
        task.spec,
        split.images["path"].tolist(),
        file=f"{sprint_path(sprint)}/{folder}/{name}",
        hint=f"delete {sprint_path(sprint)}/{folder} and run again: flywheel run {sprint}",
    )
    return TestData(target=target, images=split.images, objects=split.objects, predictions=predictions)


def _numbered(groups: NDArray[Any]) -> NDArray[np.int64]:
    """Groups by the order of their first image."""
    number: dict[Any, int] = {}
    return np.array([number.setdefault(group, len(number)) for group in groups.tolist()], dtype=np.int64)
