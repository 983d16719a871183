"""champion: the model that the registry names, run on this sprint's test split as the sprint's own artefacts are."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from runner.adapters import dvc_files
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import ChampionModel
from runner.domain.files import atomic_folder, write_json
from runner.domain.records import Record
from runner.domain.task import TaskSpec
from runner.stages.stage import Stage, StageContext

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.adapters.tables import Column

STORE = ".flywheel/champion"  # git-ignored; what DVC's cache holds, laid out as a model is opened


class ChampionParams(Record, frozen=True, kw_only=True):
    """What the champion's predictions depend on, besides the images."""

    champion: ResolvedChampion | None = None
    dataset: str
    task: TaskSpec
    device: str
    threads: int | None


def resolve(project: Project, sprint: Sprint) -> ChampionParams:
    """The task and the device."""
    return ChampionParams(
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
    )


def with_champion(params: ChampionParams, champion: ResolvedChampion | None) -> ChampionParams | None:
    """There is nothing to run before the first promotion."""
    return msgspec.structs.replace(params, champion=champion) if champion else None


def run(context: StageContext, params: ChampionParams) -> None:
    """Writes the champion's predictions, and whose they are.

    Raises:
        FlywheelError: the artefact is not in DVC's cache, cannot be run by this version, or does another task.
    """
    from runner.adapters.machine import torch_device
    from runner.adapters.tables import write_table
    from runner.adapters.yolo_folder import selected_paths
    from runner.exporters.opened import open_model
    from runner.stages.predict import predict_with

    champion = params.champion
    if champion is None:
        raise ValueError("the stage is not part of a sprint without a champion")
    model = open_model(artefact(context.root, champion), torch_device(params.device, params.threads))
    _require_same_output(champion, params.task, model.spec)
    paths = selected_paths(context.folder / "selection" / "manifest.parquet", "test")
    found = predict_with(model, context.root / params.dataset, paths).columns()
    with atomic_folder(context.folder / "champion") as folder:
        write_table(folder / "predictions.parquet", of_classes(found, params.task.classes))
        record = ChampionModel(
            sprint=champion.sprint,
            tag=champion.tag,
            target=champion.target,
            class_names=model.spec.classes,
            digest=champion.digest,
        )
        write_json(folder / "champion.json", record)


def of_classes(table: Mapping[str, Column], classes: Sequence[str]) -> dict[str, Column]:
    """The rows of classes that the project has, with the project's class ids: classes are matched by name."""
    import numpy as np

    class_id = {name: position for position, name in enumerate(classes)}
    known = np.array([name in class_id for name in table["class"].tolist()], dtype=bool)
    kept = {name: values[known] for name, values in table.items()}
    ids = [class_id[name] for name in kept["class"].tolist()]
    return kept | {"class_id": np.array(ids, dtype=table["class_id"].dtype)}


def artefact(root: Path, champion: ResolvedChampion) -> Path:
    """The champion's artefact as files, laid out from DVC's cache where they are not yet.

    Raises:
        FlywheelError: the cache does not hold it.
    """
    expected = stored_files(root, champion)
    if expected is None:
        raise not_here(champion)
    store = root / STORE / champion.digest.removesuffix(".dir")
    for member, md5 in expected.items():
        if not (store / member).is_file() or dvc_files.file_md5(store / member) != md5:
            _lay_out(root, store, expected)
            break
    return store / _inside(champion)


def stored_files(root: Path, champion: ResolvedChampion) -> dict[str, str] | None:
    """The artefact's files by their paths in the stored folder, with their md5; None unless all are in DVC's cache."""
    members = dvc_files.cached_members(root, champion.digest) or {}
    files = {member: md5 for member, md5 in members.items() if champion.holds(member)}
    complete = all(dvc_files.cache_path(root, md5).is_file() for md5 in files.values())
    return files if files and complete else None


def not_here(champion: ResolvedChampion) -> FlywheelError:
    """The error where the champion's artefact is not in DVC's cache."""
    folder = champion.path.partition("/")[0]
    return FlywheelError(
        f"the champion's model ({champion.tag}, {champion.target}) is not here, only its record is",
        where=Where(f"reports/{champion.sprint}/{champion.path}"),
        hint=f"run again with --pull, or: dvc fetch reports/{champion.sprint}/{folder}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _inside(champion: ResolvedChampion) -> PurePosixPath:
    return PurePosixPath(*PurePosixPath(champion.path).parts[1:])


def _lay_out(root: Path, store: Path, files: Mapping[str, str]) -> None:
    with atomic_folder(store) as folder:
        for member, md5 in files.items():
            target = folder / member
            if not target.resolve().is_relative_to(folder.resolve()):
                raise FlywheelError(f"a stored file's path leads outside its folder: {member}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(dvc_files.cache_path(root, md5), target)


def _require_same_output(champion: ResolvedChampion, project: TaskSpec, model: TaskSpec) -> None:
    """Classes may differ, and are matched by name; what is predicted for each may not.

    Raises:
        FlywheelError: another task, or another skeleton.
    """
    points = (
        model.keypoints.names if model.keypoints else [],
        project.keypoints.names if project.keypoints else [],
    )
    if model.name == project.name and points[0] == points[1]:
        return
    other = f"does the task {model.name}" if model.name != project.name else "predicts other key points"
    raise FlywheelError(
        f"the champion {champion.sprint} ({champion.tag}) {other}: it cannot be compared with",
        where=Where("flywheel.yaml"),
        hint="give the new task's model another name in `model`, so that it gets a champion of its own",
        exit_code=ExitCode.STAGE_FAILED,
    )


STAGE = Stage(
    name="champion",
    version=1,
    params_type=ChampionParams,
    resolve=resolve,
    with_champion=with_champion,
    run=run,
    deps=("selection",),
    outs=("champion",),
)
