"""What each fold's model reaches on the images that were held out from it, and how far the folds lie apart."""

from __future__ import annotations

import statistics

import numpy as np

from runner.assessment.cells import Draws, assess_target
from runner.assessment.label_issues import FoldData
from runner.domain.cross_validation import CrossValidation, FoldMetrics
from runner.domain.evaluation import Metrics
from runner.tasks.arrays import known_objects


def cross_validated(found: FoldData, metric: str, test: float | None) -> CrossValidation:
    """Measures every fold by itself, and all together.

    Args:
        metric: the optimizing one.
        test: what the sprint's own model reaches on the test split.
    """
    measurable = found.task.measurable(found.data)
    classes = found.task.spec.classes
    no_draws = Draws(
        groups=found.split.groups, multiplicities=np.zeros((0, len(found.fold)), np.uint8), level=0.95
    )

    def measured(images: np.ndarray | None) -> Metrics:
        assessed = assess_target(
            "folds", measurable, [], no_draws, classes=classes, slice_classes=frozenset(), images=images
        )
        return assessed.evaluation.overall

    numbers = np.unique(found.fold).tolist()
    folds = [
        FoldMetrics(
            fold=number, images=int((found.fold == number).sum()), overall=measured(found.fold == number)
        )
        for number in numbers
    ]
    values = [value for one in folds if (value := getattr(one.overall, metric)) is not None]
    return CrossValidation(
        metric=metric,
        folds=folds,
        mean=statistics.mean(values) if len(values) > 1 else None,
        spread=statistics.stdev(values) if len(values) > 1 else None,
        pooled=measured(None),
        test=test,
        lacking=_lacking(found),
    )


def _lacking(found: FoldData) -> list[str]:
    """Classes of which some fold holds no object: its metric is a mean over fewer."""
    objects = found.data.objects
    known = known_objects(objects, found.task.spec)
    fold_of = dict(zip(found.data.images["path"].tolist(), found.fold.tolist(), strict=True))
    folds = np.array([fold_of[path] for path in objects["path"][known].tolist()], np.int64)
    names = objects["class"][known]
    every = len(np.unique(found.fold))
    return [name for name in found.task.spec.classes if 0 < len(np.unique(folds[names == name])) < every]
