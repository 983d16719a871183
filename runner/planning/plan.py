"""Puts the plan together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from runner.config.dropped import dropped
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.champion import ResolvedChampion
from runner.domain.records import Selection
from runner.domain.verdict import Wear
from runner.gates.judge import describe
from runner.planning.ancestor import resolve_ancestor
from runner.planning.champion import Champion, champion_record
from runner.planning.edits import input_edits
from runner.planning.forecast import Forecaster, forecast
from runner.planning.holdout import HoldoutQuestion, asked, wear_so_far
from runner.planning.holdout_uses import uses_on_branches
from runner.planning.incumbent import find_incumbent
from runner.planning.records import Action, Plan, StagePlan
from runner.planning.resolve import ResolvedStage, stages_of
from runner.planning.selection import planned_selection, split_plans
from runner.planning.stages import plan_stages
from runner.planning.workspace import Repository
from runner.record.catalogue import SELECTION, sprint_folder

SPLIT = "test"  # what sprints are judged on


def make_plan(root: Path, project: Project, loaded: LoadedSprint) -> Plan:
    """What `flywheel run` will do. Reads small files and DVC's cache; changes nothing, needs no data and no GPU."""
    folder = sprint_folder(root, loaded.name)
    against = find_incumbent(root, project, loaded)
    ancestor = resolve_ancestor(root, project, loaded)
    resolved = stages_of(project, loaded, against.model, ancestor)
    edited, not_looked_at = input_edits(root, resolved)
    stages = plan_stages(resolved, Repository(root, folder), edited)
    selection, note = planned_selection(root, folder, resolved, stages)
    ahead = Forecaster(root, project, loaded, resolved, selection)
    timed = [
        msgspec.structs.replace(stage, forecast_s=ahead.seconds(stage.stage))
        if stage.action is Action.RUN
        else stage
        for stage in stages
    ]
    timings = {stage: past.timing for stage, past in ahead.past.items()}
    return Plan(
        sprint=loaded.name,
        title=loaded.sprint.title,
        stages=timed,
        splits=split_plans(selection, _champion_selection(root, against.champion)),
        data_note="; ".join([note, *not_looked_at]),
        forecast=forecast(timed, timings, project.costs, ahead.notes),
        gates=_gates(project, loaded),
        champion=against.sprint,
        champion_unknown=against.unknown,
        dropped=[str(warning).partition("\n")[0] for warning in dropped(loaded.chain)],
        ancestors=[one.sprint for one in ancestor.line] if ancestor else [],
        wear=_wear(
            root,
            project,
            loaded,
            selection,
            stages,
            _asked(project, loaded, selection, resolved, against.model),
        ),
    )


def _champion_selection(root: Path, champion: Champion | None) -> Selection | None:
    return champion_record(root, champion, SELECTION.name, Selection) if champion else None


def _asked(
    project: Project,
    loaded: LoadedSprint,
    selection: Selection | None,
    resolved: Sequence[ResolvedStage],
    champion: ResolvedChampion | None,
) -> HoldoutQuestion | None:
    if selection is None:
        return None
    gates = [*loaded.sprint.gates, *project.policy.gates, *(gate for gate, _, _ in loaded.kept)]
    return asked(selection, resolved, champion, gates)


def _wear(
    root: Path,
    project: Project,
    loaded: LoadedSprint,
    selection: Selection | None,
    stages: Sequence[StagePlan],
    what: HoldoutQuestion | None,
) -> Wear | None:
    if selection is None or what is None:
        return None
    cached = all(stage.action is Action.CACHED for stage in stages if stage.stage == "evaluate")
    return wear_so_far(
        root,
        project,
        SPLIT,
        selection.split_digests[SPLIT],
        loaded.sprint.evaluate.confidence.level,
        what,
        uses_on_branches(root)[0],
        judged=loaded.name if cached else None,
    )


def _gates(project: Project, loaded: LoadedSprint) -> list[str]:
    own = [describe(gate) for gate in loaded.sprint.gates]
    policy = [f"{describe(gate)} (project policy)" for gate in project.policy.gates]
    kept = [f"{describe(gate)} (the base's, until {finding} is approved)" for gate, _, finding in loaded.kept]
    return own + policy + kept
