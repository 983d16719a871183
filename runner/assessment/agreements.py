"""Two label sets of one image compared object by object: annotators with one another, and with what is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from runner.assessment.answered import LabelSet, Said
from runner.domain.annotation_quality import Measured
from runner.evaluation.agreement import Estimate, alpha, share
from runner.tasks.task import Task

ABSENT = ""
"""The class of what a source did not draw."""


@dataclass(frozen=True, kw_only=True)
class Compared:
    """What two sources say of the same things; T things.

    Attributes:
        image: `(T,)` the number of the image. `images`: their names.
        one, other: the source of each, and `class_one`, `class_other` what it calls the thing, `ABSENT` where it did not draw it.
        similarity: `(T,)` in [0, 1], 0 where one did not draw it.
    """

    images: Sequence[str]
    image: NDArray[np.int64]
    one: Sequence[str]
    other: Sequence[str]
    class_one: Sequence[str]
    class_other: Sequence[str]
    similarity: NDArray[np.float64]

    @cached_property
    def both(self) -> NDArray[np.bool_]:
        """`(T,)` drawn by both."""
        return self._mask(lambda at: ABSENT not in (self.class_one[at], self.class_other[at]))

    @cached_property
    def same(self) -> NDArray[np.bool_]:
        """`(T,)` drawn by both, and of one class."""
        return self.both & self._mask(lambda at: self.class_one[at] == self.class_other[at])

    @cached_property
    def rows_of(self) -> dict[str, list[int]]:
        """The things of each image."""
        rows: dict[str, list[int]] = {}
        for at, number in enumerate(self.image.tolist()):
            rows.setdefault(self.images[number], []).append(at)
        return rows

    def of_source(self, name: str) -> NDArray[np.bool_]:
        """`(T,)` the source is one of both."""
        return self._mask(lambda at: name in (self.one[at], self.other[at]))

    def of_class(self, name: str) -> NDArray[np.bool_]:
        """`(T,)` at least one calls it so."""
        return self._mask(lambda at: name in (self.class_one[at], self.class_other[at]))

    def says_one(self, name: str | None = None) -> NDArray[np.bool_]:
        """`(T,)` the first drew it, as that class if one is given."""
        return self._mask(lambda at: self.class_one[at] == name if name else bool(self.class_one[at]))

    def says_other(self, name: str | None = None) -> NDArray[np.bool_]:
        """`(T,)` the second drew it, as that class if one is given."""
        return self._mask(lambda at: self.class_other[at] == name if name else bool(self.class_other[at]))

    def overlap(self, among: NDArray[np.bool_]) -> Measured:
        """Mean similarity of some of the things."""
        return measured(share(self.similarity * among, among.astype(np.float64), self.image))

    def share(self, part: NDArray[np.bool_], whole: NDArray[np.bool_]) -> Measured:
        """How many of `whole` are `part` too."""
        return measured(share((part & whole).astype(np.float64), whole.astype(np.float64), self.image))

    def confused_with(self, name: str) -> str | None:
        """What the other one called things of a class most often instead."""
        other: Counter[str] = Counter()
        for mine, theirs in zip(self.class_one, self.class_other, strict=True):
            if name in (mine, theirs) and mine != theirs and ABSENT not in (mine, theirs):
                other[theirs if mine == name else mine] += 1
        return min(other, key=lambda called: (-other[called], called)) if other else None

    def _mask(self, holds: Callable[[int], bool]) -> NDArray[np.bool_]:
        return np.array([holds(at) for at in range(len(self.one))], dtype=np.bool_)


def compare(sets: Sequence[LabelSet], task: Task) -> tuple[Compared, Measured]:
    """Every pair of sources of an image, and Krippendorff's alpha over all sources of all images.

    Args:
        sets: sources of one image have different names; an image with one source says nothing.
    """
    said = Said.of(sets, task)
    rows = list(_things(said))
    compared = Compared(
        images=said.images,
        image=np.array([row.image for row in rows], dtype=np.int64),
        one=[row.one for row in rows],
        other=[row.other for row in rows],
        class_one=[row.class_one for row in rows],
        class_other=[row.class_other for row in rows],
        similarity=_similarities(said, rows),
    )
    return compared, measured(alpha(*_units(said)))


def compare_pairs(pairs: Sequence[tuple[LabelSet, LabelSet]], task: Task) -> Compared:
    """Each pair by itself: the first set of each is `one`, whatever else is said of its image."""
    apart = [
        replace(side, image=f"{number}", source=f"{place}")
        for number, pair in enumerate(pairs)
        for place, side in enumerate(pair)
    ]
    found, _ = compare(apart, task)
    numbers = [int(found.images[at]) for at in found.image]
    names = sorted({first.image for first, _ in pairs})
    position = {name: at for at, name in enumerate(names)}
    return replace(
        found,
        images=names,
        image=np.array([position[pairs[number][0].image] for number in numbers], dtype=np.int64),
        one=[pairs[number][0].source for number in numbers],
        other=[pairs[number][1].source for number in numbers],
    )


def measured(estimate: Estimate) -> Measured:
    """An estimate as it is recorded, to six digits: the same on every machine."""
    low, high = estimate.ends or (None, None)
    return Measured(value=_rounded(estimate.value), low=_rounded(low), high=_rounded(high), of=estimate.of)


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 6)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Thing:
    image: int
    one: str
    other: str
    class_one: str
    class_other: str
    rows: tuple[int, int] | None


def _things(said: Said) -> Iterator[_Thing]:
    """Every group of objects as each pair of its image's sources sees it; by image, group and pair."""
    sources = _sources(said)
    for image, members in _groups(said):
        for first, second in combinations(sources[image], 2):
            one, other = members.get(first), members.get(second)
            if one is None and other is None:
                continue
            yield _Thing(
                image=image,
                one=said.sets[first].source,
                other=said.sets[second].source,
                class_one=ABSENT if one is None else said.object(one).class_name,
                class_other=ABSENT if other is None else said.object(other).class_name,
                rows=None if one is None or other is None else (one, other),
            )


def _sources(said: Said) -> list[list[int]]:
    """Of each image, the places of its sets by their sources' names."""
    number = {image: at for at, image in enumerate(said.images)}
    found: list[list[int]] = [[] for _ in said.images]
    for place in sorted(range(len(said.sets)), key=lambda at: said.sets[at].source):
        found[number[said.sets[place].image]].append(place)
    return found


def _groups(said: Said) -> list[tuple[int, dict[int, int]]]:
    """Of each object that anybody drew: its image, and its row by the place of the set; ordered by image."""
    members: dict[int, dict[int, int]] = {}
    for row, group in enumerate(said.groups.tolist()):
        members.setdefault(group, {})[int(said.place[row])] = row
    found = [(int(said.image[next(iter(rows.values()))]), rows) for rows in members.values()]
    return sorted(found, key=lambda one: one[0])


def _similarities(said: Said, things: Sequence[_Thing]) -> NDArray[np.float64]:
    found = np.zeros(len(things))
    there = [(at, thing.rows) for at, thing in enumerate(things) if thing.rows is not None]
    if there:
        one, other = (np.array([rows[side] for _, rows in there], dtype=np.int64) for side in (0, 1))
        found[[at for at, _ in there]] = said.similarity(one, other)
    return found


def _units(said: Said) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For alpha: `(U, K + 1)` how many sources say each class, or nothing, of each object, and `(U,)` its image."""
    sources, groups = _sources(said), _groups(said)
    counts = np.zeros((len(groups), len(said.task.spec.classes) + 1), dtype=np.int64)
    for unit, (image, members) in enumerate(groups):
        for row in members.values():
            counts[unit, said.label[row]] += 1
        counts[unit, -1] = len(sources[image]) - len(members)
    return counts, np.array([image for image, _ in groups], dtype=np.int64)
