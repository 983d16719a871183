"""What the tasks that find objects have in common: detections with scores, matched to labelled objects."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.task import TaskSpec
from runner.evaluation.counting import Counting
from runner.evaluation.measurable import Measurable, Measures
from runner.evaluation.problem import Detections, GroundTruths, Problem
from runner.evaluation.slices import ObjectSlice
from runner.tasks.task import Table, TestData

if TYPE_CHECKING:
    from runner.evaluation.errors import ErrorAnalysis

BOX = ("x_min", "y_min", "x_max", "y_max")
OBJECT_COLUMNS = ("path", "class", "crowd", *BOX)
PREDICTION_COLUMNS = ("path", "class", "score", *BOX)


@dataclass(frozen=True, kw_only=True)
class RankedTask(ABC):
    """A task whose predictions are objects with scores (see `task.Task`).

    Overall `map*` and `ar` are means over the classes that have objects; overall precision, recall and f1 count
    all classes together. Tied scores are ordered by image path, then by the row in the predictions.
    """

    spec: TaskSpec
    operating_confidence: float

    object_columns: ClassVar[tuple[str, ...]] = OBJECT_COLUMNS
    prediction_columns: ClassVar[tuple[str, ...]] = PREDICTION_COLUMNS

    @property
    @abstractmethod
    def evaluator(self) -> str:
        """Names the protocol, for the report."""

    @abstractmethod
    def problem(self, data: TestData) -> Problem:
        """Labels and predictions as arrays. Its truths are the rows of `data.objects` of known classes, in order.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """

    def measurable(self, data: TestData) -> Measurable:
        """Matches detections to objects, once. See `problem` for what is raised."""
        from runner.evaluation.ranked import RankedMeasurable

        measurable = RankedMeasurable(self.problem(data), self.operating_confidence)
        return of_all_rows(measurable, known_objects(data.objects, self.spec))

    def errors(self, data: TestData) -> ErrorAnalysis:
        """What is wrong with each detection and each object of a known class."""
        from runner.evaluation.errors import ranked_errors

        return ranked_errors(
            self.problem(data), confidence=self.operating_confidence, class_names=self.spec.classes
        )


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
