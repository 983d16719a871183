"""metrics.json: what `dvc metrics show` and `diff` print."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.domain.evaluation import Metrics, TargetEvaluation
from runner.domain.task import TaskSpec
from runner.tasks import TASKS


def metrics_file(targets: Sequence[TargetEvaluation], task: TaskSpec) -> dict[str, Any]:
    """What `dvc metrics show` and `diff` print: one column per target, metric and slice."""
    names = TASKS[task.name].metrics
    overall = {target.target: _measured(target.overall, names) for target in targets}
    slices: Mapping[str, Any] = {
        target.target: {
            part.name: values
            for part in target.slices
            if part.found is None and (values := _measured(part.overall, names))
        }
        for target in targets
    }
    return {**overall, "slices": slices}


def _measured(metrics: Metrics, names: Sequence[str]) -> dict[str, float]:
    values = {name: getattr(metrics, name) for name in names}
    return {name: round(value, 6) for name, value in values.items() if value is not None}
