"""At random: the control arm. What the other arms gain is told apart from what labelling gains by itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.selectors.ranks import drawing_order
from runner.strategies.pool import Choice, Needs, Pool, Share


class RandomImages(Options, frozen=True, kw_only=True):
    """Images as they come: each is as likely as any other. It is the control arm, and is drawn before the others."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]

    @property
    def needs(self) -> Needs:
        return Needs()

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """By a hash of the seed and each image's content, so that an image's place depends on no other image."""
        del taken, want
        for rank, position in enumerate(drawing_order(pool.image_ids, pool.paths, seed).tolist(), start=1):
            yield Choice(
                position=position,
                score=None,
                reason=f"drawn at random: place {rank:,} of {len(pool):,} (seed {seed})",
            )
