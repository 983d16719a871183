"""From records to what is known: each number with where it comes from."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.annotation_quality import AnnotationQuality, Measured
from runner.domain.evaluation import QUALITY_METRICS, Interval, Metrics
from runner.domain.records import JUDGED, POOL, Training
from runner.domain.verdict import GateResult, Outcome
from runner.planning.data_delta import Counts
from runner.recommending.goals import distance
from runner.recommending.known import CurvePoint, Known, Measure, OpenGate, Part, Prices, Suspected, Target
from runner.record.catalogue import TIMINGS
from runner.record.label_issues import is_settled
from runner.report.build import sprint_cost
from runner.stages.timings import read_timings
from runner.tasks import TASKS
from runner.trainers import training_terms
from runner.workflow.recommending.counts import ALL, TRAIN
from runner.workflow.recommending.records import JudgedRecords, measure_of

PEAK = 2 / 3  # of the epochs: what was best before it had peaked
LAST = 0.9
NIGHTS = 2.0  # a slice is new where the pool has it so many times as often as train


def known_of(
    project: Project,
    loaded: LoadedSprint,
    own: JudgedRecords,
    before: Sequence[JudgedRecords],
    counts: Counts | None,
    *,
    champion: str | None,
) -> Known:
    """Everything that the records say.

    Args:
        before: earlier sprints that were judged.
        counts: see `counted`; None where that is not known.
        champion: who holds the stage.
    """
    train = own.selection.splits[TRAIN]
    quality = next((records.quality for records in (own, *reversed(before)) if records.quality), None)
    parts = list(_parts(own, counts))
    return Known(
        sprint=own.name,
        metric=own.verdict.optimizing,
        measure=own.measure,
        outcome=own.verdict.outcome,
        champion=champion,
        promoted=champion == own.name,
        train=train.images,
        labels=train.objects if TASKS[project.task].ranked else train.images,
        per_image=train.objects / train.images if TASKS[project.task].ranked and train.images else 1.0,
        pool=counts[POOL][ALL] if counts else _kept_in_pool(own),
        gates=[open_gate(gate) for gate in own.verdict.gates if gate.outcome is not Outcome.PASS],
        parts=parts,
        curve=_curve(own, before),
        prices=_prices(project, loaded, own.folder),
        phase=project.phase,
        chance=_chance(project, own),
        gain=_gain(own),
        seed_deviation=own.seed_deviation,
        costs={kind.name: kind.ap_cost for kind in own.errors.types if kind.ap_cost is not None}
        if own.errors
        else {},
        wrong=_wrong(quality),
        suspected=_suspected(own, before),
        ceiling=_ceiling(quality, own.verdict.optimizing),
        target=_target(project, own),
        test=own.selection.splits[JUDGED].images if JUDGED in own.selection.splits else 0,
        exhausted=own.verdict.wear is not None and own.verdict.wear.exhausted,
        shift=_shift(parts, counts),
        **_training(own.training),  # type: ignore[arg-type]
    )


def _target(project: Project, own: JudgedRecords) -> Target | None:
    goal = project.goal
    if goal is None or goal.target is None:
        return None
    metric = goal.metric or own.verdict.optimizing
    measure = measure_of(own.target.overall, metric, own.level) if own.target else None
    return Target(metric=metric, value=goal.target, measure=measure) if measure else None


def open_gate(gate: GateResult) -> OpenGate:
    """A gate's result as a number that lacks something to a limit."""
    against = gate.reference is not None or " vs " in gate.gate
    value, limit = gate.value, gate.threshold
    if against and gate.value is not None and gate.reference is not None:
        value = gate.value - gate.reference
        limit = -gate.threshold if " drop " in gate.gate else gate.threshold
    higher = " ≥ " in gate.gate or " drop " in gate.gate
    place = f" on slice {gate.slice}" if gate.slice else ""
    place += f" for class {gate.class_name}" if gate.class_name else ""
    return OpenGate(
        words=f"{gate.gate}{place}",
        metric=gate.metric,
        slice=gate.slice,
        outcome=gate.outcome,
        quality=gate.metric in QUALITY_METRICS and gate.decided_by != "measurement" and higher,
        value=value,
        level=gate.value,
        limit=limit,
        interval=gate.interval,
        further=gate.further.images if gate.further else None,
        further_price=gate.further.cost if gate.further else None,
        target_only=gate.gate.endswith(" vs torch"),
    )


def closes(gate: GateResult) -> bool:
    """Whether it is an open gate that labels, clean ones or another model may close."""
    found = open_gate(gate)
    return (
        gate.outcome is not Outcome.PASS and found.quality and not found.target_only and bool(distance(found))
    )


def _parts(own: JudgedRecords, counts: Counts | None) -> Iterator[Part]:
    """The slices that somebody named, where they were measured."""
    if own.target is None:
        return
    whole = own.target.overall
    for part in own.target.slices:
        found = measure_of(part.overall, own.verdict.optimizing, own.level)
        if part.found is not None or found is None or counts is None:
            continue
        yield Part(
            name=part.name,
            measure=found,
            train=counts[TRAIN].get(part.name, 0),
            test=part.overall.images,
            share=min(1.0, _size(part.overall) / max(1, _size(whole))),
            pool=counts[POOL].get(part.name, 0) if part.kind == "images" else None,
            by=part.name.partition("=")[0] if "=" in part.name else "",
        )


def _size(metrics: Metrics) -> int:
    return metrics.objects or metrics.images


def _kept_in_pool(own: JudgedRecords) -> int:
    return sum(step.dropped for step in own.selection.dropped if step.split == POOL)


def _wrong(quality: AnnotationQuality | None) -> Measure | None:
    """The share of labels that is wrong, by gold images; else by how often two annotators differ, each of whom errs as often."""
    if quality is None:
        return None
    gold = [found for found in (quality.gold_recall, quality.gold_precision) if found.value is not None]
    if gold:
        return Measure(value=1 - sum(found.value or 0.0 for found in gold) / len(gold), error=_error(gold[0]))
    both, same = quality.found_by_both, quality.class_agreement
    if both.value is None or same.value is None:
        return None
    return Measure(value=(1 - both.value * same.value) / 2, error=_error(both))


def _suspected(own: JudgedRecords, before: Sequence[JudgedRecords]) -> Suspected | None:
    """What its models suspect, else those of the newest sprint before it on the same labels, as far as nobody has decided about it."""
    digest = own.selection.split_digests.get(TRAIN)
    looked = next(
        (
            one
            for one in (own, *reversed(before))
            if one.issues is not None and one.selection.split_digests.get(TRAIN) == digest
        ),
        None,
    )
    if looked is None or looked.issues is None:
        return None
    decided = [row for one in (*before, own) for row in one.cleaned]
    wrong = sum(row.changed for row in decided)
    # What a suspicion is worth, by what reviews made of earlier ones; one made-up review says that it is what it says.
    worth = (wrong + 1) / (sum(row.suspicion for row in decided) + 1)
    left = [issue for issue in looked.issues if issue.split == TRAIN and not is_settled(issue, decided)]
    return Suspected(
        chances=[min(1.0, issue.suspicion * worth) for issue in left],
        reviewed=len(decided),
        wrong=wrong,
        by=looked.name,
    )


def _error(found: Measured) -> float | None:
    """The standard error, from the 95 % interval."""
    return (found.high - found.low) / 3.92 if found.low is not None and found.high is not None else None


def _ceiling(quality: AnnotationQuality | None, metric: str) -> float | None:
    found = [one.ceiling.value for one in quality.ceilings if one.metric == metric] if quality else []
    return found[0] if found else None


def _curve(own: JudgedRecords, before: Sequence[JudgedRecords]) -> list[CurvePoint]:
    points = []
    for other in (*before, own):
        if other.measure is None or other.verdict.optimizing != own.verdict.optimizing:
            continue
        same = other.evaluation.split_digest == own.evaluation.split_digest and other.recipe == own.recipe
        points.append(
            CurvePoint(
                sprint=other.name,
                images=other.selection.splits[TRAIN].images,
                measure=other.measure,
                otherwise=not same,
            )
        )
    return points


def _prices(project: Project, loaded: LoadedSprint, folder: Path) -> Prices:
    """A price of 0 is one that nobody entered."""
    label: float = getattr(project.costs.label, TASKS[project.task].label)
    timed = (folder / TIMINGS.name).is_file()
    annotation = loaded.sprint.annotation
    return Prices(
        currency=project.costs.currency,
        label=label or None,
        review=project.costs.label.review or None,
        run=(sprint_cost(read_timings(folder).stages, project.costs).total or None) if timed else None,
        point=project.goal.value_per_point if project.goal else None,
        budget=annotation.budget.money if annotation and annotation.budget else None,
    )


def _chance(project: Project, own: JudgedRecords) -> float | None:
    """Of a classifier that always gives the most frequent class; of a detector that guesses: nothing."""
    if TASKS[project.task].ranked:
        return 0.0
    if own.verdict.optimizing != "top1":
        return 1 / max(1, len(project.classes))
    per_class = own.selection.splits["test"].per_class
    total = sum(per_class.values())
    return max(per_class.values()) / total if total else None


def _gain(own: JudgedRecords) -> tuple[float, Interval | None] | None:
    champion = own.evaluation.champion
    for found in champion.differences if champion else ():
        if found.slice is None and found.class_name is None and found.metric == own.verdict.optimizing:
            return found.difference, found.interval
    return None


def _training(training: Training | None) -> dict[str, object]:
    """What the first model's epochs show: the gap between train and val, and whether val still rose."""
    epochs = training.models[0].epochs if training and training.models else []
    if training is None or len(epochs) < 5:
        return {}
    terms = training_terms(training.framework)
    values = terms.values(epochs[-1].values)
    found: dict[str, object] = {}
    preferred = terms.preferred(epochs[-1].values)
    best = len(epochs) - 1
    if preferred is not None:
        heights = [epoch.values.get(preferred.key, math.nan) for epoch in epochs]
        if all(map(math.isfinite, heights)):
            best = max(range(len(heights)), key=lambda at: (heights[at], -at))
            before = max(heights[: max(1, math.floor(LAST * len(heights)))])
            found["rise"] = (max(heights) - before) / max(1 - max(heights), 1e-6)
            found["peaked"] = best < PEAK * len(heights) - 1
    losses = {
        split: [epochs[best].values[value.key] for value in values if value.loss and value.split == split]
        for split in ("train", "val")
    }
    if losses["train"] and len(losses["train"]) == len(losses["val"]) and sum(losses["val"]) > 0:
        found["gap"] = 1 - sum(losses["train"]) / sum(losses["val"])
    return found


def _shift(parts: Sequence[Part], counts: Counts | None) -> str:
    """The slice that the pool has far more often than train, where there is one."""
    if counts is None or not counts[POOL][ALL] or not counts[TRAIN][ALL]:
        return ""
    found = []
    for part in parts:
        share, was = (part.pool or 0) / counts[POOL][ALL], part.train / counts[TRAIN][ALL]
        if share >= 0.1 and share >= NIGHTS * was:
            found.append(
                (share - was, f"{part.name} is {share:.0%} of it, and {was:.0%} of the training images")
            )
    return max(found)[1] if found else ""
