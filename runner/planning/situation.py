"""One sprint as one command sees it: whom it is compared with, what it starts from, its stages and what they would do.

Each is looked up once, when it is first needed, and handed on with the rest. What a command has changed since is not seen:
it goes on with a new one (`again`), and that is to be read where it does so.
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.domain.verdict import SplitUse
from runner.gates import Gate
from runner.planning.ancestor import resolve_ancestor
from runner.planning.champion import Champion
from runner.planning.holdout_uses import uses_on_branches
from runner.planning.incumbent import Incumbent, find_incumbent, successor
from runner.planning.records import StagePlan
from runner.planning.registry import Registry
from runner.planning.resolve import ResolvedStage, stages_of
from runner.planning.stages import plan_stages
from runner.planning.workspace import Repository
from runner.record.catalogue import sprint_folder


class Situation:
    """A sprint of a project, and what git and DVC's files say of it.

    Attributes:
        project, loaded: the configuration that judges it.
        registry: the model registry; its tags are read once, for all sprints that share it.
    """

    def __init__(
        self, root: Path, project: Project, loaded: LoadedSprint, registry: Registry | None = None
    ) -> None:
        self.root = root
        self.project = project
        self.loaded = loaded
        self.registry = registry or Registry(root, project)

    @property
    def name(self) -> str:
        """The sprint's."""
        return self.loaded.name

    @property
    def folder(self) -> Path:
        """Where its record lies."""
        return sprint_folder(self.root, self.loaded.name)

    @cached_property
    def incumbent(self) -> Incumbent:
        """Whom it is compared with, as far as that can be looked up here.

        Raises:
            FlywheelError: a lock file in git, or a pointer here, is none; or the champion's record names no stored model.
        """
        return find_incumbent(self.root, self.project, self.loaded, self.registry)

    @property
    def champion(self) -> ResolvedChampion | None:
        """The model that it is compared with; where it is not known whose that is, the one of its last run."""
        return self.incumbent.model

    @cached_property
    def successor(self) -> Champion | None:
        """The champion of today, where it took the place of the very model that this sprint makes."""
        return successor(self.root, self.project, self.loaded, self.registry)

    @cached_property
    def ancestor(self) -> Ancestor | None:
        """The weights that its training starts from; None where it names no sprint.

        Raises:
            FlywheelError: nobody holds the stage that it names, or the named sprint has no weights on record (exit code 3).
        """
        return resolve_ancestor(self.root, self.project, self.loaded, self.registry)

    @cached_property
    def stages(self) -> list[ResolvedStage]:
        """What it consists of, in order."""
        return stages_of(self.project, self.loaded, self.champion, self.ancestor)

    @cached_property
    def workspace(self) -> Repository:
        """The files and hashes that the stages are compared with."""
        return Repository(self.root, self.folder)

    @cached_property
    def plans(self) -> list[StagePlan]:
        """What a run would do with each stage, by what is recorded: edited data that was not added to DVC is not looked at."""
        return plan_stages(self.stages, self.workspace)

    @property
    def gates(self) -> list[Gate]:
        """All that judge it: its own, the policy's, and those that are kept of the base's version."""
        kept = (gate for gate, _, _ in self.loaded.kept)
        return [*self.loaded.sprint.gates, *self.project.policy.gates, *kept]

    @cached_property
    def uses_elsewhere(self) -> tuple[list[SplitUse], list[str]]:
        """Uses of the test split on all branches, and what could not be read of them (`uses_on_branches`)."""
        return uses_on_branches(self.root)

    def judged_by(self, project: Project, loaded: LoadedSprint) -> Situation:
        """The same sprint under other terms; whom it is compared with and what it starts from are the same."""
        other = Situation(self.root, project, loaded, self.registry)
        other.incumbent, other.ancestor = self.incumbent, self.ancestor
        return other

    def again(self) -> Situation:
        """The sprint as it is now, after something was run, fetched or written: everything is looked up anew."""
        return Situation(self.root, self.project, self.loaded)
