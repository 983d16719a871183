"""Tables of labels and predictions as arrays: what the tasks' `measurable` and `errors` are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.task import BOX, TaskSpec
from runner.evaluation.counting import Counting
from runner.evaluation.measurable import Measurable, Measures
from runner.evaluation.problem import Detections, GroundTruths
from runner.evaluation.slices import ObjectSlice
from runner.tasks.task import Table, TestData


def known_objects(objects: Table, spec: TaskSpec) -> NDArray[np.bool_]:
    """`(rows,)` which objects are of the project's classes; the checks report the others."""
    names = set(spec.classes)
    return np.array([name in names for name in objects["class"].tolist()], dtype=np.bool_)


def ground_truths(data: TestData, spec: TaskSpec) -> GroundTruths:
    """The objects of known classes; `ignored` is False everywhere."""
    known = known_objects(data.objects, spec)
    count = int(known.sum())
    crowd = (
        data.objects["crowd"][known].astype(np.bool_) if "crowd" in data.objects else np.zeros(count, bool)
    )
    return GroundTruths(
        image=_positions(data.objects["path"][known], _numbered(data.images["path"])),
        label=_positions(data.objects["class"][known], _numbered(spec.classes)),
        crowd=crowd,
        ignored=np.zeros(count, dtype=np.bool_),
    )


def detections(data: TestData, spec: TaskSpec) -> Detections:
    """Every row of the predictions.

    Raises:
        FlywheelError: one is of an unknown class or image.
    """
    try:
        return Detections(
            image=_positions(data.predictions["path"], _numbered(data.images["path"])),
            label=_positions(data.predictions["class"], _numbered(spec.classes)),
            score=data.predictions["score"],
        )
    except KeyError as unknown:
        raise unusable_predictions(
            data, f"name {unknown}, not a test image nor a class of the project"
        ) from unknown


def unusable_predictions(data: TestData, what: str) -> FlywheelError:
    """The error for predictions that cannot be measured; `what` goes on from "the predictions of …"."""
    return FlywheelError(
        f"the predictions of {data.target} {what}",
        hint="delete the sprint's predictions folder and run again: flywheel run",
        exit_code=ExitCode.STAGE_FAILED,
    )


def boxes(table: Table) -> NDArray[np.float64]:
    """`(rows, 4)` `(x_min, y_min, x_max, y_max)` in pixels."""
    return np.stack([table[name].astype(np.float64) for name in BOX], axis=1)


def of_all_rows(measurable: Measurable, known: NDArray[np.bool_]) -> Measurable:
    """The same measurable, restricted by masks over all rows of the objects, those of unknown classes included."""
    return measurable if known.all() else _OfAllRows(measurable, known)


class _OfAllRows:
    """Leaves the rows of unknown classes out of every object slice."""

    def __init__(self, measurable: Measurable, known: NDArray[np.bool_]) -> None:
        self._measurable = measurable
        self._known = known
        self.metrics = measurable.metrics
        self.means = measurable.means
        self.n_images = measurable.n_images
        self.n_classes = measurable.n_classes

    def measure(self, weights: NDArray[np.uint8]) -> Measures:
        return self._measurable.measure(weights)

    def restricted(self, part: ObjectSlice) -> Measurable:
        return self._measurable.restricted(replace(part, objects=part.objects[self._known]))

    def holding(self, weights: NDArray[np.uint8]) -> NDArray[np.bool_]:
        return self._measurable.holding(weights)

    def counting(self) -> Counting:
        return self._measurable.counting()


def _numbered(names: Any) -> dict[str, int]:
    return {name: number for number, name in enumerate(names)}


def _positions(names: NDArray[Any], position_of: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([position_of[name] for name in names.tolist()], dtype=np.int64)
