"""Whom a sprint is compared with. One that was promoted and then changed is a candidate like any other."""

from __future__ import annotations

from pathlib import Path

from runner.adapters import git
from runner.adapters.dvc_files import LockedStage, parse_lock
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import Where
from runner.planning.champion import Champion, Registry
from runner.planning.resolve import TO_ROOT, ResolvedStage, stages_of
from runner.planning.workspace import Repository

MAKING = ("index", "select", "train", "export")  # the stages that a model comes from
_OF_FLYWHEEL = ("version", "digest")  # in a section of params.yaml, and no part of what the spec says


def rival(
    root: Path, project: Project, loaded: LoadedSprint, registry: Registry | None = None
) -> Champion | None:
    """Whom a sprint is compared with; None where nothing was promoted before it.

    As long as it makes the very model that it was promoted with, it is the one whom that model replaced, so that its record
    stays what it was on the day of its promotion. With another recipe or other data it makes another model, which is compared
    with the champion of today, be it the sprint's own older model: else its spec would be a way around every gate against the
    champion.

    Raises:
        FlywheelError: a lock file in git, or a pointer here, is none.
    """

    def makes_the_model_of(commit: str) -> bool:  # asked only of sprints that were promoted
        path = f"reports/{loaded.name}/dvc.lock"
        content = git.read_file(root, commit, path)
        locked = parse_lock(content, Where(path)) if content is not None else {}
        workspace = Repository(root, root / "reports" / loaded.name)
        stages = [stage for stage in stages_of(project, loaded) if stage.name in MAKING]
        return all(_as_before(stage, locked.get(stage.name), workspace) for stage in stages)

    return (registry or Registry(root, project)).rival(loaded.name, makes_the_model_of)


def _as_before(stage: ResolvedStage, locked: LockedStage | None, workspace: Repository) -> bool:
    """Whether a stage would do what it did: with the same parameters, on the same files of the repository."""
    if locked is None or _said(stage.params) != _said(locked.params.get(stage.name) or {}):
        return False
    inputs = [dep for dep in stage.deps if dep.startswith(TO_ROOT)]
    return all(locked.deps.get(dep) == workspace.input_md5(dep.removeprefix(TO_ROOT)) for dep in inputs)


def _said(section: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in section.items() if key not in _OF_FLYWHEEL}
