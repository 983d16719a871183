"""Object detection: boxes, measured as COCO measures them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import Metrics, Record, SliceMetrics, TargetEvaluation
from runner.evaluation.average_precision import RECALL_THRESHOLDS, Curves, accumulate, threshold_index
from runner.evaluation.boxes import Candidates, Detections, GroundTruths, candidate_pairs
from runner.evaluation.matching import Matches, match
from runner.evaluation.operating_point import OperatingPoint, f1, operating_point, precision, recall
from runner.evaluation.slices import ImageSlice, ObjectSlice

Table: TypeAlias = Mapping[str, NDArray[Any]]

_CORNERS = ("x_min", "y_min", "x_max", "y_max")


@dataclass(frozen=True, kw_only=True)
class PrecisionRecallCurve:
    """Precision at IoU 0.5 over 101 recall points: the mean over classes, and each class that has objects."""

    recall: list[float]
    mean: list[float]
    per_class: dict[str, list[float]]


@dataclass(frozen=True, kw_only=True)
class DetectionResult:
    """One artefact's evaluation, and its precision-recall curve (None without labelled objects)."""

    evaluation: TargetEvaluation
    curve: PrecisionRecallCurve | None


class DetectTask(Record, frozen=True, kw_only=True):
    """Boxes with a class and a score.

    Overall `map*` and `ar` are means over the classes that have objects; overall precision, recall and f1
    count all classes together. Tied scores are ordered by image path, then by the row in the predictions.

    Attributes:
        classes: the project's class names; objects of other classes do not count.
        operating_confidence: the score from which on a detection counts for precision, recall and f1.
    """

    classes: list[str]
    operating_confidence: float

    @property
    def evaluator(self) -> str:
        """Names the protocol, for the report."""
        return "flywheel (COCO boxes: IoU 0.50:0.95, 101 recall points, 100 detections per image and class)"

    def evaluate(
        self,
        target: str,
        *,
        images: Table,
        objects: Table,
        predictions: Table,
        slices: Sequence[ImageSlice | ObjectSlice] = (),
    ) -> DetectionResult:
        """Measures one artefact on the test split and on its slices.

        Args:
            target: the artefact's name.
            images: column `path`, one row per test image, sorted by path.
            objects: columns `path`, `class`, `crowd` and the corners in pixels, one row per labelled object
                of these images.
            predictions: columns `path`, `class`, `score` and the corners in pixels.
            slices: masks over the rows of the three tables.

        Raises:
            FlywheelError: a prediction is of an unknown class or image.
        """
        candidates = self._candidates(target, images, objects, predictions)
        everywhere = np.ones(len(images["path"]), dtype=np.uint8)
        matches = match(candidates)
        curves = accumulate(matches, n_classes=len(self.classes), weights=everywhere)
        overall, per_class = self._metrics(matches, curves, everywhere)
        evaluation = TargetEvaluation(
            target=target,
            overall=overall,
            per_class=per_class,
            slices=[self._slice(part, candidates, matches, everywhere, known=objects) for part in slices],
        )
        return DetectionResult(evaluation=evaluation, curve=self._curve(curves))

    def _slice(
        self,
        part: ImageSlice | ObjectSlice,
        candidates: Candidates,
        matches: Matches,
        everywhere: NDArray[np.uint8],
        *,
        known: Table,
    ) -> SliceMetrics:
        if isinstance(part, ImageSlice):
            weights = part.images.astype(np.uint8)
            kind: Any = "images"
        else:
            weights, kind = everywhere, "objects"
            inside = part.objects[self._known(known)]
            matches = match(
                candidates,
                ignored_truths=~inside,
                ignored_detections=_outside(part, candidates, inside, len(everywhere)),
            )
        curves = accumulate(matches, n_classes=len(self.classes), weights=weights)
        overall, per_class = self._metrics(matches, curves, weights, holding_objects=kind == "objects")
        return SliceMetrics(
            name=part.name, kind=kind, condition=part.condition, overall=overall, per_class=per_class
        )

    def _candidates(self, target: str, images: Table, objects: Table, predictions: Table) -> Candidates:
        known = self._known(objects)
        image_of = {path: row for row, path in enumerate(images["path"].tolist())}
        label_of = {name: row for row, name in enumerate(self.classes)}
        truths = GroundTruths(
            image=_positions(objects["path"][known], image_of),
            label=_positions(objects["class"][known], label_of),
            boxes_xyxy=_boxes(objects)[known],
            crowd=objects["crowd"][known].astype(bool),
        )
        try:
            detections = Detections(
                image=_positions(predictions["path"], image_of),
                label=_positions(predictions["class"], label_of),
                score=predictions["score"],
                boxes_xyxy=_boxes(predictions),
            )
        except KeyError as unknown:
            raise FlywheelError(
                f"the predictions of {target} name {unknown}, not a test image nor a class of the project",
                hint="delete the sprint's predictions folder and run again: flywheel run",
                exit_code=ExitCode.STAGE_FAILED,
            ) from unknown
        return candidate_pairs(truths, detections)

    def _known(self, objects: Table) -> NDArray[np.bool_]:
        """Which objects are of the project's classes; the checks report the others."""
        names = set(self.classes)
        return np.array([name in names for name in objects["class"].tolist()], dtype=bool)

    def _metrics(
        self,
        matches: Matches,
        curves: Curves,
        weights: NDArray[np.uint8],
        *,
        holding_objects: bool = False,
    ) -> tuple[Metrics, dict[str, Metrics]]:
        """Overall and per class. A class's (an object slice's) images are those that hold its objects."""
        point = operating_point(
            matches, n_classes=len(self.classes), weights=weights, confidence=self.operating_confidence
        )
        held = weights[matches.truth_image] > 0
        image, label = matches.truth_image[held], matches.truth_label[held]
        images = len(np.unique(image)) if holding_objects else int(np.count_nonzero(weights))
        cells = _Cells(curves, point)
        per_class = {
            name: cells.metrics(slice(row, row + 1), len(np.unique(image[label == row])))
            for row, name in enumerate(self.classes)
        }
        return cells.metrics(slice(None), images), per_class

    def _curve(self, curves: Curves) -> PrecisionRecallCurve | None:
        present = np.flatnonzero(curves.objects)
        if not len(present):
            return None
        precision_at = curves.precision[present, threshold_index(0.5)]
        return PrecisionRecallCurve(
            recall=RECALL_THRESHOLDS.tolist(),
            mean=precision_at.mean(axis=0).tolist(),
            per_class={
                self.classes[row]: values.tolist() for row, values in zip(present, precision_at, strict=True)
            },
        )


class _Cells:
    """Every class's measurements, from which a cell is one class or the whole."""

    def __init__(self, curves: Curves, point: OperatingPoint) -> None:
        self.map50_95 = curves.average_precision()
        self.map50 = curves.average_precision(0.5)
        self.map75 = curves.average_precision(0.75)
        self.ar = curves.average_recall()
        self.point = point

    def metrics(self, classes: slice, images: int) -> Metrics:
        right = float(self.point.true_positives[classes].sum())
        wrong = float(self.point.false_positives[classes].sum())
        objects = float(self.point.objects[classes].sum())
        return Metrics(
            images=images,
            objects=int(objects),
            map50_95=_mean(self.map50_95[classes]),
            map50=_mean(self.map50[classes]),
            map75=_mean(self.map75[classes]),
            ar=_mean(self.ar[classes]),
            precision=precision(right, wrong),
            recall=recall(right, objects),
            f1=f1(right, wrong, objects),
        )


def _mean(values: NDArray[np.float64]) -> float | None:
    measured = values[~np.isnan(values)]
    return float(measured.mean()) if len(measured) else None


def _outside(
    part: ObjectSlice, candidates: Candidates, inside: NDArray[np.bool_], n_images: int
) -> NDArray[np.bool_]:
    """`(M,)` which detections are ignored when they match nothing; see `ObjectSlice`."""
    if part.detections is not None:
        return ~part.detections
    holds = np.zeros(n_images, dtype=bool)
    holds[candidates.truths.image[inside]] = True
    ignored = np.zeros(candidates.row.max(initial=-1) + 1, dtype=bool)
    ignored[candidates.row] = ~holds[candidates.image]
    return ignored


def _positions(names: NDArray[Any], position_of: Mapping[str, int]) -> NDArray[np.int64]:
    return np.array([position_of[name] for name in names.tolist()], dtype=np.int64)


def _boxes(table: Table) -> NDArray[np.float64]:
    return np.stack([table[name].astype(np.float64) for name in _CORNERS], axis=1)
