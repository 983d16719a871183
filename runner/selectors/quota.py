"""A quota per value of a column: at most so many images of each scene, camera or group."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.options import CHANGES_A_SPLIT, Options, PositiveInt, Seed
from runner.selectors.candidates import Candidates, Drops, Standing
from runner.selectors.ranks import Drawn, draw_words, value_codes


class Quota(Options, frozen=True, kw_only=True):
    """At most so many images of each value of a column, drawn with a seed. It changes little as a dataset grows."""

    by: Annotated[
        str,
        Meta(
            min_length=1,
            description="An index column: `scene`; `group` is what `dataset.group_by` names.",
            extra=CHANGES_A_SPLIT,
        ),
    ]
    max: (
        Annotated[
            PositiveInt,
            Meta(
                description="At most so many images of each value; beside `images`, of each that it does not name (none where "
                "this is absent).",
                extra=CHANGES_A_SPLIT,
            ),
        ]
        | UnsetType
    ) = UNSET
    images: (
        Annotated[
            dict[str, PositiveInt],
            Meta(
                description="By value, at most so many images: `{day: 300, night: 100}`; `(none)` is where there is no "
                "value.",
                extra=CHANGES_A_SPLIT,
            ),
        ]
        | UnsetType
    ) = UNSET
    seed: Annotated[Seed, Meta(description="Another seed takes other images.", extra=CHANGES_A_SPLIT)] = 0

    @property
    def needs(self) -> tuple[str, ...]:
        return (self.by,)

    @property
    def named(self) -> dict[str, int]:
        """The values with a number of their own."""
        return {} if isinstance(self.images, UnsetType) else self.images

    def describe(self) -> str:
        parts = [f"{name}: {most}" for name, most in self.named.items()]
        parts += [] if isinstance(self.max, UnsetType) else [f"{'others' if parts else 'each'}: {self.max}"]
        return f"beyond the quota by {self.by} ({', '.join(parts)}; seed {self.seed})"

    def drop(self, candidates: Candidates) -> Drops:
        """Drops what is beyond the quota of its value, by the rank of its hash among the images of that value.

        Raises:
            FlywheelError: `images` names a value that no candidate has.
        """
        drawn = self._draw(candidates)
        out = drawn.left_out()
        return Drops(out, drawn.codes[out], [self._reason(drawn, code) for code in range(len(drawn.names))])

    def standing(self, candidates: Candidates, position: int) -> Standing:
        drawn = self._draw(candidates)
        code = drawn.codes[position]
        rank, count, share = (
            drawn.rank(position) + 1,
            int((drawn.codes == code).sum()),
            int(drawn.shares[code]),
        )
        taken = f"the first {share:,} are taken" if share else "none is taken"
        return Standing(
            said=f"rank {rank:,} of {count:,} with {self.by} = {drawn.names[code]}; {taken} (seed {self.seed})",
            facts={"rank": rank, "of": count, "taken": share},
        )

    def _reason(self, drawn: Drawn, code: int) -> str:
        share = int(drawn.shares[code])
        most = f"the {share:,} images of its quota are others" if share else "the quota has no images of it"
        return f"{self.by} = {drawn.names[code]}: {most} (seed {self.seed})"

    def _draw(self, candidates: Candidates) -> Drawn:
        import numpy as np

        from runner.evaluation.slices import value_text

        codes, names = value_codes(candidates.columns[self.by], value_text)
        self._require_known(names)
        others = 0 if isinstance(self.max, UnsetType) else self.max
        return Drawn(
            codes=codes,
            names=names,
            shares=np.array([self.named.get(name, others) for name in names], dtype=np.intp),
            words=draw_words(candidates.image_ids, self.seed),
            seed=self.seed,
            image_ids=candidates.image_ids,
            paths=candidates.paths,
        )

    def _require_known(self, names: list[str]) -> None:
        unknown = [name for name in self.named if name not in names]
        if unknown and names:
            raise FlywheelError(
                f"quota by {self.by}: no image that is left has {self.by} = {unknown[0]}"
                f"{suggestion(unknown[0], names, plural='values')}",
                hint="correct it in `images` of the quota, or take it out there",
                exit_code=ExitCode.STAGE_FAILED,
            )
