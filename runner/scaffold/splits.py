"""Which images train, validate and test: the dataset's own splits, completed where one is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

from runner.dataset.entries import ImageEntry
from runner.dataset.index import group_fraction
from runner.domain.errors import FlywheelError
from runner.domain.records import SplitCounts

Role: TypeAlias = Literal["train", "val", "test", "pool"]

JUDGED: tuple[Role, ...] = ("train", "val", "test")
CARVED_SHARE = 0.15
# Columns that by their name tell which images were taken together.
GROUP_NAMES = ("group", "scene", "sequence", "video", "clip", "session", "track", "patient")


@dataclass(frozen=True, kw_only=True)
class SplitPlan:
    """The splits of the new project.

    Attributes:
        conditions: per split, SQL over the image index.
        counts: per split, what is in it now.
        group_by: the metadata column whose groups are kept together.
        notes: what was decided, for the user.
        problems: what should be looked at.
    """

    conditions: Mapping[str, str]
    counts: Mapping[str, SplitCounts]
    group_by: str | None
    notes: list[str]
    problems: list[str]


def split_role(name: str | None) -> Role | None:
    """What a layout's split is for, by its name.

    >>> [split_role(name) for name in ("train2017", "valid", "testing", "unlabeled", "extra", None)]
    ['train', 'val', 'test', 'pool', None, None]
    """
    plain = (name or "").lower()
    for beginning, role in _ROLES.items():
        if plain.startswith(beginning):
            return role
    return None


_ROLES: dict[str, Role] = {
    "train": "train",
    "val": "val",
    "dev": "val",
    "test": "test",
    "holdout": "test",
    "pool": "pool",
    "unlabel": "pool",
}


def plan_splits(entries: Sequence[ImageEntry], metadata: Mapping[str, Sequence[Any]]) -> SplitPlan:
    """Chooses split conditions such that none is empty and no group is torn apart.

    Raises:
        FlywheelError: there are too few images to make the splits that are missing.
    """
    column, problems = _group_column(entries, metadata)
    groups = _groups(entries, metadata.get(column) if column else None)
    labelled = [(entry, group) for entry, group in zip(entries, groups, strict=True) if entry.labelled]
    names: dict[Role | None, set[str]] = defaultdict(set)
    for entry, _ in labelled:
        if entry.split is not None:
            names[split_role(entry.split)].add(entry.split)
    conditions, notes = _conditions(labelled, names)
    some_unlabelled = len(labelled) < len(entries)
    if some_unlabelled:
        conditions = {role: f"{condition} AND labelled" for role, condition in conditions.items()}
        conditions["pool"] = "NOT labelled"
    members = _members(labelled, conditions, names)
    left_out = Counter(
        entry.split or "no folder" for entry, _ in labelled if all(entry.path not in m for m in members.values())
    )
    for name, count in sorted(left_out.items()):
        notes.append(f"{count} labelled images of {name} are in no split: see splits in flywheel.yaml")
    counts = {role: _counted(entry for entry, _ in labelled if entry.path in members[role]) for role in JUDGED}
    if some_unlabelled:
        counts["pool"] = _counted(entry for entry in entries if not entry.labelled)
    return SplitPlan(conditions=conditions, counts=counts, group_by=column, notes=notes, problems=problems)


def _group_column(
    entries: Sequence[ImageEntry], metadata: Mapping[str, Sequence[Any]]
) -> tuple[str | None, list[str]]:
    """The column to group by, unless its groups straddle the splits that the dataset comes with."""
    for name in metadata:
        if name.lower().removesuffix("_id") not in GROUP_NAMES:
            continue
        values = metadata[name]
        distinct = {value for value in values if value is not None}
        if not 2 <= len(distinct) < len(entries):
            continue
        roles: dict[Any, set[Role]] = defaultdict(set)
        for entry, value in zip(entries, values, strict=True):
            role = split_role(entry.split)
            if value is not None and role in JUDGED and entry.labelled:
                roles[value].add(role)
        torn = sorted(str(value) for value, found in roles.items() if len(found) > 1)
        if not torn:
            return name, []
        return None, [
            f"images of one {name} are in several splits ({len(torn)} of {len(distinct)}, such as {torn[0]}): the "
            f"test split does not tell how the model does on a new {name}; see dataset.group_by in flywheel.yaml"
        ]
    return None, []


def _groups(entries: Sequence[ImageEntry], values: Sequence[Any] | None) -> list[str]:
    keys = values or [None] * len(entries)
    return [entry.path if key is None else str(key) for entry, key in zip(entries, keys, strict=True)]


def _conditions(
    labelled: Sequence[tuple[ImageEntry, str]], names: Mapping[Role | None, set[str]]
) -> tuple[dict[str, str], list[str]]:
    own = {role: _is_one_of(names[role]) for role in JUDGED if names.get(role)}
    missing = [role for role in JUDGED if role not in own]
    if not missing:
        return {role: own[role] for role in JUDGED}, []
    if "train" in own:
        source, carved = own["train"], missing
        taken_from = names["train"]
    else:
        # Without a split to train on, what splits there are say nothing: all are drawn anew.
        pool = names.get("pool", set())
        taken_from = {entry.split for entry, _ in labelled if entry.split not in pool and entry.split}  # type: ignore[assignment]
        source, carved = "", ["val", "test"]
        own = {}
    drawn = {group_fraction(g) for e, g in labelled if (not source and split_role(e.split) != "pool") or e.split in taken_from}
    limits = [0.0, *_limits(sorted(drawn), len(carved))]
    conditions = dict(own)
    prefix = f"{source} AND " if source else _not_pool(names.get("pool", set()))
    for role, low, high in zip(carved, limits, limits[1:], strict=False):
        lower = f"group_fraction >= {low:g} AND " if low else ""
        conditions[role] = f"{prefix}{lower}group_fraction < {high:g}"
    conditions["train"] = f"{prefix}group_fraction >= {limits[-1]:g}"
    origin = " and ".join(sorted(taken_from)) if source else "all labelled images"
    note = f"{' and '.join(carved)}: about {CARVED_SHARE:.0%} each of {origin}, drawn by group_fraction"
    return {role: conditions[role] for role in JUDGED}, [note]
