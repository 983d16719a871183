"""Classification of whole images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from runner.domain.task import TaskSpec
from runner.evaluation.classification import ClassifiedMeasurable
from runner.evaluation.measurable import Measurable
from runner.evaluation.problem import GroundTruths
from runner.tasks.ranked import detections, ground_truths, known_objects, of_all_rows
from runner.tasks.task import TestData

if TYPE_CHECKING:
    from runner.evaluation.errors import ErrorAnalysis


@dataclass(frozen=True, kw_only=True)
class ClassifyTask:
    """One class per image, with the probabilities of all.

    An image counts when it has exactly one label of the project's classes. The operating confidence changes
    nothing: the first class counts whatever its probability. See `ClassifiedMeasurable`.
    """

    spec: TaskSpec
    operating_confidence: float

    object_columns: ClassVar[tuple[str, ...]] = ("path", "class")
    prediction_columns: ClassVar[tuple[str, ...]] = ("path", "class", "score")

    @property
    def evaluator(self) -> str:
        """Names the protocol, for the report."""
        return "flywheel (classes: top-1, top-5; macro averages over the classes that occur)"

    def measurable(self, data: TestData) -> Measurable:
        """Orders the classes of each image, once.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """
        measurable = ClassifiedMeasurable(
            truths=ground_truths(data, self.spec),
            detections=detections(data, self.spec),
            n_images=len(data.images["path"]),
            n_classes=len(self.spec.classes),
        )
        return of_all_rows(measurable, known_objects(data.objects, self.spec))

    def errors(self, data: TestData) -> ErrorAnalysis:
        """What is wrong with each image."""
        from runner.evaluation.errors import classification_errors

        return classification_errors(
            _only_labels(ground_truths(data, self.spec)),
            detections(data, self.spec),
            n_images=len(data.images["path"]),
            confidence=self.operating_confidence,
            class_names=self.spec.classes,
        )


def _only_labels(truths: GroundTruths) -> GroundTruths:
    """Ignores the labels of images that have several."""
    several = np.bincount(truths.image)[truths.image] > 1 if len(truths.image) else truths.ignored
    return replace(truths, ignored=truths.ignored | several)
