"""What annotators answered, as the tables that a task measures: how alike two of their objects are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, TypeAlias, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.adapters.pictures.coco_masks import polygons_to_rle
from runner.domain.labelling import AnsweredObject
from runner.domain.task import BOX
from runner.evaluation.agreement import LEAST_SIMILARITY, Pairs, pairs_of, same_objects
from runner.evaluation.problem import Similarity
from runner.tasks.ranked import RankedTask
from runner.tasks.task import Table, Task, TestData

SizeHW: TypeAlias = tuple[int, int]
UNKNOWN_SIZE: SizeHW = (1000, 1000)
"""Where an image's size is not known. Overlap does not depend on it; the distance of key points does, by the image's shape."""

_Task = TypeVar("_Task", bound=Task)


@dataclass(frozen=True, kw_only=True)
class LabelSet:
    """What one source says of one image: an annotator, or the dataset where labels are known.

    Attributes:
        image: any text; sets of one text are of one image.
    """

    image: str
    source: str
    objects: Sequence[AnsweredObject]
    size_hw: SizeHW = UNKNOWN_SIZE


@dataclass(frozen=True, kw_only=True)
class Said:
    """All objects of several label sets as one table of N rows, in the order of the sets.

    Attributes:
        task: of the project, with every class that occurs.
        place: `(N,)` the set of each object, and `within` its place there.
    """

    task: Task
    sets: Sequence[LabelSet]
    place: NDArray[np.int64]
    within: NDArray[np.int64]

    @classmethod
    def of(cls, sets: Sequence[LabelSet], task: Task) -> Said:
        """The table of these sets."""
        counts = [len(one.objects) for one in sets]
        return cls(
            task=_knowing(task, {item.class_name for one in sets for item in one.objects}),
            sets=sets,
            place=np.repeat(np.arange(len(sets), dtype=np.int64), counts),
            within=np.array([at for count in counts for at in range(count)], dtype=np.int64),
        )

    def object(self, row: int) -> AnsweredObject:
        """The object of one row."""
        return self.sets[int(self.place[row])].objects[int(self.within[row])]

    @cached_property
    def images(self) -> list[str]:
        """Sorted, each once."""
        return sorted({one.image for one in self.sets})

    @cached_property
    def image(self) -> NDArray[np.int64]:
        """`(N,)` index into `images`."""
        number = {image: at for at, image in enumerate(self.images)}
        of_sets = np.array([number[one.image] for one in self.sets], dtype=np.int64)
        return of_sets[self.place]

    @cached_property
    def label(self) -> NDArray[np.int64]:
        """`(N,)` index into the task's classes."""
        number = {name: at for at, name in enumerate(self.task.spec.classes)}
        return np.array(
            [number[self.object(row).class_name] for row in range(len(self.place))], dtype=np.int64
        )

    @cached_property
    def groups(self) -> NDArray[np.int64]:
        """`(N,)` which rows are one and the same object; sets of an image are different annotators."""
        one, other = pairs_of(self.image, self.place)
        pairs = Pairs(one=one, other=other, similarity=self.similarity(one, other))
        return same_objects(pairs, self.place, self.label, least=LEAST_SIMILARITY)

    def similarity(self, one: NDArray[np.int64], other: NDArray[np.int64]) -> NDArray[np.float64]:
        """`(P,)` rows of both -> `(P,)` in [0, 1], by the task's measure: IoU of boxes, masks or rotated boxes, or OKS. Classes of
        one image are of one object: 1."""
        if self._alike is None:
            return np.ones(len(one))
        there = self._alike(one, other)
        # OKS measures in the scale of one of both
        return (there + self._alike(other, one)) / 2 if self.task.skeleton else there

    @cached_property
    def _alike(self) -> Similarity | None:
        return self.task.problem(self.test_data()).similarity if isinstance(self.task, RankedTask) else None

    def test_data(self) -> TestData:
        """All rows as labels, and again as predictions that are sure."""
        sizes = {one.image: one.size_hw for one in self.sets}
        table = objects_table(self, self.task)
        return TestData(
            target="the annotators",
            images={
                "path": np.array(self.images, dtype=object),
                "height": np.array([sizes[image][0] for image in self.images], dtype=np.int64),
                "width": np.array([sizes[image][1] for image in self.images], dtype=np.int64),
            },
            objects=table,
            predictions={**table, "score": np.ones(len(self.place), dtype=np.float32)},
        )


def objects_table(said: Said, task: Task) -> Table:
    """The task's columns of N objects, in pixels. A shape that was not drawn is the box; key points that were not are none."""
    objects = [said.object(row) for row in range(len(said.place))]
    sizes = [said.sets[int(at)].size_hw for at in said.place]
    scale = np.array([(width, height, width, height) for height, width in sizes], dtype=np.float64)
    boxes = np.array([item.box for item in objects], dtype=np.float64).reshape(-1, 4) * scale.reshape(-1, 4)
    table: dict[str, NDArray[Any]] = {
        "path": np.array([said.sets[int(at)].image for at in said.place], dtype=object),
        "class": np.array([item.class_name for item in objects], dtype=object),
        "crowd": np.zeros(len(objects), dtype=np.bool_),
        "area_px": (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]),
        **{name: boxes[:, column] for column, name in enumerate(BOX)},
    }
    if task.shape is not None:
        shapes = np.empty(len(objects), dtype=object)
        shapes[:] = [_SHAPES[task.shape](item, size) for item, size in zip(objects, sizes, strict=True)]
        table[task.shape] = shapes
    return table


def _mask(item: AnsweredObject, size_hw: SizeHW) -> str:
    outlines = item.polygons or [_box_corners(item)]
    return polygons_to_rle([_in_pixels(outline, size_hw) for outline in outlines], size_hw)


def _corners(item: AnsweredObject, size_hw: SizeHW) -> list[float]:
    return _in_pixels(item.corners or _box_corners(item), size_hw)


def _points(item: AnsweredObject, size_hw: SizeHW) -> list[float] | None:
    height, width = size_hw
    scaled = [value * (width, height, 1.0)[at % 3] for at, value in enumerate(item.keypoints)]
    return scaled or None


_SHAPES = {"mask_rle": _mask, "corners": _corners, "keypoints": _points}


def _box_corners(item: AnsweredObject) -> list[float]:
    left, top, right, bottom = item.box
    return [left, top, right, top, right, bottom, left, bottom]


def _in_pixels(points: Sequence[float], size_hw: SizeHW) -> list[float]:
    height, width = size_hw
    return [value * (height if at % 2 else width) for at, value in enumerate(points)]


def _knowing(task: _Task, classes: set[str]) -> _Task:
    """The task with these classes besides its own."""
    further = sorted(classes - set(task.spec.classes))
    spec = msgspec.structs.replace(task.spec, classes=[*task.spec.classes, *further])
    return replace(task, spec=spec) if further else task
