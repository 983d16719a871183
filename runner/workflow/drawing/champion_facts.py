"""What the champion's record says that strategies ask for; from git, at the commit that was promoted."""

from __future__ import annotations

from collections.abc import Collection
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.config.project import Project
from runner.config.sprint import Evaluate
from runner.domain.evaluation import Metrics
from runner.planning.champion import Champion, artefacts, scorer, seed_models
from runner.record.catalogue import EVALUATION, GALLERY
from runner.strategies.pool import Failure
from runner.tasks import TASKS
from runner.workflow.scoring import operating_confidence

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TELLING = 0.05  # recall; below it a count of predictions says nothing of the objects


class _Measured(msgspec.Struct, frozen=True):
    """What is read of an artefact's evaluation, by whatever version it was written."""

    target: str
    overall: Metrics
    per_class: dict[str, Metrics]


class _Evaluated(msgspec.Struct, frozen=True):
    targets: list[_Measured]


class _Pictured(msgspec.Struct, frozen=True):
    image: str
    caption: str = ""


class _Worst(msgspec.Struct, frozen=True):
    images: list[_Pictured]


class ChampionFacts:
    """The record of a champion; of none: nothing."""

    def __init__(self, root: Path, project: Project, champion: Champion | None) -> None:
        self._root, self._project, self._champion = root, project, champion

    @cached_property
    def confidence(self) -> float:
        """From which on its predictions count."""
        if self._champion is None:
            return Evaluate().operating_confidence
        return operating_confidence(self._root, self._champion)

    @cached_property
    def seeds(self) -> list[str]:
        """The names of its models of all seeds."""
        return list(seed_models(self._root, self._champion)) if self._champion else []

    @cached_property
    def artefacts(self) -> list[str]:
        """The names of its torch model and its exports."""
        return list(artefacts(self._root, self._champion)) if self._champion else []

    @cached_property
    def objects_per_prediction(self) -> float | None:
        """How many objects there are for each of its predictions that counts: precision / recall, when it was judged.

        None where it finds too little to tell.
        """
        measured = self._measured
        precision, recall = (
            (measured.overall.precision, measured.overall.recall) if measured else (None, None)
        )
        if precision is None or recall is None or recall < _TELLING:
            return None
        return precision / recall

    def difficulty(self) -> NDArray[np.float64] | None:
        """`(K,)` of each class: 1 − what the artefact that scores the pool was measured at; NaN where it was not."""
        import numpy as np

        if self._measured is None:
            return None
        metric = "map50_95" if TASKS[self._project.task].ranked else "recall"
        found = [getattr(self._measured.per_class.get(name), metric, None) for name in self._project.classes]
        return 1 - np.array([np.nan if value is None else value for value in found], np.float64)

    @cached_property
    def _measured(self) -> _Measured | None:
        """The artefact that scores the pool, as its sprint evaluated it."""
        if self._champion is None:
            return None
        found = EVALUATION.read_at(self._root, self._champion.commit, self._champion.sprint, _Evaluated)
        scored_by = scorer(self._root, self._champion).target
        targets = {each.target: each for each in (found.targets if found else [])}
        return targets.get(scored_by)

    def failures(self, known: Collection[str]) -> list[Failure]:
        """The worst images of its report that the dataset still has, the worst first."""
        if self._champion is None:
            return []
        found = GALLERY.read_at(self._root, self._champion.commit, self._champion.sprint, _Worst)
        return [
            Failure(path=each.image, caption=" ".join(each.caption.split())[:80])
            for each in (found.images if found else [])
            if each.image in known
        ]
