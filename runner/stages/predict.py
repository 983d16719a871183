"""predict: every trained model and every artefact on the test split."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import atomic_folder, read_json
from runner.domain.progress import progress_bar
from runner.domain.records import REFERENCE_TARGET, Record, Training, seed_target
from runner.exporters import ExportTarget
from runner.stages.stage import Stage, StageContext

if TYPE_CHECKING:
    from runner.adapters.inference import Predictor

CHUNK_BYTES = 1 << 29  # preprocessed images that are held in memory at a time, shared by all targets


class PredictParams(Record, frozen=True, kw_only=True):
    """What predictions depend on, besides the models and the images."""

    dataset: str
    classes: list[str]
    device: str
    threads: int | None
    targets: list[ExportTarget]


def resolve(project: Project, sprint: Sprint) -> PredictParams:
    """The export targets, the class map and the device."""
    return PredictParams(
        dataset=project.dataset.path,
        classes=project.classes,
        device=project.compute.device,
        threads=project.compute.threads,
        targets=sprint.export,
    )


def run(context: StageContext, params: PredictParams) -> None:
    """Writes one table of detections per model. Each image is read once.

    Raises:
        FlywheelError: the test split is empty, an image or a model cannot be read, or the model's classes are
            not the project's.
    """
    from runner.adapters.detections import DetectionTable
    from runner.adapters.inference import decode, input_chunks
    from runner.adapters.yolo_folder import selected_paths

    training = read_json(context.folder / "training.json", Training)
    require_same_classes(params.classes, training.class_names)
    paths = selected_paths(context.folder / "selection" / "manifest.parquet", "test")
    files = [context.root / params.dataset / path for path in paths]
    predictors = open_predictors(context.folder, params, training)
    with (
        atomic_folder(context.folder / "predictions") as folder,
        progress_bar("predict", len(predictors) * len(paths), "image") as bar,
    ):
        tables = {target: DetectionTable(training.class_names) for target in predictors}
        for start, inputs in input_chunks(files, (training.imgsz, training.imgsz), CHUNK_BYTES):
            for target, predictor in predictors.items():
                bar.set_postfix_str(target)
                for path, (pixels, letterbox) in zip(paths[start:], inputs, strict=False):
                    tables[target].add(path, decode(predictor.infer(pixels), letterbox))
                    bar.update()
        for target, table in tables.items():
            table.write(folder / f"{target}.parquet")


def open_predictors(folder: Path, params: PredictParams, training: Training) -> dict[str, Predictor]:
    """Every model of the sprint by target name; the reference comes first."""
    from runner.adapters.machine import torch_device
    from runner.adapters.torch_models import TorchPredictor

    device = torch_device(params.device, params.threads)
    predictors: dict[str, Predictor] = {}
    for number, model in enumerate(training.models):
        name = seed_target(model.seed) if number else REFERENCE_TARGET
        predictors[name] = TorchPredictor(folder / model.path, device)
    for target in params.targets:
        predictors[target.name] = target.predictor(folder / "exports" / target.name, device)
    return predictors


def require_same_classes(project: list[str], model: list[str]) -> None:
    """Classes are matched by name and place: a model with others cannot be judged.

    Raises:
        FlywheelError: they differ.
    """
    if project == model:
        return
    raise FlywheelError(
        f"the model's classes ({', '.join(model)}) are not the project's ({', '.join(project)})",
        where=Where("flywheel.yaml"),
        hint="train again with the current class map: flywheel run",
        exit_code=ExitCode.STAGE_FAILED,
    )


STAGE = Stage(
    name="predict",
    version=1,
    params_type=PredictParams,
    resolve=resolve,
    run=run,
    deps=("weights", "training.json", "exports", "selection"),
    outs=("predictions",),
)
