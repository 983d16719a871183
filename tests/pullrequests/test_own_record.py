"""Whose record it is: what a commit says of itself is no sign, what the forge says of it is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from forges.fake_forge import FakeForge, pull_request
from projects import call, commit

from runner.adapters.git import trusted
from runner.adapters.git.access import Access
from runner.domain.errors import FlywheelError
from runner.pullrequests.merged.own_record import (
    is_recorded_since,
    judged_again_message,
    last_record,
    record_message,
    require_own,
)
from runner.workflow.merged_terms import Merge

SPRINT = "0002-next"
ACCESS = Access(server_url="https://git.example.org")
FILES = ("digests.json", "dvc.lock", "uses.json", "plots/slices.png", "exports/onnx-fp32/model.onnx")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A branch with a spec, and this job's record of it."""
    call(tmp_path, "git", "init", "-q", "-b", "main")
    change(tmp_path, f"specs/{SPRINT}.yaml")
    by_job(tmp_path, record_message([SPRINT]))
    return tmp_path


def head(root: Path) -> str:
    return call(root, "git", "rev-parse", "HEAD").stdout.strip()


def change(root: Path, path: str, message: str = "A change", *, author: str | None = None) -> str:
    """Somebody's commit; by `author` where a rebase kept that."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{message} {head(root) if path.startswith('reports') else ''}")
    if author is not None:
        trusted.commit(root, [path], message, replace(ACCESS, bot=author))
    else:
        commit(root, message)
    return head(root)


def by_job(root: Path, message: str, file: str = "digests.json") -> str:
    path = f"reports/{SPRINT}/{file}"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(f"{message} {head(root)}")
    return str(trusted.commit(root, [path], message, ACCESS))


def forge_of(*merged: str) -> FakeForge:
    """A forge by which #9 brought these commits."""
    forge = FakeForge()
    forge.add_pull(pull_request(9, state="closed", merged=True, merge_commit="e" * 40))
    forge.merged |= {each: [9] for each in merged}
    return forge


def merge_of_spec(root: Path) -> Merge:
    return Merge(before=None, after=call(root, "git", "rev-list", "--max-parents=0", "HEAD").stdout.strip())


def test_the_job_s_own_commit_is_the_record(root: Path) -> None:
    forge = forge_of()
    assert last_record(root, forge, ACCESS, "HEAD") == head(root)
    assert is_recorded_since(root, forge, ACCESS, merge_of_spec(root), SPRINT)
    require_own(root, forge, "main", SPRINT)


def test_a_commit_that_a_rebase_brought_with_the_bot_s_name_on_it_is_no_record(root: Path) -> None:
    ours = head(root)
    spoofed = change(
        root, f"reports/{SPRINT}/verdict.json", record_message([SPRINT]), author="github-actions[bot]"
    )
    said = call(root, "git", "log", "-1", "--format=%ae %ce %s").stdout.split(maxsplit=2)
    assert said[0] == said[1] == "github-actions[bot]@users.noreply.git.example.org"
    forge = forge_of(spoofed)
    assert last_record(root, forge, ACCESS, "HEAD") == ours
    assert not is_recorded_since(root, forge, ACCESS, merge_of_spec(root), SPRINT)
    with pytest.raises(FlywheelError, match="came with #9"):
        require_own(root, forge, "main", SPRINT)


@pytest.mark.parametrize(
    ("message", "author"),
    [
        (f"Tidy\n\n{record_message([SPRINT])}", "github-actions[bot]"),
        (f"Revert {record_message([SPRINT])}", "github-actions[bot]"),
        (record_message([SPRINT]), "mallory"),
    ],
)
def test_neither_another_author_nor_words_further_down_make_a_record(
    root: Path, message: str, author: str
) -> None:
    ours = head(root)
    later = change(root, f"reports/{SPRINT}/digests.json", message, author=author)
    forge = forge_of()
    assert last_record(root, forge, ACCESS, later) == ours
    assert not is_recorded_since(root, forge, ACCESS, Merge(before=None, after=ours), SPRINT)


@pytest.mark.parametrize("file", FILES)
def test_whatever_of_a_record_a_pull_request_changed_it_is_not_ours_any_more(root: Path, file: str) -> None:
    forge = forge_of(change(root, f"reports/{SPRINT}/{file}"))
    assert not is_recorded_since(root, forge, ACCESS, merge_of_spec(root), SPRINT)
    with pytest.raises(FlywheelError, match=f"the record of {SPRINT} came with #9"):
        require_own(root, forge, "main", SPRINT)


@pytest.mark.parametrize("file", ["notes.md", "model-card.md", "../0003-other/digests.json"])
def test_what_lies_beside_a_record_is_anybody_s(root: Path, file: str) -> None:
    forge = forge_of(change(root, f"reports/{SPRINT}/{file}"))
    assert is_recorded_since(root, forge, ACCESS, merge_of_spec(root), SPRINT)
    require_own(root, forge, "main", SPRINT)


def test_judging_again_makes_nothing_ours_that_it_rests_on(root: Path) -> None:
    forge = forge_of(change(root, f"reports/{SPRINT}/dvc.lock"))
    by_job(root, judged_again_message(SPRINT))
    with pytest.raises(FlywheelError, match="came with #9"):
        require_own(root, forge, "main", SPRINT)
    by_job(root, record_message([SPRINT]))
    require_own(root, forge, "main", SPRINT)


def test_a_history_that_cannot_be_read_makes_nothing_ours(root: Path, tmp_path: Path) -> None:
    (root / ".git" / "HEAD").write_text("ref: refs/heads/gone\n")
    with pytest.raises(FlywheelError, match="history could not be read"):
        require_own(root, forge_of(), "main", SPRINT)
