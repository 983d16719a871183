"""What a proposal changes is measured from a state that its base branch once had, whatever its author merged."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from projects import call, commit

from runner.adapters.git import commit_trees
from runner.domain.errors import FlywheelError

WORKFLOW = ".github/workflows/sprint.yml"
EVIL = {WORKFLOW: "evil\n", "x.py": "evil\n", ".gitattributes": "* filter=evil\n"}
SPEC = {"specs/0002-next.yaml": "next\n"}


@dataclass(frozen=True)
class Repository:
    root: Path

    def on(self, branch: str, start: str | None = None) -> None:
        call(self.root, "git", "checkout", "-q", *([branch] if start is None else ["-b", branch, start]))

    def commit(self, files: dict[str, str | None]) -> str:
        for path, text in files.items():
            (self.root / path).parent.mkdir(parents=True, exist_ok=True)
            if text is None:
                (self.root / path).unlink()
            else:
                (self.root / path).write_text(text)
        commit(self.root, f"{sorted(files)}")
        return self.sha("HEAD")

    def merge(self, other: str, *options: str) -> str:
        call(self.root, "git", "merge", "-q", "--no-ff", "-m", f"Merge {other}", *options, other)
        return self.sha("HEAD")

    def sha(self, ref: str) -> str:
        return call(self.root, "git", "rev-parse", ref).stdout.strip()

    def changed(self, head: str) -> list[str]:
        return commit_trees.changed_files(self.root, "main", head)

    def state(self, head: str) -> str:
        return commit_trees.fork_state(self.root, "main", head)


@pytest.fixture
def repository(tmp_path: Path) -> Repository:
    root = tmp_path / "repository"
    root.mkdir()
    call(root, "git", "init", "-q", "-b", "main")
    made = Repository(root)
    made.commit({WORKFLOW: "good\n", "specs/0001-first.yaml": "first\n", "README.md": "one\n"})
    return made


# --- what authors make up -------------------------------------------------------------------------------


def taken_back(repository: Repository, *merge: str) -> str:
    """A pull request that brings something and takes it back, merged; the commit between the two."""
    repository.on("p1", "main")
    evil = repository.commit(dict(EVIL))
    call(repository.root, "git", "revert", "--no-edit", "HEAD")
    repository.on("main")
    repository.merge("p1", *merge)
    return evil


def test_what_a_merged_proposal_took_back_is_the_next_ones_own(repository: Repository) -> None:
    evil = taken_back(repository)
    repository.on("p2", evil)
    repository.commit(SPEC)
    assert call(repository.root, "git", "merge-base", "main", "p2").stdout.strip() == evil
    assert repository.state("p2") == repository.sha("main~1")
    assert repository.changed("p2") == sorted([*EVIL, *SPEC])


def test_branches_that_were_merged_crosswise_hide_nothing(repository: Repository) -> None:
    """Of two merge bases git names one, and dates, which anybody may set, decide which."""
    repository.on("p1", "main")
    repository.commit({WORKFLOW: "evil\n"})
    first = repository.commit({"other": "1\n"})
    repository.on("q", "p1~1")
    second = repository.commit({WORKFLOW: "good\n"})
    repository.on("p1")
    repository.merge("q")
    repository.on("main")
    repository.merge("p1")
    repository.on("p2", first)
    repository.merge(second, "-s", "ours")
    repository.commit(SPEC)
    bases = call(repository.root, "git", "merge-base", "--all", "main", "p2").stdout.split()
    assert sorted(bases) == sorted([first, second])
    assert WORKFLOW in repository.changed("p2")


def test_what_a_merge_would_put_back_is_the_proposals_own(repository: Repository) -> None:
    """The branch rests on the commit that mended a file, off the base's own line, and unmends it: git takes its version."""
    repository.on("p1", "main")
    repository.commit({WORKFLOW: "better\n"})
    repository.on("main")
    repository.merge("p1")
    repository.on("p2", "p1")
    repository.commit({WORKFLOW: "good\n", **SPEC})  # as in the state of main that it rests on
    assert repository.state("p2") == repository.sha("main~1")
    assert repository.changed("p2") == sorted([WORKFLOW, *SPEC])


def test_a_merge_that_drops_what_the_base_brought_changes_it(repository: Repository) -> None:
    repository.on("p1", "main")
    repository.commit(SPEC)
    repository.on("main")
    repository.commit({WORKFLOW: "better\n"})
    repository.on("p1")
    repository.merge("main", "-s", "ours")
    assert repository.changed("p1") == sorted([WORKFLOW, *SPEC])


def test_dates_that_an_author_set_change_nothing(
    repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(10):
        repository.commit({"README.md": f"{repository.sha('HEAD')}\n"})
    tip = repository.sha("main")
    for date in ("2001-01-01T00:00:00Z", "2099-01-01T00:00:00Z"):
        monkeypatch.setenv("GIT_COMMITTER_DATE", date)
        repository.on(f"of-{date[:4]}", "main")
        repository.commit(SPEC)
        assert repository.state("HEAD") == tip
        assert repository.changed("HEAD") == list(SPEC)
        repository.on("main")


# --- what people do -------------------------------------------------------------------------------------


def test_a_branch_that_is_behind_changes_what_it_changes(repository: Repository) -> None:
    left = repository.sha("main")
    repository.on("p1", "main")
    repository.commit(SPEC)
    repository.on("main")
    repository.commit({WORKFLOW: "better\n", "README.md": "two\n"})
    assert (repository.state("p1"), repository.changed("p1")) == (left, list(SPEC))
    assert commit_trees.older_files(repository.root, "main", "p1") == [WORKFLOW, "README.md"]


def test_a_branch_that_merged_the_base_several_times_rests_on_the_last_of_them(
    repository: Repository,
) -> None:
    repository.on("p1", "main")
    repository.commit(SPEC)
    for text in ("two\n", "three\n"):
        repository.on("main")
        merged = repository.commit({"README.md": text, WORKFLOW: text})
        repository.on("p1")
        repository.merge("main")
    repository.on("main")
    repository.commit({"README.md": "four\n"})
    assert (repository.state("p1"), repository.changed("p1")) == (merged, list(SPEC))


@pytest.mark.parametrize("how", [["--no-ff"], ["--squash"]])
def test_a_stacked_branch_is_its_own_once_what_it_stands_on_is_merged(
    repository: Repository, how: list[str]
) -> None:
    repository.on("below", "main")
    repository.commit({"x.py": "reviewed\n", WORKFLOW: "better\n"})
    repository.on("above", "below")
    repository.commit(SPEC)
    assert repository.changed("above") == sorted(["x.py", WORKFLOW, *SPEC])
    repository.on("main")
    repository.commit({"README.md": "meanwhile\n"})
    call(repository.root, "git", "merge", "-q", *how, "below")
    call(repository.root, "git", "commit", "-q", "--allow-empty", "-m", "Merged")
    assert repository.changed("above") == list(SPEC)


def test_a_forks_branch_rests_on_what_its_owner_merged(repository: Repository) -> None:
    repository.on("forks-main", "main")
    repository.commit({"NOTES.md": "mine\n"})
    repository.on("main")
    merged = repository.commit({WORKFLOW: "better\n"})
    repository.on("forks-main")
    repository.merge("main")
    repository.on("p1", "forks-main")
    repository.commit(SPEC)
    assert (repository.state("p1"), repository.changed("p1")) == (merged, sorted(["NOTES.md", *SPEC]))


def test_a_branch_that_was_rebased_onto_the_base_and_merged_changes_nothing_more(
    repository: Repository,
) -> None:
    repository.on("p1", "main")
    repository.commit(SPEC)
    repository.commit({"NOTES.md": "more\n"})
    repository.on("main")
    repository.commit({"README.md": "two\n"})
    call(repository.root, "git", "cherry-pick", "p1~1", "p1")
    assert repository.changed("p1") == []


def test_the_bases_own_commits_change_nothing(repository: Repository) -> None:
    repository.on("p1", "main")
    head = repository.commit(SPEC)
    repository.on("main")
    call(repository.root, "git", "merge", "-q", "--ff-only", "p1")
    for commits in (head, repository.sha("main"), repository.sha("main~1")):
        assert (repository.state(commits), repository.changed(commits)) == (commits, [])


def test_a_history_may_begin_twice(repository: Repository) -> None:
    call(repository.root, "git", "checkout", "-q", "--orphan", "elsewhere")
    other = repository.commit({"imported": "1\n"})
    repository.on("main")
    repository.merge("elsewhere", "--allow-unrelated-histories", "-X", "ours")
    repository.on("p1", "main")
    repository.commit(SPEC)
    assert repository.changed("p1") == list(SPEC)
    repository.on("p2", other)
    repository.commit(SPEC)
    with pytest.raises(FlywheelError, match="main and p2 have no commit in common here") as refused:
        repository.changed("p2")
    assert str(refused.value.hint).endswith("where it is here, merge main into the branch")
    repository.merge("main")
    assert repository.changed("p2") == list(SPEC)
