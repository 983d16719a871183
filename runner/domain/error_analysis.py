"""The records of what a model gets wrong (errors.json), and of the pictures of it (gallery.json)."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from runner.domain.records import Record


class ErrorType(Record, frozen=True, kw_only=True):
    """One kind of error: how often, and how much map50 would rise if it were mended (TIDE's dAP)."""

    name: Literal["classification", "localisation", "both", "duplicate", "background", "missed"]
    count: int
    ap_cost: float | None


class ConfusionMatrix(Record, frozen=True, kw_only=True):
    """Rows are the truth, columns the prediction, in the order of `labels`; at the operating confidence.

    Attributes:
        background: the last label is no class (ranked tasks): a row of false detections, a column of misses.
    """

    labels: list[str]
    counts: list[list[int]]
    background: bool = False


class RecommendedPoint(Record, frozen=True, kw_only=True):
    """The confidence with the highest f1, and what it gives there."""

    confidence: float
    precision: float | None
    recall: float | None
    f1: float | None


class CalibrationBin(Record, frozen=True, kw_only=True):
    """Predictions whose confidence lies in [low, high): how many, their mean confidence, how many are right."""

    low: float
    high: float
    count: int
    confidence: float | None
    accuracy: float | None


class Calibration(Record, frozen=True, kw_only=True):
    """How far confidence can be believed; `ece` is the expected calibration error in [0, 1]."""

    ece: float | None
    bins: list[CalibrationBin]


class Errors(Record, frozen=True, kw_only=True):
    """What the judged artefact gets wrong (errors.json). `point` per class is under the class's name."""

    target: str
    types: list[ErrorType]
    confusion: ConfusionMatrix
    recommended: RecommendedPoint | None
    recommended_per_class: dict[str, RecommendedPoint]
    calibration: Calibration


class GalleryImage(Record, frozen=True, kw_only=True):
    """One of the worst test images, drawn with truth and prediction. Paths are relative to the sprint folder."""

    image: str  # relative to the dataset
    picture: str
    cam: str | None = None  # class activation map of the torch model on its worst error
    loss: float
    errors: dict[str, int]  # error type → how many
    caption: str


class Gallery(Record, frozen=True, kw_only=True):
    """What the inspect stage writes (gallery.json); worst first.

    Attributes:
        confidence: the score from which on predictions are drawn, where it is not the spec's: the recommended one.
        leaks: pairs of test images and what leaked them, in one picture; written only where there are some.
    """

    target: str
    confidence: float | None = None
    images: list[GalleryImage]
    leaks: str | UnsetType = UNSET
