"""A batch in words, for the terminal."""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.labelling import GOLD_ARM, Batch, BatchImage
from runner.record.catalogue import BATCH_IMAGES, BATCH_SHEET
from runner.report.wording import count

FIRST = 3  # images of each arm


def render(batch: Batch, images: Sequence[BatchImage], folder: str, *, drawn: bool) -> str:
    """How many images by which arm, what they cost, which slices they cover, and the first of each arm."""
    asked = sum(image.arm != GOLD_ARM for image in images)
    scorer = f", scored by {batch.champion} ({batch.tag})" if batch.champion else ""
    lines = [
        f"{batch.sprint}: {asked} of {batch.pool_images:,} pool images for {batch.into}{scorer}"
        + ("" if drawn else "  (drawn before; --redraw draws anew)"),
        f"  {_cost(batch)}",
        "",
    ]
    for arm, size in batch.arms.items():
        lines.append(f"  {arm}: {size}")
        own = [image for image in images if image.arm == arm]
        lines += [f"    {image.path}  {image.reason}" for image in own[:FIRST]]
        lines += [f"    … and {len(own) - FIRST} more"] if len(own) > FIRST else []
    covered = [part for part in batch.coverage if part.batch]
    if covered:
        parts = ", ".join(f"{part.slice} {part.batch} of {part.pool:,}" for part in covered)
        lines += ["", f"  slices: {parts}"]
    return "\n".join(
        [*lines, "", f"batch: {folder}/{BATCH_IMAGES.name}  (pictures: {folder}/{BATCH_SHEET.name})"]
    )


def _cost(batch: Batch) -> str:
    if batch.labels is None:
        return "how many labels they need is not known yet: no image has labels"
    labels = f"about {count(round(batch.labels), 'label')}"
    return labels if batch.price is None else f"{labels}, {batch.price:,.2f} {batch.currency}"
