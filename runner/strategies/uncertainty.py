"""Uncertainty sampling: what the champion is least sure of; weighted by how hard each class is, and spread out, if so asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.strategies.pool import (
    Choice,
    Needs,
    Pool,
    Share,
    highest_first,
    predictions_of,
    required,
    vectors_of,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Measure = Literal["least_confidence", "margin", "entropy", "entropy_sum", "calibrated"]
_WORDS: dict[Measure, str] = {
    "least_confidence": "1 − the probability of the likelier answer, of the most unsure prediction",
    "margin": "1 − the margin between the two likeliest answers, of the most unsure prediction",
    "entropy": "entropy of the most unsure prediction",
    "entropy_sum": "entropies of all predictions, added",
    "calibrated": "entropies of all predictions, weighted by how hard their classes are, added",
}


class Uncertainty(Options, frozen=True, kw_only=True):
    """What the champion is least sure of."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]
    measure: Annotated[
        Measure,
        Meta(
            description="How sure it is of an image. `least_confidence`, `margin` and `entropy` are of its most unsure prediction (of a "
            "detector they rank alike), `entropy_sum` is of all of them; `calibrated` is that with each class weighted by how hard "
            "it was for the champion (Yang et al. 2022, PPAL).",
            extra=NEUTRAL,
        ),
    ] = "entropy_sum"
    spread: Annotated[
        int,
        Meta(
            ge=1,
            le=100,
            description="With 4, the images are chosen among the four times as many that are least sure, and are unlike each other "
            "(k-center over embeddings), as PPAL does it. With 1 they are the least sure ones.",
            extra=NEUTRAL,
        ),
    ] = 1

    @property
    def needs(self) -> Needs:
        return Needs(predictions=True, difficulty=self.measure == "calibrated", vectors=self.spread > 1)

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """The least sure first; an image on which nothing at all is predicted has no measure, and comes last."""
        scores = self.scores(pool)
        ranked = highest_first(scores, pool, seed)
        order = self._spread_out(pool, ranked, taken, want) if self.spread > 1 else ranked
        place = {position: rank for rank, position in enumerate(ranked, start=1)}
        counts = predicted_counts(pool)
        for position in order:
            score = float(scores[position])
            known = score == score
            said = f"{_WORDS[self.measure]}: {score:.4f}" if known else "nothing is predicted"
            yield Choice(
                position=position,
                score=round(score, 6) if known else None,
                reason=f"{said}; place {place[position]:,} of {len(pool):,}, {int(counts[position])} predicted",
            )

    def scores(self, pool: Pool) -> NDArray[np.float64]:
        """Of each image `(N,)`, a high one is unsure; NaN where nothing is predicted."""
        from runner.evaluation.uncertainty import calibrated, of_classes, of_objects

        found = predictions_of(pool, "uncertainty")
        if self.measure == "calibrated":
            difficulty = required(
                pool.difficulty,
                "uncertainty by `calibrated` needs what the champion was measured at for each class",
                "take another measure, as in: uncertainty: {share: 0.5, measure: entropy}",
            )
            return calibrated(
                found.image, found.class_id, found.score, len(pool), difficulty, ranked=pool.ranked
            )
        if pool.ranked:
            measured = of_objects(found.image, found.score, len(pool))
        else:
            measured = of_classes(found.image, found.score, len(pool), len(pool.classes))
        return 1 - measured.margin if self.measure == "margin" else getattr(measured, self.measure)

    def _spread_out(self, pool: Pool, order: list[int], taken: Sequence[int], want: int) -> list[int]:
        import numpy as np

        from runner.dataset.core_set import k_center

        vectors = vectors_of(pool, "uncertainty with `spread`")
        held = set(taken)
        unsure = [position for position in order if position not in held][: want * self.spread]
        centres = vectors[np.array(taken, np.intp)]
        chosen = [unsure[at] for at, _ in k_center(vectors[np.array(unsure, np.intp)], centres)]
        further = set(unsure)
        return [*chosen, *(position for position in order if position not in further)]


def predicted_counts(pool: Pool) -> NDArray[np.int64]:
    """How many predictions of each image `(N,)` count; of classes of images one, or none."""
    import numpy as np

    found = predictions_of(pool, "a count of predictions")
    if pool.ranked:
        return np.bincount(found.image[found.score >= pool.confidence], minlength=len(pool))
    return np.minimum(np.bincount(found.image, minlength=len(pool)), 1)
