"""`evaluate`: measure every artefact's predictions on the test split and on its slices."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from msgspec import UNSET, UnsetType, structs

from runner.checks.data_rules import DEFAULT_DISTANCE, FRAME_CORRELATION
from runner.checks.expectations import least_frame_correlation, near_duplicate_distance
from runner.config.project import Project
from runner.config.sprint import CheckBlock, Confidence, Evaluate, SliceSpec
from runner.domain.champion import ResolvedChampion
from runner.domain.evaluation import (
    CHAMPION_TARGET,
    REFERENCE_TARGET,
    ChampionEvaluation,
    ChampionModel,
    Evaluation,
    FoundSlice,
    Leaks,
    LeftOut,
    NearDuplicates,
    Resampling,
    TargetEvaluation,
    is_seed_target,
    seed_target,
)
from runner.domain.files import atomic_folder, read_json
from runner.domain.progress import progress_bar
from runner.domain.records import JUDGED, Record
from runner.domain.task import TaskSpec
from runner.gates import Gate
from runner.record.catalogue import (
    CHAMPION_FOLDER,
    CLASS_CURVES,
    ERRORS,
    EVALUATION,
    F1_CONFIDENCE,
    INDEX_FOLDER,
    METRICS,
    OUTCOMES_FOLDER,
    PRECISION_RECALL,
    PREDICTIONS_FOLDER,
    SELECTION,
    SELECTION_FOLDER,
)
from runner.stages.stage import Stage, StageContext

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


def resolve(
    project: Project,
    options: Evaluate,
    *,
    targets: Sequence[str],
    primary_target: str,
    seeds: Sequence[int],
    gates: Sequence[Gate],
    checks: Sequence[CheckBlock],
    champion: ResolvedChampion | None,
) -> EvaluateParams:
    """Every artefact, the champion where there is one, and the project's slices before the sprint's own."""
    return EvaluateParams(
        task=project.task_spec,
        targets=[REFERENCE_TARGET, *targets],
        primary_target=primary_target,
        further_seeds=list(seeds[1:]),
        optimizing=options.optimizing_for(project.task),
        operating_confidence=options.operating_confidence,
        confidence=options.confidence,
        group_by=project.dataset.group_by,
        slices=[*project.slices, *options.slices],
        judged_classes=_judged_classes(project, gates),
        champion=champion.sprint if champion else None,
        near_duplicate_distance=near_duplicate_distance(checks),
        frame_correlation=least_frame_correlation(checks),
    )


def _judged_classes(project: Project, gates: Sequence[Gate]) -> list[str]:
    """The classes that gates name within slices."""
    named = {gate.class_name for gate in gates if gate.class_name and gate.slice}
    return sorted(project.classes if "*" in named else named)


def run(context: StageContext, params: EvaluateParams) -> None:
    """Writes the evaluation, the errors, the curves, and the outcomes that all of them rest on.

    Raises:
        FlywheelError: a table is missing, a slice's condition is refused, or a prediction is of an unknown class
            or image.
    """
    from runner.assessment.curves import write_curves
    from runner.assessment.errors import errors_record
    from runner.assessment.metrics_file import metrics_file
    from runner.assessment.samples import write_samples

    measuring = _Measuring.prepare(context.folder, params)
    with atomic_folder(context.folder / OUTCOMES_FOLDER.name) as outcomes:
        measured = measuring.all_targets(outcomes)
        write_samples(outcomes / "resamples.parquet", measured.samples)
        leaks = measuring.without_leaks(outcomes)
    judged = measured.analyses[params.primary_target]
    write_curves(context.folder, measured.analyses, params.primary_target, params.task.classes)
    ERRORS.write(context.folder, errors_record(judged, params.task.classes, params.primary_target))
    METRICS.write(context.folder, metrics_file(measured.targets, params.task))
    EVALUATION.write(context.folder, _evaluation(context.folder, params, measuring, measured, leaks))


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What was found out about every artefact; `champion` is None where there is none."""

    targets: list[TargetEvaluation]
    seeds: list[TargetEvaluation]
    champion: ChampionEvaluation | None
    samples: list[CellSample]
    analyses: dict[str, ErrorAnalysis]
    searched_regions: int | None
    left_out: list[LeftOut]
    near_duplicates: NearDuplicates | None


@dataclass(frozen=True, kw_only=True)
class _Measuring:
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
    def prepare(cls, folder: Path, params: EvaluateParams) -> _Measuring:
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

    def all_targets(self, outcomes: Path) -> _Measured:
        """Measures every artefact, the further seeds and the champion; the judged one says which slices are weak."""
        from runner.assessment.slices import find_weakest

        seeds, names = self._seeds, [*self._seeds, *self.params.targets]
        champion = [CHAMPION_TARGET] if self.params.champion else []
        with progress_bar("evaluate", 2 * (len(names) + len(champion)), "step") as bar:
            analyses = {}
            for name in [*names, *champion]:
                analyses[name] = self._analyse(name, outcomes)
                bar.update()
            images = analyses[self.params.primary_target].images
            weak = find_weakest(self.split, images, self.draws.groups, self.params.slices)
            assessed, deviations = self._all(names, weak.slices, bar.update)
            samples = [sample for each in assessed.values() for sample in each.samples]
            compared = self._compared(assessed, deviations, weak.slices) if champion else None
            bar.update(len(champion))
        return _Measured(
            targets=[assessed[name].evaluation for name in self.params.targets],
            seeds=[assessed[name].evaluation for name in seeds],
            champion=compared[0] if compared else None,
            samples=[*samples, *(compared[1] if compared else [])],
            analyses={name: analyses[name] for name in self.params.targets},
            searched_regions=weak.searched,
            left_out=assessed[self.params.primary_target].left_out,
            near_duplicates=self._near_duplicates(deviations),
        )

    def _near_duplicates(self, seeds: SeedDeviations) -> NearDuplicates | None:
        from runner.assessment.near import measured_on_others, near_duplicates

        record, others = near_duplicates(self.folder, self.split, self.params.near_duplicate_distance)
        if record is None or others is None:
            return record
        name, classes = self.params.primary_target, self.params.task.classes
        measurable = self.task.measurable(self._data(name))
        return measured_on_others(record, others, name, measurable, self.draws, classes, seeds)

    def without_leaks(self, outcomes: Path) -> Leaks | None:
        """Everything measured again on the test images that did not leak; None where none leaked."""
        from runner.assessment.leaks import (
            PAIRS_FILE,
            SAMPLES_FILE,
            leaked_images,
            leaks_record,
            left_images,
            write_pairs,
        )
        from runner.assessment.samples import write_samples

        told, distance = self.params.frame_correlation, self.params.near_duplicate_distance
        least = FRAME_CORRELATION if isinstance(told, UnsetType) else told
        leaked = leaked_images(self.folder, distance=distance, frame_correlation=least)
        if not leaked:
            return None
        write_pairs(outcomes / PAIRS_FILE, leaked)
        left = left_images(self.split, leaked)
        record = leaks_record(leaked, left, self.split.groups)
        if not left.any():
            return record
        others, names = replace(self, images=left), [*self._seeds, *self.params.targets]
        assessed, deviations = others._all(names, (), lambda: None)
        samples = [sample for each in assessed.values() for sample in each.samples]
        compared = others._compared(assessed, deviations, ()) if self.params.champion else None
        write_samples(outcomes / SAMPLES_FILE, [*samples, *(compared[1] if compared else [])])
        return structs.replace(
            record,
            targets=[assessed[name].evaluation for name in self.params.targets],
            champion=compared[0] if compared else None,
            left_out=assessed[self.params.primary_target].left_out,
        )

    @property
    def _seeds(self) -> list[str]:
        return [seed_target(seed) for seed in self.params.further_seeds]

    def _all(
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
            if name == REFERENCE_TARGET and self._seeds:
                first = self._assess(REFERENCE_TARGET, found, NO_SEEDS, within, resampled=False)
                cells = [cell for seed in self._seeds for cell in assessed[seed].samples]
                deviations = seed_deviations(cells, first.samples)
            known = name in self.params.targets
            assessed[name] = self._assess(name, found, deviations if known else NO_SEEDS, within)
            done()
        return assessed, deviations

    def _compared(
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
            ours, deviations = self._all(list(ours), found, lambda: None, within)
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


def _evaluation(
    folder: Path, params: EvaluateParams, measuring: _Measuring, measured: _Measured, leaks: Leaks | None
) -> Evaluation:
    import numpy as np

    from runner.assessment.slices import slice_members

    selection = SELECTION.read(folder)
    return Evaluation(
        task=params.task.name,
        evaluator=measuring.task.evaluator,
        split=JUDGED,
        split_digest=selection.split_digests[JUDGED],
        operating_confidence=params.operating_confidence,
        optimizing=params.optimizing,
        resampling=Resampling(
            level=params.confidence.level,
            resamples=params.confidence.resamples,
            unit=params.group_by or "image",
            groups=len(np.unique(measuring.draws.groups)),
        ),
        targets=measured.targets,
        seeds=measured.seeds,
        slice_members=slice_members(params.slices, measuring.split),
        searched_regions=measured.searched_regions,
        near_duplicates=measured.near_duplicates,
        left_out=measured.left_out,
        champion=measured.champion,
        leaks=leaks if leaks is not None else UNSET,
    )


STAGE = Stage(
    name="evaluate",
    version=8,
    params_type=EvaluateParams,
    run=run,
    reads=(INDEX_FOLDER, SELECTION_FOLDER, SELECTION, PREDICTIONS_FOLDER, CHAMPION_FOLDER),
    writes=(OUTCOMES_FOLDER, EVALUATION, ERRORS, METRICS, PRECISION_RECALL, CLASS_CURVES, F1_CONFIDENCE),
    metrics=(METRICS,),
    plots=(
        {
            PRECISION_RECALL.name: {
                "x": "recall",
                "y": "precision",
                "template": "scatter",  # a line would join the points of different artefacts
                "title": "Precision and recall at similarity 0.5",
            }
        },
        {
            F1_CONFIDENCE.name: {
                "x": "confidence",
                "y": "f1",
                "template": "scatter",
                "title": "F1 by the confidence from which on a prediction counts",
            }
        },
    ),
)
