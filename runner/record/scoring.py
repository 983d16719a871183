"""What a scoring of the pool writes in its folder, beside what a sprint's stages write in theirs too."""

from __future__ import annotations

from pathlib import Path

from runner.domain.records import Record
from runner.record.catalogue import FAILURE, IGNORED, LOCK, PARAMS, PIPELINE, SELECTION, TIMINGS, RecordFile

MEASURES = ("least_confidence", "margin", "entropy", "entropy_sum")
"""Of images.parquet; beside them it has `path`, `image_id`, `predictions` and `confidence` (`dataset/columns.py`)."""


class Quantiles(Record, frozen=True, kw_only=True):
    """How a measure is spread over images."""

    minimum: float
    lower_quartile: float
    median: float
    upper_quartile: float
    maximum: float


class ClassScores(Record, frozen=True, kw_only=True):
    """What was predicted of one class, and on how many images."""

    predictions: int
    images: int


class Scores(Record, frozen=True, kw_only=True):
    """The summary of images.parquet, which has the measures of each image.

    Attributes:
        sprint, tag, target: whose model it was: the champion's sprint, its tag in the registry, and the artefact.
        split: what was scored: `pool`. `split_digest`: identifies its images.
        confidence: from which on a prediction of a ranked task counts below.
        images: scored ones. `without_predictions`: those on which nothing was predicted that counts.
        per_class: of every class, by its name.
        measures: by name (`MEASURES`); None where no image has the measure, as none has a prediction.
    """

    sprint: str
    tag: str
    target: str
    split: str
    split_digest: str
    confidence: float
    images: int
    without_predictions: int
    per_class: dict[str, ClassScores]
    measures: dict[str, Quantiles | None]


COMMITTEE_FOLDER = RecordFile("committee", Path, "committee", kept_in="dvc")
IMAGE_SCORES = RecordFile("images.parquet", Path, "score", kept_in="dvc")
SCORES = RecordFile("scores.json", Scores, "score")
COMMITTED = frozenset(
    file.name for file in (PARAMS, PIPELINE, LOCK, IGNORED, SELECTION, SCORES, TIMINGS, FAILURE)
)
"""What git keeps of a scoring."""
