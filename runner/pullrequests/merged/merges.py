"""What merged pull requests brought to the default branch: by git's commits, and by what the forge says of each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from runner.adapters.git import commits as git_commits
from runner.adapters.git.repository import run_git
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.forge import Forge, PullRequest
from runner.workflow.merged_terms import Merge

RUN_PATHS = ("specs", "flywheel.yaml", "*.dvc")  # what sprint.yml runs for, as git's pathspecs
_PUSHED = 1_000  # the most commits of one push: the forge is asked about each
_SEARCHED = 50  # how many commits that changed RUN_PATHS a search through the history asks about


@dataclass(kw_only=True)
class Merges:
    """Merged pull requests into one branch. What the forge answered of a commit once is not asked again."""

    forge: Forge
    root: Path
    branch: str
    _known: dict[str, list[PullRequest]] = field(default_factory=dict)

    def by(self, commit: str) -> list[PullRequest]:
        """Those that brought a commit to the branch."""
        if commit not in self._known:
            pulls = self.forge.pull_requests_merged_by(commit)
            self._known[commit] = [pull for pull in pulls if pull.merged and pull.base_ref == self.branch]
        return self._known[commit]

    def of(self, commits: Iterable[str], end: str) -> Iterator[tuple[PullRequest, Merge]]:
        """The pull requests that brought one of these commits, in their order, and all that each brought up to `end`."""
        told: set[int] = set()
        for commit in commits:
            for pull in self.by(commit):
                if pull.number not in told:
                    told.add(pull.number)
                    yield pull, self._whole(pull, commit, end)

    def _whole(self, pull: PullRequest, commit: str, end: str) -> Merge:
        """Rebased, a pull request may have brought several commits, one on the other."""
        first = last = commit
        while (before := git_commits.parent(self.root, first)) is not None and self._brought(pull, before):
            first = before
        for later in _listed(self.root, commit, end):
            if not self._brought(pull, later):
                break
            last = later
        return Merge(before=before, after=last)

    def _brought(self, pull: PullRequest, commit: str) -> bool:
        return any(other.number == pull.number for other in self.by(commit))


def pushed(root: Path, start: str | None, end: str) -> list[str]:
    """All commits that a push put on the branch, the oldest first.

    Raises:
        FlywheelError: there are too many to ask the forge about each (exit code 1).
    """
    if start is None or not _is_here(root, start):  # the branch began, or was moved to another history
        return [end]
    commits = _listed(root, start, end)
    if len(commits) > _PUSHED:
        raise FlywheelError(
            f"the push brought {len(commits):,} commits: the forge is asked about at most {_PUSHED:,}",
            hint="nothing was recorded; where pull requests are among them, promote their sprints by hand: flywheel promote",
            exit_code=ExitCode.GATE_NOT_PASSED,
        )
    return commits


def searched(root: Path, start: str | None, end: str) -> list[str]:
    """The newest commits of the branch up to `end`, and since `start`, that can have brought a run; the oldest first."""
    asked = f"{start}..{end}" if start is not None else end
    # git limits first and reverses then: what is left are the newest
    options = ("--first-parent", "--reverse", f"--max-count={_SEARCHED}")
    return _lines(root, *options, asked, "--", *RUN_PATHS)


def _is_here(root: Path, commit: str) -> bool:
    return run_git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def _listed(root: Path, start: str, end: str) -> list[str]:
    return _lines(root, "--first-parent", "--reverse", f"{start}..{end}", "--")


def _lines(root: Path, *arguments: str) -> list[str]:
    listed = run_git(root, "rev-list", *arguments)
    if listed.returncode != 0:
        raise FlywheelError(
            "the branch's commits could not be listed: this clone lacks some of its history",
            hint="check out with the whole history: fetch-depth: 0",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return listed.stdout.decode("ascii", "replace").split()
