"""Who holds the stage could not be looked up: that is said, with what to type, and is never taken for nobody."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from planted_registry import PROJECT, name_model, record
from projects import call, make_tag

from runner.adapters.git.repository import fetch_command
from runner.domain.errors import FlywheelError
from runner.planning.registry import ChampionUnknownError, Registry


@pytest.fixture(scope="module")
def origin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose first sprint was promoted, and then went on; `young` is a branch from before."""
    root = tmp_path_factory.mktemp("origin")
    call(root, "git", "init", "-q", "-b", "main")
    record(root, "0000-before")
    call(root, "git", "branch", "young")
    record(root, "0001-first", "onnx-fp32")
    name_model(root, "reports/0001-first/exports/onnx-fp32")
    make_tag(root, "digits@v1.0.0")
    make_tag(root, "digits#prod#1")
    record(root, "0002-second")
    return root


def cloned(origin: Path, folder: Path, *options: str) -> Path:
    call(folder, "git", "clone", "-q", *options, f"file://{origin}", "clone")
    return folder / "clone"


def unknown(root: Path) -> ChampionUnknownError:
    with pytest.raises(ChampionUnknownError) as caught:
        Registry(root, PROJECT).champion()
    return caught.value


def champion(root: Path) -> str | None:
    found = Registry(root, PROJECT).champion()
    return found.sprint if found else None


CLONES = {
    "without tags": ("--no-tags",),
    "cut": ("--depth=1",),
    "cut and without tags": ("--depth=1", "--no-tags"),
    "of a branch from before the promotion": ("--no-tags", "--branch=young"),
    "of that branch alone, cut": ("--depth=1", "--branch=young"),
    "of that branch alone, without tags": ("--single-branch", "--no-tags", "--branch=young"),
}


@pytest.mark.parametrize("options", CLONES.values(), ids=CLONES)
def test_a_clone_that_lacks_tags_does_not_know_and_what_it_says_to_type_helps(
    origin: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    root = cloned(origin, tmp_path, *options)
    typed = str(unknown(root).hint).partition("; where")[0]
    assert "git fetch --tags" in typed
    call(root, "sh", "-c", typed)
    assert champion(root) == "0001-first"


def test_a_whole_clone_knows(origin: Path, tmp_path: Path) -> None:
    assert champion(cloned(origin, tmp_path)) == "0001-first"
    assert champion(cloned(origin, tmp_path / "clone", "--branch=young")) == "0001-first"


def test_of_a_project_that_promoted_nothing_it_is_known(tmp_path: Path) -> None:
    call(tmp_path, "git", "init", "-q", "-b", "main")
    record(tmp_path, "0001-first")
    assert champion(tmp_path) is None
    assert champion(cloned(tmp_path, tmp_path)) is None


def test_a_clone_without_tags_of_a_project_that_promoted_nothing_says_what_to_type(tmp_path: Path) -> None:
    call(tmp_path, "git", "init", "-q", "-b", "main")
    record(tmp_path, "0001-first")
    root = cloned(tmp_path, tmp_path, "--no-tags")
    assert str(unknown(root)) == (
        "refs/tags: this clone was made without tags, and no tag here says what holds digits#prod\n"
        "  hint: git config --unset-all remote.origin.tagOpt; git fetch --tags"
    )
    call(root, "sh", "-c", fetch_command(root))
    assert champion(root) is None


def test_the_newest_promotion_may_be_the_one_whose_tag_is_not_here(origin: Path, tmp_path: Path) -> None:
    root = cloned(origin, tmp_path)
    name_model(root, "reports/0002-second/weights")
    assert str(unknown(root)) == (
        "dvc.yaml: it names the model of 0002-second, and no tag here says what holds digits#prod\n"
        "  hint: git fetch --tags; where its promotion was not finished: flywheel promote 0002-second"
    )
    assert Registry(root, PROJECT).champion(finishing="0002-second") is not None


def test_a_branch_that_is_behind_a_promotion_or_a_rollback_knows(origin: Path, tmp_path: Path) -> None:
    root = cloned(origin, tmp_path)
    behind = call(root, "git", "rev-parse", "HEAD").stdout.strip()
    name_model(root, "reports/0002-second/weights")
    make_tag(root, "digits#prod#2")
    call(root, "git", "checkout", "-q", behind)
    assert champion(root) == "0002-second"
    call(root, "git", "checkout", "-q", "main")
    make_tag(root, "digits#prod#3", behind)
    assert champion(root) == "0001-first"


def test_a_stage_that_was_taken_back_is_held_by_nobody_as_gto_says(origin: Path, tmp_path: Path) -> None:
    root = cloned(origin, tmp_path)
    make_tag(root, "digits#prod!#2", "digits#prod#1^{commit}")
    assert champion(root) is None


def test_a_commit_without_a_record_is_another_projects(origin: Path, tmp_path: Path) -> None:
    root = cloned(origin, tmp_path)
    call(root, "git", "checkout", "-q", "--orphan", "other")
    call(root, "git", "rm", "-rfq", ".")
    call(root, "git", "commit", "-q", "--allow-empty", "-m", "other")
    make_tag(root, "digits#prod#2")
    assert "digits#prod#2 names " in unknown(root).message
    assert "which holds no record of a sprint of this project" in unknown(root).message


def broken_ref(root: Path) -> None:
    (root / ".git" / "refs" / "tags" / "digits#prod#9").write_text("\n")


def lost_object(root: Path) -> None:
    blob = call(root, "git", "rev-parse", "digits#prod#1:dvc.yaml").stdout.strip()
    shutil.rmtree(root / ".git" / "objects" / "pack", ignore_errors=True)
    (root / ".git" / "objects" / blob[:2] / blob[2:]).unlink(missing_ok=True)


def no_repository(root: Path) -> None:
    shutil.rmtree(root / ".git")


def unfinished_merge(root: Path) -> None:
    call(root, "git", "tag", "-d", "digits#prod#1", "digits@v1.0.0")
    (root / "dvc.yaml").write_text("<<<<<<< HEAD\nartifacts: {}\n=======\nartifacts: {a: 1}\n>>>>>>> x\n")


@pytest.mark.parametrize("spoil", [broken_ref, lost_object, no_repository, unfinished_merge])
def test_what_git_cannot_read_is_not_none(
    origin: Path, tmp_path: Path, spoil: Callable[[Path], None]
) -> None:
    root = cloned(origin, tmp_path)
    spoil(root)
    with pytest.raises(FlywheelError) as caught:
        Registry(root, PROJECT).champion()
    assert caught.value.hint
