"""Which sprints of the base branch a proposal's sprint is compared with."""

from __future__ import annotations

import msgspec

from runner.config.load import LoadedSprint
from runner.policy.snapshot import Snapshot


def references(base: Snapshot, head: Snapshot, sprint: str) -> list[str]:
    """The sprints on the base that the proposal's version must not be laxer than; the first is *the* reference.

    The reference is the sprint's own version on the base, else the sprint that it extends, else the newest earlier one,
    else the newest of all: giving a spec a new name or a low number does not free it from what was agreed.

    The newest one counts as well where the reference is an older one and the proposal has another recipe than it: it is
    a new candidate, and extending an old, lax spec, editing it, or taking a number right after it would be a way around
    what was agreed since.
    """
    loaded = head.sprints.get(sprint)
    known = sorted(base.sprints)
    if not known or loaded is None:
        return []
    newest = known[-1]
    if sprint in base.sprints:
        return [sprint] if same_recipe(base.sprints[sprint], loaded) else _each(sprint, newest)
    earlier = next((name for name in reversed(known) if name < sprint), newest)
    return _each(_parent(base, head, loaded) or earlier, newest)


def recorded_reference(base: Snapshot, head: Snapshot, sprint: str) -> str | None:
    """The first of `references` whose record the base holds, else the newest recorded sprint: on what was judged so far."""
    candidates = [*references(base, head, sprint), *sorted(base.recorded, reverse=True)]
    return next((name for name in candidates if name in base.recorded), None)


def _each(*names: str) -> list[str]:
    return list(dict.fromkeys(names))


def same_recipe(one: LoadedSprint, other: LoadedSprint) -> bool:
    """Whether both make the same model: training, data and exports; not what it is called or must reach."""
    return _recipe(one) == _recipe(other)


def _recipe(loaded: LoadedSprint) -> object:
    return msgspec.to_builtins((loaded.sprint.train, loaded.sprint.data, loaded.sprint.export))


def _parent(base: Snapshot, head: Snapshot, loaded: LoadedSprint) -> str | None:
    """The nearest extended sprint that is on the base; one that the proposal brings along agrees to nothing."""
    seen: set[str] = set()
    parent = loaded.sprint.extends
    while parent is not None and parent not in seen:
        if parent in base.sprints:
            return parent
        seen.add(parent)
        parent = head.sprints[parent].sprint.extends if parent in head.sprints else None
    return None
