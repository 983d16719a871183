"""worth.json: was the sprint worth it? From its own record, the records of earlier sprints, and what annotators answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from typing import TYPE_CHECKING

import msgspec

from runner.assessment.past_sprints import PastSprint
from runner.domain.annotation_quality import AnnotationQuality
from runner.domain.evaluation import Evaluation
from runner.domain.labelling import GOLD_ARM
from runner.domain.worth import CausedGain, Worth
from runner.planning.earlier_sprints import earlier_sprints, params_in, past_sprint, recipe_in
from runner.record.catalogue import ANNOTATIONS, CAUSED, QUALITY, sprint_path
from runner.record.label_issues import read_cleaning
from runner.record.labelling import read_annotations, read_batch
from runner.report.build import sprint_cost
from runner.report.inputs import ReportInputs
from runner.tasks import TASKS
from runner.workflow.judging.collect import SAMPLES, Sources, label_price

if TYPE_CHECKING:
    from runner.assessment.worth import Asked


def worth_of(sources: Sources, inputs: ReportInputs, only: Collection[str] | None = None) -> Worth | None:
    """None for a sprint that was not judged, and for the first one: there is nothing to compare it with.

    Args:
        only: of earlier sprints no others than these.

    Raises:
        FlywheelError: the sprint's own record of a batch or of answers cannot be read.
    """
    from runner.assessment.worth import worth

    evaluation, selection, verdict = inputs.evaluation, inputs.selection, inputs.verdict
    if evaluation is None or selection is None or verdict is None:
        return None
    champion = evaluation.champion.sprint if evaluation.champion else None
    earlier, unread = earlier_sprints(
        sources.root, inputs.sprint_name, past_sprint, champion=champion, only=only
    )
    if not earlier and champion is None:
        return None
    own = PastSprint(
        name=inputs.sprint_name,
        evaluation=evaluation,
        selection=selection,
        verdict=verdict,
        params=params_in(sources.folder),
        checks=inputs.checks,
        cleaned=read_cleaning(sources.folder),
    )
    made = worth(own, earlier, _asked(sources, inputs, evaluation))
    return msgspec.structs.replace(
        made,
        rests_on={
            f"{sprint_path(sprint.name)}/{name}": digest
            for sprint in earlier
            for name, digest in sorted(sprint.files.items())
        },
        unread=unread,
    )


def _asked(sources: Sources, inputs: ReportInputs, evaluated: Evaluation) -> Asked:
    from runner.assessment.samples import read_samples
    from runner.assessment.worth import Asked, Spent

    project = sources.project
    price = label_price(project)
    goal = project.goal
    samples = sources.folder / SAMPLES
    quality = _quality(inputs)
    return Asked(
        spent=Spent(
            unit=TASKS[project.task].label.removesuffix("_label"),
            currency=price.currency,
            price=price.per_object,
            answered=_answered(sources),
            paid=quality.cost if quality is not None else None,
            compute=sprint_cost(inputs.timings, project.costs).total,
            review=project.costs.label.review or None,
        ),
        samples=read_samples(samples) if samples.is_file() else None,
        target=goal.target if goal else None,
        target_metric=goal.metric if goal else None,
        value_per_point=goal.value_per_point if goal else None,
        ceiling=_ceiling(quality, (goal.metric if goal else None) or evaluated.optimizing),
        caused=_caused(sources, inputs),
        arms=Counter(image.arm for image in read_batch(sources.folder) if image.arm != GOLD_ARM),
    )


def _quality(inputs: ReportInputs) -> AnnotationQuality | None:
    """What annotation.json says of the sprint's own round."""
    if QUALITY.name not in inputs.records:
        return None
    return msgspec.convert(inputs.records[QUALITY.name], QUALITY.type)


def _ceiling(quality: AnnotationQuality | None, metric: str) -> float | None:
    """By how far the sprint's annotators agree, or know what is known: the lower one where both were measured."""
    found = [
        one.ceiling.value
        for one in (quality.ceilings if quality is not None else ())
        if one.metric == metric and one.ceiling.value is not None
    ]
    return min(found, default=None)


def _caused(sources: Sources, inputs: ReportInputs) -> list[CausedGain]:
    """What `flywheel ablate` found, of this very selection and recipe; nothing where it did not look."""
    found = CAUSED.read_if_there(sources.folder)
    if found is None or inputs.selection is None:
        return []
    same = found.selection == inputs.selection.digest and found.recipe == recipe_in(params_in(sources.folder))
    return found.gains if same else []


def _answered(sources: Sources) -> int | None:
    """Labels that annotators gave; for classify images, since an image's class is one."""
    if not (sources.folder / ANNOTATIONS.name).is_file():
        return None
    rows = [row for row in read_annotations(sources.folder) if row.state != "skipped"]
    return sum(row.objects for row in rows) if TASKS[sources.project.task].ranked else len(rows)
