"""Classification of whole images."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from runner.domain.evaluation import CLASSIFY_METRICS
from runner.tasks.task import Task, TestData

if TYPE_CHECKING:
    from runner.evaluation.errors import ErrorAnalysis
    from runner.evaluation.measurable import Measurable
    from runner.evaluation.problem import GroundTruths


class ClassifyTask(Task):
    """One class per image, with the probabilities of all.

    An image counts when it has exactly one label of the project's classes. The operating confidence changes
    nothing: the first class counts whatever its probability. See `ClassifiedMeasurable`.
    """

    name = "classify"
    evaluator = "flywheel (classes: top-1, top-5; macro averages over the classes that occur)"
    ranked = False
    metrics = CLASSIFY_METRICS
    optimizing = "top1"
    class_metric = "f1"  # top-1 of a single class would be its recall alone
    glance = ("top5", "balanced_accuracy")
    further = ("top5", "balanced_accuracy", "precision", "recall", "f1")
    object_columns = ("path", "class")
    prediction_columns = ("path", "class", "score")
    preset = "classification"
    label = "class_label"
    strategies = ("class",)
    hub_name = "image-classification"
    does = "assigns an image to a class"

    def measurable(self, data: TestData) -> Measurable:
        """Orders the classes of each image, once.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """
        from runner.evaluation.classification import ClassifiedMeasurable
        from runner.tasks.arrays import detections, ground_truths, known_objects, of_all_rows

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
        from runner.tasks.arrays import detections, ground_truths

        return classification_errors(
            _only_labels(ground_truths(data, self.spec)),
            detections(data, self.spec),
            n_images=len(data.images["path"]),
            confidence=self.operating_confidence,
            class_names=self.spec.classes,
        )


def _only_labels(truths: GroundTruths) -> GroundTruths:
    """Ignores the labels of images that have several."""
    import numpy as np

    several = np.bincount(truths.image)[truths.image] > 1 if len(truths.image) else truths.ignored
    return replace(truths, ignored=truths.ignored | several)
