"""From what the stages wrote to one report. Pure: reads no file, no clock, no environment."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from runner.config.project import Costs
from runner.domain.records import Benchmark, StageTiming, Training
from runner.planning.forecast import hourly_price, stage_cost
from runner.record.catalogue import sprint_path
from runner.record.report import ChampionNote, Cost, LabelWork, Reproduction, SprintReport, StageCost
from runner.report.inputs import ReportInputs


def build(inputs: ReportInputs) -> SprintReport:
    """The sprint's report; records that are absent stay absent."""
    return SprintReport(
        project=inputs.project.name,
        sprint=inputs.sprint_name,
        title=inputs.sprint.title,
        hypothesis=inputs.sprint.hypothesis,
        owner=inputs.sprint.owner,
        phase=inputs.project.phase,
        spec=inputs.spec,
        primary_target=inputs.sprint.primary_target,
        verdict=inputs.verdict,
        failure=inputs.failure,
        selection=inputs.selection,
        checks=inputs.checks,
        training=inputs.training,
        exports=inputs.exports,
        evaluation=inputs.evaluation,
        errors=inputs.errors,
        precision_recall=inputs.precision_recall,
        confidence_curves=inputs.confidence_curves,
        gallery=inputs.gallery,
        benchmark=inputs.benchmark,
        champion=_champion(inputs),
        annotation=_label_work(inputs),
        cost=sprint_cost(inputs.timings, inputs.project.costs),
        timings=inputs.timings,
        reproduction=_reproduction(inputs),
        terms=inputs.terms if inputs.terms is not None else UNSET,
        records=inputs.records or UNSET,
    )


def sprint_cost(timings: Sequence[StageTiming], costs: Costs) -> Cost:
    """Each stage's time at the price of the device it ran on; its sums are what gates on cost judge.

    >>> timing = StageTiming(stage="train", seconds=1800, work=1, device="cuda:0", finished_at="")
    >>> sprint_cost([timing], Costs(gpu_hour=2.2)).total
    1.1
    """
    stages = [_stage_cost(timing, costs) for timing in timings]
    money = sum(stage.money for stage in stages) if stages else None
    return Cost(
        currency=costs.currency,
        seconds=sum(stage.seconds for stage in stages) if stages else None,
        compute=money,
        total=money,
        stages=stages,
    )


def _stage_cost(timing: StageTiming, costs: Costs) -> StageCost:
    return StageCost(
        stage=timing.stage,
        seconds=timing.seconds,
        device=timing.device,
        price_per_hour=hourly_price(timing.device, costs),
        money=stage_cost(timing.seconds, timing.device, costs),
    )


def _champion(inputs: ReportInputs) -> ChampionNote | None:
    """Whom the sprint is compared with, or why it is not."""
    measured = inputs.evaluation.champion if inputs.evaluation else None
    name = inputs.champion_name or (measured.tag if measured else None)
    if name is None:
        return None
    if measured is not None:
        return ChampionNote(name=name, target=measured.target)
    if inputs.evaluation is None:
        return ChampionNote(name=name, why_not="this sprint was not evaluated")
    return ChampionNote(name=name, why_not=inputs.champion_why_not or "it was not run on this test split")


def _label_work(inputs: ReportInputs) -> LabelWork | None:
    annotation = inputs.sprint.annotation
    if annotation is None:
        return None
    return LabelWork(
        strategy=annotation.strategy,
        guidelines=inputs.guidelines,
        guidelines_path=annotation.guidelines,
        budget=annotation.budget.money if annotation.budget else None,
        agreement=annotation.agreement_limit or UNSET,
    )


def _reproduction(inputs: ReportInputs) -> Reproduction:
    models = inputs.training.models if inputs.training else []
    folder = sprint_path(inputs.sprint_name)
    return Reproduction(
        commands=[
            # The report cannot name the commit that will hold it; git can.
            f"git checkout $(git log -1 --format=%H -- {folder})",
            f"flywheel verify {folder}",
            f"dvc pull {inputs.data_pointer}",
            f"flywheel run {inputs.sprint_name}",
        ],
        data_pointer=inputs.data_pointer,
        data_md5=inputs.data_md5,
        selection_digest=inputs.selection.digest if inputs.selection else None,
        test_digest=inputs.evaluation.split_digest if inputs.evaluation else None,
        weights={str(model.seed): model.state_digest for model in models},
        libraries=_libraries(inputs.training, inputs.benchmark),
    )


def _libraries(training: Training | None, benchmark: Benchmark | None) -> dict[str, str]:
    """Versions as training and benchmark recorded them, by name."""
    found = {training.framework: training.framework_version} if training else {}
    for target in benchmark.targets if benchmark else []:
        name, _, version = target.runtime.rpartition(" ")
        found[name or version] = version if name else ""
    return dict(sorted(found.items()))
