"""A conversion in words, for a person."""

from __future__ import annotations

from runner.writers.convert import Conversion
from runner.writers.losses import Loss

SHOWN = 3


def conversion_text(result: Conversion) -> str:
    """What was written, and what is lost, each with examples."""
    splits = ", ".join(f"{name or 'no split'} {count}" for name, count in result.splits.items())
    lines = [
        f"{'Wrote' if result.written else 'Would write'} {result.images} images ({result.labelled} labelled) with "
        f"{result.objects} objects to {result.target}",
        f"  from      {result.source} ({result.read_as})",
        f"  layout    {result.layout}",
        f"  task      {result.task}",
        f"  splits    {splits}",
    ]
    if result.losses:
        lines += ["", "Not kept", *(line for loss in result.losses for line in _loss_lines(loss))]
    else:
        lines.append("  kept      everything")
    if result.remarks:
        lines += ["", "Notes", *(f"  {remark}" for remark in result.remarks)]
    return "\n".join(lines)


def _loss_lines(loss: Loss) -> list[str]:
    more = loss.count - SHOWN
    return [
        f"  {loss.count:>6} {loss.what}",
        *(f"           {example}" for example in loss.examples[:SHOWN]),
        *([f"           and {more} more (--format json lists all)"] if more > 0 else []),
    ]
