"""How long stages took, and their work: the forecast's history."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from runner.domain.errors import FlywheelError
from runner.domain.records import StageTiming
from runner.record.catalogue import TIMINGS, TRAINING
from runner.record.timings import Timings
from runner.stages.kinds import Kind


def read_timings(folder: Path) -> Timings:
    """The sprint's timings; none when it has not run, or when the file is spoiled: a run does not depend on it."""
    with contextlib.suppress(FlywheelError):
        return TIMINGS.read(folder)
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

    TIMINGS.amend(folder, Timings(stages=sorted([*others, timing], key=place)))


def _device(folder: Path) -> str:
    with contextlib.suppress(FlywheelError):
        return TRAINING.read(folder).device.kind
    return "cpu"
