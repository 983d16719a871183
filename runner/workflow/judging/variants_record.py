"""variants.json: the sprint beside its variants, from what the stages of each stored. Nothing is run."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from runner.adapters.dvc import metafiles
from runner.assessment.samples import StoredSamples, read_samples
from runner.config.load import LoadedSprint
from runner.config.variants import made_beside, own_name, project_of, said_by, variant_of
from runner.domain.errors import FlywheelError
from runner.domain.evaluation import Interval
from runner.domain.verdict import GateResult
from runner.evaluation.intervals import Ends, Sample, difference, interval, simultaneous
from runner.planning.earlier_sprints import params_in
from runner.planning.resolve import stages_of
from runner.planning.variants import variant_path
from runner.record.catalogue import EVALUATION, FAILURE, LOCK, PARAMS, PIPELINE, VARIANTS
from runner.record.digests import digest_of
from runner.record.parameters import ancestor_of, champion_of, told_in
from runner.record.variants import VariantGate, VariantResult, Variants
from runner.report.build import sprint_cost
from runner.report.inputs import ReportInputs
from runner.stages import evaluate, index, train
from runner.stages.kinds import VARIANT
from runner.stages.measuring import EvaluateParams
from runner.workflow.judging.collect import SAMPLES, Sources, collect, label_price

NOT_RUN = "it was not run"
OUTDATED = "it was not run as the spec now says"


@dataclass(frozen=True, kw_only=True)
class _Measured:
    """What is known of the sprint or of a variant, and the sample of its metric; None where that is not measured.

    Attributes:
        beside: the sprint's sample that it is compared with, where that is not its own: of other labels.
    """

    result: VariantResult
    sample: Sample | None = None
    beside: Sample | None = None


def variants_of(sources: Sources, inputs: ReportInputs, _: Collection[str] | None = None) -> Variants | None:
    """None for a sprint without variants, and for one that was not judged.

    A clone in which no variant was made keeps what was recorded of them, as long as the spec says the same of them.

    Raises:
        FlywheelError: a variant's record cannot be read.
    """
    names = made_beside(sources.loaded.sprint)
    evaluation = inputs.evaluation
    if not names or evaluation is None or inputs.verdict is None:
        return None
    kept = _kept(sources, names)
    if kept is not None:
        return kept
    level = evaluation.resampling.level if evaluation.resampling else 0.95
    metric = evaluation.optimizing
    own = _measured(sources, inputs, metric, level, name=own_name(sources.loaded.sprint) or "")
    others = [_variant(sources, inputs, name, metric, level) for name in names]
    return Variants(
        metric=metric,
        level=level,
        currency=sources.project.costs.currency,
        results=[own.result, *_compared(own, others, level)],
        rests_on=_rests_on(sources, names),
    )


def _kept(sources: Sources, names: Sequence[str]) -> Variants | None:
    """What is recorded, where no variant is here to look at."""
    if any((sources.root / variant_path(sources.loaded.name, name)).is_dir() for name in names):
        return None
    stored = VARIANTS.read_if_there(sources.folder)
    told = [(name, said_by(sources.loaded.sprint, name)) for name in names]
    same = stored is not None and [(each.name, each.says) for each in stored.others] == told
    return stored if same else None


def _variant(sources: Sources, inputs: ReportInputs, name: str, metric: str, level: float) -> _Measured:
    """One variant; where it is not what the spec says, or of other data, why."""
    folder = sources.root / variant_path(sources.loaded.name, name)
    says = said_by(sources.loaded.sprint, name)
    loaded = variant_of(sources.loaded, name)
    sources = replace(sources, project=project_of(sources.project, sources.loaded.sprint, name))
    if trouble := _trouble(sources, loaded, folder):
        return _Measured(result=VariantResult(name=name, says=says, trouble=trouble))
    if not (folder / SAMPLES).is_file():
        raise FlywheelError(
            f"the outcomes of the variant {name} are not here, only in DVC",
            hint=f"dvc pull {folder.relative_to(sources.root).as_posix()}/{PIPELINE.name}",
        )
    there = replace(
        sources,
        folder=folder,
        loaded=loaded,
        fresh=frozenset(stage.name for stage in VARIANT.stages),
        uses=(),
    )
    found = collect(there)
    if found.evaluation is None or inputs.evaluation is None:
        return _Measured(result=VariantResult(name=name, says=says, trouble=NOT_RUN))
    if found.evaluation.task != inputs.evaluation.task:
        return _with_other_labels(sources, there, found, metric, level, name)
    if found.evaluation.split_digest != inputs.evaluation.split_digest:
        return _Measured(
            result=VariantResult(name=name, says=says, trouble="it was measured on other test images")
        )
    made = _measured(there, found, metric, level, name=name, says=says)
    if champion_of(params_in(folder)) != champion_of(params_in(sources.folder)):
        apart = "its gates were judged beside another champion"
        return replace(made, result=msgspec.structs.replace(made.result, gates=[], apart=apart))
    return made


def _with_other_labels(
    sources: Sources, there: Sources, found: ReportInputs, metric: str, level: float, name: str
) -> _Measured:
    """A variant of another task: both on the boxes of the sprint's own labels, by the stored predictions of each."""
    from runner.stages.on_boxes import samples_on_boxes

    says = said_by(sources.loaded.sprint, name)
    params = [
        msgspec.convert(told_in(params_in(each.folder)[evaluate.STAGE.name]), EvaluateParams)
        for each in (sources, there)
    ]
    own, its = samples_on_boxes(sources.folder, there.folder, *params, metric=metric)
    made = _measured(there, found, metric, level, name=name, says=says)
    result = msgspec.structs.replace(
        made.result,
        value=its.centre if its else None,
        interval=_interval(interval(its, level) if its else None),
        on="boxes",
        reference=own.centre if own else None,
        gates=[],
        apart="the gates are of labels that it does not have",
    )
    return _Measured(result=result, sample=its if own else None, beside=own)


def _trouble(sources: Sources, loaded: LoadedSprint, folder: Path) -> str:
    """Why what lies in a variant's folder is not the variant; empty where it is."""
    failure = FAILURE.read_if_there(folder)
    if failure is not None:
        return f"{failure.stage} failed: {failure.message}"
    if not (folder / EVALUATION.name).is_file() or not (folder / PARAMS.name).is_file():
        return NOT_RUN
    params = params_in(folder)
    stages = stages_of(sources.project, loaded, champion_of(params), ancestor_of(params), VARIANT)
    if any(_told(params.get(stage.name)) != told_in(stage.params) for stage in stages):
        return OUTDATED
    own, its = (metafiles.read_lock(each / LOCK.name) for each in (sources.folder, folder))
    if own[index.STAGE.name].deps != its[index.STAGE.name].deps:
        return "it was run on other data than the sprint"
    return ""


def _told(section: Any) -> dict[str, Any]:
    return told_in(section) if isinstance(section, dict) else {}


def _measured(
    sources: Sources, inputs: ReportInputs, metric: str, level: float, *, name: str, says: Sequence[str] = ()
) -> _Measured:
    samples: StoredSamples = read_samples(sources.folder / SAMPLES)
    sample = samples.get(sources.loaded.sprint.primary_target, None, None, metric)
    trained = inputs.selection.splits["train"] if inputs.selection else None
    price = label_price(sources.project).per_object
    seconds = [timing.seconds for timing in inputs.timings if timing.stage == train.STAGE.name]
    per_image = price * trained.objects / trained.images if price and trained and trained.images else None
    result = VariantResult(
        name=name,
        says=list(says),
        value=sample.centre if sample else None,
        interval=_interval(interval(sample, level) if sample else None),
        train_s=seconds[0] if seconds else None,
        compute=sprint_cost(inputs.timings, sources.project.costs).total,
        images=trained.images if trained else 0,
        labels=trained.objects if trained else 0,
        label_price=round(per_image, 6) if per_image is not None else None,
        seeds=len(inputs.training.models) if inputs.training else 0,
        gates=[_gate(gate) for gate in inputs.verdict.gates] if inputs.verdict else [],
    )
    return _Measured(result=result, sample=sample)


def _gate(gate: GateResult) -> VariantGate:
    parts = (gate.slice, gate.class_name and f"class {gate.class_name}", gate.target)
    place = ", ".join(part for part in parts if part)
    return VariantGate(gate=gate.gate, outcome=gate.outcome, place=place)


def _compared(own: _Measured, others: Sequence[_Measured], level: float) -> list[VariantResult]:
    """The variants' results, each with its difference to the sprint's; the intervals of all hold together."""
    pairs = [
        (other.result.name, difference(other.sample, beside))
        for other in others
        if other.sample and (beside := other.beside or own.sample)
    ]
    ends = simultaneous([paired for _, paired in pairs], level)
    found = {name: (paired, each) for (name, paired), each in zip(pairs, ends, strict=True)}
    return [
        msgspec.structs.replace(
            other.result,
            difference=found[other.result.name][0].centre,
            difference_interval=_interval(found[other.result.name][1]),
        )
        if other.result.name in found
        else other.result
        for other in others
    ]


def _interval(ends: Ends | None) -> Interval | None:
    return Interval(low=ends[0], high=ends[1]) if ends else None


def _rests_on(sources: Sources, names: Sequence[str]) -> dict[str, str]:
    """The variants' records in git, and the samples, by their paths from the repository's top."""
    files = sorted({*VARIANT.kept_by_git, SAMPLES})
    found = {}
    for name in names:
        shown = variant_path(sources.loaded.name, name)
        for file in files:
            path = sources.root / shown / file
            if path.is_file():
                found[f"{shown}/{file}"] = digest_of(path)
    return dict(sorted(found.items()))
