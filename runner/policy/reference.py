"""Which sprints of the base branch a proposal's sprint is compared with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

import msgspec

from runner.config.load import LoadedSprint
from runner.domain.errors import FlywheelError
from runner.policy.snapshot import Snapshot
from runner.trainers import CHAMPION


class OrderUnknownError(FlywheelError):
    """The history that tells which record is the newest is not in this clone."""


def references(base: Snapshot, head: Snapshot, sprint: str) -> list[str]:
    """The sprints on the base that the proposal's version must not be laxer than; the first is *the* reference.

    The reference is the sprint's own version on the base, else the sprint that it extends, else the newest earlier one,
    else the newest of all: giving a spec a new name or a low number does not free it from what was agreed.

    Where the proposal makes another model than that version did, it is a new candidate. The newest sprint counts for it
    as well, and so do those whose record changed last and the one that was promoted last: extending an old, lax spec, editing
    it, or taking a number right after it would be a way around what was agreed since, and so would a spec whose high number
    makes it the newest for ever, and an old one that is run again.

    Raises:
        OrderUnknownError: which record changed last is not known here.
    """
    loaded = head.sprints.get(sprint)
    known = sorted(base.sprints)
    if not known or loaded is None:
        return []
    if same_recipe(base, head, sprint):
        return [sprint]
    newest = known[-1]
    earlier = next((name for name in reversed(known) if name < sprint), newest)
    own = sprint if sprint in base.sprints else None
    parent = next((name for name in _parents(head, loaded) if name in base.sprints), None)
    wanted = (own or parent or earlier, *_newest_records(base), newest, base.promoted)
    return [name for name in dict.fromkeys(wanted) if name in base.sprints]


def unknown_references(base: Snapshot, head: Snapshot, sprint: str) -> list[str]:
    """The sprints that would be among the references, were their specs valid on the base.

    Raises:
        OrderUnknownError: which record changed last is not known here.
    """
    loaded = head.sprints.get(sprint)
    if not base.names or loaded is None or same_recipe(base, head, sprint):
        return []
    parent = next((name for name in _parents(head, loaded) if name in base.names), None)
    wanted = dict.fromkeys((sprint, parent, *_newest_records(base), base.names[-1], base.promoted))
    return [name for name in wanted if name in base.names and name not in base.sprints]


def recorded_reference(base: Snapshot, head: Snapshot, sprint: str) -> str | None:
    """The sprint whose record says which test images are agreed now: the first of `recorded_references`."""
    return next(iter(recorded_references(base, head, sprint)), None)


def recorded_references(base: Snapshot, head: Snapshot, sprint: str) -> list[str]:
    """The sprints whose records say which test images are agreed now.

    Its own where it makes the same model as on the base, else those whose record changed last.

    Raises:
        OrderUnknownError: which record changed last is not known here.
    """
    if sprint in base.recorded and same_recipe(base, head, sprint):
        return [sprint]
    return _newest_records(base)


def same_recipe(base: Snapshot, head: Snapshot, sprint: str) -> bool:
    """Whether a sprint makes the same model on both sides: training, data and exports.

    What it is called or must reach is no part of it. What its data and weights are is, wherever that is written. What the
    base's version made is what its record there is of: data or weights that came to the base since make another model.
    """
    recipes = [_recipe(snapshot, sprint) for snapshot in (base, head)]
    if recipes[0] is None or recipes[0] != recipes[1] or _follows_the_champion(base, sprint):
        return False
    made = base.made_by(sprint)
    return made is None or _recipe(made, sprint) == recipes[1]


def _follows_the_champion(base: Snapshot, sprint: str) -> bool:
    """Whether it starts from whichever model holds the stage, which no spec says."""
    loaded = base.sprints.get(sprint)
    return loaded is not None and loaded.sprint.train.ancestor == CHAMPION


def _recipe(snapshot: Snapshot, sprint: str, below: tuple[str, ...] = ()) -> object:
    """What makes a sprint's model, and what makes the one that it starts from."""
    project, loaded = snapshot.project, snapshot.sprints.get(sprint)
    if project is None or loaded is None:
        return None
    spec, dataset = loaded.sprint, project.dataset
    paths = (dataset.path, dataset.metadata or "", spec.train.start)
    shared = (dataset.layout, dataset.group_by, project.splits, project.classes)
    inputs = [(str(PurePosixPath(path)), snapshot.inputs.get(path)) for path in paths]
    named = spec.train.ancestor
    ancestor = _recipe(snapshot, named, (*below, sprint)) if named and named not in (*below, sprint) else None
    return msgspec.to_builtins((spec.train, spec.data, spec.export, shared, inputs, ancestor))


def _newest_records(base: Snapshot) -> list[str]:
    if base.is_cut and len(base.newest_records) > 1:
        raise OrderUnknownError(
            f"which of {', '.join(base.newest_records)} was recorded last is not known in this shallow clone",
            hint="git fetch --unshallow (in CI: check out with fetch-depth: 0)",
        )
    return list(base.newest_records)


def _parents(head: Snapshot, loaded: LoadedSprint) -> Iterator[str]:
    """The sprints that it extends, the nearest first; those that the proposal brings along agree to nothing."""
    seen: set[str] = set()
    parent = loaded.sprint.extends
    while parent is not None and parent not in seen:
        yield parent
        seen.add(parent)
        parent = head.sprints[parent].sprint.extends if parent in head.sprints else None
