"""The records of a judged sprint that a recommendation is made from."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from runner.adapters.system import yaml_text
from runner.domain.annotation_quality import AnnotationQuality
from runner.domain.cleaning import CleanedLabel
from runner.domain.error_analysis import Errors
from runner.domain.errors import FlywheelError
from runner.domain.evaluation import Evaluation, Metrics, TargetEvaluation
from runner.domain.files import read_text
from runner.domain.label_issues import LabelIssue
from runner.domain.records import Checks, Selection, Training
from runner.domain.verdict import Verdict
from runner.recommending.known import Measure
from runner.record.catalogue import (
    CHECKS,
    ERRORS,
    EVALUATION,
    PARAMS,
    QUALITY,
    RECOMMENDATION,
    SELECTION,
    TRAINING,
    VERDICT,
)
from runner.record.label_issues import read_cleaning, read_label_issues
from runner.record.parameters import told_in
from runner.record.recommendation import Recommendation


@dataclass(frozen=True, kw_only=True)
class JudgedRecords:
    """What a sprint's folder holds once it was judged; None for what another version did not write.

    Attributes:
        cleaned: what was decided about suspected labels. `issues`: those that its models suspect; None where it did not look.
        recommendation: of an earlier sprint; of the sprint itself it is what is made.
    """

    name: str
    folder: Path
    verdict: Verdict
    evaluation: Evaluation
    selection: Selection
    training: Training | None
    errors: Errors | None
    checks: Checks | None
    recommendation: Recommendation | None = None
    quality: AnnotationQuality | None = None
    cleaned: Sequence[CleanedLabel] = ()
    issues: Sequence[LabelIssue] | None = None

    @property
    def target(self) -> TargetEvaluation | None:
        """The judged artefact's evaluation: the first that is measured, where errors.json does not name it."""
        targets = {target.target: target for target in self.evaluation.targets}
        named = targets.get(self.errors.target) if self.errors else None
        return named or next(iter(targets.values()), None)

    @property
    def measure(self) -> Measure | None:
        """The optimizing metric on all test images."""
        return measure_of(self.target.overall, self.verdict.optimizing, self.level) if self.target else None

    @property
    def level(self) -> float:
        """Of the intervals in the evaluation."""
        return self.evaluation.resampling.level if self.evaluation.resampling else 0.95

    @property
    def recipe(self) -> object:
        """How it was trained, by params.yaml; None where that cannot be read."""
        try:
            return told_in(yaml_text.load(read_text(self.folder / PARAMS.name))["train"])
        except (FlywheelError, KeyError, TypeError):
            return None

    @property
    def seed_deviation(self) -> float | None:
        """The optimizing metric's standard deviation over training seeds; None with one."""
        first = [target for target in self.evaluation.targets if target.target == "torch"]
        metrics = [target.overall for target in (*first, *self.evaluation.seeds)]
        values = [value for one in metrics if (value := getattr(one, self.verdict.optimizing)) is not None]
        return statistics.stdev(values) if len(values) > 1 else None


def measure_of(metrics: Metrics, name: str, level: float) -> Measure | None:
    """A metric with its standard error, from its interval."""
    value = metrics.judged.get(name, getattr(metrics, name, None))
    if value is None:
        return None
    interval = metrics.intervals.get(name)
    reach = 2 * statistics.NormalDist().inv_cdf((1 + level) / 2)
    return Measure(value=value, error=(interval.high - interval.low) / reach if interval else None)


def judged_records(folder: Path) -> JudgedRecords | None:
    """Of the sprint whose folder this is; None where it was not judged.

    Raises:
        FlywheelError: a record cannot be read.
    """
    verdict, evaluation = VERDICT.read_if_there(folder), EVALUATION.read_if_there(folder)
    selection = SELECTION.read_if_there(folder)
    if verdict is None or evaluation is None or selection is None:
        return None
    return JudgedRecords(
        name=folder.name,
        folder=folder,
        verdict=verdict,
        evaluation=evaluation,
        selection=selection,
        training=TRAINING.read_if_there(folder),
        errors=ERRORS.read_if_there(folder),
        checks=CHECKS.read_if_there(folder),
        quality=QUALITY.read_if_there(folder),
        cleaned=read_cleaning(folder),
        issues=read_label_issues(folder),
    )


def advised_records(folder: Path) -> JudgedRecords | None:
    """The same of an earlier sprint, with what was recommended after it.

    Raises:
        FlywheelError: a record cannot be read.
    """
    found = judged_records(folder)
    return found and replace(found, recommendation=RECOMMENDATION.read_if_there(folder))
