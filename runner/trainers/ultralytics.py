"""Training with Ultralytics YOLO."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType, field, structs

from runner.adapters.models.architectures import TASK_SUFFIXES
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.options import CHANGES_THE_MODEL, Fraction, Options, Seed, weakens
from runner.domain.policy import FindingKind
from runner.domain.records import Device, TrainedModel, Training
from runner.domain.task import TaskName
from runner.trainers.job import TrainingJob
from runner.trainers.ultralytics_start import model_problem

if TYPE_CHECKING:
    from runner.adapters.models.ultralytics_training import TrainedWeights, TrainingRun
    from runner.adapters.models.yolo_folder import TrainingFolder


CHAMPION = "champion"
FRAMEWORK = "ultralytics"


class Augment(Options, frozen=True, kw_only=True):
    """Augmentation strengths, by Ultralytics' names; what is absent keeps Ultralytics' default."""

    mosaic: Annotated[
        Fraction | None, Meta(description="Chance of a mosaic of four images.", extra=CHANGES_THE_MODEL)
    ] = None
    mixup: Annotated[
        Fraction | None, Meta(description="Chance of two images blended.", extra=CHANGES_THE_MODEL)
    ] = None
    copy_paste: Annotated[
        Fraction | None,
        Meta(
            description="Chance of objects pasted from another image (needs masks).", extra=CHANGES_THE_MODEL
        ),
    ] = None
    hsv_h: Annotated[
        Fraction | None, Meta(description="Largest shift of the hue.", extra=CHANGES_THE_MODEL)
    ] = None
    hsv_s: Annotated[
        Fraction | None, Meta(description="Largest change of the saturation.", extra=CHANGES_THE_MODEL)
    ] = None
    hsv_v: Annotated[
        Fraction | None, Meta(description="Largest change of the brightness.", extra=CHANGES_THE_MODEL)
    ] = None
    degrees: Annotated[
        Annotated[float, Meta(ge=0, le=180)] | None,
        Meta(description="Largest rotation, degrees.", extra=CHANGES_THE_MODEL),
    ] = None
    translate: Annotated[
        Fraction | None, Meta(description="Largest shift, as a share of the image.", extra=CHANGES_THE_MODEL)
    ] = None
    scale: Annotated[
        Fraction | None, Meta(description="Largest change of scale.", extra=CHANGES_THE_MODEL)
    ] = None
    shear: Annotated[
        Annotated[float, Meta(ge=0, le=180)] | None,
        Meta(description="Largest shear, degrees.", extra=CHANGES_THE_MODEL),
    ] = None
    perspective: Annotated[
        Annotated[float, Meta(ge=0, le=0.001)] | None,
        Meta(description="Largest perspective change.", extra=CHANGES_THE_MODEL),
    ] = None
    fliplr: Annotated[
        Fraction | None, Meta(description="Chance of a mirror image, left to right.", extra=CHANGES_THE_MODEL)
    ] = None
    flipud: Annotated[
        Fraction | None, Meta(description="Chance of a mirror image, upside down.", extra=CHANGES_THE_MODEL)
    ] = None
    erasing: Annotated[
        Fraction | None,
        Meta(description="Chance of an erased region (classification only).", extra=CHANGES_THE_MODEL),
    ] = None
    close_mosaic: Annotated[
        Annotated[int, Meta(ge=0, le=10000)] | None,
        Meta(description="Without mosaic in so many last epochs.", extra=CHANGES_THE_MODEL),
    ] = None


class UltralyticsTrainer(Options, frozen=True, kw_only=True, tag_field="framework", tag=FRAMEWORK):
    """Ultralytics YOLO, seeded, offline."""

    # Unset, not None: what a spec does not say stands in no params.yaml, and what was trained stays cached.
    model: (
        Annotated[
            str,
            Meta(
                min_length=1,
                max_length=400,
                description="A weights file in the repository (`weights/x.pt`) or an architecture to train from scratch "
                "(`yolo26n.yaml`). Not beside `from`.",
                extra=CHANGES_THE_MODEL,
            ),
        ]
        | UnsetType
    ) = UNSET
    from_: (
        Annotated[
            str,
            Meta(
                pattern=r"^(champion|[0-9]{4}-[a-z0-9-]{1,60})$",
                description="Fine-tune another sprint's model, [fetched through DVC](#from): a sprint that has run, or "
                "`champion`. Not beside `model`.",
                extra=CHANGES_THE_MODEL,
            ),
        ]
        | UnsetType
    ) = field(name="from", default=UNSET)
    epochs: Annotated[
        int, Meta(ge=1, le=10000, description="Passes over the training images.", extra=CHANGES_THE_MODEL)
    ] = 100
    imgsz: Annotated[
        int,
        Meta(
            ge=32,
            le=4096,
            multiple_of=32,
            description="Input size in pixels (square).",
            extra=CHANGES_THE_MODEL,
        ),
    ] = 640
    batch: Annotated[int, Meta(ge=1, le=4096, description="Images per step.", extra=CHANGES_THE_MODEL)] = 16
    nbs: Annotated[
        Annotated[int, Meta(ge=1, le=65536)] | None,
        Meta(
            description="Gradients are summed over so many images before the weights change; 64 when absent.",
            extra=CHANGES_THE_MODEL,
        ),
    ] = None
    seeds: Annotated[
        list[Seed],
        Meta(
            min_length=1,
            max_length=20,
            description="One training per seed; the first is exported and judged, all give the seed spread.",
            extra=weakens(FindingKind.SEEDS_REDUCED),
        ),
    ] = field(default_factory=lambda: [0])
    freeze: Annotated[
        Annotated[int, Meta(ge=0, le=1000)] | None,
        Meta(description="Layers of the backbone to freeze.", extra=CHANGES_THE_MODEL),
    ] = None
    patience: Annotated[
        Annotated[int, Meta(ge=0, le=10000)] | None,
        Meta(
            description="Stop after so many epochs without gain; 0 or absent never stops.",
            extra=CHANGES_THE_MODEL,
        ),
    ] = None
    optimizer: Annotated[
        Literal["SGD", "Adam", "AdamW", "Adamax", "NAdam", "RAdam", "RMSProp", "MuSGD", "auto"] | None,
        Meta(description="Ultralytics' choice when absent.", extra=CHANGES_THE_MODEL),
    ] = None
    lr0: Annotated[Fraction | None, Meta(description="Initial learning rate.", extra=CHANGES_THE_MODEL)] = (
        None
    )
    lrf: Annotated[
        Fraction | None,
        Meta(description="Final learning rate as a fraction of lr0.", extra=CHANGES_THE_MODEL),
    ] = None
    cos_lr: Annotated[
        bool | None, Meta(description="A cosine schedule of the learning rate.", extra=CHANGES_THE_MODEL)
    ] = None
    warmup_epochs: Annotated[
        Annotated[float, Meta(ge=0, le=10000)] | None,
        Meta(description="Epochs until the full learning rate.", extra=CHANGES_THE_MODEL),
    ] = None
    weight_decay: Annotated[
        Fraction | None, Meta(description="Weight decay (L2).", extra=CHANGES_THE_MODEL)
    ] = None
    augment: Annotated[Augment, Meta(description="Augmentation strengths.")] = Augment()

    @property
    def framework(self) -> str:
        """As the spec names it."""
        return FRAMEWORK

    @property
    def weights_file(self) -> str | None:
        """The file in the repository that training starts from; None for an architecture, and for another sprint."""
        return None if self.model is UNSET or self.model.endswith(".yaml") else self.model

    @property
    def ancestor(self) -> str | None:
        """The sprint whose model training starts from, or `champion`; None where it starts from `model`."""
        return None if self.from_ is UNSET else self.from_

    @property
    def start(self) -> str:
        """What training starts from, as the spec names it."""
        return self.ancestor or (self.model if self.model is not UNSET else "")

    @staticmethod
    def model_problem(root: Path, model: str, task: TaskName | None) -> tuple[str, str | None] | None:
        """What is wrong with the option `model` in a repository, and what to do; for any task where it is not known."""
        return model_problem(root, model, task)

    @staticmethod
    def first_model(task: TaskName) -> str:
        """A small model to begin a project with, as `model` names it."""
        return f"yolo11n{TASK_SUFFIXES[task]}.yaml"

    def train(self, job: TrainingJob) -> Training:
        """Trains one model per seed and writes each into `job.out` as safetensors with its record.

        Of each training the weights of the epoch that validated best are kept, by Ultralytics' own measure on
        the val split.

        Raises:
            FlywheelError: the model is unknown, unusable or for another task, a split is empty, the device is absent, or
                training diverged.
        """
        import tempfile

        from runner.adapters.models.ultralytics_training import framework_version, train
        from runner.adapters.models.yolo_folder import write_training_folder
        from runner.adapters.system.machine import torch_device

        base, architecture = self._start(job)
        device = torch_device(job.device, job.threads)
        with tempfile.TemporaryDirectory(prefix="flywheel-data-") as scratch:
            folder = write_training_folder(Path(scratch), job.data, job.spec)
            first = self._run(job.spec.name, folder, base, architecture, device)
            runs = [replace(first, seed=seed, label=self._label(seed)) for seed in self.seeds]
            models = [_store(train(run), run, job) for run in runs]
        return Training(
            framework=FRAMEWORK,
            framework_version=framework_version(),
            base_model=self.start,
            class_names=list(job.spec.classes),
            imgsz=models[0][1],
            device=device,
            images=first.images,
            models=[model for model, _ in models],
        )

    def _run(
        self, task: TaskName, folder: TrainingFolder, base: Any, architecture: dict[str, Any], device: Device
    ) -> TrainingRun:
        from runner.adapters.models.ultralytics_training import TrainingRun

        return TrainingRun(
            task=task,
            data=folder.data,
            images=folder.images["train"],
            sources=folder.sources,
            architecture=architecture,
            base=base,
            settings=self._settings(),
            epochs=self.epochs,
            imgsz=self.imgsz,
            batch=self.batch,
            seed=self.seeds[0],
            device=device,
            label=self._label(self.seeds[0]),
        )

    def _label(self, seed: int) -> str:
        return f"train seed {seed}" if len(self.seeds) > 1 else "train"

    def _start(self, job: TrainingJob) -> tuple[Any, dict[str, Any]]:
        """The module that training starts from (None: random weights), and the architecture."""
        from runner.adapters.models.torch_models import architecture_named, module_from_file
        from runner.adapters.models.transfer import for_classes

        module, weights = None, job.base
        if weights is None and self.weights_file is not None:
            weights = _inside(job.root, self.weights_file)
        if weights is None:
            architecture = architecture_named(self.start, job.spec.name)
        else:
            module = module_from_file(weights, job.spec.name)
            if job.base is not None:
                module = for_classes(module, job.spec.classes)
            architecture = dict(module.yaml)
        if job.spec.keypoints is not None:
            architecture["kpt_shape"] = [len(job.spec.keypoints.names), 3]
        return module, architecture

    def _settings(self) -> dict[str, Any]:
        """Ultralytics' arguments for the options that are given."""
        names = (
            "nbs",
            "freeze",
            "optimizer",
            "lr0",
            "lrf",
            "cos_lr",
            "warmup_epochs",
            "weight_decay",
            "patience",
        )
        given = {name: getattr(self, name) for name in names} | structs.asdict(self.augment)
        return {name: value for name, value in given.items() if value is not None}


def _store(weights: TrainedWeights, run: TrainingRun, job: TrainingJob) -> tuple[TrainedModel, int]:
    """Writes one model; its summary, and the input size that Ultralytics settled on."""
    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.models.torch_models import save_model, state_digest

    digest = state_digest(weights.tensors)
    record = ModelRecord(
        framework=FRAMEWORK,
        task=job.spec.name,
        architecture=run.architecture,
        class_names=list(job.spec.classes),
        keypoints=job.spec.keypoints,
        base_classes=None if run.base is None else run.base.base_classes,
        imgsz=weights.imgsz,
        seed=run.seed,
        epoch=weights.epoch,
        parameters=weights.parameters,
        state_digest=digest,
    )
    path = save_model(job.out, record, weights.tensors)
    model = TrainedModel(
        seed=run.seed,
        path=f"weights/{path.name}",
        state_digest=digest,
        parameters=weights.parameters,
        epochs=weights.epochs,
        seconds=weights.seconds,
        warnings=weights.warnings,
    )
    return model, weights.imgsz


def _inside(root: Path, relative: str) -> Path:
    """The file in the repository, which may not lead out of it.

    Raises:
        FlywheelError: the path is absolute, leaves the repository or goes through a symlink.
    """
    path = root / relative
    steps = [path, *path.parents[: len(Path(relative).parts) - 1]]
    if (
        Path(relative).is_absolute()
        or ".." in Path(relative).parts
        or any(step.is_symlink() for step in steps)
    ):
        raise FlywheelError(
            f"{relative}: a weights file must lie inside the repository, and not behind a symlink",
            where=Where("train.model"),
            hint="copy it into the repository, for example into weights/, and track it with `dvc add`",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return path
