"""One Ultralytics training: quiet, offline, seeded, on all cores, keeping its best weights in memory."""

from __future__ import annotations

import contextlib
import copy
import io
import logging
import math
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.adapters.models.ultralytics_names import VALIDATION
from runner.adapters.pictures.image_files import judge_file
from runner.adapters.system.machine import torch_name
from runner.adapters.system.offline import silence_ultralytics
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.progress import Progress, progress_bar
from runner.domain.records import Device, Epoch
from runner.domain.task import TaskName

CACHE_LIMIT_BYTES = 1 << 30  # decoded images are kept in memory up to here
MAX_WORKERS = 8
SHOWN_LEFT_OUT = 5


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """What one training needs.

    Attributes:
        data: what `write_training_folder` gave: the file or folder that Ultralytics calls `data`.
        images: training images in it.
        sources: per split, the image of the dataset that each file in it stands for.
        architecture: Ultralytics' model dictionary.
        base: the module whose weights training starts from; None starts from random ones.
        settings: Ultralytics' training arguments, by its names.
    """

    task: TaskName
    data: Path
    images: int
    architecture: dict[str, Any]
    base: Any
    settings: dict[str, Any]
    epochs: int
    imgsz: int
    batch: int
    seed: int
    device: Device
    label: str
    sources: Mapping[str, Mapping[Path, str]] = field(default_factory=dict)


@dataclass(kw_only=True)
class TrainedWeights:
    """What a training gave: the averaged (EMA) float32 weights of the epoch that validated best."""

    tensors: dict[str, Any] = field(default_factory=dict)
    epoch: int = 0
    imgsz: int = 0
    parameters: int = 0
    epochs: list[Epoch] = field(default_factory=list)
    seconds: float = 0.0
    warnings: list[str] = field(default_factory=list)


def train(run: TrainingRun) -> TrainedWeights:
    """Trains one model. The same run on the same number of threads gives the same weights, bit by bit.

    Raises:
        FlywheelError: the loss became infinite or undefined, memory ran out, or the GPU failed.
    """
    silence_ultralytics()
    import torch

    result = TrainedWeights()
    started = time.monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="flywheel-train-") as scratch,
        _collected_warnings(result.warnings),
        progress_bar(run.label, run.epochs, "epoch") as bar,
        contextlib.redirect_stdout(io.StringIO()),  # a bar of Ultralytics' that no setting hides
        warnings.catch_warnings(),
    ):
        # Deterministic mode warns of each operation that has no deterministic form on a GPU.
        warnings.filterwarnings("ignore", message=".*does not have a deterministic implementation.*")
        warnings.filterwarnings("ignore", message=".*pin_memory.*no accelerator is found.*")
        try:
            _trainer_class(run.task)(run, Path(scratch), result, bar).train()
        except torch.OutOfMemoryError as error:
            raise FlywheelError(
                f"the GPU's memory is too small for batch {run.batch} at {run.imgsz} px",
                hint="lower train.batch or train.imgsz in the spec",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error
        except (ValueError, RuntimeError) as error:
            raise FlywheelError(
                f"Ultralytics cannot train like this: {' '.join(str(error).split())}",
                hint="change the options under `train` in the spec",
                exit_code=ExitCode.STAGE_FAILED,
            ) from error
    result.seconds = round(time.monotonic() - started, 3)
    return result


def framework_version() -> str:
    """Ultralytics' and torch's version, as the record shows them."""
    silence_ultralytics()
    import torch
    import ultralytics

    return f"{ultralytics.__version__} (torch {torch.__version__})"


def _overrides(run: TrainingRun, scratch: Path) -> dict[str, Any]:
    cuda = run.device.kind == "cuda"
    fits = run.images * 3 * run.imgsz**2 <= CACHE_LIMIT_BYTES
    return {
        "model": "yolo26n.yaml",  # never read: setup_model below builds the architecture itself
        "data": str(run.data),
        "epochs": run.epochs,
        "imgsz": run.imgsz,
        "batch": run.batch,
        "seed": run.seed,
        "deterministic": True,
        "device": torch_name(run.device).removeprefix("cuda:"),
        # Ultralytics tests mixed precision with a model it downloads; bfloat16 needs no test.
        "amp": "bf16" if cuda and _has_bfloat16() else False,
        "workers": min(MAX_WORKERS, run.device.threads) if cuda else 0,
        "cache": "ram" if fits else False,
        "plots": False,
        "val": True,
        "save": True,
        "verbose": False,
        "pretrained": run.base is not None,  # a classification model would forget its weights
        "patience": 0,
        "project": str(scratch),
        "name": "run",
        "exist_ok": True,
        **run.settings,
    }


def _has_bfloat16() -> bool:
    import torch

    return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def _trainer_class(task: TaskName) -> Any:
    """Built on demand, since its base class is heavy to import."""
    from ultralytics.models import yolo

    base = {
        "detect": yolo.detect.DetectionTrainer,
        "segment": yolo.segment.SegmentationTrainer,
        "pose": yolo.pose.PoseTrainer,
        "obb": yolo.obb.OBBTrainer,
        "classify": yolo.classify.ClassificationTrainer,
    }[task]
    return type("QuietTrainer", (_QuietTraining, base), {})


class _QuietTraining:
    """What is added to Ultralytics' trainer of any task: a model built from a dictionary, no files, an early stop.

    The attributes that are not set here are the trainer's own.
    """

    args: Any
    add_callback: Any
    best_fitness: Any
    ema: Any
    epoch: int
    fitness: Any
    get_model: Any
    label_loss_items: Any
    loss: Any
    lr: dict[str, float]
    metrics: dict[str, float]
    model: Any
    tloss: Any

    def __init__(self, run: TrainingRun, scratch: Path, result: TrainedWeights, bar: Progress) -> None:
        import torch

        self.run, self.result, self.bar = run, result, bar
        super().__init__(overrides=_overrides(run, scratch), _callbacks=defaultdict(list))  # type: ignore[call-arg]
        torch.set_num_threads(run.device.threads)  # Ultralytics leaves one core idle
        self.add_callback("on_train_epoch_end", lambda _: self._require_finite_loss())
        self.add_callback("on_fit_epoch_end", lambda _: self._record_epoch())

    def build_dataset(self, img_path: str, mode: str = "train", batch: int | None = None) -> Any:
        """Ultralytics' dataset of a split, which holds every image that it was given.

        Raises:
            FlywheelError: Ultralytics left some out.
        """
        dataset = super().build_dataset(img_path, mode, batch)  # type: ignore[misc]
        kept = dataset.samples if self.run.task == "classify" else [(file,) for file in dataset.im_files]
        require_all(self.run.sources.get(mode, {}), {Path(item[0]).name for item in kept}, mode)
        return dataset

    def setup_model(self) -> None:
        import torch

        self.model = self.get_model(
            cfg=copy.deepcopy(self.run.architecture), weights=self.run.base, verbose=False
        )
        if self.run.device.kind == "cpu":
            # Convolutions on CPUs run faster with the channels innermost.
            self.model = self.model.to(memory_format=torch.channels_last)
        self.result.parameters = sum(parameter.numel() for parameter in self.model.parameters())

    def save_model(self) -> bool:
        """Keeps the best epoch's weights, as Ultralytics chooses it for the task; nothing is pickled."""
        if self.fitness == self.best_fitness:
            state = self.ema.ema.state_dict()
            self.result.tensors = {
                name: value.detach().cpu().contiguous().clone() for name, value in state.items()
            }
            self.result.epoch = self.epoch + 1
        return True

    def save_metrics(self, metrics: dict[str, float]) -> None:
        """Kept by `_record_epoch` instead of a file."""

    def final_eval(self) -> None:
        """The best weights were already validated when they were kept."""
        self.result.imgsz = int(self.args.imgsz)

    def _handle_nan_recovery(self, epoch: int) -> bool:
        self._require_finite_loss()
        return False

    def _require_finite_loss(self) -> None:
        losses = [*(self.tloss or {}).values(), self.loss]
        if all(math.isfinite(float(loss.detach())) for loss in losses if loss is not None):
            return
        raise FlywheelError(
            f"training diverged: the loss is not finite after epoch {self.epoch + 1}",
            hint="lower train.lr0 (or set it, with an optimizer), or lengthen train.warmup_epochs",
            exit_code=ExitCode.STAGE_FAILED,
        )

    def _record_epoch(self) -> None:
        values = {**self.label_loss_items(self.tloss), **self.metrics, **self.lr}
        finite = {key: round(float(value), 6) for key, value in values.items() if math.isfinite(float(value))}
        self.result.epochs.append(Epoch(epoch=self.epoch + 1, values=finite))
        loss = sum(value for key, value in finite.items() if key.startswith("train/"))
        name, shown = VALIDATION[self.run.task]
        validated = f"{finite[name]:.3f}" if name in finite else "not measured"
        self.bar.set_postfix_str(f"loss {loss:.2f}, val {shown} {validated}")
        self.bar.update()


def require_all(sources: Mapping[Path, str], kept: Collection[str], split: str) -> None:
    """Refuses to train on other images than were selected.

    Args:
        sources: the image of the dataset that each file stands for.
        kept: the names of the files that Ultralytics took.
        split: which split they are of.

    Raises:
        FlywheelError: some were left out (exit code 3), with the reason of the first.
    """
    left_out = [file for file in sources if file.name not in kept]
    if not left_out:
        return
    shown = ", ".join(sources[file] for file in left_out[:SHOWN_LEFT_OUT])
    more = len(left_out) - SHOWN_LEFT_OUT
    # Its own reason is not asked for: for a file that Pillow does not know, it would look for a package to install.
    reason = judge_file(left_out[0]).problem or "the index finds no fault with the file"
    raise FlywheelError(
        f"Ultralytics leaves out {len(left_out)} of {len(sources)} selected images of {split}: {shown}"
        f"{f' and {more} more' if more > 0 else ''} ({reason})",
        hint="save these images or their labels anew, or leave them out with data.exclude in the spec",
        exit_code=ExitCode.STAGE_FAILED,
    )


class _collected_warnings(logging.Handler):  # noqa: N801 - used as a context manager, like a function
    """Collects Ultralytics' warnings instead of printing them, each once."""

    def __init__(self, target: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._target = target

    def emit(self, record: logging.LogRecord) -> None:
        message = " ".join(record.getMessage().split())
        # Paths are of a temporary folder: they would differ from run to run. The advice about the cache does not
        # hold for loading in one process, as the test of bit-identical weights shows.
        unwanted = tempfile.gettempdir() in message or message.startswith("cache='ram'")
        if message not in self._target and not unwanted:
            self._target.append(message)

    def __enter__(self) -> None:
        logging.getLogger("ultralytics").addHandler(self)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("ultralytics").removeHandler(self)
