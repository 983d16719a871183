"""The ancestor of a sprint that fine-tunes another sprint's model (`train.from`), from records in git alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec

from runner.adapters.dvc.metafiles import LockedStage, parse_lock
from runner.adapters.git import repository
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.ancestor import Ancestor
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import decode_json
from runner.planning.champion import TrainedFiles
from runner.planning.registry import Registry
from runner.record.catalogue import LOCK, TRAINING, sprint_folder, sprint_path
from runner.trainers import CHAMPION

_Read = Callable[[str], bytes | None]


def resolve_ancestor(
    root: Path, project: Project, loaded: LoadedSprint, registry: Registry
) -> Ancestor | None:
    """The weights that the sprint's training starts from; None where it names no sprint.

    `champion` is whoever holds the stage, or held it before this sprint itself was promoted: its own model is never its
    ancestor.

    Raises:
        ChampionUnknownError: who holds the stage could not be looked up.
        FlywheelError: nobody holds the stage; or the named sprint has not run, or does another task (exit code 3).
    """
    named = loaded.sprint.train.ancestor
    if named is None:
        return None
    where = loaded.where(("train", "from"))
    if named != CHAMPION:
        folder = sprint_folder(root, named)

        def here(file: str) -> bytes | None:
            return (folder / file).read_bytes() if (folder / file).is_file() else None

        return _resolved(named, here, project, where)
    champion = registry.before(loaded.name)
    if champion is None:
        raise _no_champion(project, where)

    def promoted(file: str) -> bytes | None:
        return repository.read_file(root, champion.commit, f"{sprint_path(champion.sprint)}/{file}")

    return _resolved(champion.sprint, promoted, project, where)


def _no_champion(project: Project, where: Where) -> FlywheelError:
    stage = (
        f"{project.model.name}#{project.model.stage}"
        if project.model
        else "a stage (flywheel.yaml has no `model`)"
    )
    return FlywheelError(
        f"train.from: no sprint before this one holds {stage}, so there is no champion to start from",
        where=where,
        hint="name a sprint that has run (`from: 0001-first-model`), or train from scratch (`model: yolo26n.yaml`)",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _resolved(sprint: str, read: _Read, project: Project, where: Where) -> Ancestor:
    lock_file = LOCK.of(sprint)
    content = read(LOCK.name)
    stages = parse_lock(content, Where(lock_file)) if content is not None else {}
    train, select = stages.get("train"), stages.get("select")
    path = _first_weights(read(TRAINING.name))
    if train is None or select is None or path is None:
        raise FlywheelError(
            f"train.from: {sprint} has no trained weights on record",
            where=where,
            hint=f"flywheel run {sprint}, commit its record, then run this sprint",
            exit_code=ExitCode.STAGE_FAILED,
        )
    section = train.params.get("train") or {}
    task = (section.get("task") or {}).get("name")
    if task != project.task:
        raise FlywheelError(
            f"train.from: {sprint} was trained for the task {task}, not {project.task}",
            where=where,
            hint=f"name a sprint for {project.task}, or write `model:` to start from an architecture or a weights file",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return Ancestor(
        sprint=sprint,
        path=path,
        weights=train.outs.get("weights", ""),
        selection=select.outs.get("selection", ""),
        before=_before(train),
    )


def _first_weights(training: bytes | None) -> str | None:
    """The judged model's file: of the first seed."""
    try:
        return decode_json(training, TrainedFiles).first if training is not None else None
    except msgspec.MsgspecError:
        return None


def _before(train: LockedStage) -> Ancestor | None:
    recorded = (train.params.get("train") or {}).get("ancestor")
    return msgspec.convert(recorded, Ancestor) if recorded else None
