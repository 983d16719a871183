"""champion: the model that the registry names, run as a sprint's own artefacts are: on the test split, or on the pool."""

from __future__ import annotations

import shutil
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import msgspec

from runner.adapters.dvc import metafiles
from runner.adapters.dvc.cache_objects import require_objects
from runner.adapters.git import repository
from runner.adapters.system import yaml_text
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import ChampionModel
from runner.domain.files import atomic_folder, decode_json, write_json
from runner.domain.records import JUDGED, POOL, Record
from runner.domain.task import TaskSpec
from runner.record.catalogue import (
    CHAMPION_FOLDER,
    LOCK,
    PARAMS,
    PREDICTIONS_FOLDER,
    SELECTION,
    SELECTION_FOLDER,
    sprint_path,
)
from runner.stages.stage import Stage, StageContext, images_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runner.adapters.tables.parquet import Column

STORE = ".flywheel/champion"  # git-ignored; what DVC's cache holds, laid out as a model is opened


class ChampionParams(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the champion's predictions depend on, besides the images."""

    champion: ResolvedChampion
    dataset: str
    task: TaskSpec
    device: str
    threads: int | None
    split: str = JUDGED


def resolve(
    project: Project, champion: ResolvedChampion | None, split: str = JUDGED
) -> ChampionParams | None:
    """The champion, the task and the device; None before the first promotion."""
    if champion is None:
        return None
    return ChampionParams(
        champion=champion,
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
        split=split,
    )


def run(context: StageContext, params: ChampionParams) -> None:
    """Writes the champion's predictions, and whose they are.

    Where its own record holds what it predicted on the same images, that is taken: no image and no model is read.

    Raises:
        FlywheelError: the artefact is not in DVC's cache, cannot be run by this version, or does another task.
    """
    from runner.adapters.tables.parquet import write_table
    from runner.tasks.sound import require_sound

    champion = params.champion
    known = None
    if params.split == JUDGED:  # the images that its own sprint predicted too
        split_digest = SELECTION.read(context.folder).split_digests[JUDGED]
        known = recorded_predictions(context.root, champion, params.task, split_digest)
    found, class_names = _read(context.root, known) if known else _predicted(context, params, champion)
    place = (
        f"{PREDICTIONS_FOLDER.of(champion.sprint)}/{champion.target}"
        if known
        else f"{context.folder.relative_to(context.root)}/{CHAMPION_FOLDER.name}/predictions"
    )
    require_sound(
        found,
        msgspec.structs.replace(params.task, classes=class_names),
        None,
        file=f"{place}.parquet",
        hint=f"the champion {champion.sprint} ({champion.tag}) cannot be compared with: go back to another with flywheel rollback",
    )
    with atomic_folder(context.folder / CHAMPION_FOLDER.name) as folder:
        write_table(folder / "predictions.parquet", of_classes(found, params.task.classes))
        record = ChampionModel(
            sprint=champion.sprint,
            tag=champion.tag,
            target=champion.target,
            class_names=class_names,
            digest=champion.digest,
            recorded=known is not None,
        )
        write_json(folder / "champion.json", record)


def _predicted(
    context: StageContext, params: ChampionParams, champion: ResolvedChampion
) -> tuple[Mapping[str, Column], list[str]]:
    """What the champion's artefact predicts on the images, and the classes that it knows."""
    from runner.adapters.system.machine import torch_device
    from runner.exporters.opened import open_model
    from runner.stages.predict import predict_split
    from runner.stages.predict_pool import predict_pool

    model = open_model(artefact(context.root, champion), torch_device(params.device, params.threads))
    _require_same_output(champion, params.task, model.spec)
    if params.split == POOL:
        table = predict_pool(context, model, f"{champion.digest}/{champion.path}", params.dataset, POOL)
        return table.columns(), model.spec.classes
    tables = predict_split(context, {model.target: model}, params.dataset, params.split)
    return tables[model.target].columns(), model.spec.classes


class RecordedPredictions(Record, frozen=True, kw_only=True):
    """What a champion's own sprint predicted: DVC's hash of the folder of predictions, and of its artefact's table.

    Attributes:
        table: None where the folder's listing is not in DVC's cache.
    """

    folder: str
    table: str | None
    class_names: list[str]

    def wanted(self, root: Path) -> list[str]:
        """What DVC's cache must hold and does not: the listing first, then the table that it names."""
        parts = [self.folder, *([self.table] if self.table else [])]
        return [md5 for md5 in parts if not metafiles.cache_path(root, md5).is_file()]


def recorded_predictions(
    root: Path, champion: ResolvedChampion, task: TaskSpec, split_digest: str, *, absent: bool = False
) -> RecordedPredictions | None:
    """The champion's predictions of the same test split, from its own record.

    Args:
        absent: tell of them also where DVC's cache does not hold them.

    Returns:
        None where it was evaluated on other images or labels, or predicts something else.
    """
    content = {
        file: repository.read_file(root, champion.commit, f"{sprint_path(champion.sprint)}/{file}")
        for file in (SELECTION.name, PARAMS.name, LOCK.name)
    }
    theirs = _split_and_task(content[SELECTION.name], content[PARAMS.name])
    lock_file = content[LOCK.name]
    if lock_file is None or theirs is None or theirs[0] != split_digest:
        return None
    if not _same_output(theirs[1], task):
        return None
    lock = metafiles.parse_lock(lock_file, Where(LOCK.of(champion.sprint)))
    folder = lock["predict"].outs.get("predictions", "") if "predict" in lock else ""
    table = (metafiles.cached_members(root, folder) or {}).get(f"{champion.target}.parquet")
    found = RecordedPredictions(folder=folder, table=table, class_names=theirs[1].classes)
    if absent:
        return found if folder else None
    return found if table is not None and not found.wanted(root) else None


class _Split(msgspec.Struct, frozen=True):
    """The one thing that is read of a selection, by whatever version it was written."""

    split_digests: dict[str, str]


def _split_and_task(selection: bytes | None, parameters: bytes | None) -> tuple[str, TaskSpec] | None:
    import yaml

    if selection is None or parameters is None:
        return None
    try:
        digest = decode_json(selection, _Split).split_digests[JUDGED]
        return digest, msgspec.convert(yaml_text.load(parameters)["predict"]["task"], TaskSpec)
    except (msgspec.MsgspecError, yaml.YAMLError, KeyError, TypeError):
        return None  # written by a version of flywheel with other records


def _read(root: Path, known: RecordedPredictions) -> tuple[Mapping[str, Column], list[str]]:
    """The recorded table.

    Raises:
        FlywheelError: DVC's cache holds something else in its place.
    """
    from runner.adapters.tables.parquet import read_table

    path = metafiles.cache_path(root, str(known.table))
    require_objects(root, {"the champion's recorded predictions": str(known.table)})
    return read_table(path), known.class_names


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
        if not (store / member).is_file() or metafiles.file_md5(store / member) != md5:
            _lay_out(root, store, expected)
            break
    return store / _inside(champion)


def stored_files(root: Path, champion: ResolvedChampion) -> dict[str, str] | None:
    """The artefact's files by their paths in the stored folder, with their md5; None unless all are in DVC's cache."""
    members = metafiles.cached_members(root, champion.digest) or {}
    files = {member: md5 for member, md5 in members.items() if champion.holds(member)}
    complete = all(metafiles.cache_path(root, md5).is_file() for md5 in files.values())
    return files if files and complete else None


def not_here(champion: ResolvedChampion) -> FlywheelError:
    """The error where the champion's artefact is not in DVC's cache."""
    folder = champion.path.partition("/")[0]
    return FlywheelError(
        f"the champion's model ({champion.tag}, {champion.target}) is not here, only its record is",
        where=Where(f"{sprint_path(champion.sprint)}/{champion.path}"),
        hint=f"run again with --pull, or: dvc fetch {sprint_path(champion.sprint)}/{folder}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _inside(champion: ResolvedChampion) -> PurePosixPath:
    return PurePosixPath(*PurePosixPath(champion.path).parts[1:])


def _lay_out(root: Path, store: Path, files: Mapping[str, str]) -> None:
    require_objects(root, dict(files))
    with atomic_folder(store) as folder:
        for member, md5 in files.items():
            target = folder / member
            if not target.resolve().is_relative_to(folder.resolve()):
                raise FlywheelError(f"a stored file's path leads outside its folder: {member}")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(metafiles.cache_path(root, md5), target)


def _same_output(model: TaskSpec, project: TaskSpec) -> bool:
    """Classes may differ, and are matched by name; what is predicted for each may not."""
    points = [spec.keypoints.names if spec.keypoints else [] for spec in (model, project)]
    return model.name == project.name and points[0] == points[1]


def _require_same_output(champion: ResolvedChampion, project: TaskSpec, model: TaskSpec) -> None:
    """
    Raises:
        FlywheelError: another task, or another skeleton.
    """
    if _same_output(model, project):
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
    run=run,
    reads=(SELECTION_FOLDER,),
    looks_at=lambda params: (params.split,),
    writes=(CHAMPION_FOLDER,),
    work=lambda params, selection: float(images_of(selection, params.split)),
)
