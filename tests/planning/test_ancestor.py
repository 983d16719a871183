"""Whose model a sprint fine-tunes, from records in git alone: nothing has run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from projects import PROJECT, SPEC, call, commit

from runner.config.load import load_project, load_sprint
from runner.domain.ancestor import Ancestor
from runner.domain.errors import FlywheelError
from runner.planning.ancestor import resolve_ancestor
from runner.planning.registry import Registry
from runner.planning.resolve import stages_of
from runner.record.catalogue import sprint_folder

FIRST, NEXT, THIRD = "0001-first", "0002-next", "0003-third"
FROM_SPRINT = SPEC.replace("model: yolo11n.yaml", f"from: {FIRST}")
FROM_CHAMPION = SPEC.replace("model: yolo11n.yaml", "from: champion")


def record(root: Path, sprint: str, *, weights: str, task: str = "detect", ancestor: str = "") -> None:
    """What a run leaves in git of a training: its lock, and which file the judged model is."""
    folder = sprint_folder(root, sprint)
    folder.mkdir(parents=True)
    (folder / "training.json").write_text(json.dumps({"models": [{"path": "weights/seed-3.safetensors"}]}))
    (folder / "metrics.json").write_text("{}")
    (folder / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n"
        "  select: {cmd: x, outs: [{path: selection, md5: s.dir}]}\n"
        f"  train: {{cmd: x, params: {{params.yaml: {{train: {{task: {{name: {task}}}{ancestor}}}}}}}, "
        f"outs: [{{path: weights, md5: {weights}}}]}}\n"
    )


def promote(root: Path, sprint: str, number: int) -> None:
    path = f"reports/{sprint}/weights/seed-3.safetensors"
    (root / "dvc.yaml").write_text(f"artifacts:\n  tiny-digits: {{path: {path}, type: model}}\n")
    commit(root, f"Promote {sprint}")
    # of two tags of one second GTO's order says nothing
    date = f"GIT_COMMITTER_DATE=2026-11-2{number}T12:00:00Z"
    call(root, "env", date, "git", "tag", "-a", f"tiny-digits#prod#{number}", "-m", "prod")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    call(tmp_path, "git", "init", "-q", "-b", "main")
    (tmp_path / "flywheel.yaml").write_text(PROJECT)
    (tmp_path / "specs").mkdir()
    (tmp_path / "data.dvc").write_text("outs:\n- md5: 0\n  path: data\n")
    for name, spec in ((FIRST, SPEC), (NEXT, FROM_SPRINT), (THIRD, FROM_CHAMPION)):
        (tmp_path / "specs" / f"{name}.yaml").write_text(spec)
    commit(tmp_path, "Specs")
    return tmp_path


def ancestor(root: Path, sprint: str) -> Ancestor | None:
    project = load_project(root)
    return resolve_ancestor(root, project, load_sprint(root, sprint, project), Registry(root, project))


def test_a_sprint_is_found_by_its_record(root: Path) -> None:
    assert ancestor(root, FIRST) is None
    record(root, FIRST, weights="w1.dir")
    found = ancestor(root, NEXT)
    assert found == Ancestor(
        sprint=FIRST, path="weights/seed-3.safetensors", weights="w1.dir", selection="s.dir"
    )
    assert found.stored.holds("seed-3.json")
    assert not found.stored.holds("seed-30.json")


def test_what_it_came_from_itself_is_known_too(root: Path) -> None:
    before = "{sprint: 0000-base, path: weights/seed-0.safetensors, weights: w0.dir, selection: s0.dir}"
    record(root, FIRST, weights="w1.dir", ancestor=f", ancestor: {before}")
    found = ancestor(root, NEXT)
    assert found is not None
    assert [(one.sprint, one.selection) for one in found.line] == [(FIRST, "s.dir"), ("0000-base", "s0.dir")]


def test_the_champion_is_who_held_the_stage_before_the_sprint_itself(root: Path) -> None:
    with pytest.raises(FlywheelError, match="no sprint before this one holds tiny-digits#prod") as none:
        ancestor(root, THIRD)
    assert (none.value.exit_code, none.value.where and none.value.where.line) == (3, 6)
    record(root, FIRST, weights="w1.dir")
    promote(root, FIRST, 1)
    assert getattr(ancestor(root, THIRD), "sprint", None) == FIRST
    record(root, NEXT, weights="w2.dir")
    promote(root, NEXT, 2)
    assert getattr(ancestor(root, THIRD), "weights", None) == "w2.dir"
    record(root, THIRD, weights="w3.dir")
    promote(root, THIRD, 3)
    assert getattr(ancestor(root, THIRD), "weights", None) == "w2.dir"  # never its own model


def test_a_sprint_that_has_not_run_and_one_of_another_task_are_refused(root: Path) -> None:
    with pytest.raises(
        FlywheelError, match=f"train.from: {FIRST} has no trained weights on record"
    ) as not_run:
        ancestor(root, NEXT)
    assert str(not_run.value.hint).startswith(f"flywheel run {FIRST}")
    record(root, FIRST, weights="w1.dir", task="classify")
    with pytest.raises(FlywheelError, match="was trained for the task classify, not detect"):
        ancestor(root, NEXT)


def test_its_hash_is_a_parameter_of_the_training_and_of_no_other_sprints(root: Path) -> None:
    record(root, FIRST, weights="w1.dir")
    project = load_project(root)
    loaded, plain = (load_sprint(root, name, project) for name in (NEXT, FIRST))
    found = resolve_ancestor(root, project, loaded, Registry(root, project))
    section = next(s for s in stages_of(project, loaded, ancestor=found) if s.name == "train").params
    assert section["ancestor"]["weights"] == "w1.dir"
    assert section["trainer"]["from"] == FIRST
    assert "model" not in section["trainer"]
    other = next(s for s in stages_of(project, plain) if s.name == "train").params
    assert "ancestor" not in other
    assert "from" not in other["trainer"]
