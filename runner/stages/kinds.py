"""The kinds of work: of which stages each consists, what each stage is told, and where its folders lie.

This is the one place that knows both a kind's inputs and its stages. Importing it imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

from runner.config.project import Project
from runner.config.sprint import DataSelection, Sprint
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.domain.records import POOL, Record
from runner.gates import Gate
from runner.record.catalogue import FAILURE, IGNORED, LOCK, PARAMS, PIPELINE, REPORTS, TIMINGS
from runner.stages import (
    benchmark,
    champion,
    check,
    committee,
    drift,
    evaluate,
    export,
    folds,
    index,
    inspect,
    predict,
    score,
    select,
    train,
)
from runner.stages.stage import Stage

I = TypeVar("I", contravariant=True)  # noqa: E741  what a kind of work is resolved from
P = TypeVar("P", bound=Record)


@dataclass(frozen=True, kw_only=True)
class Step(Generic[I]):
    """A stage as a kind of work has it.

    Attributes:
        params: what the stage is told; None where this piece of work does not have the stage.
    """

    stage: Stage[Any]
    params: Callable[[I], Record | None]


def step(stage: Stage[P], params: Callable[[I], P | None]) -> Step[I]:
    """A stage that is told what its own type of parameters says."""
    return Step(stage=stage, params=params)


@dataclass(frozen=True, kw_only=True)
class Kind(Generic[I]):
    """A kind of work: its stages in order.

    Attributes:
        folder: of the repository, in which every piece of such work has one of its own.
    """

    name: str
    folder: str
    steps: tuple[Step[I], ...]

    @property
    def stages(self) -> tuple[Stage[Any], ...]:
        """Every stage that such work may have."""
        return tuple(step.stage for step in self.steps)

    @property
    def files(self) -> frozenset[str]:
        """Everything that may lie in a folder of such work, by path in it: what its stages write, and what running them leaves."""
        return self.kept_by_git | {out for stage in self.stages for out in stage.outs}

    @property
    def kept_by_git(self) -> frozenset[str]:
        """What of that git keeps."""
        left = (PARAMS, PIPELINE, LOCK, IGNORED, TIMINGS, FAILURE)
        records = {record for stage in self.stages for record in stage.records}
        return frozenset(records | {file.name for file in left})

    def stage(self, name: str) -> Stage[Any]:
        """The stage called `name`.

        Raises:
            KeyError: there is no such stage.
        """
        for stage in self.stages:
            if stage.name == name:
                return stage
        raise KeyError(name)

    def leading_to(self, last: Stage[Any]) -> tuple[str, ...]:
        """The stages that what a stage writes rests on, and itself, in order.

        >>> SPRINT.leading_to(train.STAGE)
        ('index', 'select', 'train')
        """
        names, needed = [last.name], set(last.reads)
        for stage in reversed(self.stages):
            if needed & set(stage.writes):
                names.insert(0, stage.name)
                needed |= set(stage.reads)
        return tuple(names)

    def resolved(self, inputs: I) -> Iterator[tuple[Stage[Any], Record]]:
        """The stages that a piece of work has, each with its parameters."""
        for step_ in self.steps:
            params = step_.params(inputs)
            if params is not None:
                yield step_.stage, params


@dataclass(frozen=True, kw_only=True)
class SprintInputs:
    """What a sprint is resolved from.

    Attributes:
        champion: the other sprint's model that this one is compared with; None before the first promotion.
        ancestor: the sprint whose model is fine-tuned; None where training starts from something else.
        kept: gates of the base's version of the spec that judge too.
    """

    project: Project
    sprint: Sprint
    champion: ResolvedChampion | None = None
    ancestor: Ancestor | None = None
    kept: tuple[Gate, ...] = ()

    @property
    def gates(self) -> list[Gate]:
        """All that judge."""
        claim = [self.sprint.expect.as_gate] if self.sprint.expect else []
        return [*self.sprint.gates, *self.kept, *self.project.policy.gates, *claim]


SPRINT: Kind[SprintInputs] = Kind(
    name="sprint",
    folder=REPORTS,
    steps=(
        step(index.STAGE, lambda work: index.resolve(work.project)),
        step(select.STAGE, lambda work: select.resolve(work.project, work.sprint.data)),
        step(check.STAGE, lambda work: check.resolve(work.project, work.sprint)),
        step(train.STAGE, lambda work: train.resolve(work.project, work.sprint.train, work.ancestor)),
        step(export.STAGE, lambda work: export.resolve(work.project, work.sprint.export)),
        step(predict.STAGE, lambda work: predict.resolve(work.project, work.sprint.export)),
        step(champion.STAGE, lambda work: champion.resolve(work.project, work.champion)),
        step(drift.STAGE, lambda work: drift.resolve(work.project, work.sprint, work.champion)),
        step(
            evaluate.STAGE,
            lambda work: evaluate.resolve(
                work.project,
                work.sprint.evaluate,
                targets=[target.name for target in work.sprint.export],
                primary_target=work.sprint.primary_target,
                seeds=work.sprint.train.seeds,
                gates=work.gates,
                checks=work.sprint.checks,
                champion=work.champion,
            ),
        ),
        step(folds.STAGE, lambda work: folds.resolve(work.project, work.sprint)),
        step(inspect.STAGE, lambda work: inspect.resolve(work.project, work.sprint.primary_target)),
        step(
            benchmark.STAGE,
            lambda work: benchmark.resolve(work.project, work.sprint.export, work.sprint.benchmark),
        ),
    ),
)


# The same models in the same order, without what is only looked at.
VARIANT: Kind[SprintInputs] = Kind(
    name="variant",
    folder="variants",
    steps=tuple(each for each in SPRINT.steps if each.stage not in (drift.STAGE, folds.STAGE, inspect.STAGE)),
)


@dataclass(frozen=True, kw_only=True)
class ScoringInputs:
    """What a scoring of the pool is resolved from.

    Attributes:
        champion: whose artefact predicts on the pool; None: nothing does, and the pool is only indexed and selected.
        confidence: from which on a prediction counts: the champion's own operating confidence.
        members: further artefacts of the champion's sprint that predict there too, by name.
        mirrored: whether the champion's artefact also predicts on mirrored images.
    """

    project: Project
    champion: ResolvedChampion | None
    confidence: float
    members: dict[str, ResolvedChampion] = field(default_factory=dict)
    mirrored: bool = False


SCORING: Kind[ScoringInputs] = Kind(
    name="scoring",
    folder="scores",
    steps=(
        step(index.STAGE, lambda work: index.resolve(work.project)),
        step(select.STAGE, lambda work: select.resolve(work.project, DataSelection(), [POOL])),
        step(champion.STAGE, lambda work: champion.resolve(work.project, work.champion, POOL)),
        step(
            committee.STAGE,
            lambda work: committee.resolve(work.project, work.champion, work.members, mirrored=work.mirrored),
        ),
        step(
            score.STAGE,
            lambda work: score.resolve(work.project, work.confidence) if work.champion else None,
        ),
    ),
)

KINDS: tuple[Kind[Any], ...] = (SPRINT, SCORING, VARIANT)


def kind_in(folder: Path) -> Kind[Any]:
    """The kind of a piece of work, by where its folder lies.

    Raises:
        ValueError: no kind of work has its folders there.
    """
    for kind in KINDS:
        if folder.parent.name == kind.folder:
            return kind
    raise ValueError(f"no kind of work has its folders in {folder.parent}")
