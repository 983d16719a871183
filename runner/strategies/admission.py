"""What may stand in one batch: no image that looks like a labelled one or another of the batch, and not too many of one scene."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from runner.strategies.mix import BatchOptions
from runner.strategies.pool import Pool

if TYPE_CHECKING:
    from runner.dataset.frames import Place


class Admission:
    """Keeps the rules that hold for a batch as a whole; the control arm is drawn under the same ones.

    Attributes:
        taken: positions, in the order in which they were taken.
    """

    def __init__(self, pool: Pool, options: BatchOptions) -> None:
        self.taken: list[int] = []
        self._pool = pool
        self._options = options
        self._refused = _twins_of_labelled(pool, options.distance)
        self._twins = _twins(pool, options.distance)
        self._contents: set[str] = set()
        self._groups: Counter[str] = Counter()
        self._places: list[Place | None] | None = None
        self._frames: dict[tuple[str, ...], list[float]] = {}
        if options.frames_apart is not None:
            from runner.dataset.frames import numbered

            self._places = [numbered(path) for path in pool.paths]

    def allows(self, position: int) -> bool:
        """Whether an image may be taken beside those that were."""
        return not (
            position in self._refused
            or self._pool.image_ids[position] in self._contents  # of files of one content, one is enough
            or self._group_is_full(position)
            or self._is_next_to_another(position)
        )

    def take(self, position: int) -> None:
        """Takes an image that is allowed."""
        self.taken.append(position)
        self._contents.add(self._pool.image_ids[position])
        self._refused.update(self._twins.get(position, ()))
        if self._pool.groups is not None:
            self._groups[self._pool.groups[position]] += 1
        if self._places is not None and (place := self._places[position]) is not None:
            self._frames.setdefault(place.series, []).append(place.number)

    def _group_is_full(self, position: int) -> bool:
        most = self._options.per_group
        if most is None or self._pool.groups is None:
            return False
        return self._groups[self._pool.groups[position]] >= most

    def _is_next_to_another(self, position: int) -> bool:
        apart = self._options.frames_apart
        if apart is None or self._places is None or (place := self._places[position]) is None:
            return False
        return any(abs(place.number - other) < apart for other in self._frames.get(place.series, ()))


def _twins_of_labelled(pool: Pool, distance: int) -> set[int]:
    """The positions of images that look like one that has a label."""
    if pool.looks is None or pool.labelled_looks is None or not len(pool.labelled_looks.hashes):
        return set()
    from runner.dataset.near_duplicates import nearest

    near = nearest(pool.looks, pool.labelled_looks, distance=distance)
    return set((near.position >= 0).nonzero()[0].tolist())


def _twins(pool: Pool, distance: int) -> dict[int, list[int]]:
    """By position, the images of the pool that look like it."""
    if pool.looks is None:
        return {}
    from runner.dataset.near_duplicates import pairs_within

    twins: dict[int, list[int]] = {}
    first, second = pairs_within(pool.looks, distance=distance)
    for one, other in zip(first.tolist(), second.tolist(), strict=True):
        twins.setdefault(one, []).append(other)
        twins.setdefault(other, []).append(one)
    return twins
