"""Findings that only the data shows: other test images than were agreed, other groups, other members of a slice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import msgspec

from runner.domain.files import decode_json
from runner.domain.policy import Finding, FindingKind
from runner.domain.records import JUDGED
from runner.policy.brought import Brought
from runner.policy.conditions import same

_SHOWN = 5


class _Counts(msgspec.Struct, frozen=True):
    images: int
    objects: int


class _Selection(msgspec.Struct, frozen=True):
    splits: dict[str, _Counts]
    split_digests: dict[str, str]
    group_digests: dict[str, str] = {}
    group_parts: dict[str, list[str]] = {}
    metadata_digests: dict[str, dict[str, str]] = {}


class _Slice(msgspec.Struct, frozen=True):
    name: str
    condition: str
    overall: _Counts
    found: dict[str, Any] | None = None


class _Target(msgspec.Struct, frozen=True):
    slices: list[_Slice]


class _Evaluation(msgspec.Struct, frozen=True):
    split_digest: str
    targets: list[_Target]
    slice_members: dict[str, str] = {}


@dataclass(frozen=True, kw_only=True)
class RecordedData:
    """A sprint's records as bytes; None where there are none. Those of the reference come from git.

    Another version of flywheel may have written them: only what is compared is read. Which sprint's they are: that of
    `Terms.recorded_reference`.
    """

    sprint: str
    selection: bytes | None
    evaluation: bytes | None


def evidence_of(
    reference: RecordedData,
    own: RecordedData,
    frozen: tuple[str, ...] = ("test",),
    origin: Brought = Brought(),  # noqa: B008  frozen
) -> list[Finding]:
    """What the records of two sprints show.

    Args:
        reference: the sprint on the base; without records of it there is nothing to compare with.
        own: this sprint, after it ran.
        frozen: the splits that may not change, by the base's policy.
        origin: of the sprint's test images that labelling rounds brought.
    """
    before, after = _selection(reference.selection), _selection(own.selection)
    found: list[Finding] = []
    if after and before is None and reference.selection is not None:
        found += _unreadable(reference.sprint, own.sprint, after, frozen)
    if before and after:
        found += _splits(reference.sprint, own.sprint, before, after, frozen, origin)
        found += _groups(reference.sprint, own.sprint, before, after)
        found += _regrouped(reference.sprint, own.sprint, before, after)
        found += _described(reference.sprint, own.sprint, before, after, frozen)
    measured, now = _evaluation(reference.evaluation), _evaluation(own.evaluation)
    if measured and now and measured.split_digest == now.split_digest:
        found += _slices(reference.sprint, own.sprint, measured, now)
    return found


def _unreadable(reference: str, sprint: str, after: _Selection, frozen: tuple[str, ...]) -> Iterator[Finding]:
    """What cannot be read is not the same."""
    for split in frozen:
        if split in after.splits:
            yield Finding(
                kind=FindingKind.TEST_CHANGED,
                sprint=sprint,
                subject=f"split {split}",
                after=f"{_shown(after.splits[split])} ({after.split_digests.get(split, '')[:12]})",
                message=f"the record of {reference} on the base branch cannot be read: whether the images and labels of {split} "
                "are those that it was judged on is not known",
            )


def _splits(
    reference: str,
    sprint: str,
    before: _Selection,
    after: _Selection,
    frozen: tuple[str, ...],
    origin: Brought,
) -> Iterator[Finding]:
    for split in frozen:
        old, new = before.split_digests.get(split), after.split_digests.get(split)
        if old is None or new is None or old == new:
            continue
        was, now = before.splits[split], after.splits[split]
        counts = (
            f"{_shown(was)} → {_shown(now)}"
            if was != now
            else f"{_shown(now)}, but other ones or other labels"
        )
        yield Finding(
            kind=FindingKind.TEST_CHANGED,
            sprint=sprint,
            subject=f"split {split}",
            before=f"{_shown(was)} ({old[:12]})",
            after=f"{_shown(now)} ({new[:12]})",
            message=f"the images or labels of {split} are not those that {reference} was judged on ({counts}): its results "
            f"and these are of different data{origin.said if split == JUDGED else ''}",
        )
        if split == JUDGED and origin.chosen:
            yield _chosen_by_a_model(sprint, origin)


def _chosen_by_a_model(sprint: str, origin: Brought) -> Finding:
    return Finding(
        kind=FindingKind.TEST_CHANGED,
        sprint=sprint,
        subject="split test: chosen by a strategy",
        after=f"{len(origin.chosen)} images",
        message=f"{len(origin.chosen)} test images were chosen by a labelling strategy, not at random: {origin.chosen_said}. A test set "
        "that a model chose is biased; images for the test split are drawn by a batch with `into: test`",
    )


def _groups(reference: str, sprint: str, before: _Selection, after: _Selection) -> Iterator[Finding]:
    """The same images in other groups: their groups come from the metadata."""
    for split, digest in after.split_digests.items():
        old, new = before.group_digests.get(split), after.group_digests.get(split)
        if old is None or new is None or old == new or before.split_digests.get(split) != digest:
            continue
        yield Finding(
            kind=FindingKind.GROUPING_CHANGED,
            sprint=sprint,
            subject=f"groups of {split}",
            before=old[:12],
            after=new[:12],
            message=f"the images of {split} are those of {reference}, but in other groups: what describes them was changed. "
            "Intervals rest on groups, and so does the check that no group is in two splits",
        )


def _regrouped(reference: str, sprint: str, before: _Selection, after: _Selection) -> Iterator[Finding]:
    """Images that were there before, in other groups, although others came or went: by the parts that hold the same images."""
    for split, parts in after.group_parts.items():
        known = before.group_parts.get(split, [])
        if len(known) != len(parts) or before.split_digests.get(split) == after.split_digests.get(split):
            continue
        pairs = [(old, new) for old, new in zip(known, parts, strict=True) if old and new and old != new]
        moved = [(old, new) for old, new in pairs if old.split()[0] == new.split()[0]]
        if moved:
            yield Finding(
                kind=FindingKind.GROUPING_CHANGED,
                sprint=sprint,
                subject=f"groups of {split}",
                before=_told_apart([old for old, _ in moved]),
                after=_told_apart([new for _, new in moved]),
                message=f"images of {split} that are those of {reference} are in other groups: what describes them was changed. "
                "Intervals rest on groups, and so does the check that no group is in two splits",
            )


def _described(
    reference: str, sprint: str, before: _Selection, after: _Selection, frozen: tuple[str, ...]
) -> Iterator[Finding]:
    """Other metadata of the same frozen images: what is searched for weak regions, or asked by conditions, comes from there."""
    for split in frozen:
        known, now = before.metadata_digests.get(split, {}), after.metadata_digests.get(split, {})
        if not known or before.split_digests.get(split) != after.split_digests.get(split):
            continue
        changed = [name for name, digest in known.items() if now.get(name) != digest]
        if changed:
            more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
            yield Finding(
                kind=FindingKind.SLICE_CHANGED,
                sprint=sprint,
                subject=f"metadata of {split}",
                before=_told_apart([f"{name} {known[name]}" for name in changed]),
                after=_told_apart([f"{name} {now.get(name)}" for name in changed]),
                message=f"the metadata says something else of the same images of {split} than when {reference} was judged: "
                f"{', '.join(changed[:_SHOWN])}{more}. Slices and the weak regions that are searched for come from it",
            )


def _told_apart(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]


def _slices(reference: str, sprint: str, before: _Evaluation, after: _Evaluation) -> Iterator[Finding]:
    """Slices of one meaning on the same test images: their members come from the metadata."""
    current = _by_name(after)
    for name, old in _by_name(before).items():
        new = current.get(name)
        if not _of_value(name) and (new is None or not same(old.condition, new.condition)):
            continue  # what has a name of its own is defined in the specs: there is a finding of theirs
        members = before.slice_members.get(name, ""), after.slice_members.get(name, "")
        moved = "" not in members and members[0] != members[1]
        counts_differ = new is None or old.overall != new.overall
        if not counts_differ and not moved:
            continue
        now = _shown(new.overall) if new else "no images any more"
        others = "" if counts_differ else ", but other ones"
        yield Finding(
            kind=FindingKind.SLICE_CHANGED if new else FindingKind.SLICE_REMOVED,
            sprint=sprint,
            subject=f"slice {name}",
            before=_identified(old.overall, members[0]),
            after=_identified(new.overall, members[1]) if new else None,
            message=f"slice {name} ({old.condition}) has {now} of the same test split{others}; when {reference} was judged "
            f"it had {_shown(old.overall)}: what describes the images was changed",
        )


def _of_value(name: str) -> bool:
    """Whether the slice is one of a column's values, `camera=dock-a`.

    What its condition looks like depends on the column's type, which is the metadata's as its members are.
    """
    return "=" in name


def _identified(counts: _Counts, digest: str) -> str:
    return f"{_shown(counts)} ({digest[:12]})" if digest else _shown(counts)


def _by_name(evaluation: _Evaluation) -> dict[str, _Slice]:
    """The first artefact's slices: all artefacts have the same."""
    slices = evaluation.targets[0].slices if evaluation.targets else []
    return {part.name: part for part in slices if part.found is None}


def _shown(counts: _Counts) -> str:
    return f"{counts.images} images, {counts.objects} objects"


def is_readable(name: Literal["selection", "evaluation"], content: bytes | None) -> bool:
    """Whether a record's file holds what is compared."""
    return (_selection(content) if name == "selection" else _evaluation(content)) is not None


def _selection(content: bytes | None) -> _Selection | None:
    try:
        return decode_json(content, _Selection) if content is not None else None
    except msgspec.MsgspecError:
        return None


def _evaluation(content: bytes | None) -> _Evaluation | None:
    try:
        return decode_json(content, _Evaluation) if content is not None else None
    except msgspec.MsgspecError:
        return None
