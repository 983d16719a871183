"""What the tasks that find objects have in common: detections with scores, matched to labelled objects."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from runner.domain.evaluation import RANKED_METRICS
from runner.domain.task import BOX
from runner.tasks.task import Task, TestData

if TYPE_CHECKING:
    from runner.evaluation.errors import ErrorAnalysis
    from runner.evaluation.measurable import Measurable
    from runner.evaluation.problem import Problem

OBJECT_COLUMNS = ("path", "class", "crowd", *BOX)
PREDICTION_COLUMNS = ("path", "class", "score", *BOX)


class RankedTask(Task):
    """A task whose predictions are objects with scores.

    Overall `map*` and `ar` are means over the classes that have objects; overall precision, recall and f1 count
    all classes together. Tied scores are ordered by image path, then by the row in the predictions.
    """

    ranked = True
    metrics = RANKED_METRICS
    optimizing = "map50_95"
    glance = ("precision", "recall")
    further = ("map50", "map75", "ar", "f1")
    object_columns: ClassVar[tuple[str, ...]] = OBJECT_COLUMNS
    prediction_columns: ClassVar[tuple[str, ...]] = PREDICTION_COLUMNS
    preset = "detection"

    @abstractmethod
    def problem(self, data: TestData) -> Problem:
        """Labels and predictions as arrays. Its truths are the rows of `data.objects` of known classes, in order.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """

    def measurable(self, data: TestData) -> Measurable:
        """Matches detections to objects, once. See `problem` for what is raised."""
        from runner.evaluation.ranked import RankedMeasurable
        from runner.tasks.arrays import known_objects, of_all_rows

        measurable = RankedMeasurable(self.problem(data), self.operating_confidence)
        return of_all_rows(measurable, known_objects(data.objects, self.spec))

    def errors(self, data: TestData) -> ErrorAnalysis:
        """What is wrong with each detection and each object of a known class."""
        from runner.evaluation.errors import ranked_errors

        return ranked_errors(
            self.problem(data), confidence=self.operating_confidence, class_names=self.spec.classes
        )
