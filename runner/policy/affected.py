"""Which sprints a proposal is about: those are planned, run and judged."""

from __future__ import annotations

import re
from collections.abc import Sequence

from runner.domain.policy import Status
from runner.policy.semantic import sprint_changes
from runner.policy.snapshot import Snapshot

_SPEC = re.compile(r"specs/([^/]+)\.ya?ml")


def affected(changed: Sequence[str], before: Snapshot, after: Snapshot) -> dict[str, Status]:
    """The sprints that the proposal is about, by name; the newest where only what all share changes.

    Args:
        changed: the paths that the proposal changes.
        before: the base's configuration; `after`: the proposal's after the merge.
    """
    statuses: dict[str, Status] = {}
    for path in changed:
        match = _SPEC.fullmatch(path)
        name = match[1] if match else ""
        if name in after.names:
            statuses[name] = "changed" if name in before.names else "added"
        elif name in before.names:
            statuses[name] = "removed"
    heirs = [name for name in _heirs(before, after) if name not in statuses]
    statuses |= dict.fromkeys(heirs, "affected")
    shared = any(path == "flywheel.yaml" or path.endswith(".dvc") for path in changed)
    if not statuses and shared and after.names:
        statuses[after.names[-1]] = "affected"
    return dict(sorted(statuses.items()))


def _heirs(before: Snapshot, after: Snapshot) -> list[str]:
    """Sprints that mean something else since one that they extend was changed."""
    project = after.project
    if project is None:
        return []
    return [
        name
        for name in sorted(before.sprints.keys() & after.sprints.keys())
        if after.sprints[name].sprint.extends is not None
        and sprint_changes(before.sprints[name], after.sprints[name], project)
    ]
