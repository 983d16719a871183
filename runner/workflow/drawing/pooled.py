"""The pool put together for a mix: what its arms need of the tables, the vectors and the model, and nothing else."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from runner.strategies.mix import Mix
from runner.strategies.pool import Failure, Needs, Pool, Predictions
from runner.tasks import TASKS
from runner.workflow.drawing.candidates import PoolTables
from runner.workflow.drawing.vectors import Vectors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class ModelFacts(Protocol):
    """What is known of the model that looked at the pool."""

    @property
    def confidence(self) -> float:
        """From which on its predictions count."""
        ...

    @property
    def seeds(self) -> Sequence[str]:
        """The names of the models of all seeds."""
        ...

    @property
    def artefacts(self) -> Sequence[str]:
        """The names of the torch model and its exports."""
        ...

    def difficulty(self) -> NDArray[np.float64] | None:
        """`(K,)` of each class."""
        ...

    def failures(self, known: Collection[str]) -> list[Failure]:
        """Its worst images, among the known ones."""
        ...


def pool_of(
    tables: PoolTables,
    vectors: Vectors,
    mix: Mix,
    facts: ModelFacts,
    predictions: Predictions | None,
    labels: NDArray[np.float64] | None,
) -> Pool:
    """What a mix is drawn from.

    Args:
        predictions: of the model; None where there is none.
        labels: `(N,)` how many labels each image is expected to need; None where nobody asks.
    """
    needs, project = needs_of(mix), tables.project
    looks, labelled_looks = tables.looks()
    failures = facts.failures(set(tables.labelled_paths)) if needs.failures else []
    grouped = project.dataset.group_by is not None
    return Pool(
        paths=tables.paths,
        image_ids=tables.image_ids,
        classes=project.classes,
        ranked=TASKS[project.task].ranked,
        confidence=facts.confidence,
        columns={name: tables.columns[name][tables.rows] for name in needs.columns},
        groups=[str(group) for group in tables.columns["group"][tables.rows].tolist()] if grouped else None,
        predictions=predictions,
        others={
            member: tables.others(member, facts.seeds, facts.artefacts)
            for member in members_of(mix)
            if predictions is not None
        },
        difficulty=facts.difficulty() if needs.difficulty else None,
        labelled_objects=tables.labelled_objects() if needs.labelled_objects else None,
        labels=labels,
        vectors=vectors.of(tables.rows) if needs.vectors else None,
        labelled_vectors=vectors.of(tables.labelled) if needs.vectors else None,
        looks=looks,
        labelled_looks=labelled_looks,
        failures=failures,
        failure_vectors=vectors.of_paths([failure.path for failure in failures]) if failures else None,
    )


def needs_of(mix: Mix) -> Needs:
    """What all arms need together."""
    needs = [arm.strategy.needs for arm in mix.arms]
    return Needs(
        predictions=any(need.predictions for need in needs),
        difficulty=any(need.difficulty for need in needs),
        labelled_objects=any(need.labelled_objects for need in needs),
        vectors=any(need.vectors for need in needs),
        failures=any(need.failures for need in needs),
        columns=tuple(sorted({name for need in needs for name in need.columns})),
    )


def members_of(mix: Mix) -> list[Any]:
    """What else is to predict on the pool."""
    return sorted({arm.strategy.needs.others for arm in mix.arms if arm.strategy.needs.others})
