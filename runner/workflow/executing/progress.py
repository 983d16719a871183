"""What a run says of its stages while they run."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from runner.adapters.dvc.repo import StageEvent
from runner.planning.records import StagePlan


class StageLines:
    """One line per stage on stderr: what it does and why, then how long it took."""

    def __init__(self, plans: Sequence[StagePlan], say: Callable[[str], None]) -> None:
        self.finished: list[str] = []
        self.reasons = {stage.stage: "; ".join(stage.reasons) for stage in plans}
        self.names = [stage.stage for stage in plans]
        self.say = say
        self.running: tuple[str, float] | None = None

    def event(self, stage: str, event: StageEvent) -> None:
        """Says what became of a stage, and begins to time one that runs."""
        self.finish()
        match event:
            case "unchanged":
                self.finished.append(stage)
                self.say(f"{self._place(stage)}  cached (unchanged)")
            case "restored":
                self.finished.append(stage)
                self.say(f"{self._place(stage)}  cached (an earlier run's result, from DVC's cache)")
            case "running":
                self.say(f"{self._place(stage)}  running: {self.reasons.get(stage, '')}")
                self.running = (stage, time.monotonic())

    def finish(self) -> None:
        """Says how long the stage under way took."""
        if self.running is not None:
            stage, started = self.running
            self.finished.append(stage)
            self.say(f"{self._place(stage)}  done in {time.monotonic() - started:.1f} s")
            self.running = None

    def failed(self, stage: str, how: str) -> None:
        """Says that the stage under way did not end well."""
        self.running = None
        self.say(f"{self._place(stage)}  {how}")

    def _place(self, stage: str) -> str:
        number = self.names.index(stage) + 1 if stage in self.names else 0
        total = str(len(self.names))
        return f"{f'[{number}/{total}]':<{2 * len(total) + 3}} {stage:<9}"
