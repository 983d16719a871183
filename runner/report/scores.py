"""The scores of the pool for a terminal: what `flywheel score` ends with."""

from __future__ import annotations

from runner.record.scoring import Quantiles, Scores
from runner.report.escape import plain
from runner.report.wording import NOT_MEASURED, aligned, count, label

_CLASSES = 20  # shown; scores.json has all
_HEADINGS = ("measure", "minimum", "lower quartile", "median", "upper quartile", "maximum")


def render(scores: Scores) -> str:
    """Whose scores they are, how sure the model is over the images, and what it found: about 15 lines."""
    model = f"{plain(scores.sprint, 80)} ({plain(scores.tag, 80)}, {plain(scores.target, 80)})"
    nothing = (
        f"; on {count(scores.without_predictions, 'image')} it predicted nothing from a score of {scores.confidence:g} on"
        if scores.without_predictions
        else ""
    )
    measures = [_HEADINGS, *(_cells(name, spread) for name, spread in scores.measures.items())]
    most = sorted(
        scores.per_class.items(), key=lambda item: -item[1].predictions
    )  # else in the project's order
    classes = [
        ("class", "predictions", "images"),
        *(
            (plain(name, 80), f"{counts.predictions:,}", f"{counts.images:,}")
            for name, counts in most[:_CLASSES]
        ),
    ]
    more = f"\nand {count(len(most) - _CLASSES, 'class', 'classes')} more" if len(most) > _CLASSES else ""
    head = f"{model} on {count(scores.images, 'image')} of the {scores.split}{nothing}"
    return "\n\n".join([head, "\n".join(aligned(measures)), "\n".join(aligned(classes)) + more])


def _cells(name: str, spread: Quantiles | None) -> tuple[str, ...]:
    if spread is None:
        return (label(name), NOT_MEASURED, *[""] * (len(_HEADINGS) - 2))
    values = (getattr(spread, field) for field in Quantiles.__struct_fields__)
    return (label(name), *(f"{value:.3f}" for value in values))
