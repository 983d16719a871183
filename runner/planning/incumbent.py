"""Whom a sprint is compared with. One that was promoted and then changed is a candidate like any other."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import msgspec
import yaml
from msgspec import Struct

from runner.adapters.dvc.metafiles import LockedStage, parse_lock
from runner.adapters.git import repository
from runner.adapters.system import yaml_text
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.conflicts import unfinished_merge
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import read_text
from runner.planning.ancestor import resolve_ancestor
from runner.planning.champion import Champion, resolve_champion
from runner.planning.registry import ChampionUnknownError, Registry
from runner.planning.resolve import TO_ROOT, ResolvedStage, stages_of
from runner.planning.workspace import Repository
from runner.record.catalogue import LOCK, PARAMS, sprint_folder
from runner.record.parameters import told_in
from runner.stages import export
from runner.stages.kinds import SPRINT

MAKING = SPRINT.leading_to(export.STAGE)  # the stages that a model comes from


def incumbent(root: Path, project: Project, loaded: LoadedSprint, registry: Registry) -> Champion | None:
    """Whom a sprint is compared with; None where nothing was promoted before it.

    As long as it makes the very model that it was promoted with, it is the one whom that model replaced, so that its record
    stays what it was on the day of its promotion. With another recipe or other data it makes another model, which is compared
    with the champion of today, be it the sprint's own older model: else its spec would be a way around every gate against the
    champion. So is a former champion's spec in which anything was edited, a title say.

    Raises:
        ChampionUnknownError: who holds the stage could not be looked up.
        FlywheelError: a lock file in git, or a pointer here, is none.
    """

    def is_the_spec_of(commit: str) -> bool:
        files = ((document.file, document.digest) for document in loaded.chain)
        return all(_sha256(repository.read_file(root, commit, file)) == digest for file, digest in files)

    makes_the_model_of = _makes_the_model_of(root, project, loaded, registry)
    return registry.incumbent(loaded.name, makes_the_model_of, is_the_spec_of)


def successor(root: Path, project: Project, loaded: LoadedSprint, registry: Registry) -> Champion | None:
    """The champion of today, where it took the place of the very model that this sprint makes: a rollback brings that back.

    None where the sprint's model was never promoted, or holds the stage.

    Raises:
        FlywheelError: a lock file in git, or a pointer here, is none.
    """
    return registry.successor(loaded.name, _makes_the_model_of(root, project, loaded, registry))


def _makes_the_model_of(
    root: Path, project: Project, loaded: LoadedSprint, registry: Registry
) -> Callable[[str], bool]:
    """Whether the sprint, as it is here, makes what it was promoted with at a commit."""

    def makes_the_model_of(commit: str) -> bool:  # asked only of sprints that were promoted
        path = LOCK.of(loaded.name)
        content = repository.read_file(root, commit, path)
        locked = parse_lock(content, Where(path)) if content is not None else {}
        workspace = Repository(root, sprint_folder(root, loaded.name))
        try:
            ancestor = resolve_ancestor(root, project, loaded, registry)
        except FlywheelError:
            return False  # what it would start from is not there any more
        stages = [stage for stage in stages_of(project, loaded, ancestor=ancestor) if stage.name in MAKING]
        return all(_as_before(stage, locked.get(stage.name), workspace) for stage in stages)

    return makes_the_model_of


def _sha256(content: bytes | None) -> str | None:
    return hashlib.sha256(content).hexdigest() if content is not None else None


class Incumbent(Struct, frozen=True, kw_only=True):
    """Whom a sprint is compared with, as far as that can be looked up here.

    Attributes:
        champion: None where nothing was promoted before it, and where it is not known.
        model: what the champion ships; where it is not known, what the sprint was compared with when it ran last, so that
            nothing runs again for that.
        error: why it is not known; None where it is.
    """

    champion: Champion | None = None
    model: ResolvedChampion | None = None
    error: ChampionUnknownError | None = None

    @property
    def sprint(self) -> str | None:
        """The champion's."""
        return self.champion.sprint if self.champion else None

    @property
    def unknown(self) -> str:
        """Why it is not known, and what to type, in a sentence; empty where it is."""
        return f"{self.error.where}: {self.error.message} ({self.error.hint})" if self.error else ""

    def known(self) -> ResolvedChampion | None:
        """What the champion ships; None where nothing was promoted before.

        Raises:
            ChampionUnknownError: who holds the stage could not be looked up.
        """
        if self.error is not None:
            raise self.error
        return self.model


def find_incumbent(root: Path, project: Project, loaded: LoadedSprint, registry: Registry) -> Incumbent:
    """Whom a sprint is compared with: the one answer that all commands go by (`Situation.incumbent`).

    Raises:
        FlywheelError: a lock file in git, or a pointer here, is none; or the champion's record names no stored model.
    """
    try:
        champion = incumbent(root, project, loaded, registry)
    except ChampionUnknownError as error:
        return Incumbent(model=recorded_champion(sprint_folder(root, loaded.name)), error=error)
    return Incumbent(champion=champion, model=resolve_champion(root, champion))


def recorded_champion(folder: Path) -> ResolvedChampion | None:
    """The champion that a sprint's params.yaml names; None where it was compared with none."""
    path = folder / PARAMS.name
    if not path.is_file():
        return None
    text = read_text(path)
    try:
        return msgspec.convert(yaml_text.load(text)["champion"]["champion"], ResolvedChampion)
    except (yaml.YAMLError, KeyError, TypeError, msgspec.MsgspecError) as error:
        unfinished = unfinished_merge(str(path), text.encode())
        if unfinished is not None:
            raise unfinished from error
        return None


def _as_before(stage: ResolvedStage, locked: LockedStage | None, workspace: Repository) -> bool:
    """Whether a stage would do what it did: with the same parameters, on the same files of the repository."""
    if locked is None or _said(stage.name, stage.params) != _said(
        stage.name, locked.params.get(stage.name) or {}
    ):
        return False
    inputs = [dep for dep in stage.deps if dep.startswith(TO_ROOT)]
    return all(locked.deps.get(dep) == workspace.input_md5(dep.removeprefix(TO_ROOT)) for dep in inputs)


def _said(name: str, section: dict[str, object]) -> object:
    """What a section of params.yaml says: what a later version of flywheel asks for besides has its default."""
    try:
        return SPRINT.stage(name).params(section)
    except msgspec.ValidationError:  # of a version with other options
        return told_in(section)
