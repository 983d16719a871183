"""What every task type gives: from tables of labels and predictions to something that can be measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from numpy.typing import NDArray

from runner.domain.task import TaskSpec

if TYPE_CHECKING:
    from runner.evaluation.errors import ErrorAnalysis
    from runner.evaluation.measurable import Measurable

Table: TypeAlias = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class TestData:
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


class Task(Protocol):
    """A task type. Built as `TASKS[name](spec=…, operating_confidence=…)`.

    Attributes:
        spec: the project's classes and skeleton.
        operating_confidence: the score from which on a prediction counts for precision, recall and f1.
        evaluator: names the protocol, for the report.
        object_columns: what it reads of the object index.
        prediction_columns: what it reads of a predictions table.
    """

    @property
    def spec(self) -> TaskSpec: ...

    @property
    def operating_confidence(self) -> float: ...

    @property
    def evaluator(self) -> str: ...

    @property
    def object_columns(self) -> tuple[str, ...]: ...

    @property
    def prediction_columns(self) -> tuple[str, ...]: ...

    def measurable(self, data: TestData) -> Measurable:
        """Matches predictions to labels, once.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """
        ...

    def errors(self, data: TestData) -> ErrorAnalysis:
        """What is wrong with each prediction and each object."""
        ...
