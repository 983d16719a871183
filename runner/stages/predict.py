"""predict: every trained model and every artefact on the test split.

The stage `champion` runs another sprint's model in the same way: `runner.exporters.opened.open_model` opens it from
its own folder alone, `predict_split` runs it on the images of a split or of the pool, `predict_all` on any others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import REFERENCE_TARGET, is_seed_target, seed_target
from runner.domain.files import atomic_folder
from runner.domain.progress import progress_bar
from runner.domain.records import JUDGED, Record, Training
from runner.domain.task import TaskSpec
from runner.exporters import ExportOptions
from runner.exporters.opened import OpenModel, open_model
from runner.record.catalogue import (
    EXPORTS_FOLDER,
    PREDICTIONS_FOLDER,
    SELECTION_FOLDER,
    TRAINING,
    WEIGHTS_FOLDER,
)
from runner.stages.stage import Stage, StageContext, images_of

if TYPE_CHECKING:
    from runner.adapters.models.detections import DetectionTable
    from runner.adapters.models.inference import Outputs

CHUNK_BYTES = 1 << 29  # preprocessed images that are held in memory at a time, shared by all models


class PredictParams(Record, frozen=True, kw_only=True, omit_defaults=True):
    """What predictions depend on, besides the models and the images."""

    dataset: str
    task: TaskSpec
    device: str
    threads: int | None
    targets: list[ExportOptions]
    split: str = JUDGED


def resolve(project: Project, targets: list[ExportOptions]) -> PredictParams:
    """The export targets, the task and the device."""
    return PredictParams(
        dataset=project.dataset.path,
        task=project.task_spec,
        device=project.compute.device,
        threads=project.compute.threads,
        targets=targets,
    )


def run(context: StageContext, params: PredictParams) -> None:
    """Writes one table of predictions per model. Each image is read once.

    Raises:
        FlywheelError: the split is empty, an image or a model cannot be read, or the model's task or classes are
            not the project's.
    """
    from runner.adapters.system.machine import torch_device

    training = TRAINING.read(context.folder)
    device = torch_device(params.device, params.threads)
    files = model_files(context.folder, training, [target.name for target in params.targets])
    models = {target: open_model(path, device) for target, path in files.items()}
    for model in models.values():
        require_same_task(params.task, model.spec)
    with atomic_folder(context.folder / PREDICTIONS_FOLDER.name) as folder:
        for target, table in predict_split(context, models, params.dataset, params.split).items():
            table.write(folder / f"{target}.parquet")


def model_files(folder: Path, training: Training, targets: Sequence[str]) -> dict[str, Path]:
    """Where every model of a sprint lies, by target name; the reference comes first."""
    weights = {
        seed_target(model.seed) if number else REFERENCE_TARGET: folder / model.path
        for number, model in enumerate(training.models)
    }
    return weights | {target: folder / EXPORTS_FOLDER.name / target for target in targets}


def predict_split(
    context: StageContext, models: Mapping[str, OpenModel], dataset: str, split: str
) -> dict[str, DetectionTable]:
    """What models find in the selected images of a split, or of the pool: one table per model.

    Raises:
        FlywheelError: no image is selected for it, or one cannot be read.
    """
    from runner.adapters.tables.selected import selected_paths

    paths = selected_paths(context.folder / SELECTION_FOLDER.name / "manifest.parquet", split)
    return predict_all(models, context.data(dataset), paths)


def predict_all(
    models: Mapping[str, OpenModel], dataset: Path, paths: Sequence[str]
) -> dict[str, DetectionTable]:
    """One table per model. All are of one task and input size, so that each image is read and fitted once."""
    from runner.adapters.models.detections import DetectionTable
    from runner.adapters.models.inference import input_chunks

    tables = {
        name: DetectionTable(model.spec.classes, model.decoder.columns) for name, model in models.items()
    }
    first = next(iter(models))
    files = [dataset / path for path in paths]
    chunks = input_chunks(
        files, models[first].predictor.input_hw, CHUNK_BYTES, models[first].decoder.preprocess
    )
    with progress_bar("predict", len(models) * len(paths), "image") as bar:
        for start, inputs in chunks:
            for name, model in models.items():
                bar.set_postfix_str(name)
                for path, (pixels, letterbox) in zip(paths[start:], inputs, strict=False):
                    outputs = model.predictor.infer(pixels)
                    require_numbers(outputs, name, path)
                    tables[name].add(path, model.decoder.decode(outputs, letterbox))
                    bar.update()
    return tables


def require_numbers(outputs: Outputs, target: str, path: str) -> None:
    """A score that is no number is above no threshold: without this, a model that gives such would find nothing, silently.

    Raises:
        FlywheelError: the model gave something else than finite numbers for an image.
    """
    import numpy as np

    if all(np.isfinite(output).all() for output in outputs):
        return
    trained = target == REFERENCE_TARGET or is_seed_target(target)
    raise FlywheelError(
        f"the model {target} gives NaN or infinite numbers for this image",
        where=Where(path),
        hint="its training went astray: a smaller train.lr0, then flywheel run"
        if trained
        else "where torch gives none for it, the export makes them: leave this format or precision out of `export`",
        exit_code=ExitCode.STAGE_FAILED,
    )


def require_same_task(project: TaskSpec, model: TaskSpec) -> None:
    """Classes are matched by name and place: a model with others, or of another task, cannot be judged.

    Raises:
        FlywheelError: they differ.
    """
    if project.name != model.name:
        message = f"the model's task is {model.name}, not the project's {project.name}"
    elif project.classes != model.classes:
        shown = (", ".join(spec.classes) for spec in (model, project))
        message = "the model's classes ({}) are not the project's ({})".format(*shown)
    else:
        return
    raise FlywheelError(
        message,
        where=Where("flywheel.yaml"),
        hint="train again with the current class map: flywheel run",
        exit_code=ExitCode.STAGE_FAILED,
    )


STAGE = Stage(
    name="predict",
    version=2,
    params_type=PredictParams,
    run=run,
    reads=(WEIGHTS_FOLDER, TRAINING, EXPORTS_FOLDER, SELECTION_FOLDER),
    looks_at=lambda params: (params.split,),
    writes=(PREDICTIONS_FOLDER,),
    work=lambda params, selection: float(images_of(selection, params.split)),
)
