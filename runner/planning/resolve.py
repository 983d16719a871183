"""From a piece of work to its stages: command, parameters, dependencies and outputs of each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.domain.records import Record
from runner.stages.kinds import SPRINT, Kind, SprintInputs
from runner.stages.stage import Stage

I = TypeVar("I")  # noqa: E741
P = TypeVar("P", bound=Record)
TO_ROOT = "../../"  # from reports/<sprint>/


class ResolvedStage(Record, frozen=True, kw_only=True):
    """A stage of one piece of work. Paths are relative to its folder."""

    name: str
    cmd: str
    params: dict[str, Any]
    deps: list[str]
    outs: list[str]
    records: list[str]
    metrics: list[str]
    plots: list[dict[str, Any]] = []

    @property
    def written(self) -> list[str]:
        """Everything that the stage writes."""
        return [*self.outs, *self.records]


def resolve_stages(kind: Kind[I], inputs: I) -> list[ResolvedStage]:
    """The stages that a piece of work consists of, in order."""
    chosen = list(kind.resolved(inputs))
    written = {file.name for stage, _ in chosen for file in stage.writes}
    return [
        ResolvedStage(
            name=stage.name,
            cmd=f"python -m runner.stages.run {stage.name}",
            params=stage.section(params),
            deps=[
                *(TO_ROOT + path for path in stage.inputs(params)),
                *(file.name for file in stage.reads if file.name in written),
            ],
            outs=list(stage.outs),
            records=list(stage.records),
            metrics=[file.name for file in stage.metrics],
            plots=[dict(plot) for plot in stage.plots],
        )
        for stage, params in chosen
    ]


def stages_of(
    project: Project,
    loaded: LoadedSprint,
    champion: ResolvedChampion | None = None,
    ancestor: Ancestor | None = None,
    kind: Kind[SprintInputs] | None = None,
) -> list[ResolvedStage]:
    """The stages of a loaded sprint, which also measure what gates that are kept of the base's version ask about.

    Args:
        champion: the other sprint's model that this one is compared with; None before the first promotion.
        ancestor: the sprint whose model is fine-tuned; None where training starts from something else.
        kind: VARIANT for one of a sprint's variants; a sprint when None.
    """
    kept = tuple(gate for gate, _, _ in loaded.kept)
    return resolve_stages(
        kind or SPRINT,
        SprintInputs(project=project, sprint=loaded.sprint, champion=champion, ancestor=ancestor, kept=kept),
    )


def params_of(stages: Sequence[ResolvedStage], stage: Stage[P]) -> P:
    """What a stage of a piece of work is told."""
    return stage.params(next(resolved for resolved in stages if resolved.name == stage.name).params)
