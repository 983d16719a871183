"""Sampling a fixed number of images: at random, or by shares of a column's values."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from runner.domain.options import CHANGES_A_SPLIT, Options, PositiveInt, Seed
from runner.selectors.candidates import Candidates, Drops, Standing
from runner.selectors.ranks import Drawn, draw_words, value_codes
from runner.selectors.shares import equal_shares, proportional_shares


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
    # Unset, not None: what a spec does not say stands in no params.yaml, and what was selected stays cached.
    stratify: (
        Annotated[
            str,
            Meta(
                min_length=1,
                description="An index column whose values keep the shares that they have among the images that earlier "
                "rules left, to one image. Not beside `balance`.",
                extra=CHANGES_A_SPLIT,
            ),
        ]
        | UnsetType
    ) = UNSET
    seed: Annotated[Seed, Meta(description="Another seed takes other images.", extra=CHANGES_A_SPLIT)] = 0

    @property
    def column(self) -> str | None:
        """The column whose values have shares; None where all images are drawn from together."""
        return self.balance if isinstance(self.stratify, UnsetType) else self.stratify

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.column,) if self.column else ()

    def describe(self) -> str:
        return f"not in the sample of {self.size}{self._way()} (seed {self.seed})"

    def _way(self) -> str:
        if not isinstance(self.stratify, UnsetType):
            return f" stratified by {self.stratify}"
        return f" balanced over {self.balance}" if self.balance else ""

    def drop(self, candidates: Candidates) -> Drops:
        """Drops all but `size` images, by the rank of their hashes within each value of the column."""
        return Drops.alike(self._draw(candidates).left_out(), self.describe())

    def standing(self, candidates: Candidates, position: int) -> Standing:
        drawn = self._draw(candidates)
        code = drawn.codes[position]
        share, rank = int(drawn.shares[code]), drawn.rank(position) + 1
        of = f" with {self.column} = {drawn.names[code]}" if self.column else ""
        count = int((drawn.codes == code).sum())
        return Standing(
            said=f"rank {rank:,} of {count:,}{of}; the first {share:,} are taken{self._way()} (seed {self.seed})",
            facts={"rank": rank, "of": count, "taken": share},
        )

    def _draw(self, candidates: Candidates) -> Drawn:
        import numpy as np

        if self.column:
            codes, names = value_codes(candidates.columns[self.column])
        else:
            codes, names = np.zeros(len(candidates.paths), dtype=np.int32), [""]
        available = dict(zip(names, np.bincount(codes, minlength=len(names)).tolist(), strict=True))
        shared = equal_shares if isinstance(self.stratify, UnsetType) else proportional_shares
        shares = shared(available, self.size)
        return Drawn(
            codes=codes,
            names=names,
            shares=np.array([shares[name] for name in names], dtype=np.intp),
            words=draw_words(candidates.image_ids, self.seed),
            seed=self.seed,
            image_ids=candidates.image_ids,
            paths=candidates.paths,
        )
