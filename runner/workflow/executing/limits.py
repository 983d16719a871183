"""The limits of a run's time and cost, and the watch that really stops it."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from runner.config.project import Compute, Costs
from runner.domain.records import StageFailure

GRACE_S = 10.0
_LOOK_S = 0.2
_UNITS = {"h": "h", "m": "min", "s": "s"}


@dataclass(frozen=True, kw_only=True)
class Limit:
    """How long a run may take.

    Attributes:
        name: as a person says it: "time limit of 6 h", "cost limit of 12.00 EUR".
        option: where it is set.
    """

    seconds: float
    name: str
    option: str

    def failure(self, stage: str, finished: list[str], command: str) -> StageFailure:
        """What the report says of a run that was stopped in `stage`; `command` goes on with it."""
        reached = f"finished before: {', '.join(finished)}" if finished else "no stage was finished before"
        return StageFailure(
            stage=stage,
            message=f"{self.name}: the run was stopped in this stage; {reached}",
            hint=f"run again, and it goes on after what is finished: {command}; "
            f"or raise {self.option} in flywheel.yaml on the base branch, or train less",
        )


def limit_of(compute: Compute, costs: Costs) -> Limit | None:
    """The limit that is reached first; None where there is none.

    What a run costs is not known before it ended: its time counts at the dearest price of a device that it may use.

    Example:
        >>> limit_of(Compute(cost_limit=5, time_limit="6h"), Costs(gpu_hour=2, cpu_hour=0.1)).seconds / 3600
        2.5
    """
    limits = []
    if compute.time_limit is not None and compute.time_limit_s is not None:
        shown = re.sub(r"[hms]$", lambda unit: f" {_UNITS[unit[0]]}", compute.time_limit)
        limits.append(
            Limit(seconds=compute.time_limit_s, name=f"time limit of {shown}", option="compute.time_limit")
        )
    price = _dearest(compute.device, costs)
    if compute.cost_limit is not None and price > 0:
        limits.append(
            Limit(
                seconds=compute.cost_limit / price * 3600,
                name=f"cost limit of {compute.cost_limit:.2f} {costs.currency}",
                option="compute.cost_limit",
            )
        )
    return min(limits, key=lambda limit: limit.seconds, default=None)


def _dearest(device: str, costs: Costs) -> float:
    """Of an hour; stages that need no GPU run on the CPU."""
    return costs.cpu_hour if device == "cpu" else max(costs.cpu_hour, costs.gpu_hour)


class Watch:
    """Whether the limit was reached. What is started from then on is ended too, until the watch is over."""

    def __init__(self, limit: Limit | None) -> None:
        self.limit = limit
        self.over = threading.Event()
        self._reached = threading.Event()

    @property
    def reached(self) -> Limit | None:
        """The limit, once it was reached."""
        return self.limit if self._reached.is_set() else None

    def keep(self, limit: Limit, variable: str, grace_s: float) -> None:
        """Waits for the limit, then ends what is running until the run itself is over."""
        from runner.adapters.system.processes import Started

        if self.over.wait(min(limit.seconds, threading.TIMEOUT_MAX)):
            return
        self._reached.set()
        started = Started(variable)
        waited = 0.0
        while True:
            started.end(force=waited >= grace_s)
            if self.over.wait(_LOOK_S):
                return
            waited += _LOOK_S


@contextmanager
def watched(limit: Limit | None, variable: str, *, grace_s: float = GRACE_S) -> Iterator[Watch]:
    """Ends the stages' processes when the limit is reached: they are asked first, and killed after `grace_s`.

    It is another process's thread that watches, so that a stage is stopped whatever its own threads are held up by.

    Args:
        variable: the environment variable by which a process is known as one of this run's stages.
    """
    watch = Watch(limit)
    if limit is None:
        yield watch
        return
    thread = threading.Thread(target=watch.keep, args=(limit, variable, grace_s), daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        watch.over.set()
        thread.join()
