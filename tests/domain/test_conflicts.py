"""A merge that was not finished: the file, the line, and a command that ends it in that very state."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import call, commit

from runner.adapters.dvc import metafiles
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import read_json
from runner.domain.verdict import SplitUse, Wear

LOCK = "reports/0001-a/dvc.lock"


def unmerged(root: Path, path: str, first: str, second: str) -> Path:
    """A repository in which two branches wrote a file otherwise, and their merge stopped."""
    call(root, "git", "init", "-q", "-b", "main")
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text("")
    commit(root, "before")
    call(root, "git", "switch", "-q", "-c", "other")
    (root / path).write_text(second)
    commit(root, "other")
    call(root, "git", "switch", "-q", "main")
    (root / path).write_text(first)
    commit(root, "ours")
    assert call(root, "git", "merge", "-q", "other", check=False).returncode == 1
    return root / path


def test_a_lock_is_mended_by_what_the_hint_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "schema: '2.0'\nstages:\n  train:\n    cmd: {}\n"
    unmerged(tmp_path, LOCK, text.format("a"), text.format("b"))
    with pytest.raises(FlywheelError) as caught:
        metafiles.read_lock(Path(LOCK))
    assert str(caught.value) == (
        f"{LOCK}:4: the mark of a merge that was not finished\n"
        f"  hint: git checkout --theirs -- {LOCK} && git add {LOCK} (or --ours), then: flywheel run 0001-a"
    )
    assert caught.value.exit_code == ExitCode.INVALID_CONFIGURATION
    call(tmp_path, "sh", "-c", str(caught.value.hint).partition(" (or")[0])
    assert metafiles.read_lock(Path(LOCK))["train"].cmd == "b"
    assert call(tmp_path, "git", "status", "--porcelain").stdout.split() == ["M", LOCK]


def test_uses_of_the_test_split_are_never_to_be_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = Path("reports/0001-a/uses.json")
    unmerged(tmp_path, str(path), "[1]\n", "[2]\n")
    with pytest.raises(FlywheelError) as caught:
        read_json(path, list[SplitUse])
    assert str(caught.value) == (
        f"{path}:1: the mark of a merge that was not finished\n"
        "  hint: keep every entry of both sides, in one list, since each is a use of the test split; "
        f"then: git add {path}"
    )


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("data.dvc", "git checkout --theirs -- data.dvc && git add data.dvc (or --ours)"),
        ("dvc.yaml", "keep the lines that are meant and delete the marks, then: git add dvc.yaml"),
    ],
)
def test_a_pointer_is_one_of_the_sides_and_what_people_wrote_is_for_them_to_join(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, hint: str
) -> None:
    monkeypatch.chdir(tmp_path)
    content = unmerged(tmp_path, path, "a: 1\n", "a: 2\n").read_bytes()
    with pytest.raises(FlywheelError) as caught:
        metafiles.parse(content, metafiles.Where(path))
    assert caught.value.hint == hint


def test_a_record_that_is_spoiled_otherwise_is_no_merge(tmp_path: Path) -> None:
    (tmp_path / "wear.json").write_text("{<<<<<<< HEAD")
    with pytest.raises(FlywheelError, match="not a Wear record"):
        read_json(tmp_path / "wear.json", Wear)
