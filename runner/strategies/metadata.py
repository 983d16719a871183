"""Metadata weights: images by what somebody wrote of them, some values more often than others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.options import NEUTRAL, Options
from runner.selectors.ranks import value_codes
from runner.strategies.pool import Choice, Needs, Pool, Share

Weight = Annotated[float, Meta(gt=0, le=1e6)]


class Metadata(Options, frozen=True, kw_only=True):
    """Images at random, some values of a column more often than others."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]
    column: Annotated[
        str,
        Meta(
            min_length=1, description="A column of the image index, as `camera` or `weather`.", extra=NEUTRAL
        ),
    ]
    weights: Annotated[
        dict[str, Weight],
        Meta(
            min_length=1,
            description="By value, how often it is drawn: `{dusk: 3, day: 1}`. Other values are not drawn; `(none)` is where there is "
            "no value.",
            extra=NEUTRAL,
        ),
    ]

    @property
    def needs(self) -> Needs:
        return Needs(columns=(self.column,))

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """Weighted sampling without replacement, by a hash of the seed and each image's content.

        Source: Efraimidis and Spirakis, "Weighted random sampling with a reservoir", 2006.

        Raises:
            FlywheelError: a value that has a weight is that of no image.
        """
        import hashlib
        import math

        from runner.evaluation.slices import value_text

        del taken, want
        codes, names = value_codes(pool.columns[self.column], value_text)
        self._require_known(names)
        keyed = []
        for position, code in enumerate(codes.tolist()):
            weight = self.weights.get(names[code])
            if weight is not None:
                digest = hashlib.sha256(f"{seed}:{self.column}:{pool.image_ids[position]}".encode()).digest()
                uniform = (int.from_bytes(digest[:8]) + 1) / (2**64 + 1)
                keyed.append((round(-math.log(uniform) / weight, 12), position, names[code], weight))
        total = len(keyed)
        for rank, (_, position, name, weight) in enumerate(sorted(keyed), start=1):
            yield Choice(
                position=position,
                score=weight,
                reason=f"{self.column} = {name}, weight {weight:g}: place {rank:,} of {total:,} (seed {seed})",
            )

    def _require_known(self, names: Sequence[str]) -> None:
        unknown = [name for name in self.weights if name not in names]
        if unknown and names:
            raise FlywheelError(
                f"metadata by {self.column}: no image of the pool has {self.column} = {unknown[0]}"
                f"{suggestion(unknown[0], names, plural='values')}",
                hint="correct it in `weights`, or take it out there",
                exit_code=ExitCode.STAGE_FAILED,
            )
