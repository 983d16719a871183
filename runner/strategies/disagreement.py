"""Query by committee: images on which models differ that should agree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated

from msgspec import Meta

from runner.domain.options import NEUTRAL, Options
from runner.strategies.pool import (
    Choice,
    Member,
    Needs,
    Pool,
    Predictions,
    Share,
    highest_first,
    predictions_of,
    required,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_HINTS: dict[Member, str] = {
    "seeds": "train the champion with several, as in: train: {seeds: [0, 1, 2]}; or say `between: flips`",
    "artefacts": "export the champion to a second target, as in: export: [{format: onnx, precision: fp32}]; or say `between: flips`",
    "flips": "flywheel batch SPRINT predicts on mirrored images; it needs a champion",
}


class Disagreement(Options, frozen=True, kw_only=True):
    """Images on which models differ that should agree."""

    share: Annotated[Share, Meta(extra=NEUTRAL)]
    between: Annotated[
        Member,
        Meta(
            description="`seeds`: the champion's models of its seeds. `artefacts`: its torch model and its exports, so that what int8 "
            "loses is labelled. `flips`: each image and its mirror image, not where mirrored objects are of another class.",
            extra=NEUTRAL,
        ),
    ] = "seeds"

    @property
    def needs(self) -> Needs:
        return Needs(predictions=True, others=self.between)

    def choices(self, pool: Pool, taken: Sequence[int], want: int, seed: int) -> Iterator[Choice]:
        """Where they differ most first."""
        del taken, want
        models = self._models(pool)
        scores = self._scores(pool, list(models.values()))
        names = ", ".join(models)
        for rank, position in enumerate(highest_first(scores, pool, seed), start=1):
            score = float(scores[position])
            yield Choice(
                position=position,
                score=round(score, 6),
                reason=f"{names} disagree on {score:.1%} of what they predict; place {rank:,} of {len(pool):,}",
            )

    def _models(self, pool: Pool) -> dict[str, Predictions]:
        """By name; at least two.

        Raises:
            FlywheelError: there are fewer.
        """
        shipped = predictions_of(pool, "disagreement")
        others = dict(pool.others.get(self.between, {}))
        if self.between == "flips" and others:
            others = {"the champion": shipped, **others}
        enough = others if len(others) > 1 else None
        return required(
            enough,
            f"disagreement between {self.between} needs two models or more, and the champion has one",
            _HINTS[self.between],
        )

    def _scores(self, pool: Pool, models: Sequence[Predictions]) -> NDArray[np.float64]:
        from runner.evaluation.disagreement import of_boxes, of_classes

        if not pool.ranked:
            return of_classes(
                [each.image for each in models],
                [each.class_id for each in models],
                [each.score for each in models],
                len(pool),
                len(pool.classes),
            )
        counted = [
            each.score >= pool.confidence / 2 for each in models
        ]  # one that just misses it is no disagreement
        return of_boxes(
            [each.image[keep] for each, keep in zip(models, counted, strict=True)],
            [each.class_id[keep] for each, keep in zip(models, counted, strict=True)],
            [each.score[keep] for each, keep in zip(models, counted, strict=True)],
            [each.boxes_xyxy[keep] for each, keep in zip(models, counted, strict=True)],
            len(pool),
        )
