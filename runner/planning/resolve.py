"""From a sprint to its stages: command, parameters, dependencies and outputs of each."""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.domain.records import Record
from runner.stages.pipeline import STAGES

TO_ROOT = "../../"  # from reports/<sprint>/


class ResolvedStage(Record, frozen=True, kw_only=True):
    """A stage of one sprint. Paths are relative to the sprint's folder."""

    name: str
    cmd: str
    params: dict[str, Any]
    deps: list[str]
    outs: list[str]
    records: list[str]
    metrics: list[str]

    @property
    def written(self) -> list[str]:
        """Everything that the stage writes."""
        return [*self.outs, *self.records]


def resolve_stages(
    project: Project,
    sprint: Sprint,
    champion: ResolvedChampion | None = None,
    ancestor: Ancestor | None = None,
) -> list[ResolvedStage]:
    """The stages that a sprint consists of, in order.

    Args:
        champion: the other sprint's model that this one is compared with; None before the first promotion.
        ancestor: the sprint whose model is fine-tuned; None where training starts from something else.
    """
    resolved = []
    absent: set[str] = set()
    for stage in STAGES:
        own = stage.with_ancestor(stage.resolve(project, sprint), ancestor)
        params = stage.with_champion(own, champion)
        if params is None:
            absent |= {*stage.outs, *stage.records}
            continue
        inputs = [TO_ROOT + path for path in stage.inputs(params)]
        resolved.append(
            ResolvedStage(
                name=stage.name,
                cmd=f"python -m runner.stages.run {stage.name}",
                params=_section(stage.version, msgspec.to_builtins(params)),
                deps=[*inputs, *(dep for dep in stage.deps if dep not in absent)],
                outs=list(stage.outs),
                records=list(stage.records),
                metrics=list(stage.metrics),
            )
        )
    return resolved


def stages_of(
    project: Project,
    loaded: LoadedSprint,
    champion: ResolvedChampion | None = None,
    ancestor: Ancestor | None = None,
) -> list[ResolvedStage]:
    """The stages of a loaded sprint, which also measure what gates that are kept of the base's version ask about."""
    kept = [gate for gate, _, _ in loaded.kept]
    sprint = msgspec.structs.replace(loaded.sprint, gates=[*loaded.sprint.gates, *kept])
    return resolve_stages(project, sprint if kept else loaded.sprint, champion, ancestor)


def _section(version: int, params: dict[str, Any]) -> dict[str, Any]:
    """The stage's section of params.yaml.

    The digest is for DVC: its run cache leaves every key called `size` or `nfiles` out of its hash, and would serve
    `calibration: {size: 300}` what was run with `size: 8`.
    """
    digest = hashlib.sha256(msgspec.json.encode(params, order="sorted")).hexdigest()
    return {"version": version, "digest": digest[:16], **params}
