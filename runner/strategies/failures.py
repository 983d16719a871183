"""Similarity to failures: images that look like those that the champion's report shows among its worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.strategies.pool import Choice, Needs, Pool, Share, required, vectors_of


class Failures(Options, frozen=True, kw_only=True):
    """Images that look like the worst errors of the champion's report, by their embeddings."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]

    @property
    def needs(self) -> Needs:
        return Needs(vectors=True, failures=True)

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """To each failure in turn, the worst first, the image that is nearest and was not chosen."""
        import numpy as np

        from runner.dataset.neighbours import nearest

        del want, seed
        vectors = vectors_of(pool, "failures")
        failures = required(
            pool.failure_vectors if pool.failures else None,
            "failures needs the gallery of the champion's report, and there is none",
            "flywheel run the champion's sprint again, and promote it; or leave failures out of the mix",
        )
        near = nearest(failures, vectors, len(pool))
        held = set(taken)
        places = np.zeros(len(failures), np.intp)
        while (places < len(pool)).all():
            for at, failure in enumerate(pool.failures):
                while places[at] < len(pool) and int(near.position[at, places[at]]) in held:
                    places[at] += 1
                if places[at] == len(pool):
                    return
                position, cosine = int(near.position[at, places[at]]), float(near.cosine[at, places[at]])
                held.add(position)
                yield Choice(
                    position=position,
                    score=round(cosine, 6),
                    reason=f"cosine {cosine:.4f} to {failure.path}, number {at + 1} of the worst images of the champion's report "
                    f"({failure.caption})",
                )
