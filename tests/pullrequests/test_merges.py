"""Which merged pull request brought what to the branch: with real git, and a forge in memory."""

from __future__ import annotations

from pathlib import Path

import pytest
from forges.fake_forge import FakeForge, pull_request
from projects import call, commit

from runner.domain.errors import FlywheelError
from runner.pullrequests.merged import merges
from runner.pullrequests.merged.merges import Merges, pushed, searched
from runner.workflow.merged_terms import Merge


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A branch with one commit."""
    call(tmp_path, "git", "init", "-q", "-b", "main")
    on_branch(tmp_path, "README.md")
    return tmp_path


def on_branch(root: Path, file: str, text: str = "") -> str:
    """One more commit."""
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text or file)
    commit(root, f"Change {file}")
    return call(root, "git", "rev-parse", "HEAD").stdout.strip()


def knowing(root: Path, brought: dict[int, list[str]], **changes: str) -> Merges:
    """A forge that says so of these commits."""
    forge = FakeForge()
    for number, commits in brought.items():
        forge.add_pull(pull_request(number, state="closed", merged=True, merge_commit=commits[-1], **changes))
        for each in commits:
            forge.merged.setdefault(each, []).append(number)
    return Merges(forge=forge, root=root, branch="main")


def test_a_pull_request_that_was_rebased_brought_all_of_its_commits(root: Path) -> None:
    start = on_branch(root, "flywheel.yaml")
    one, two, three = (on_branch(root, file) for file in ("notes.md", "specs/0002-next.yaml", "more.md"))
    end = on_branch(root, "later.md")
    known = knowing(root, {7: [one, two, three]})
    whole = Merge(before=start, after=three)
    for asked in ([two], [one, two, three], [three]):
        assert [(pull.number, merge) for pull, merge in known.of(asked, end)] == [(7, whole)]


def test_what_was_merged_into_another_branch_was_not_brought_to_this_one(root: Path) -> None:
    end = on_branch(root, "specs/0002-next.yaml")
    assert list(knowing(root, {7: [end]}, base_ref="stack").of([end], end)) == []


def test_of_a_push_every_commit_counts_however_many_there_are(root: Path) -> None:
    start = call(root, "git", "rev-parse", "HEAD").stdout.strip()
    commits = [on_branch(root, "notes.md", str(number)) for number in range(60)]
    assert pushed(root, start, commits[-1]) == commits
    known = knowing(root, {7: commits})
    [(_, merge)] = known.of(pushed(root, start, commits[-1]), commits[-1])
    assert merge == Merge(before=start, after=commits[-1])


def test_a_push_of_too_many_commits_says_what_to_do(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merges, "_PUSHED", 2)
    start = call(root, "git", "rev-parse", "HEAD").stdout.strip()
    commits = [on_branch(root, "notes.md", str(number)) for number in range(3)]
    with pytest.raises(FlywheelError, match="the push brought 3 commits") as refused:
        pushed(root, start, commits[-1])
    assert "flywheel promote" in str(refused.value.hint)
    assert pushed(root, commits[0], commits[-1]) == commits[1:]


def test_a_branch_that_was_moved_counts_from_where_it_is_now(root: Path) -> None:
    end = on_branch(root, "notes.md")
    assert pushed(root, "d" * 40, end) == [end]
    assert pushed(root, None, end) == [end]


def test_a_search_finds_the_newest_that_can_have_run(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merges, "_SEARCHED", 2)
    specs = [on_branch(root, f"specs/000{number}-next.yaml") for number in (1, 2, 3)]
    end = on_branch(root, "notes.md")
    assert searched(root, None, end) == specs[1:]
    assert searched(root, specs[1], end) == specs[2:]
