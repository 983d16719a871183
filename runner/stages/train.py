"""train: one model per seed, from the selected images."""

from __future__ import annotations

from pathlib import Path

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import atomic_folder, csv_text, read_json, write_json, write_text
from runner.domain.records import Checks, Record, Severity, Training
from runner.stages.stage import Stage, StageContext
from runner.trainers import Trainer
from runner.trainers.job import TrainingJob

PLOTTED = {
    "metrics/mAP50-95(B)": "val_map50_95",
    "metrics/mAP50(B)": "val_map50",
    "metrics/precision(B)": "val_precision",
    "metrics/recall(B)": "val_recall",
}


class TrainParams(Record, frozen=True, kw_only=True):
    """What training depends on, besides the data."""

    dataset: str
    classes: list[str]
    device: str
    threads: int | None
    trainer: Trainer


def resolve(project: Project, sprint: Sprint) -> TrainParams:
    """The trainer's options, the class map and the device."""
    return TrainParams(
        dataset=project.dataset.path,
        classes=project.classes,
        device=project.compute.device,
        threads=project.compute.threads,
        trainer=sprint.train,
    )


def run(context: StageContext, params: TrainParams) -> None:
    """Trains every seed and writes the weights, the record and the curves.

    Raises:
        FlywheelError: the checks failed, or training did.
    """
    from runner.adapters.yolo_folder import SelectedData

    _require_passed_checks(context.folder)
    data = SelectedData(
        dataset=context.root / params.dataset,
        manifest=context.folder / "selection" / "manifest.parquet",
        images=context.folder / "index" / "images.parquet",
        objects=context.folder / "index" / "objects.parquet",
    )
    with atomic_folder(context.folder / "weights") as out:
        training = params.trainer.train(
            TrainingJob(
                root=context.root,
                data=data,
                class_names=tuple(params.classes),
                device=params.device,
                threads=params.threads,
                out=out,
            )
        )
    write_text(context.folder / "plots" / "training.csv", training_csv(training))
    write_json(context.folder / "training.json", training)


def _require_passed_checks(folder: Path) -> None:
    checks = read_json(folder / "checks.json", Checks)
    if checks.success:
        return
    failed = [
        result.id for result in checks.results if not result.success and result.severity is Severity.ERROR
    ]
    raise FlywheelError(
        f"training was not started, because data checks failed: {', '.join(failed)}",
        where=Where(str(folder / "checks.json")),
        hint="correct the data or loosen the check; the report names the rows",
        exit_code=ExitCode.STAGE_FAILED,
    )


def training_csv(training: Training) -> str:
    """One row per seed and epoch: validation metrics, then losses. For `dvc plots`."""
    names = sorted({name for model in training.models for epoch in model.epochs for name in epoch.values})
    losses = {name: name.replace("/", "_") for name in names if name.endswith("_loss")}
    columns = {name: title for name, title in {**PLOTTED, **losses}.items() if name in names}
    rows = [
        (model.seed, epoch.epoch, *(epoch.values.get(name, "") for name in columns))
        for model in training.models
        for epoch in model.epochs
    ]
    return csv_text([("seed", "epoch", *columns.values()), *rows])


def _inputs(params: TrainParams) -> tuple[str, ...]:
    weights = params.trainer.weights_file
    return (weights,) if weights else ()


STAGE = Stage(
    name="train",
    version=1,
    params_type=TrainParams,
    resolve=resolve,
    run=run,
    # checks.json is read but no dependency: a changed check must not retrain, and a failed one stops the pipeline.
    deps=("index", "selection"),
    inputs=_inputs,
    outs=("weights",),
    records=("training.json", "plots/training.csv"),
)
