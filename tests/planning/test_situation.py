"""One sprint as a command sees it. One that was promoted and then changed is a candidate like any other."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from projects import PROJECT, SPEC, call, commit, make_tag

from runner.adapters.git import commits, repository
from runner.config.load import load_project, load_sprint
from runner.domain.errors import FlywheelError
from runner.planning.incumbent import MAKING
from runner.planning.plan import make_plan
from runner.planning.resolve import TO_ROOT, stages_of
from runner.planning.situation import Situation
from runner.planning.workspace import Repository
from runner.record.catalogue import sprint_folder

FIRST, SECOND = "0001-first", "0002-second"
POINTER = "outs:\n- md5: {}.dir\n  path: data\n"


def ran(root: Path, sprint: str) -> None:
    """Commits what a run of the sprint leaves of its lock file and metrics."""
    folder = sprint_folder(root, sprint)
    folder.mkdir(parents=True, exist_ok=True)
    project = load_project(root)
    workspace = Repository(root, folder)
    stages = {
        stage.name: {
            "cmd": stage.cmd,
            "deps": [
                {"path": dep, "md5": workspace.input_md5(dep.removeprefix(TO_ROOT)) or "0" * 32}
                for dep in stage.deps
            ],
            "params": {"params.yaml": {stage.name: stage.params}},
            "outs": [{"path": out, "md5": f"{sprint}-{out}.dir"} for out in stage.outs],
        }
        for stage in stages_of(project, load_sprint(root, f"{sprint}.yaml", project))
    }
    (folder / "dvc.lock").write_text(yaml.safe_dump({"schema": "2.0", "stages": stages}))
    (folder / "metrics.json").write_text(f'{{"sprint": "{sprint}"}}')
    (folder / "training.json").write_text('{"models": [{"path": "weights/seed-1.safetensors"}]}')
    commit(root, f"record of {sprint}")


def promoted(root: Path, number: int) -> None:
    make_tag(root, f"tiny-digits#prod#{number}")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sprints, promoted one after the other."""
    call(tmp_path, "git", "init", "-q", "-b", "main")
    (tmp_path / "flywheel.yaml").write_text(PROJECT)
    (tmp_path / "data.dvc").write_text(POINTER.format("a" * 32))
    (tmp_path / "specs").mkdir()
    for number, sprint in enumerate((FIRST, SECOND), start=1):
        (tmp_path / "specs" / f"{sprint}.yaml").write_text(SPEC.replace("epochs: 1", f"epochs: {number}"))
        ran(tmp_path, sprint)
        promoted(tmp_path, number)
    return tmp_path


def change(root: Path, path: str, old: str, new: str) -> None:
    file = root / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def tag(root: Path, sprint: str) -> str | None:
    project = load_project(root)
    champion = Situation(root, project, load_sprint(root, f"{sprint}.yaml", project)).incumbent.champion
    return champion.tag if champion else None


def successor_of(situation: Situation) -> str | None:
    return situation.successor.tag if situation.successor else None


def test_as_it_was_promoted_it_is_compared_with_the_one_that_it_replaced(root: Path) -> None:
    assert (tag(root, FIRST), tag(root, SECOND)) == (None, "tiny-digits#prod#1")


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("specs/0002-second.yaml", "epochs: 2", "epochs: 3"),
        ("specs/0002-second.yaml", "checks:\n", 'data: {exclude: "width < 9"}\nchecks:\n'),
        ("specs/0002-second.yaml", "  - {format: onnx}\n", ""),
        ("data.dvc", "a" * 32, "b" * 32),
        ("flywheel.yaml", "{pool: \"split = 'pool'\"}", "{train: \"split = 'pool'\"}"),
    ],
    ids=["training", "selection", "exports", "data", "splits"],
)
def test_with_another_recipe_or_other_data_it_is_compared_with_its_own_model(
    root: Path, path: str, old: str, new: str
) -> None:
    change(root, path, old, new)
    assert tag(root, SECOND) == "tiny-digits#prod#2"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("specs/0002-second.yaml", "max: 100", "max: 90"),
        ("specs/0002-second.yaml", "A sprint small", "A very small sprint"),
        ("flywheel.yaml", "brightness < 0.3", "brightness < 0.4"),
    ],
    ids=["gate", "title", "slice"],
)
def test_what_makes_no_other_model_changes_nothing(root: Path, path: str, old: str, new: str) -> None:
    change(root, path, old, new)
    assert tag(root, SECOND) == "tiny-digits#prod#1"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A sprint small", "A very small sprint"),
        ("max: 100", "max: 90"),
        ("checks:\n", "owner: mallory\nchecks:\n"),
    ],
    ids=["title", "gate", "owner"],
)
def test_a_former_champion_that_is_edited_is_compared_with_the_one_of_today(
    root: Path, old: str, new: str
) -> None:
    change(root, "specs/0001-first.yaml", old, new)
    assert tag(root, FIRST) == "tiny-digits#prod#2"


def test_the_successor_of_a_model_is_told_while_the_sprint_still_makes_it(root: Path) -> None:
    def after(sprint: str) -> str | None:
        project = load_project(root)
        return successor_of(Situation(root, project, load_sprint(root, f"{sprint}.yaml", project)))

    assert (after(FIRST), after(SECOND)) == ("tiny-digits#prod#2", None)
    change(root, "specs/0001-first.yaml", "A sprint small", "A very small sprint")
    assert after(FIRST) == "tiny-digits#prod#2"
    change(root, "specs/0001-first.yaml", "epochs: 1", "epochs: 7")
    assert after(FIRST) is None


def test_new_data_does_not_free_an_older_champion_from_the_one_of_today(root: Path) -> None:
    change(root, "data.dvc", "a" * 32, "b" * 32)
    assert tag(root, FIRST) == "tiny-digits#prod#2"


def test_promoted_again_with_another_recipe_it_replaced_its_own_older_model(root: Path) -> None:
    change(root, "specs/0002-second.yaml", "epochs: 2", "epochs: 3")
    ran(root, SECOND)
    assert tag(root, SECOND) == "tiny-digits#prod#2"
    promoted(root, 3)
    assert tag(root, SECOND) == "tiny-digits#prod#2"


def test_stages_that_make_a_model_are_stages(root: Path) -> None:
    project = load_project(root)
    names = [stage.name for stage in stages_of(project, load_sprint(root, f"{FIRST}.yaml", project))]
    assert [name for name in names if name in MAKING] == list(MAKING)


def asked_of_git(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What git is asked from here on."""
    questions: list[str] = []
    run = subprocess.run

    def noted(command: list[str], **options: Any) -> Any:
        questions.append(" ".join([*command, str(options.get("input", ""))]))
        return run(command, **options)

    monkeypatch.setattr(subprocess, "run", noted)
    return questions


def test_git_is_asked_each_thing_once_and_again_only_when_that_is_said(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = load_project(root)
    situation = Situation(root, project, load_sprint(root, f"{FIRST}.yaml", project))
    questions = asked_of_git(monkeypatch)
    make_plan(situation)
    assert successor_of(situation) == "tiny-digits#prod#2"
    assert questions
    assert len(questions) == len(set(questions))
    known = len(questions)
    make_plan(situation)
    other = situation.judged_by(project, situation.loaded)
    assert other.plans == situation.plans
    assert len(questions) == known
    tag = "refs/tags/tiny-digits"
    promoted(root, 3)
    assert successor_of(situation) == "tiny-digits#prod#2"
    assert sum(tag in question for question in questions) == 1
    assert successor_of(situation.again()) == "tiny-digits#prod#3"
    assert sum(tag in question for question in questions) == 2


def test_what_a_commit_holds_is_remembered_and_what_a_branch_holds_or_cannot_be_read_is_not(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = commits.head(root)
    path = f"reports/{FIRST}/metrics.json"
    questions = asked_of_git(monkeypatch)
    assert repository.read_file(root, head, path) == repository.read_file(root, head, path)
    assert len(questions) == 1
    for _ in range(2):
        assert repository.read_file(root, "HEAD", path) is not None
    assert len(questions) == 3
    for _ in range(2):
        with pytest.raises(FlywheelError, match="git has no commit"):
            repository.read_file(root, "1" * 40, path)
    assert len(questions) > 3 + 2
