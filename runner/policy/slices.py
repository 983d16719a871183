"""Slices side by side: which is the same slice, and what of it is smaller or other than before."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from runner.config.sprint import MIN_IMAGES, MOST_FOUND, MOST_VALUES, SliceSpec
from runner.policy.conditions import same


def slice_key(spec: SliceSpec) -> tuple[str, ...]:
    """What makes it the same slice: its name, the columns it is made of, or that it is searched for."""
    if spec.columns:
        return ("by", *sorted(spec.columns))
    return ("auto",) if spec.auto else ("name", spec.name or "")


def slice_subject(spec: SliceSpec) -> str:
    """`slice dark`, `slices by camera, lighting`, `slices that are searched for`."""
    if spec.columns:
        return f"slices by {', '.join(spec.columns)}"
    return "slices that are searched for" if spec.auto else f"slice {spec.name}"


def most(spec: SliceSpec) -> int:
    """How many slices there are at most of `by` and `auto`."""
    return spec.max or (MOST_FOUND if spec.auto else MOST_VALUES)


def min_images(spec: SliceSpec) -> int:
    """Of `auto`: regions of fewer images are not looked at."""
    return spec.min_images or MIN_IMAGES


def same_slice(one: SliceSpec, other: SliceSpec) -> bool:
    """Whether both mean the same part of the test split; defaults written out are the same."""
    if slice_key(one) != slice_key(other) or not same_members(one, other):
        return False
    if one.auto and min_images(one) != min_images(other):
        return False
    return most(one) == most(other) if one.auto or one.columns else True


def same_members(one: SliceSpec, other: SliceSpec) -> bool:
    """Whether the same condition says who belongs."""
    return same(one.where, other.where) and same(one.objects, other.objects)


def shown(spec: SliceSpec) -> str:
    """The definition without the name: as a person reads it.

    >>> shown(SliceSpec(name="dark", where="brightness < 0.3")), shown(SliceSpec(by="camera"))
    ('brightness < 0.3', 'at most 20')
    """
    if spec.auto:
        return f"at most {most(spec)}, of at least {min_images(spec)} images"
    if spec.columns:
        return f"at most {most(spec)}"
    return spec.where if spec.where is not None else f"objects: {spec.objects}"


class SlicePair(Struct, frozen=True, kw_only=True):
    """A slice before and after; one is None where it was added or removed. Positions are those in the lists."""

    before: SliceSpec | None
    after: SliceSpec | None
    position: int

    @property
    def subject(self) -> str:
        return next(slice_subject(spec) for spec in (self.after, self.before) if spec is not None)


def pair_slices(before: Sequence[SliceSpec], after: Sequence[SliceSpec]) -> list[SlicePair]:
    """Every slice that differs: those after in their order, then those that are gone. The order means nothing."""
    old = {slice_key(spec): spec for spec in before}
    new = {slice_key(spec) for spec in after}
    changed = [
        SlicePair(before=known, after=spec, position=position)
        for position, spec in enumerate(after)
        if (known := old.get(slice_key(spec))) is None or not same_slice(known, spec)
    ]
    gone = [
        SlicePair(before=spec, after=None, position=position)
        for position, spec in enumerate(before)
        if slice_key(spec) not in new
    ]
    return [*changed, *gone]
