"""Puts the plan together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from runner.config.dropped import dropped
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.variants import made_beside
from runner.domain.errors import FlywheelError
from runner.domain.records import JUDGED, POOL, Selection
from runner.domain.verdict import Wear
from runner.gates.judge import describe
from runner.planning.champion import Champion
from runner.planning.edits import input_edits
from runner.planning.forecast import Forecaster, forecast
from runner.planning.holdout import asked, wear_so_far
from runner.planning.records import (
    Action,
    Forecast,
    Plan,
    PlannedBatch,
    PlannedFetch,
    PlannedVariant,
    StagePlan,
)
from runner.planning.selection import planned_selection, split_plans, treated_labels
from runner.planning.situation import Situation
from runner.planning.stages import plan_stages
from runner.planning.used_files import planned_fetch, planned_objects, used_files
from runner.planning.variants import Variant
from runner.record.catalogue import BATCH, BATCH_SHEET, SELECTION, VERDICT
from runner.record.rounds import Round, round_of
from runner.stages import evaluate


def make_plan(situation: Situation) -> Plan:
    """What `flywheel run` will do. Reads small files and DVC's cache; changes nothing, needs no data and no GPU."""
    root, project, loaded = situation.root, situation.project, situation.loaded
    incumbent, ancestor = situation.incumbent, situation.ancestor
    edited, not_looked_at = input_edits(root, situation.stages)
    stages = _stages(situation, edited)
    selection, note = planned_selection(root, situation.folder, situation.stages, stages)
    timed, ahead = _forecast(situation, stages, selection)
    beside, unreadable = _champion_selection(root, incumbent.champion)
    return Plan(
        sprint=loaded.name,
        title=loaded.sprint.title,
        stages=timed,
        splits=split_plans(selection, beside),
        data_note="; ".join([note, *treated_labels(selection), *not_looked_at, *unreadable]),
        forecast=ahead,
        gates=_gates(project, loaded),
        champion=incumbent.sprint,
        champion_unknown=incumbent.unknown,
        dropped=[str(warning).partition("\n")[0] for warning in dropped(loaded.chain)],
        ancestors=[one.sprint for one in ancestor.line] if ancestor else [],
        wear=_wear(situation, selection, stages) if selection is not None else None,
        round=_round(situation),
        pool=_pool(project, selection),
        batch=_batch(situation),
        fetch=_fetch(situation, stages),
        variants=[_variant(Variant(situation, name)) for name in made_beside(loaded.sprint)] or UNSET,
    )


def _stages(situation: Situation, edited: Mapping[str, str]) -> list[StagePlan]:
    return plan_stages(situation.stages, situation.workspace, edited) if edited else situation.plans


def _forecast(
    situation: Situation, stages: Sequence[StagePlan], selection: Selection | None
) -> tuple[list[StagePlan], Forecast]:
    """The plans with the seconds that each is expected to take, and all of them together."""
    ahead = Forecaster(situation.root, situation.project, situation.loaded, situation.stages, selection)
    timed = [
        msgspec.structs.replace(stage, forecast_s=ahead.seconds(stage.stage))
        if stage.action is Action.RUN
        else stage
        for stage in stages
    ]
    timings = {stage: past.timing for stage, past in ahead.past.items()}
    return timed, forecast(timed, timings, situation.project.costs, ahead.notes)


def _variant(variant: Variant) -> PlannedVariant:
    """What the sprint's own stages do not wait for: that a variant cannot be planned is said."""
    try:
        edited, _ = input_edits(variant.root, variant.stages)
        stages = variant.beside(_stages(variant, edited))
    except FlywheelError as error:
        return PlannedVariant(name=variant.variant, trouble=str(error))
    selection, _ = planned_selection(variant.root, variant.folder, variant.stages, stages)
    timed, ahead = _forecast(variant, stages, selection)
    return PlannedVariant(name=variant.variant, stages=timed, forecast=ahead)


def _fetch(situation: Situation, stages: Sequence[StagePlan]) -> PlannedFetch | UnsetType:
    """What a run would have to fetch of the dataset."""
    root, dataset = situation.root, situation.project.dataset
    if (root / dataset.path).exists() and dataset.remote is None:
        return UNSET
    try:
        used = used_files(root, situation.folder, situation.stages, stages)
    except FlywheelError:  # the selection would fail, and `data_note` says so
        return UNSET
    planned = planned_fetch if dataset.remote is None else planned_objects
    return planned(root, dataset, used) or UNSET


def _pool(project: Project, selection: Selection | None) -> int | UnsetType:
    """How many images nobody labelled, as far as the selection is known."""
    if project.splits.pool is None or selection is None:
        return UNSET
    return sum(step.dropped for step in selection.dropped if step.split == POOL)


def _batch(situation: Situation) -> PlannedBatch | UnsetType:
    """What was drawn for its annotators."""
    folder = situation.folder
    drawn = BATCH.read_if_there(folder) if not (folder / VERDICT.name).is_file() else None
    if drawn is None:
        return UNSET
    there = (folder / BATCH_SHEET.name).is_file()
    return PlannedBatch(
        into=drawn.into,
        pool=drawn.pool_images,
        arms=drawn.arms,
        labels=drawn.labels,
        price=drawn.price,
        currency=drawn.currency,
        coverage=[part for part in drawn.coverage if part.batch],
        sheet=BATCH_SHEET.of(situation.name) if there else "",
    )


def _round(situation: Situation) -> Round | UnsetType:
    """How far the labels are that it waits for."""
    if (situation.folder / VERDICT.name).is_file():
        return UNSET
    return round_of(situation.folder, asked=situation.loaded.sprint.asks_for_labels) or UNSET


def _champion_selection(root: Path, champion: Champion | None) -> tuple[Selection | None, list[str]]:
    """What the champion was trained and judged on, and why that is not known."""
    try:
        return SELECTION.read_at(root, champion.commit, champion.sprint) if champion else None, []
    except FlywheelError as error:
        return None, [f"not compared with the champion's data: {error.where}: {error.message}"]


def _wear(situation: Situation, selection: Selection, stages: Sequence[StagePlan]) -> Wear | None:
    project, loaded = situation.project, situation.loaded
    cached = all(stage.action is Action.CACHED for stage in stages if stage.stage == evaluate.STAGE.name)
    return wear_so_far(
        situation.root,
        project,
        JUDGED,
        selection.split_digests[JUDGED],
        loaded.sprint.evaluate.confidence.level,
        asked(selection, situation.stages, situation.champion, situation.gates),
        situation.uses_elsewhere[0],
        judged=loaded.name if cached else None,
    )


def _gates(project: Project, loaded: LoadedSprint) -> list[str]:
    own = [describe(gate) for gate in loaded.sprint.gates]
    policy = [f"{describe(gate)} (project policy)" for gate in project.policy.gates]
    kept = [f"{describe(gate)} (the base's, until {finding} is approved)" for gate, _, finding in loaded.kept]
    return own + policy + kept
