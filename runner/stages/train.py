"""train: one model per seed, from the selected images."""

from __future__ import annotations

from pathlib import Path

import msgspec

from runner.config.project import Project
from runner.domain.ancestor import Ancestor
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import atomic_folder, csv_text, write_text
from runner.domain.records import Record, Selection, Severity, Training
from runner.domain.task import USUAL_TASK, TaskName, TaskSpec
from runner.record.catalogue import (
    CHECKS,
    INDEX_FOLDER,
    SELECTION_FOLDER,
    TRAINING,
    TRAINING_CURVES,
    WEIGHTS_FOLDER,
)
from runner.stages import ancestry
from runner.stages.stage import Stage, StageContext
from runner.trainers import Trainer, TrainerOptions, training_terms
from runner.trainers.job import TrainingJob

MANIFEST = f"{SELECTION_FOLDER.name}/manifest.parquet"


class TrainParams(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What training depends on, besides the data.

    `ancestor` is written only where there is one: the parameters of other sprints, and with them DVC's cache, are as before.
    """

    dataset: str
    task: TaskSpec
    device: str
    threads: int | None
    trainer: TrainerOptions
    ancestor: Ancestor | None = None


def resolve(project: Project, trainer: TrainerOptions, ancestor: Ancestor | None = None) -> TrainParams:
    """The trainer's options, the task and the device; and the weights that training starts from, by their hash."""
    return TrainParams(
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
        trainer=trainer,
        ancestor=ancestor,
    )


def run(context: StageContext, params: TrainParams) -> None:
    """Trains every seed and writes the weights, the record and the curves.

    Raises:
        FlywheelError: the checks failed, the ancestor has seen images of the test split, or training failed.
    """
    from runner.adapters.tables.selected import SelectedData

    _require_passed_checks(context.folder)
    if params.trainer.ancestor is not None and params.ancestor is None:
        raise ValueError("the ancestor was not resolved: the parameters were compiled without it")
    base = ancestry.weights_of(context.root, params.ancestor) if params.ancestor else None
    if params.ancestor is not None:
        ancestry.require_unseen(context.root, params.ancestor, context.folder / MANIFEST)
    data = SelectedData(
        dataset=context.data(params.dataset),
        manifest=context.folder / MANIFEST,
        images=context.folder / INDEX_FOLDER.name / "images.parquet",
        objects=context.folder / INDEX_FOLDER.name / "objects.parquet",
    )
    with atomic_folder(context.folder / WEIGHTS_FOLDER.name) as out:
        training = params.trainer.train(
            TrainingJob(
                root=context.root,
                data=data,
                spec=params.task,
                device=params.device,
                threads=params.threads,
                out=out,
                base=base,
            )
        )
    if params.ancestor is not None and base is not None:
        noted = ancestry.note(params.ancestor, base, params.task.classes)
        training = msgspec.structs.replace(training, ancestor=noted)
    write_text(context.folder / TRAINING_CURVES.name, training_csv(training, params.task.name))
    TRAINING.write(context.folder, training)


def _require_passed_checks(folder: Path) -> None:
    checks = CHECKS.read(folder)
    if checks.success:
        return
    failed = [
        result.id for result in checks.results if not result.success and result.severity is Severity.ERROR
    ]
    raise FlywheelError(
        f"training was not started, because data checks failed: {', '.join(failed)}",
        where=Where(str(folder / CHECKS.name)),
        hint="correct the data or loosen the check; the report names the rows",
        exit_code=ExitCode.STAGE_FAILED,
    )


def training_csv(training: Training, task: TaskName = USUAL_TASK) -> str:
    """One row per seed and epoch: validation metrics, then losses. For `dvc plots`."""
    names = {name for model in training.models for epoch in model.epochs for name in epoch.values}
    columns = training_terms(training.framework).columns(task, names)
    rows = [
        (model.seed, epoch.epoch, *(epoch.values.get(name, "") for name in columns))
        for model in training.models
        for epoch in model.epochs
    ]
    return csv_text([("seed", "epoch", *columns.values()), *rows])


def _inputs(params: TrainParams) -> tuple[str, ...]:
    weights = params.trainer.weights_file
    return (weights,) if weights else ()


def _work(params: TrainParams, selection: Selection) -> float:
    """Megapixel-epochs; an image of val is only predicted."""
    images = {name: split.images for name, split in selection.splits.items()}
    trainer: Trainer = params.trainer
    epochs = trainer.epochs * len(trainer.seeds)
    megapixels = trainer.imgsz**2 / 1e6
    return round((images.get("train", 0) + 0.3 * images.get("val", 0)) * epochs * megapixels, 3)


STAGE = Stage(
    name="train",
    version=3,
    params_type=TrainParams,
    run=run,
    # checks.json is read but no dependency: a changed check must not retrain, and a failed one stops the pipeline.
    reads=(INDEX_FOLDER, SELECTION_FOLDER),
    inputs=_inputs,
    looks_at=lambda params: ("train", "val"),
    writes=(WEIGHTS_FOLDER, TRAINING, TRAINING_CURVES),
    plots=(
        {
            TRAINING_CURVES.name: {
                "x": "epoch",
                "y": "val_map50_95",
                "title": "Validation mAP50-95 (Ultralytics) per epoch",
            }
        },
    ),
    work=_work,
)
