"""A variant of a sprint as a command sees it: a situation of its own, with its own folder, beside the same champion."""

from __future__ import annotations

from functools import cached_property
from itertools import takewhile
from pathlib import Path

import msgspec

from runner.config.variants import project_of, variant_of
from runner.planning.incumbent import Incumbent
from runner.planning.records import Action, StagePlan
from runner.planning.resolve import ResolvedStage, stages_of
from runner.planning.situation import Situation
from runner.stages.kinds import VARIANT

SHARED = "as the sprint's own"


def variant_path(sprint: str, variant: str) -> str:
    """Where a variant's stages work, from the repository's top.

    >>> variant_path("0003-boxes", "medium")
    'variants/0003-boxes.medium'
    """
    return f"{VARIANT.folder}/{sprint}.{variant}"


class Variant(Situation):
    """One variant of a sprint.

    Attributes:
        base: the sprint. `variant`: its name among the sprint's variants.
    """

    def __init__(self, base: Situation, variant: str) -> None:
        project = project_of(base.project, base.loaded.sprint, variant)
        super().__init__(base.root, project, variant_of(base.loaded, variant), base.registry)
        self.base, self.variant = base, variant
        # What another task's model predicts is not measured with this one's labels.
        self.incumbent = base.incumbent if project.task == base.project.task else Incumbent()

    @property
    def shown(self) -> str:
        """Its folder, from the repository's top."""
        return variant_path(self.name, self.variant)

    @property
    def folder(self) -> Path:
        return self.root / self.shown

    @cached_property
    def stages(self) -> list[ResolvedStage]:
        return stages_of(self.project, self.loaded, self.champion, self.ancestor, VARIANT)

    def again(self) -> Variant:
        return Variant(self.base.again(), self.variant)

    def beside(self, plans: list[StagePlan]) -> list[StagePlan]:
        """Its stages' plans, where the sprint's own have run: those that do the same on the same data cost nothing."""
        own = {stage.name: stage.params for stage in self.base.stages}
        shared = [
            stage.name for stage in takewhile(lambda stage: own[stage.name] == stage.params, self.stages)
        ]
        return [
            msgspec.structs.replace(plan, action=Action.CACHED, reasons=[SHARED], forecast_s=None)
            if plan.stage in shared and plan.action is Action.RUN
            else plan
            for plan in plans
        ]
