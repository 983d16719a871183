"""What `evaluate` is told, and the measuring itself: every artefact, its slices, and the champion beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import UNSET, UnsetType

from runner.checks.data_rules import DEFAULT_DISTANCE
from runner.config.sprint import Confidence, SliceSpec
from runner.domain.evaluation import (
    CHAMPION_TARGET,
    REFERENCE_TARGET,
    ChampionEvaluation,
    ChampionModel,
    FoundSlice,
    LeftOut,
    TargetEvaluation,
    is_seed_target,
    seed_target,
)
from runner.domain.files import read_json
from runner.domain.progress import progress_bar
from runner.domain.records import Record
from runner.domain.task import TaskSpec
from runner.record.catalogue import CHAMPION_FOLDER, PREDICTIONS_FOLDER

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.assessment.cells import AssessedTarget, CellSample, Draws, Part, SeedDeviations
    from runner.assessment.split import TestSplit
    from runner.evaluation.errors import ErrorAnalysis
    from runner.tasks.task import Task, TestData

    Found: TypeAlias = Sequence[tuple[Part, FoundSlice]]


class EvaluateParams(Record, frozen=True, kw_only=True):
    """What is measured. `judged_classes` are those that gates name on slices; `group_by` names the groups."""

    task: TaskSpec
    targets: list[str]
    primary_target: str
    further_seeds: list[int]
    optimizing: str
    operating_confidence: float
    confidence: Confidence
    group_by: str | None
    slices: list[SliceSpec]
    judged_classes: list[str]
    champion: str | None = None
    near_duplicate_distance: int = DEFAULT_DISTANCE
    # Unset where it is the usual one: what was evaluated before there was such an option stays cached.
    frame_correlation: float | UnsetType = UNSET


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What was found out about every artefact; `champion` is None where there is none."""

    targets: list[TargetEvaluation]
    seeds: list[TargetEvaluation]
    champion: ChampionEvaluation | None
    samples: list[CellSample]
    analyses: dict[str, ErrorAnalysis]
    searched_regions: int | None
    left_out: list[LeftOut]


@dataclass(frozen=True, kw_only=True)
class Measuring:
    """One test split, and what every artefact is measured by.

    Attributes:
        images: `(I,)` which of the split's images are measured on; all when None.
    """

    folder: Path
    params: EvaluateParams
    task: Task
    split: TestSplit
    draws: Draws
    images: NDArray[np.bool_] | None = None

    @classmethod
    def prepare(cls, folder: Path, params: EvaluateParams) -> Measuring:
        """Reads the test split of a sprint.

        Raises:
            FlywheelError: a table is missing or not readable.
        """
        from runner.assessment.cells import Draws
        from runner.assessment.split import load_split
        from runner.evaluation.bootstrap import multiplicities
        from runner.tasks import TASKS

        task = TASKS[params.task.name](spec=params.task, operating_confidence=params.operating_confidence)
        split = load_split(folder, task)
        draws = Draws(
            groups=split.groups,
            multiplicities=multiplicities(split.groups, params.confidence.resamples),
            level=params.confidence.level,
        )
        return cls(folder=folder, params=params, task=task, split=split, draws=draws)

    def all_targets(self, outcomes: Path) -> Measured:
        """Measures every artefact, the further seeds and the champion; the judged one says which slices are weak."""
        from runner.assessment.slices import find_weakest

        seeds, names = self.seeds, [*self.seeds, *self.params.targets]
        champion = [CHAMPION_TARGET] if self.params.champion else []
        with progress_bar("evaluate", 2 * (len(names) + len(champion)), "step") as bar:
            analyses = {}
            for name in [*names, *champion]:
                analyses[name] = self._analyse(name, outcomes)
                bar.update()
            images = analyses[self.params.primary_target].images
            weak = find_weakest(self.split, images, self.draws.groups, self.params.slices)
            assessed, deviations = self.assessed(names, weak.slices, bar.update)
            samples = [sample for each in assessed.values() for sample in each.samples]
            compared = self.compared(assessed, deviations, weak.slices) if champion else None
            bar.update(len(champion))
        return Measured(
            targets=[assessed[name].evaluation for name in self.params.targets],
            seeds=[assessed[name].evaluation for name in seeds],
            champion=compared[0] if compared else None,
            samples=[*samples, *(compared[1] if compared else [])],
            analyses={name: analyses[name] for name in self.params.targets},
            searched_regions=weak.searched,
            left_out=assessed[self.params.primary_target].left_out,
        )

    @property
    def seeds(self) -> list[str]:
        """The names of the further seeds' models."""
        return [seed_target(seed) for seed in self.params.further_seeds]

    def assessed(
        self,
        names: Sequence[str],
        found: Found,
        done: Callable[[], object],
        within: NDArray[np.bool_] | None = None,
    ) -> tuple[dict[str, AssessedTarget], SeedDeviations]:
        """The seeds' models and this sprint's artefacts, and the spread over seeds, which is part of the artefacts' intervals."""
        from runner.assessment.cells import NO_SEEDS, seed_deviations

        assessed: dict[str, AssessedTarget] = {}
        deviations = NO_SEEDS
        for name in names:
            if name == REFERENCE_TARGET and self.seeds:
                first = self._assess(REFERENCE_TARGET, found, NO_SEEDS, within, resampled=False)
                cells = [cell for seed in self.seeds for cell in assessed[seed].samples]
                deviations = seed_deviations(cells, first.samples)
            known = name in self.params.targets
            assessed[name] = self._assess(name, found, deviations if known else NO_SEEDS, within)
            done()
        return assessed, deviations

    def compared(
        self, ours: Mapping[str, AssessedTarget], deviations: SeedDeviations, found: Found
    ) -> tuple[ChampionEvaluation, list[CellSample]]:
        """The champion beside this sprint's artefacts, on the classes that both know; and the samples of that."""
        from runner.assessment.cells import NO_SEEDS
        from runner.assessment.comparison import common_samples, differences, known_to

        model = read_json(self.folder / CHAMPION_FOLDER.name / "champion.json", ChampionModel)
        classes = self.params.task.classes
        unknown = [name for name in classes if name not in model.class_names]
        samples: list[CellSample] = []
        within = known_to(classes, model.class_names) if unknown else None
        if unknown:
            ours, deviations = self.assessed(list(ours), found, lambda: None, within)
            samples = common_samples(sample for each in ours.values() for sample in each.samples)
        champion = self._assess(CHAMPION_TARGET, found, NO_SEEDS, within)
        compared = ChampionEvaluation(
            sprint=model.sprint,
            tag=model.tag,
            target=model.target,
            unknown_classes=unknown,
            evaluation=champion.evaluation,
            beside=[ours[name].evaluation for name in self.params.targets] if unknown else [],
            differences=differences(
                ours[self.params.primary_target].samples,
                champion.samples,
                metric=self.params.optimizing,
                level=self.params.confidence.level,
                seeds=deviations,
                skipped_slices=frozenset(part.name for part, _ in found),
            ),
        )
        return compared, [*samples, *champion.samples]

    def _analyse(self, name: str, outcomes: Path) -> ErrorAnalysis:
        from runner.assessment.errors import write_outcomes

        data = self._data(name)
        analysis = self.task.errors(data)
        write_outcomes(outcomes, name, data, analysis)
        return analysis

    def _data(self, name: str) -> TestData:
        from runner.assessment.split import data_of

        own = self.folder / PREDICTIONS_FOLDER.name / f"{name}.parquet"
        champions = self.folder / CHAMPION_FOLDER.name / "predictions.parquet"
        return data_of(self.split, name, champions if name == CHAMPION_TARGET else own, self.task)

    def _assess(
        self,
        name: str,
        found: Found,
        seeds: SeedDeviations,
        within: NDArray[np.bool_] | None = None,
        *,
        resampled: bool = True,
    ) -> AssessedTarget:
        """One artefact; `within`: `(K,)` the classes that count, all when None."""
        from runner.assessment.cells import assess_target
        from runner.assessment.comparison import of_classes
        from runner.assessment.slices import resolve_slices

        data = self._data(name)
        named = resolve_slices(self.params.slices, self.split, data.predictions)
        return assess_target(
            name,
            self.task.measurable(data),
            [*((part, None) for part in named), *found],
            self.draws.none() if is_seed_target(name) or not resampled else self.draws,
            classes=self.params.task.classes,
            # of every other artefact they would fill the record with what nobody looks at
            slice_classes=frozenset(self.params.task.classes if name == self.params.primary_target else ()),
            judged_classes=frozenset(self.params.judged_classes),
            seeds=seeds,
            within=of_classes(within, data.objects, data.predictions) if within is not None else None,
            images=self.images,
        )
