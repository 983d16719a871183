"""`evaluate`: measure every artefact's predictions on the test split and on its slices."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET

from runner.checks.expectations import least_frame_correlation, near_duplicate_distance
from runner.config.project import Project
from runner.config.sprint import CheckBlock, Evaluate
from runner.domain.champion import ResolvedChampion
from runner.domain.evaluation import REFERENCE_TARGET, Evaluation, Leaks, Resampling
from runner.domain.files import atomic_folder
from runner.domain.records import JUDGED
from runner.gates import Gate
from runner.record.catalogue import (
    CHAMPION_FOLDER,
    CLASS_CURVES,
    COPIES,
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
from runner.stages.measuring import EvaluateParams, Measured, Measuring
from runner.stages.stage import Stage, StageContext
from runner.stages.without_leaks import without_leaks


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

    measuring = Measuring.prepare(context.folder, params)
    with atomic_folder(context.folder / OUTCOMES_FOLDER.name) as outcomes:
        measured = measuring.all_targets(outcomes)
        write_samples(outcomes / "resamples.parquet", measured.samples)
        leaks = without_leaks(measuring, outcomes)
    judged = measured.analyses[params.primary_target]
    write_curves(context.folder, measured.analyses, params.primary_target, params.task.classes)
    ERRORS.write(context.folder, errors_record(judged, params.task.classes, params.primary_target))
    METRICS.write(context.folder, metrics_file(measured.targets, params.task))
    EVALUATION.write(context.folder, _evaluation(context.folder, params, measuring, measured, leaks))


def _evaluation(
    folder: Path, params: EvaluateParams, measuring: Measuring, measured: Measured, leaks: Leaks | None
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
        left_out=measured.left_out,
        champion=measured.champion,
        leaks=leaks if leaks is not None else UNSET,
    )


STAGE = Stage(
    name="evaluate",
    version=9,  # near-duplicates are among the leaks, and not measured a second time
    params_type=EvaluateParams,
    run=run,
    reads=(INDEX_FOLDER, SELECTION_FOLDER, SELECTION, COPIES, PREDICTIONS_FOLDER, CHAMPION_FOLDER),
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
