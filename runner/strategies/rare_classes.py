"""Rare classes first: images on which the champion sees what the train split has least of."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.strategies.pool import Choice, Needs, Pool, Share, predictions_of, required

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class RareClasses(Options, frozen=True, kw_only=True):
    """Images on which the champion sees the classes that the train split has least of."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]

    @property
    def needs(self) -> Needs:
        return Needs(predictions=True, labelled_objects=True)

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """Again and again the image on which the class that is rarest by then is seen most surely.

        A class's objects are those of the train split, and those predicted on the images that were chosen; so a class that was rare
        gives way to the next one. Predictions below the operating confidence do not count.
        """
        import numpy as np

        del want, seed
        found = predictions_of(pool, "rare_classes")
        labelled = required(
            pool.labelled_objects,
            "rare_classes counts the train split's labels, and there is no such count",
            "flywheel batch SPRINT",
        )
        counts = labelled.astype(np.float64)
        counted = found.score >= pool.confidence if pool.ranked else np.ones(len(found.score), bool)
        image, class_id, score = found.image[counted], found.class_id[counted], found.score[counted]
        per_image = _rows_of(image, len(pool))
        queues = _surest_last(image, class_id, score)
        held = set(taken)
        for position in sorted(held):
            _count(counts, class_id[per_image[position]], score[per_image[position]])
        while queues:
            rarest = min(queues, key=lambda name: (round(float(counts[name]), 6), name))
            row = queues[rarest].pop()
            if not queues[rarest]:
                del queues[rarest]
            position = int(image[row])
            if position in held:
                continue
            held.add(position)
            yield Choice(
                position=position,
                score=round(float(score[row]), 6),
                reason=f"{pool.classes[rarest]}, seen with confidence {score[row]:.3f}: {counts[rarest]:,.1f} objects of it are labelled or "
                f"chosen ({labelled[rarest]:,} of {labelled.sum():,} in train)",
            )
            _count(counts, class_id[per_image[position]], score[per_image[position]])


def _surest_last(
    image: NDArray[np.int64], class_id: NDArray[np.int64], score: NDArray[np.float64]
) -> dict[int, list[int]]:
    """The rows of each class that is seen, the surest last; of equally sure ones the first image last."""
    import numpy as np

    order = np.lexsort((-image, score, class_id))
    found, starts = np.unique(class_id[order], return_index=True)
    parts = np.split(order, starts[1:])
    return {int(name): rows.tolist() for name, rows in zip(found.tolist(), parts, strict=False)}


def _rows_of(image: NDArray[np.int64], n_images: int) -> list[NDArray[np.intp]]:
    """The rows of each image."""
    import numpy as np

    order = np.argsort(image, kind="stable")
    return np.split(order, np.searchsorted(image[order], np.arange(1, n_images)))


def _count(counts: NDArray[np.float64], classes: NDArray[np.int64], scores: NDArray[np.float64]) -> None:
    """Adds what is seen on an image that is chosen: each object as likely as the champion says."""
    import numpy as np

    np.add.at(counts, classes, scores)
