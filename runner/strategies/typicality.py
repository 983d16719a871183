"""Typicality: of each kind of image that has no label yet, the most usual one. For the first rounds, when a model knows little."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.strategies.pool import Choice, Needs, Pool, Share, vectors_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Source: Hacohen, Dekel and Weinshall, "Active Learning on a Budget: Opposite Strategies Suit High and Low Budgets" (TypiClust, ICML
# 2022): at most 500 clusters, and 20 neighbours.
MOST_CLUSTERS, NEIGHBOURS = 500, 20


class Typicality(Options, frozen=True, kw_only=True):
    """Of each kind of image that has no label yet, the most usual one, by embeddings (TypiClust)."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]

    @property
    def needs(self) -> Needs:
        return Needs(vectors=True)

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """Pool and labelled images in as many clusters as there would then be labels; those with the fewest labels first, of equal
        ones the largest; of each the image with the nearest neighbours.
        """
        import numpy as np

        from runner.dataset.core_set import clusters

        vectors = vectors_of(pool, "typicality")
        labelled = pool.labelled_vectors
        known = labelled if labelled is not None else np.zeros((0, vectors.shape[1]), np.float32)
        count = min(max(1, len(known) + len(taken) + want), MOST_CLUSTERS)
        of = clusters(np.concatenate([vectors, known]), count, seed).of
        of_pool, covered = of[: len(pool)], np.bincount(of[len(pool) :], minlength=count)
        covered += np.bincount(of_pool[np.array(taken, np.intp)], minlength=count)
        free = np.ones(len(pool), bool)
        free[np.array(taken, np.intp)] = False
        ranked = {
            at: _most_typical(vectors, np.flatnonzero((of_pool == at) & free))
            for at in np.unique(of_pool[free]).tolist()
        }
        sizes = np.bincount(of_pool, minlength=count)
        while ranked:
            at = min(ranked, key=lambda cluster: (covered[cluster], -sizes[cluster], cluster))
            position, typical = ranked[at].pop(0)
            has = f"{covered[at]} labelled or chosen" if covered[at] else "none labelled"
            yield Choice(
                position=position,
                score=round(typical, 6),
                reason=f"typicality {typical:.4f}, the highest left of a cluster of {sizes[at]:,} pool images with {has}",
            )
            covered[at] += 1
            if not ranked[at]:
                del ranked[at]


def _most_typical(vectors: NDArray[np.float32], members: NDArray[np.intp]) -> list[tuple[int, float]]:
    """A cluster's images, and 1 / the mean distance of each to its nearest neighbours there; the highest first."""
    import numpy as np

    own = vectors[members]
    near = min(NEIGHBOURS, len(members) - 1)
    if near < 1:
        return [(int(members[0]), 1.0)]
    typical = np.empty(len(members))
    rows = max(1, (1 << 24) // len(members))
    for start in range(0, len(members), rows):
        cosine = np.round(own[start : start + rows] @ own.T, 6)
        nearest = -np.partition(-cosine, near, axis=1)[:, : near + 1]  # itself among them, at distance 0
        distance = np.sqrt(np.maximum(0.0, 2 - 2 * nearest.astype(np.float64))).sum(axis=1) / near
        typical[start : start + rows] = 1 / np.maximum(distance, 1e-6)
    typical = np.round(typical, 6)
    return [(int(members[at]), float(typical[at])) for at in np.lexsort((members, -typical)).tolist()]
