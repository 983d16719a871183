"""Which images of a batch show how good its labels are: some that are labelled twice, some whose labels are known."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from runner.domain.labelling import GOLD_ARM, BatchImage, task_key
from runner.selectors.ranks import drawing_order

if TYPE_CHECKING:
    from runner.config.annotation import QualityOptions

TWICE = 2
_GOLD_REASON = "its labels are known: it measures the annotators"
_APART = 1  # added to the batch's seed, so that gold images are not drawn in the order of a control arm


class Labelled(NamedTuple):
    """An image whose labels are known: its path in the dataset, and the id of its content."""

    path: str
    image_id: str


def with_quality(
    images: Sequence[BatchImage],
    labelled: Sequence[Labelled],
    options: QualityOptions,
    *,
    sprint: str,
    seed: int,
) -> list[BatchImage]:
    """The batch with two annotators for a share of it, and gold images behind it.

    Which images these are follows from the seed and their content alone. A share above 0 is at least one image.

    Args:
        images: the batch, in its order.
        labelled: what gold images are drawn from. Images of the batch are none, and of files of one content one is taken.
        options: `annotation.quality`.
        sprint: whose batch it is, for the tasks' keys.
        seed: of the batch.

    Example:
        >>> from runner.config.annotation import QualityOptions
        >>> batch = [BatchImage(key="k", path="images/pool/a.jpg", image_id="a", arm="random")]
        >>> known = [Labelled("images/train/b.jpg", "b")]
        >>> drawn = with_quality(batch, known, QualityOptions(double_annotated=0.1, gold=0.1), sprint="0002-x", seed=0)
        >>> [(image.path, image.arm, image.annotators) for image in drawn]
        [('images/pool/a.jpg', 'random', 2), ('images/train/b.jpg', 'gold', 1)]
    """
    twice = set(
        _drawn(
            [(image.path, image.image_id) for image in images], options.double_annotated, len(images), seed
        )
    )
    batch = [
        msgspec.structs.replace(image, annotators=max(image.annotators, TWICE)) if at in twice else image
        for at, image in enumerate(images)
    ]
    taken = {image.image_id for image in images}
    known = list({image.image_id: image for image in sorted(labelled, reverse=True)}.values())
    known = sorted(image for image in known if image.image_id not in taken)
    gold = _drawn(known, options.gold, len(images), seed + _APART)
    return [*batch, *(_gold_image(known[at], sprint) for at in gold)]


def _drawn(images: Sequence[tuple[str, str]], share: float, batch: int, seed: int) -> list[int]:
    """Positions of as many images as a share of the batch is, in the order in which the seed draws them."""
    if not share or not images or not batch:
        return []
    number = max(1, math.floor(share * batch + 0.5))
    order = drawing_order([image_id for _, image_id in images], [path for path, _ in images], seed)
    return [int(at) for at in order[:number]]


def _gold_image(image: Labelled, sprint: str) -> BatchImage:
    return BatchImage(
        key=task_key(sprint, image.image_id),
        path=image.path,
        image_id=image.image_id,
        arm=GOLD_ARM,
        reason=_GOLD_REASON,
    )
