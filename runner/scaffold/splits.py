"""Which images train, validate and test: the dataset's own splits, completed where one is missing."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from runner.dataset.entries import ImageEntry
from runner.dataset.index import group_fraction
from runner.dataset.split_names import Role, split_role
from runner.domain.errors import FlywheelError
from runner.domain.records import SplitCounts

JUDGED: tuple[Role, ...] = ("train", "val", "test")
CARVED_SHARE = 0.15
# Columns that by their name tell which images were taken together.
GROUP_NAMES = ("group", "scene", "sequence", "video", "clip", "session", "track", "patient")


@dataclass(frozen=True, kw_only=True)
class SplitPart:
    """Images of a split: those of some of the layout's own splits (of any, when None), or a share of them.

    `names` holds None for the images that are in no split of the layout's.
    """

    names: frozenset[str | None] | None
    low: float = 0.0
    high: float = 1.0

    def holds(self, entry: ImageEntry, group: str) -> bool:
        return (self.names is None or entry.split in self.names) and self.low <= group_fraction(
            group
        ) < self.high

    @property
    def condition(self) -> str:
        """SQL over the image index, of the same meaning.

        >>> SplitPart(names=frozenset({"train"}), low=0.15).condition
        "split = 'train' AND group_fraction >= 0.15"
        """
        terms = [] if self.names is None else [_is_one_of(self.names)]
        terms += [f"group_fraction >= {self.low:g}"] if self.low > 0 else []
        terms += [f"group_fraction < {self.high:g}"] if self.high < 1 else []
        return " AND ".join(terms)


@dataclass(frozen=True, kw_only=True)
class SuggestedSplits:
    """The splits of the new project.

    Attributes:
        conditions: per split, SQL over the image index.
        counts: per split, what is in it now.
        group_by: the metadata column whose groups are kept together.
        test_groups: how many independent groups (images without such a column) of the test split hold an object.
        test_groups_per_class: the same of each class that occurs there.
        notes: what was decided, for the user.
        problems: what should be looked at.
    """

    conditions: Mapping[str, str]
    counts: Mapping[str, SplitCounts]
    group_by: str | None
    test_groups: int
    test_groups_per_class: Mapping[str, int]
    notes: list[str]
    problems: list[str]


def plan_splits(
    entries: Sequence[ImageEntry],
    metadata: Mapping[str, Sequence[Any]],
    empty_splits: Mapping[str, str] | None = None,
) -> SuggestedSplits:
    """Chooses split conditions such that none is empty and no group is torn apart.

    What the dataset names is never drawn anew: a split that it names and that came out empty is refused.

    Args:
        entries: every image.
        metadata: its columns, one value per entry.
        empty_splits: splits that the dataset names, and why no image is in them.

    Raises:
        FlywheelError: there are too few images to make the splits that are missing, or one is named and empty.
    """
    column, problems = _group_column(entries, metadata)
    groups = _groups(entries, metadata[column] if column else None)
    labelled = [pair for pair in zip(entries, groups, strict=True) if pair[0].labelled]
    _refuse_empty(entries, empty_splits or {})
    problems += _unlabelled_splits(entries)
    parts, notes = _parts(labelled)
    members = {
        role: [entry for entry, group in labelled if part.holds(entry, group)] for role, part in parts.items()
    }
    shown = {
        (group, item.class_name)
        for entry, group in labelled
        if parts["test"].holds(entry, group)
        for item in entry.objects
    }
    counts = {str(role): _counted(found) for role, found in members.items()}
    conditions = {str(role): part.condition for role, part in parts.items()}
    if unlabelled := [entry for entry in entries if not entry.labelled]:
        conditions = {role: f"{condition} AND labelled" for role, condition in conditions.items()}
        conditions["pool"], counts["pool"] = "NOT labelled", _counted(unlabelled)
    used = {entry.path for found in members.values() for entry in found}
    left_out = Counter(entry.split or "no split" for entry, _ in labelled if entry.path not in used)
    notes += [
        f"{count} labelled images of {name} are used in no split" for name, count in sorted(left_out.items())
    ]
    return SuggestedSplits(
        conditions=conditions,
        counts=counts,
        group_by=column,
        test_groups=len({group for group, _ in shown}),
        test_groups_per_class=Counter(name for _, name in shown),
        notes=notes,
        problems=problems,
    )


def _group_column(
    entries: Sequence[ImageEntry], metadata: Mapping[str, Sequence[Any]]
) -> tuple[str | None, list[str]]:
    """The column to group by, unless its groups straddle the splits that the dataset comes with."""
    for name, values in metadata.items():
        distinct = {value for value in values if value is not None}
        if name.lower().removesuffix("_id") not in GROUP_NAMES or not 2 <= len(distinct) < len(entries):
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
            f"images of one {name} are in several splits ({len(torn)} of {len(distinct)}, such as {torn[0]}):"
            f" the figures do not tell how the model does on a new {name}; see group_by in flywheel.yaml"
        ]
    return None, []


def _groups(entries: Sequence[ImageEntry], values: Sequence[Any] | None) -> list[str]:
    keys = values or [None] * len(entries)
    return [entry.path if key is None else str(key) for entry, key in zip(entries, keys, strict=True)]


def _refuse_empty(entries: Sequence[ImageEntry], empty_splits: Mapping[str, str]) -> None:
    filled = {split_role(entry.split) for entry in entries if entry.split not in empty_splits}
    for name, why in empty_splits.items():
        role = split_role(name)
        if role in JUDGED and role not in filled:
            raise FlywheelError(
                f"the dataset's own {role} split is empty: {why}",
                hint=f"bring its images; or take the name {name} out of the dataset, to have {role} drawn at random",
            )


def _unlabelled_splits(entries: Sequence[ImageEntry]) -> list[str]:
    """Splits that the dataset names, of whose images none is labelled: they are drawn from others, which is said."""
    labelled = {split_role(entry.split) for entry in entries if entry.labelled}
    names = Counter(
        entry.split
        for entry in entries
        if entry.split and split_role(entry.split) in JUDGED and split_role(entry.split) not in labelled
    )
    return [
        f"none of the {count} images of {name} is labelled: they are the pool, and {split_role(name)} is drawn from "
        "the labelled images"
        for name, count in names.items()
    ]


def _parts(labelled: Sequence[tuple[ImageEntry, str]]) -> tuple[dict[Role, SplitPart], list[str]]:
    names: dict[Role | None, set[str | None]] = defaultdict(set)
    for entry, _ in labelled:
        names[split_role(entry.split)].add(entry.split)
    parts = {role: SplitPart(names=frozenset(names[role])) for role in JUDGED if names[role]}
    missing = [role for role in JUDGED if role not in parts]
    if not missing:
        return parts, []
    kept = [*parts]
    source = frozenset(names["train"] or names[None])
    if not source or not parts:
        # One split alone tells nothing about what to train on: all splits are drawn anew.
        parts, missing, source = {}, list(JUDGED), frozenset()
    whole = SplitPart(names=source or None)
    carved = [role for role in missing if role != "train"]
    notes = []
    if carved:
        fractions = sorted({group_fraction(group) for entry, group in labelled if whole.holds(entry, group)})
        limits = [0.0, *_limits(fractions, carved), 1.0]
        share = f"{CARVED_SHARE:.0%} each" if len(carved) > 1 else f"{CARVED_SHARE:.0%}"
        origin = " and ".join(sorted(name or "the images of no split" for name in source))
        notes = [
            f"{' and '.join(carved)}: about {share} of {origin or 'all labelled images'}, drawn at random"
        ]
    else:
        limits = [0.0, 1.0]
    ordered: list[Role] = [*reversed(carved), "train"]
    for position, role in enumerate(ordered):
        parts[role] = SplitPart(names=whole.names, low=limits[position], high=limits[position + 1])
    if kept and not source:
        only = " and ".join(kept)
        notes.append(f"there is nothing to train on but {only}: all splits are drawn anew, {only} too")
    return {role: parts[role] for role in JUDGED}, notes


def _limits(fractions: Sequence[float], carved: Sequence[Role]) -> list[float]:
    """Where the carved splits end, below the rest; moved for few groups, where a share may hold none.

    Raises:
        FlywheelError: there are fewer groups than splits.
    """
    if len(fractions) <= len(carved):
        raise FlywheelError(
            f"too few images to draw {' and '.join(carved)} from: {len(fractions)} images or groups of them",
            hint="label more images, or bring splits of their own: images/train, images/val, images/test",
        )
    limits = [CARVED_SHARE * number for number in range(1, len(carved) + 1)]
    bounds = [0.0, *limits, 1.0]
    if all(any(low <= f < high for f in fractions) for low, high in pairwise(bounds)):
        return [round(limit, 2) for limit in limits]
    step = max(1, round(CARVED_SHARE * len(fractions)))
    ends = [step * number for number in range(1, len(carved) + 1)]
    return [round((fractions[end - 1] + fractions[end]) / 2, 6) for end in ends]


def _is_one_of(names: frozenset[str | None]) -> str:
    quoted = [
        "'" + name.replace("'", "''") + "'" for name in sorted(name for name in names if name is not None)
    ]
    named = (
        ""
        if not quoted
        else f"split = {quoted[0]}"
        if len(quoted) == 1
        else f"split IN ({', '.join(quoted)})"
    )
    if None not in names:
        return named
    return f"(split IS NULL OR {named})" if named else "split IS NULL"


def _counted(entries: Sequence[ImageEntry]) -> SplitCounts:
    per_class = Counter(item.class_name for entry in entries for item in entry.objects)
    return SplitCounts(
        images=len(entries), objects=per_class.total(), per_class=dict(sorted(per_class.items()))
    )
