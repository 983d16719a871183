"""How long stages took, and their work: the forecast's history."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.domain.errors import FlywheelError
from runner.domain.files import read_json, write_json
from runner.domain.records import Record, StageTiming, Training
from runner.stages.kinds import Kind

FILE = "timings.json"


class Timings(Record, frozen=True, kw_only=True):
    """The last real run of each stage of one sprint."""

    stages: list[StageTiming] = []


def read_timings(folder: Path) -> Timings:
    """The sprint's timings; none when it has not run, or when the file is spoiled: a run does not depend on it."""
    with contextlib.suppress(FlywheelError):
        return read_json(folder / FILE, Timings)
    return Timings()


def record_timing(folder: Path, kind: Kind[Any], stage: str, seconds: float, work: float) -> None:
    """Replaces the stage's timing in the folder of a piece of work; in its pipeline's order."""
    timing = StageTiming(
        stage=stage,
        seconds=round(seconds, 3),
        work=work,
        device=_device(folder),
        finished_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    names = [each.name for each in kind.stages]
    others = [other for other in read_timings(folder).stages if other.stage != stage]

    def place(timing: StageTiming) -> int:
        return names.index(timing.stage) if timing.stage in names else len(names)

    write_json(folder / FILE, Timings(stages=sorted([*others, timing], key=place)))


def _device(folder: Path) -> str:
    with contextlib.suppress(FlywheelError):
        return read_json(folder / "training.json", Training).device.kind
    return "cpu"
