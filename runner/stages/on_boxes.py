"""Two models that were trained on different labels of the same images, both measured on boxes, which every shape has."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.task import TaskSpec
from runner.stages.measuring import EvaluateParams, Measuring

if TYPE_CHECKING:
    from runner.evaluation.intervals import Sample


def samples_on_boxes(
    own: Path, other: Path, params: EvaluateParams, others: EvaluateParams, *, metric: str
) -> tuple[Sample | None, Sample | None]:
    """The metric of the judged artefacts on all test images, on the boxes of the labels of `own`, with the same resamples.

    Args:
        own, other: the folders of the two: index and selection are those of `own`.
        params, others: what each one's `evaluate` was told.

    Raises:
        FlywheelError: a table is missing or not readable, or predictions are of other images.
    """
    measuring = Measuring.prepare(own, _of_boxes(params))
    beside = replace(measuring, folder=other, params=_of_boxes(others))
    return _sample(measuring, metric), _sample(beside, metric)


def _of_boxes(params: EvaluateParams) -> EvaluateParams:
    """Of all images alone, as boxes."""
    return msgspec.structs.replace(
        params,
        task=TaskSpec(name="detect", classes=params.task.classes),
        slices=[],
        judged_classes=[],
        champion=None,
    )


def _sample(measuring: Measuring, metric: str) -> Sample | None:
    target = measuring.params.primary_target
    names = list(dict.fromkeys((*measuring.seeds, REFERENCE_TARGET, target)))
    assessed, deviations = measuring.assessed(names, (), lambda: None)
    found = (cell for cell in assessed[target].samples if cell.place == (None, None, metric))
    return next((cell.sample(deviations) for cell in found), None)
