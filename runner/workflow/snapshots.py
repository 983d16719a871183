"""The two configurations that a proposal is made of: what the base branch says, and what it would say after the merge.

A branch that is behind its base has older copies of files that it never touched. Compared with the base as they are,
they would look as if the proposal took everything back that was agreed since; after the merge they are the base's.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from runner.adapters.git import blobs, commit_trees, repository
from runner.policy.agreed import agreed_at
from runner.policy.snapshot import Snapshot, load_snapshot, snapshot_of
from runner.record.catalogue import REPORTS

HERE = "the working tree"


def compared(root: Path, base: str, head: str | None = None) -> tuple[Snapshot, Snapshot]:
    """The base's configuration, and the proposal's as it would be after the merge.

    A file that both sides changed is the proposal's.

    Args:
        base: the branch or commit that judges.
        head: the proposed commit; the working tree, uncommitted changes included, when None.

    Raises:
        FlywheelError: git does not know a commit, or they have no history in common here.
    """
    there = agreed_at(root, base)
    left = commit_trees.fork_state(root, base, head or "HEAD")
    if left == there.commit and head is not None:
        return there, snapshot_of(root, head)
    objects = _objects(root, base, head)
    if left == there.commit:
        return there, load_snapshot(root, HERE, objects)
    with tempfile.TemporaryDirectory(prefix="flywheel-merged-") as temporary:
        merged, proposed = Path(temporary, "merged"), Path(temporary, "proposed")
        commit_trees.extract(root, base, merged)
        if head is not None:
            commit_trees.extract(root, head, proposed)
        own = root if head is None else proposed
        _overlay(merged, own, proposal_paths(root, base, head))
        commit = HERE if head is None else commit_trees.commit_of(root, head)
        return there, load_snapshot(merged, commit, objects)


def _objects(root: Path, base: str, head: str | None) -> dict[str, str]:
    """The names of git's objects after the merge, by path: those of the base, and the proposal's in place of what it changes."""
    paths = proposal_paths(root, base, head)
    changed = frozenset(paths)
    own = blobs.names_here(root, paths) if head is None else blobs.names_at(root, head, paths)
    there = {entry.path: entry.blob for entry in commit_trees.tree(root, base)}
    return {path: blob for path, blob in there.items() if path not in changed} | own


def proposal_paths(root: Path, base: str, head: str | None = None) -> list[str]:
    """The paths that a proposal changes since it left the base, sorted; of the working tree when `head` is None.

    Raises:
        FlywheelError: git does not know a commit, or they have no history in common here.
    """
    changed = commit_trees.changed_files(root, base, head or "HEAD")
    return sorted({*changed, *(repository.uncommitted(root) if head is None else ())})


def _overlay(merged: Path, own: Path, paths: Collection[str]) -> None:
    for path in (path for path in paths if not path.startswith(f"{REPORTS}/")):
        source, target = own / path, merged / path
        # Where the base has the file and the proposal does not, it is removed; a link is none of either's.
        if _is_regular(own, path):
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        else:
            target.unlink(missing_ok=True)


def _is_regular(folder: Path, path: str) -> bool:
    """Whether a path is a file, and no part of it a link that leads elsewhere."""
    steps = [folder / part for part in (PurePosixPath(path), *PurePosixPath(path).parents)]
    return (folder / path).is_file() and not any(step.is_symlink() for step in steps if step != folder)
