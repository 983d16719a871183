"""Diversity: images that are unlike those that have labels, and unlike each other."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.strategies.pool import Choice, Needs, Pool, Share, vectors_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Diversity(Options, frozen=True, kw_only=True):
    """Images that are unlike those that have labels, and unlike each other, by their embeddings."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]
    method: Annotated[
        Literal["k_center", "clusters"],
        Meta(
            description="`k_center`: each next image is the one farthest from all labelled and all chosen ones (Sener and Savarese 2018); "
            "it goes for the unusual. `clusters`: the pool in as many clusters as images are wanted (k-means), and of each the image "
            "nearest to its centre, largest clusters first; it goes for the usual.",
            extra=NEUTRAL,
        ),
    ] = "k_center"

    @property
    def needs(self) -> Needs:
        return Needs(vectors=True)

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """Without those that are taken."""
        vectors = vectors_of(pool, "diversity")
        yield from (
            self._farthest(pool, vectors, taken)
            if self.method == "k_center"
            else _clustered(pool, vectors, taken, want, seed)
        )

    def _farthest(self, pool: Pool, vectors: NDArray[np.float32], taken: Sequence[int]) -> Iterator[Choice]:
        import numpy as np

        from runner.dataset.core_set import k_center

        labelled = pool.labelled_vectors
        known = labelled if labelled is not None else np.zeros((0, vectors.shape[1]), np.float32)
        centres = np.concatenate([known, vectors[np.array(taken, np.intp)]])
        count = len(centres)
        for position, distance in k_center(vectors, centres):
            nearest = f"cosine distance {distance:.4f} to the nearest of {count:,} labelled or chosen images"
            said = nearest if count else "the farthest from the mean of the pool"
            count += 1
            yield Choice(position=position, score=round(distance, 6), reason=said)


def _clustered(
    pool: Pool, vectors: NDArray[np.float32], taken: Sequence[int], want: int, seed: int
) -> Iterator[Choice]:
    """Of each cluster the most central image, then of each the next one."""
    import numpy as np

    from runner.dataset.core_set import clusters

    free = np.setdiff1d(np.arange(len(pool)), np.array(taken, np.intp))
    if not len(free):
        return
    found = clusters(vectors[free], max(1, want), seed)
    central = np.lexsort((free, -found.cosine, found.of))
    starts = np.searchsorted(found.of[central], np.arange(len(found.sizes)))
    rank = np.empty(len(free), np.intp)
    rank[central] = np.arange(len(free)) - starts[found.of[central]]
    order = np.lexsort((found.of, -found.sizes[found.of], rank))
    for at in order.tolist():
        size, cosine = int(found.sizes[found.of[at]]), float(found.cosine[at])
        place = "the most central" if rank[at] == 0 else f"number {rank[at] + 1} from the centre"
        yield Choice(
            position=int(free[at]),
            score=round(cosine, 6),
            reason=f"{place} of a cluster of {size:,} pool images (cosine {cosine:.4f} to its centre)",
        )
