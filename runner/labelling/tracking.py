"""What a change of the labels ends with: the dataset goes into DVC, and what says so into a commit."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.adapters.dvc import repo
from runner.adapters.dvc.new_repository import track
from runner.adapters.git import commits, repository
from runner.config.project import Dataset


def track_dataset(root: Path, dataset: Dataset, *, changed: bool) -> list[str]:
    """Tracks the dataset with DVC, and the metadata where that is tracked by itself; the paths that a commit needs.

    Raises:
        FlywheelError: DVC refuses.
    """
    paths = []
    tracked = [dataset.path]
    if dataset.metadata is not None and not Path(dataset.metadata).is_relative_to(dataset.path):
        tracked.append(dataset.metadata)
    for path in tracked:
        pointer = f"{path}.dvc"
        if path != dataset.path and not (root / pointer).is_file():
            paths.append(path)  # git has it
            continue
        if changed and not ((root / pointer).is_file() and repo.is_unchanged(root, root / pointer)):
            track(root, path)
        if (root / pointer).is_file():
            paths.append(pointer)
    return paths


def commit_here(
    root: Path, paths: Sequence[str], message: str, *, commit: bool, anywhere: bool
) -> tuple[str | None, list[str]]:
    """Commits, unless that was not asked for, or not for the default branch; the commit, and what is left to commit.

    Args:
        anywhere: also on the default branch.

    Raises:
        FlywheelError: git refuses.
    """
    if not commit or (repository.on_default_branch(root) and not anywhere):
        return None, repository.uncommitted(root, paths)
    return commits.commit_files(root, paths, message), []


def new_files(root: Path, own: Sequence[str], folder: str = "") -> list[str]:
    """Of files that a change of the labels rests on, those that git does not have yet.

    Args:
        folder: of evidence: what is new or changed below it.
    """
    there = [path for path in (*own, folder) if path and (root / path).exists()]
    new = set(repository.uncommitted(root, there)) if there else set()
    tracked = {path for path in own if repository.tracked_below(root, path)}
    return sorted(new - tracked)
