"""The planner: resolved stages and a workspace in, a list of decisions out. Nothing is executed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from runner.adapters.dvc.metafiles import LockedStage, run_cache_key
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.planning.records import Action
from runner.planning.resolve import ResolvedStage, resolve_stages
from runner.planning.stages import plan_stages
from runner.stages.kinds import SPRINT, SprintInputs


class FakeWorkspace:
    """A workspace in memory; `present` are outputs that exist."""

    def __init__(self) -> None:
        self.locked: dict[str, LockedStage] = {}
        self.inputs: dict[str, str | None] = {"data": "d1.dir"}
        self.present: set[str] = set()
        self.earlier: dict[str, LockedStage] = {}
        self.recorded: dict[str, LockedStage] = {}

    def lock(self) -> dict[str, LockedStage]:
        return self.locked

    def input_md5(self, path: str) -> str | None:
        return self.inputs.get(path)

    def has(self, path: str, md5: str) -> bool:
        return path in self.present

    def is_cached(self, md5: str) -> bool:
        return md5.removesuffix("-md5") in self.present

    def earlier_run(self, key: str) -> LockedStage | None:
        return self.earlier.get(key)

    def recorded_run(self, key: str) -> LockedStage | None:
        return self.recorded.get(key)


def stage(name: str, deps: list[str], outs: list[str], **params: Any) -> ResolvedStage:
    return ResolvedStage(
        name=name,
        cmd=f"run {name}",
        params={"version": 1, **params},
        deps=deps,
        outs=outs,
        records=[],
        metrics=[],
    )


def stages(epochs: int = 30, brightness: float = 0.2) -> list[ResolvedStage]:
    return [
        stage("index", ["../../data"], ["index"]),
        stage("select", ["index"], ["selection"], where=f"brightness > {brightness}"),
        stage("train", ["selection"], ["weights"], trainer={"epochs": epochs, "seeds": [0], "freeze": None}),
    ]


def ran(workspace: FakeWorkspace, resolved: list[ResolvedStage]) -> None:
    """The state after an undisturbed run of `resolved`."""
    hashes = dict(workspace.inputs)
    for each in resolved:
        outs = {path: f"{path}-md5" for path in each.written}
        deps = {dep: str(hashes[dep.removeprefix("../../")]) for dep in each.deps}
        workspace.locked[each.name] = LockedStage(
            cmd=each.cmd, deps=deps, params={each.name: each.params}, outs=outs
        )
        workspace.present |= set(outs)
        hashes |= outs


@pytest.fixture
def workspace() -> FakeWorkspace:
    fresh = FakeWorkspace()
    ran(fresh, stages())
    return fresh


def decisions(resolved: list[ResolvedStage], workspace: FakeWorkspace) -> list[tuple[str, str, list[str]]]:
    return [(plan.stage, plan.action.value, plan.reasons) for plan in plan_stages(resolved, workspace)]


def test_everything_runs_the_first_time() -> None:
    assert decisions(stages(), FakeWorkspace()) == [
        ("index", "RUN", ["never run"]),
        ("select", "RUN", ["never run"]),
        ("train", "RUN", ["never run"]),
    ]


def test_nothing_runs_when_nothing_changed(workspace: FakeWorkspace) -> None:
    assert {plan.action for plan in plan_stages(stages(), workspace)} == {Action.CACHED}


def test_changed_epochs_rerun_training_only_and_say_from_what_to_what(workspace: FakeWorkspace) -> None:
    assert decisions(stages(epochs=40), workspace) == [
        ("index", "CACHED", ["unchanged"]),
        ("select", "CACHED", ["unchanged"]),
        ("train", "RUN", ["epochs 30 → 40"]),
    ]


def test_changed_data_reruns_everything_that_follows(workspace: FakeWorkspace) -> None:
    workspace.inputs["data"] = "d2.dir"
    assert decisions(stages(), workspace) == [
        ("index", "RUN", ["data changed"]),
        ("select", "RUN", ["index runs"]),
        ("train", "RUN", ["select runs"]),
    ]


def test_missing_output_reruns_its_stage(workspace: FakeWorkspace) -> None:
    workspace.present.discard("weights")
    assert decisions(stages(), workspace)[2] == (
        "train",
        "RUN",
        ["output missing in DVC's cache: weights"],
    )


def test_run_cache_serves_parameters_that_ran_before(workspace: FakeWorkspace) -> None:
    before = stages(epochs=20)[2]
    key = run_cache_key(before.cmd, {"selection": "selection-md5"}, {"train": before.params}, before.written)
    workspace.earlier[key] = LockedStage(cmd=before.cmd, deps={}, params={}, outs={"weights": "old"})
    plan = plan_stages(stages(epochs=20), workspace)[2]
    assert (plan.action, plan.outs) == (Action.CACHED, {"weights": "old"})


def test_new_stage_version_reruns_the_stage(workspace: FakeWorkspace) -> None:
    resolved = stages()
    resolved[1] = msgspec.structs.replace(resolved[1], params={**resolved[1].params, "version": 2})
    assert decisions(resolved, workspace)[1] == (
        "select",
        "RUN",
        ["flywheel's own version of this stage 1 → 2"],
    )


def test_digest_alone_reruns_the_stage_as_dvc_would(workspace: FakeWorkspace) -> None:
    resolved = stages()
    resolved[2] = msgspec.structs.replace(resolved[2], params={**resolved[2].params, "digest": "d"})
    assert decisions(resolved, workspace)[2] == ("train", "RUN", ["its parameters are recorded differently"])


def test_new_and_dropped_inputs_are_named(workspace: FakeWorkspace) -> None:
    resolved = stages()
    workspace.inputs["weights/base.pt"] = "w"
    resolved[2] = msgspec.structs.replace(resolved[2], deps=["../../weights/base.pt"])
    assert decisions(resolved, workspace)[2][2] == ["new input weights/base.pt"]


def test_a_parameter_that_appears_is_shown_as_unset_before(workspace: FakeWorkspace) -> None:
    resolved = stages()
    trainer = {"epochs": 30, "seeds": [0], "freeze": 10}
    resolved[2] = msgspec.structs.replace(resolved[2], params={"version": 1, "trainer": trainer})
    assert decisions(resolved, workspace)[2][2] == ["freeze (unset) → 10"]


def test_sizes_count_although_dvcs_run_cache_ignores_them(workspace: FakeWorkspace) -> None:
    """DVC's run cache leaves keys called `size` out of its key; the section's digest puts them back."""
    project, sprint = loaded(size=8)
    _, other = loaded(size=16)
    export, changed = (
        next(stage for stage in resolve_stages(SPRINT, inputs) if stage.name == "export")
        for inputs in (SprintInputs(project=project, sprint=each) for each in (sprint, other))
    )
    keys = {
        run_cache_key(each.cmd, dict.fromkeys(each.deps, "md5"), {"export": each.params}, each.written)
        for each in (export, changed)
    }
    assert len(keys) == 2


def loaded(size: int) -> tuple[Project, Sprint]:
    project = {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "p",
        "task": "detect",
        "classes": ["a"],
    }
    calibration = {"split": "train", "size": size}
    sprint = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "t",
        "train": {"framework": "ultralytics", "model": "yolo11n.yaml"},
        "export": [{"format": "openvino", "precision": "int8", "calibration": calibration}],
    }
    dataset = {"path": "data", "layout": "yolo"}
    return msgspec.convert(project | {"dataset": dataset}, Project), msgspec.convert(sprint, Sprint)


def test_a_stage_that_runs_is_named_once_however_much_of_it_is_read(workspace: FakeWorkspace) -> None:
    resolved = [*stages()[:1], stage("export", ["index", "more"], ["exports"])]
    resolved[0] = stage("index", ["../../data"], ["index", "more"])
    ran(workspace, resolved)
    workspace.inputs["data"] = "d2.dir"
    assert decisions(resolved, workspace)[1] == ("export", "RUN", ["index runs"])


def test_what_is_only_stored_elsewhere_is_told_from_what_changed(workspace: FakeWorkspace) -> None:
    workspace.present -= {"selection", "weights"}
    plans = plan_stages(stages(), workspace)
    assert [(plan.absent_only, plan.stored) for plan in plans] == [
        (False, {}),
        (True, {"selection": "selection-md5"}),
        (True, {"weights": "weights-md5"}),
    ]
    changed = plan_stages(stages(epochs=40), workspace)[2]
    assert (changed.absent_only, changed.stored) == (False, {})


def test_another_champion_is_one_reason(workspace: FakeWorkspace) -> None:
    def compared(sprint: str, tag: str) -> list[ResolvedStage]:
        model = {"sprint": sprint, "tag": tag, "commit": f"{tag}-commit", "digest": f"{tag}.dir"}
        return [*stages(), stage("champion", ["selection"], ["champion"], champion=model, digest=tag)]

    ran(workspace, compared("0001-a", "p#prod#1"))
    assert decisions(compared("0002-b", "p#prod#2"), workspace)[3][2] == ["champion 0001-a → 0002-b"]
    again = decisions(compared("0001-a", "p#prod#3"), workspace)[3][2]
    assert again[0] == "champion.tag p#prod#1 → p#prod#3"


def reason(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Why a stage runs whose parameters changed from one to the other."""
    workspace = FakeWorkspace()
    ran(workspace, [stage("evaluate", ["../../data"], ["outcomes"], **before)])
    return plan_stages([stage("evaluate", ["../../data"], ["outcomes"], **after)], workspace)[0].reasons


DARK = {"name": "dark", "where": "brightness < 0.3", "objects": None}
CAMERA = {"by": "camera", "max": None}


def test_a_slice_that_is_put_first_is_the_only_one_that_changed() -> None:
    new = {"name": "blurred", "where": "sharpness < 12", "objects": None}
    assert reason({"slices": [DARK, CAMERA]}, {"slices": [new, DARK, CAMERA]}) == [
        "slices: {name: blurred, where: sharpness < 12} added"
    ]
    assert reason({"slices": [new, DARK]}, {"slices": [DARK]}) == [
        "slices: {name: blurred, where: sharpness < 12} taken away"
    ]


def test_a_slice_that_is_edited_is_told_by_its_name() -> None:
    edited = DARK | {"where": "brightness < 0.2"}
    assert reason({"slices": [CAMERA, DARK]}, {"slices": [CAMERA, edited]}) == [
        "slices[dark].where brightness < 0.3 → brightness < 0.2"
    ]
    assert reason({"slices": [CAMERA, DARK]}, {"slices": [DARK, CAMERA]}) == ["slices in another order"]
    assert reason({"slices": []}, {"slices": [CAMERA]}) == ["slices: {by: camera} added"]


def test_exports_of_one_format_are_told_apart() -> None:
    int8 = {"format": "openvino", "precision": "int8", "calibration": {"split": "train", "size": 64}}
    fp16 = {"format": "openvino", "precision": "fp16", "calibration": None}
    fewer = int8 | {"calibration": {"split": "train", "size": 8}}
    assert reason({"export": [fp16, int8]}, {"export": [fp16, fewer]}) == [
        "export[openvino-int8].calibration.size 64 → 8"
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({}, {"freeze": None}),
        ({"slices": [DARK]}, {"slices": [{"name": "dark", "where": "brightness < 0.3"}]}),
    ],
)
def test_what_is_null_is_what_is_not_given(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert reason(before, after) == ["its parameters are recorded differently"]
    assert reason(after, before) == ["its parameters are recorded differently"]
