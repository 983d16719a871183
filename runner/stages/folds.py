"""folds: k models by the sprint's recipe, each trained without one part of the train split, on which it then predicts.

A fold that is through is kept until the stage is, below `.flywheel/folds/`: a run that was killed trains what it had not.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UnsetType

from runner.checks.data_rules import DEFAULT_DISTANCE
from runner.checks.expectations import near_duplicate_distance
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.cross_validation import Fold, Folds
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.files import atomic_folder, read_json, write_json
from runner.domain.records import Record, Selection
from runner.domain.task import TaskSpec
from runner.record.catalogue import FOLDS, FOLDS_FOLDER, INDEX_FOLDER, SELECTION_FOLDER, WEIGHTS_FOLDER
from runner.stages.stage import Stage, StageContext, images_of
from runner.trainers import Trainer, TrainerOptions

if TYPE_CHECKING:
    from runner.assessment.folds import Dealt

KEPT = Path(".flywheel") / FOLDS_FOLDER.name
FOUND, DEALT = "predictions.parquet", "folds.parquet"
_MANIFEST = "manifest.parquet"


class FoldsParams(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What the folds depend on, besides the data: the recipe of `train`, with its first seed alone."""

    folds: int
    dataset: str
    task: TaskSpec
    device: str
    threads: int | None
    trainer: TrainerOptions
    group_by: str | None = None
    near_duplicate_distance: int = DEFAULT_DISTANCE


def resolve(project: Project, sprint: Sprint) -> FoldsParams | None:
    """None where the spec asks for no folds."""
    folds = sprint.evaluate.folds
    if isinstance(folds, UnsetType):
        return None
    return FoldsParams(
        folds=folds,
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
        trainer=msgspec.structs.replace(sprint.train, seeds=sprint.train.seeds[:1]),
        group_by=project.dataset.group_by,
        near_duplicate_distance=near_duplicate_distance(sprint.checks),
    )


def run(context: StageContext, params: FoldsParams) -> None:
    """Writes folds/predictions.parquet (of every image of train, by a model that never saw it), folds/folds.parquet and folds.json.

    Raises:
        FlywheelError: there are fewer groups than folds, an image cannot be read, or training failed.
    """
    from runner.adapters.tables.parquet import write_table
    from runner.assessment.folds import deal

    seed = params.trainer.seeds[0]
    dealt = deal(context.folder, params.task.classes, params.folds, seed, params.near_duplicate_distance)
    kept = context.root / KEPT / _key(context, params)
    parts = [_fold(context, params, dealt, number, kept) for number in range(params.folds)]
    with atomic_folder(context.folder / FOLDS_FOLDER.name) as folder:
        write_table(folder / FOUND, _together([part / FOUND for part in parts]))
        write_table(
            folder / DEALT,
            {"path": dealt.paths, "image_id": dealt.image_ids, "fold": dealt.fold, "cluster": dealt.cluster},
        )
    record = Folds(
        k=params.folds,
        seed=seed,
        unit=params.group_by or "image",
        folds=[read_json(part / FOLDS.name, Fold) for part in parts],
    )
    FOLDS.write(context.folder, record)
    shutil.rmtree(kept, ignore_errors=True)


def _key(context: StageContext, params: FoldsParams) -> str:
    """Of everything that a fold's predictions depend on."""
    digest = hashlib.sha256(msgspec.json.encode(params, order="sorted"))
    files = [
        context.folder / INDEX_FOLDER.name / "images.parquet",
        context.folder / INDEX_FOLDER.name / "objects.parquet",
        context.folder / SELECTION_FOLDER.name / _MANIFEST,
        *(context.root / name for name in _weights(params)),
    ]
    for file in files:
        digest.update(hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:24]


def _fold(context: StageContext, params: FoldsParams, dealt: Dealt, number: int, kept: Path) -> Path:
    """The folder of one fold: trained now, unless a killed run left it."""
    folder = kept / str(number)
    if not (folder / FOLDS.name).is_file():
        with atomic_folder(folder) as out:
            _train(context, params, dealt, number, out)
    return folder


def _train(context: StageContext, params: FoldsParams, dealt: Dealt, number: int, out: Path) -> None:
    import numpy as np

    from runner.adapters.system.machine import torch_device
    from runner.adapters.tables.selected import SelectedData
    from runner.exporters.opened import open_model
    from runner.stages.predict import predict_all
    from runner.trainers.job import TrainingJob

    held = dealt.fold == number
    paths = [path for path, out_ in zip(dealt.paths, held.tolist(), strict=True) if out_]
    index = context.folder / INDEX_FOLDER.name
    with tempfile.TemporaryDirectory(prefix="flywheel-fold-") as temporary:
        work = Path(temporary)
        (work / WEIGHTS_FOLDER.name).mkdir()
        _write_manifest(
            context.folder / SELECTION_FOLDER.name / _MANIFEST, work / _MANIFEST, frozenset(paths)
        )
        trained = params.trainer.train(
            TrainingJob(
                root=context.root,
                data=SelectedData(
                    dataset=context.root / params.dataset,
                    manifest=work / _MANIFEST,
                    images=index / "images.parquet",
                    objects=index / "objects.parquet",
                ),
                spec=params.task,
                device=params.device,
                threads=params.threads,
                out=work / WEIGHTS_FOLDER.name,
            )
        )
        device = torch_device(params.device, params.threads)
        model = open_model(work / trained.models[0].path, device)
        found = predict_all({REFERENCE_TARGET: model}, context.root / params.dataset, paths)
    found[REFERENCE_TARGET].write(out / FOUND)
    record = Fold(
        fold=number,
        images=len(paths),
        objects=int(dealt.objects[held].sum()),
        groups=len(np.unique(dealt.cluster[held])),
        trained=len(dealt.paths) - len(paths),
        state_digest=trained.models[0].state_digest,
    )
    write_json(out / FOLDS.name, record)


def _write_manifest(source: Path, target: Path, held: frozenset[str]) -> None:
    """The sprint's manifest without the images that are held out; val watches every fold's training, as it does the sprint's."""
    import numpy as np

    from runner.adapters.tables.parquet import read_table, write_table

    table = read_table(source)
    out = np.array([path in held for path in table["path"].tolist()], np.bool_)
    write_table(target, table | {"selected": table["selected"].astype(np.bool_) & ~out})


def _together(files: list[Path]) -> dict[str, Any]:
    """One table of all folds' predictions, sorted by path."""
    import numpy as np

    from runner.adapters.tables.parquet import read_table

    tables = [read_table(file) for file in files]
    joined = {name: np.concatenate([table[name] for table in tables]) for name in tables[0]}
    order = np.argsort(joined["path"].astype(str), kind="stable")
    return {name: values[order] for name, values in joined.items()}


def _weights(params: FoldsParams) -> tuple[str, ...]:
    weights = params.trainer.weights_file
    return (weights,) if weights else ()


def _work(params: FoldsParams, selection: Selection) -> float:
    """Megapixel-epochs of all trainings, as `train` counts them."""
    trainer: Trainer = params.trainer
    train, val = (images_of(selection, split) for split in ("train", "val"))
    images = (params.folds - 1) * train + 0.3 * params.folds * val
    return round(images * trainer.epochs * trainer.imgsz**2 / 1e6, 3)


STAGE = Stage(
    name="folds",
    version=1,
    params_type=FoldsParams,
    run=run,
    reads=(INDEX_FOLDER, SELECTION_FOLDER),
    inputs=_weights,
    writes=(FOLDS_FOLDER, FOLDS),
    work=_work,
)
