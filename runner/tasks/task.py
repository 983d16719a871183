"""What every task type says of itself and gives: everything that differs by task is asked of these classes.

They import nothing heavy: a spec is validated and planned with them. What measures is imported when it is asked to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

from msgspec import Struct

from runner.domain.task import TaskName, TaskSpec

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from runner.evaluation.errors import ErrorAnalysis
    from runner.evaluation.measurable import Measurable

Table: TypeAlias = "Mapping[str, NDArray[Any]]"


class TestData(Struct, frozen=True, kw_only=True):
    """One artefact's predictions on the test split.

    Attributes:
        target: the artefact's name, for messages.
        images: columns `path`, `width`, `height`; one row per test image, sorted by path.
        objects: the task's `object_columns`, one row per labelled object of these images. Rows of classes that the
            project does not have do not count.
        predictions: the task's `prediction_columns`.
    """

    target: str
    images: Table
    objects: Table
    predictions: Table

    __test__ = False  # not a test class, whatever pytest thinks of its name


@dataclass(frozen=True, kw_only=True)
class Task(ABC):
    """A task type: what it is, as attributes of the class, and how a model for it is measured, as methods.

    Attributes:
        spec: the project's classes and skeleton.
        operating_confidence: the score from which on a prediction counts for precision, recall and f1.
        name: as `task` in flywheel.yaml names it.
        evaluator: names the protocol, for the report.
        ranked: predictions are objects with scores, ranked and matched to labelled ones, and count from the operating
            confidence on. Otherwise a prediction is an image's class: the first counts, whatever its confidence.
        metrics: the quality metrics that are measured, by their names in `Metrics`.
        optimizing: the one to push where a spec names none.
        class_metric: what classes are compared by; None: the metric to push.
        glance: of `metrics`, those beside the metric to push at the head of a report, a comment or a list.
        further: those below the table of artefacts.
        object_columns: what it reads of the object index.
        prediction_columns: what it reads of a predictions table.
        shape: the column of both tables that holds an object's shape; None where that is its box.
        may_reach_out: whether a labelled object may reach out of its image, as long as its centre lies in it.
        preset: of the data checks.
        skeleton: whether the project must name key points.
        label: which price of `costs.label` one more label has.
        strategies: what annotators may draw for it (`annotation.strategy`); the usual one first.
        hub_name: what model hubs call it.
        does: what a model for it does; "the model …".
    """

    spec: TaskSpec
    operating_confidence: float

    name: ClassVar[TaskName]
    evaluator: ClassVar[str]
    ranked: ClassVar[bool]
    metrics: ClassVar[tuple[str, ...]]
    optimizing: ClassVar[str]
    class_metric: ClassVar[str | None] = None
    glance: ClassVar[tuple[str, ...]]
    further: ClassVar[tuple[str, ...]]
    object_columns: ClassVar[tuple[str, ...]]
    prediction_columns: ClassVar[tuple[str, ...]]
    shape: ClassVar[str | None] = None
    may_reach_out: ClassVar[bool] = False
    preset: ClassVar[str]
    skeleton: ClassVar[bool] = False
    label: ClassVar[Literal["box", "polygon", "keypoints", "class_label"]]
    strategies: ClassVar[tuple[str, ...]]
    hub_name: ClassVar[str]
    does: ClassVar[str]

    @abstractmethod
    def measurable(self, data: TestData) -> Measurable:
        """Matches predictions to labels, once.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """

    @abstractmethod
    def errors(self, data: TestData) -> ErrorAnalysis:
        """What is wrong with each prediction and each object."""
