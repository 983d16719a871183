"""Time and cost of the stages that will run: from what earlier runs took, else by a table of one known machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from runner.adapters.dvc import metafiles
from runner.config.load import LoadedSprint
from runner.config.project import Costs, Project
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.records import Selection, StageTiming, Training
from runner.planning import first_forecast
from runner.planning.records import Action, Forecast, StagePlan
from runner.planning.resolve import TO_ROOT, ResolvedStage, params_of
from runner.record.catalogue import LOCK, REPORTS, SELECTION, TRAINING, sprint_folder
from runner.stages import index, train
from runner.stages.kinds import SPRINT
from runner.stages.timings import read_timings
from runner.trainers import training_terms

T = TypeVar("T")


class Past(Struct, frozen=True, kw_only=True):
    """A stage's run that is gone by: what it took, and whose record tells of it."""

    timing: StageTiming
    sprint: str


def history(root: Path, sprint: str) -> dict[str, Past]:
    """Per stage the newest run: this sprint's own first, else any sprint's."""
    newest: dict[str, Past] = {}
    for folder in sorted((root / REPORTS).glob("*/")):
        for timing in read_timings(folder).stages:
            known = newest.get(timing.stage)
            own = folder.name == sprint
            if (
                known is None
                or own
                or (known.sprint != sprint and timing.finished_at > known.timing.finished_at)
            ):
                newest[timing.stage] = Past(timing=timing, sprint=folder.name)
    return newest


def forecast_stage(timing: StageTiming | None, work: float) -> float | None:
    """Seconds, in proportion to the work; None without history."""
    return None if timing is None or timing.work <= 0 else round(timing.seconds * work / timing.work, 1)


def stage_cost(seconds: float, device: str, costs: Costs) -> float:
    """Money for `seconds` of one stage on `device`."""
    return seconds / 3600 * hourly_price(device, costs)


def hourly_price(device: str, costs: Costs) -> float:
    """What an hour on `device` ("cpu", "cuda", "cuda:0") costs."""
    return costs.gpu_hour if device.startswith("cuda") else costs.cpu_hour


class Forecaster:
    """Forecasts a sprint's stages, and remembers what it had to assume.

    Args:
        stages: the sprint's.
        selection: what the sprint will select; None while that is not known, as after the data changed.
    """

    def __init__(
        self,
        root: Path,
        project: Project,
        loaded: LoadedSprint,
        stages: Sequence[ResolvedStage],
        selection: Selection | None,
    ) -> None:
        self._root, self._project, self._sprint, self._selection = root, project, loaded.sprint, selection
        self._stages = stages
        self.past = history(root, loaded.name)
        self._notes: dict[str, None] = {}
        self._by_table: list[str] = []

    def seconds(self, stage: str) -> float | None:
        """Of one stage that will run; None where there is nothing to go by."""
        past = self.past.get(stage)
        if past is None or past.timing.work <= 0:
            return self._of_table(stage)
        if self._selection is None and SPRINT.stage(stage).work is not None:
            return self._by_files(stage, past)
        return self._scaled(stage, past, self._work(stage, self._selection) / past.timing.work)

    @property
    def notes(self) -> list[str]:
        """What the numbers rest on beside timings."""
        stages = f"{', '.join(self._by_table)} " if self.past else ""
        return [*self._notes, *([f"{stages}by {first_forecast.BASIS}"] if self._by_table else [])]

    def _work(self, name: str, selection: Selection | None) -> float:
        stage = SPRINT.stage(name)
        return stage.work_of(params_of(self._stages, stage), selection)

    def _scaled(self, stage: str, past: Past, factor: float) -> float:
        if stage == train.STAGE.name:
            factor *= self._of_model(past)
        return round(past.timing.seconds * factor, 1)

    def _of_model(self, past: Past) -> float:
        """How much more this architecture has to compute than the one of the earlier run."""
        before = _recorded(self._root, past.sprint, TRAINING.name, Training)
        if before is None:
            return 1.0
        trainer = self._sprint.train
        now = training_terms(trainer.framework).model_cost(trainer.start)
        factor = now / training_terms(before.framework).model_cost(before.base_model)
        if factor != 1:
            self._notes[f"train {factor:.2g} times, for the size of the model"] = None
        return factor

    def _by_files(self, stage: str, past: Past) -> float:
        """What is not counted yet is taken to be as much more as there are files."""
        earlier = _recorded(self._root, past.sprint, SELECTION.name, Selection)
        work = self._work(stage, earlier) if earlier else past.timing.work
        ratio, words = self._files_ratio(past.sprint)
        self._notes[words] = None
        return self._scaled(stage, past, work / past.timing.work * ratio)

    def _files_ratio(self, sprint: str) -> tuple[float, str]:
        dataset = self._project.dataset.path
        pointer = self._root / f"{dataset}.dvc"
        now = metafiles.parse_pointer(pointer.read_bytes()) if pointer.is_file() else None
        lock = sprint_folder(self._root, sprint) / LOCK.name
        then = metafiles.dependency_files(lock, index.STAGE.name, f"{TO_ROOT}{dataset}")
        if now is None or not now.files or not then:
            return 1.0, f"the data is not counted: taken to be as much as in {sprint}"
        words = f"the data is not counted: by its files ({now.files:,} now, {then:,} in {sprint})"
        return now.files / then, words

    def _of_table(self, stage: str) -> float | None:
        if self._project.compute.device.startswith("cuda"):
            return None
        counted = self._counted
        if counted is None:
            return None
        seconds = first_forecast.seconds(stage, counted.images, self._sprint, self._project.compute.threads)
        if seconds is not None:
            self._by_table.append(stage)
            if counted.words:
                self._notes[counted.words] = None
        return seconds

    @cached_property
    def _counted(self) -> first_forecast.Counted | None:
        if self._selection is not None:
            images = {split: counts.images for split, counts in self._selection.splits.items()}
            return first_forecast.Counted(images=images, words="")
        return first_forecast.counted_by_names(self._root, self._project)


def _recorded(root: Path, sprint: str, file: str, record_type: type[T]) -> T | None:
    path = sprint_folder(root, sprint) / file
    try:
        return read_json(path, record_type) if path.is_file() else None
    except FlywheelError:
        return None


def forecast(
    stages: Sequence[StagePlan],
    timings: Mapping[str, StageTiming],
    costs: Costs,
    notes: Sequence[str] = (),
) -> Forecast:
    """The sum over the stages that will run.

    Args:
        timings: by stage; one without is priced as the CPU's.
        notes: what the numbers rest on beside them.
    """
    running = [stage for stage in stages if stage.action is Action.RUN]
    if not running:
        return Forecast(seconds=0.0, cost=0.0, currency=costs.currency, basis="nothing will run")
    known = [stage for stage in running if stage.forecast_s is not None]
    if not known:
        return Forecast(seconds=None, cost=None, currency=costs.currency, basis="no history")
    seconds = sum(stage.forecast_s or 0.0 for stage in known)
    cost = sum(stage_cost(stage.forecast_s or 0.0, _device(timings, stage), costs) for stage in known)
    unknown = [stage.stage for stage in running if stage.forecast_s is None]
    told = [*notes, *([f"no history of {', '.join(unknown)}"] if unknown else [])]
    head = "timings of earlier runs" if any(stage.stage in timings for stage in known) else "no run to go by"
    return Forecast(
        seconds=round(seconds, 1),
        cost=round(cost, 4),
        currency=costs.currency,
        basis="; ".join([head, *told]),
    )


def _device(timings: Mapping[str, StageTiming], stage: StagePlan) -> str:
    timing = timings.get(stage.stage)
    return timing.device if timing is not None else "cpu"
