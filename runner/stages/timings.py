"""How long stages took, and what they scale with: the forecast's history."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path

from runner.domain.errors import FlywheelError
from runner.domain.files import read_json, write_json
from runner.domain.records import Record, Selection, StageTiming, Training
from runner.trainers import Trainer

FILE = "timings.json"


class Timings(Record, frozen=True, kw_only=True):
    """The last real run of each stage of one sprint."""

    stages: list[StageTiming] = []


def read_timings(folder: Path) -> Timings:
    """The sprint's timings; none when it has not run, or when the file is spoiled: a run does not depend on it."""
    with contextlib.suppress(FlywheelError):
        return read_json(folder / FILE, Timings)
    return Timings()


def record_timing(folder: Path, stage: str, seconds: float, work: float) -> None:
    """Replaces the stage's timing in the sprint folder."""
    timing = StageTiming(
        stage=stage,
        seconds=round(seconds, 3),
        work=work,
        device=_device(folder),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    others = [other for other in read_timings(folder).stages if other.stage != stage]
    write_json(folder / FILE, Timings(stages=sorted([*others, timing], key=_place)))


def _place(timing: StageTiming) -> int:
    from runner.stages.pipeline import STAGES

    names = [stage.name for stage in STAGES]
    return names.index(timing.stage) if timing.stage in names else len(names)


def _device(folder: Path) -> str:
    with contextlib.suppress(FlywheelError):
        return read_json(folder / "training.json", Training).device.kind
    return "cpu"


_SCALING = ("train", "predict", "champion", "check", "select")


def scales(stage: str) -> bool:
    """Whether a stage's time depends on how much is selected."""
    return stage in _SCALING


def stage_work(stage: str, selection: Selection | None, trainer: Trainer) -> float:
    """What a stage's time is proportional to: images, or megapixel-epochs for train; 1 when it is constant."""
    if selection is None or stage not in _SCALING:
        return 1.0
    counts = selection.splits
    images = {name: split.images for name, split in counts.items()}
    match stage:
        case "train":
            megapixels = trainer.imgsz**2 / 1e6
            epochs = trainer.epochs * len(trainer.seeds)
            return round((images.get("train", 0) + 0.3 * images.get("val", 0)) * epochs * megapixels, 3)
        case "predict" | "champion":
            return float(max(1, images.get("test", 0)))
        case _:
            return float(max(1, sum(images.values())))
