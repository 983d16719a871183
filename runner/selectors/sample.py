"""Sampling a fixed number of images, balanced over a column if asked."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Annotated, Any

from msgspec import Meta

from runner.domain.options import CHANGES_A_SPLIT, Options, PositiveInt, Seed
from runner.selectors.candidates import Candidates


class Sample(Options, frozen=True, kw_only=True):
    """A seeded random sample. It changes little as a dataset grows: ranks depend on the image only."""

    size: Annotated[PositiveInt, Meta(description="How many images at most.", extra=CHANGES_A_SPLIT)]
    balance: Annotated[
        str | None,
        Meta(
            description="An index column whose values get equal shares as far as they go.",
            extra=CHANGES_A_SPLIT,
        ),
    ] = None
    seed: Annotated[Seed, Meta(description="Another seed takes other images.", extra=CHANGES_A_SPLIT)] = 0

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.balance,) if self.balance else ()

    def describe(self) -> str:
        balanced = f" balanced over {self.balance}" if self.balance else ""
        return f"not in the sample of {self.size}{balanced} (seed {self.seed})"

    def drop(self, candidates: Candidates) -> dict[int, str]:
        """Drops all but `size` images, by the rank of their hashes within each value of `balance`."""
        ranked = sorted(
            range(len(candidates.paths)),
            key=lambda position: (self._rank(candidates.image_ids[position]), candidates.paths[position]),
        )
        groups: dict[str, list[int]] = {}
        values = candidates.columns[self.balance] if self.balance else None
        for position in ranked:
            groups.setdefault("" if values is None else value_name(values[position]), []).append(position)
        shares = equal_shares({name: len(members) for name, members in groups.items()}, self.size)
        left_out = [position for name, members in groups.items() for position in members[shares[name] :]]
        return dict.fromkeys(left_out, self.describe())

    def _rank(self, image_id: str) -> str:
        return hashlib.sha256(f"{self.seed}:{image_id}".encode()).hexdigest()


def value_name(value: Any) -> str:
    """A value of a column as text; a missing one (None or NaN) is a value of its own."""
    return "(none)" if value is None or value != value else str(value)


def equal_shares(available: Mapping[str, int], size: int) -> dict[str, int]:
    """Shares `size` out equally; what a value cannot fill goes to the others, a remainder to the first names.

    >>> equal_shares({"a": 10, "b": 2, "c": 10}, 12)
    {'a': 5, 'b': 2, 'c': 5}
    >>> equal_shares({"a": 3, "b": 3}, 5)
    {'a': 3, 'b': 2}
    >>> equal_shares({"a": 1}, 5)
    {'a': 1}
    """
    shares = dict.fromkeys(available, 0)
    left = min(size, sum(available.values()))
    while left:
        open_names = sorted(name for name, count in available.items() if shares[name] < count)
        each = left // len(open_names)
        for name in open_names if each else open_names[:left]:
            given = min(max(each, 1), available[name] - shares[name])
            shares[name] += given
            left -= given
    return shares
