"""The terms of a sprint that was merged: by the commit that brought it to the branch, and by the one before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec import Struct

from runner.adapters.git import commits
from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.policy.agreed import agreed_at
from runner.policy.semantic import policy_gates
from runner.policy.slices import slice_key
from runner.policy.snapshot import Snapshot, snapshot_of
from runner.policy.terms import terms_of
from runner.record.terms import Terms


class Merge(Struct, frozen=True, kw_only=True):
    """What brought a sprint to the branch that is checked out: the commit before, and the one that holds it.

    `before` is None where the branch began with it.
    """

    before: str | None
    after: str


def merge_of(root: Path, name: str) -> Merge:
    """The newest commit of this branch that changed the sprint's spec: a merge, or what a squash left of one.

    Raises:
        FlywheelError: no commit did: what is not in git was not agreed on by anybody (exit code 3).
    """
    spec = f"specs/{name}.yaml"
    after = commits.newest_of(root, [spec], first_parent=True)
    if after is None:
        raise FlywheelError(
            "no commit of this branch holds the spec: nobody can tell what it was judged under",
            where=Where(spec),
            hint=f"commit it: git add {spec} && git commit",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return Merge(before=commits.parent(root, after), after=after)


def terms_now(root: Path, name: str, merge: Merge | None = None, *, today: Snapshot | None = None) -> Terms:
    """The terms that a merged sprint must have been judged under to be promoted.

    They are those of the branch just before the merge; where the project's policy, slices or limits were changed by
    somebody else since, those of today in their place.

    Args:
        merge: what brought the sprint, where the caller knows better than the branch's history tells.
        today: the configuration of HEAD, where the caller has it.

    Raises:
        FlywheelError: git does not know a commit, or the configuration of one is not valid.
    """
    merge = merge or merge_of(root, name)
    before = agreed_at(root, merge.before) if merge.before else Snapshot(commit="")
    after, today = snapshot_of(root, merge.after), today or snapshot_of(root, "HEAD")
    terms = terms_of(before, after, name)
    if today.project is None or after.project is None or _agreed(today.project) == _agreed(after.project):
        return terms
    known = {slice_key(spec) for spec in today.project.slices}
    return msgspec.structs.replace(
        terms,
        policy=today.project.policy,
        policy_sources=list(policy_gates(today).sources),
        compute=today.project.compute,
        slices=[*today.project.slices, *(spec for spec in terms.slices if slice_key(spec) not in known)],
        sprint_slices=[spec for spec in terms.sprint_slices if slice_key(spec) not in known],
    )


def merged_terms(root: Path, name: str, recorded: Terms) -> Iterator[Terms]:
    """The terms that git gives for a sprint that was merged, whatever else came to the branch since.

    Those that its pull request was judged under, then those that `judge` puts in their place.

    Raises:
        FlywheelError: git does not know a commit, or the configuration of one is not valid.
    """
    merge = merge_of(root, name)
    yield terms_of(agreed_at(root, recorded.base_commit), snapshot_of(root, merge.after), name)
    yield terms_now(root, name, merge)


def _agreed(project: Project) -> object:
    return project.policy, project.compute, project.slices
