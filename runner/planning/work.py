"""A piece of work of whatever kind, as what runs stages sees it: where it lies, its stages, and what each will do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.planning.records import Action, StagePlan
from runner.planning.resolve import ResolvedStage


@dataclass(frozen=True, kw_only=True)
class Work:
    """One sprint, or one scoring.

    Attributes:
        root: the repository's top. `folder`: the work's, below it.
        command: what to type to go on with it.
    """

    root: Path
    folder: Path
    stages: Sequence[ResolvedStage]
    plans: Sequence[StagePlan]
    command: str

    @property
    def shown(self) -> str:
        """The folder, as messages name it."""
        return self.folder.relative_to(self.root).as_posix()

    @property
    def runs(self) -> list[str]:
        """The stages that will run."""
        return [plan.stage for plan in self.plans if plan.action is Action.RUN]
