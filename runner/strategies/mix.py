"""Which strategies a batch is drawn by, and by what shares."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, UnsetType

from runner.domain.labelling import CONTROL_ARM
from runner.domain.options import NEUTRAL, Condition, Options, PositiveInt, Seed
from runner.strategies.disagreement import Disagreement
from runner.strategies.diversity import Diversity
from runner.strategies.failures import Failures
from runner.strategies.metadata import Metadata
from runner.strategies.pool import Share, Strategy
from runner.strategies.random_images import RandomImages
from runner.strategies.rare_classes import RareClasses
from runner.strategies.typicality import Typicality
from runner.strategies.uncertainty import Uncertainty


def _arm(text: str) -> Meta:
    return Meta(description=text, extra=NEUTRAL)


class Mix(Options, frozen=True, kw_only=True):
    """The arms of a batch: each strategy with its share, or a block with its share and its options."""

    random: Annotated[
        Share | UnsetType,
        _arm("At random: the control arm, which tells what the other arms gain. 0.2 is usual."),
    ] = UNSET
    uncertainty: Annotated[Share | Uncertainty | UnsetType, _arm("What the champion is least sure of.")] = (
        UNSET
    )
    disagreement: Annotated[
        Share | Disagreement | UnsetType,
        _arm("On what the champion's seeds, artefacts or mirror images differ."),
    ] = UNSET
    diversity: Annotated[
        Share | Diversity | UnsetType, _arm("What is unlike all labelled images, by embeddings.")
    ] = UNSET
    typicality: Annotated[
        Share | Typicality | UnsetType, _arm("The most usual of what has no label yet, by embeddings.")
    ] = UNSET
    rare_classes: Annotated[
        Share | RareClasses | UnsetType, _arm("Where the champion sees what the train split has least of.")
    ] = UNSET
    failures: Annotated[
        Share | Failures | UnsetType, _arm("What looks like the worst errors of the champion's report.")
    ] = UNSET
    metadata: Annotated[Metadata | UnsetType, _arm("Some values of a column more often than others.")] = UNSET

    @property
    def arms(self) -> list[Arm]:
        """In the order in which they are drawn: the control arm first, then as they stand above."""
        arms = []
        for name in self.__struct_fields__:
            given = getattr(self, name)
            if not isinstance(given, UnsetType):
                strategy = KINDS[name](share=given) if isinstance(given, (int, float)) else given
                arms.append(Arm(name=name, share=float(strategy.share), strategy=strategy))
        return arms

    @property
    def has_control(self) -> bool:
        """Whether what the batch gains can be told apart from what labelling gains by itself."""
        return self.random is not UNSET

    def describe(self) -> str:
        """As it is written.

        >>> Mix(random=0.2, uncertainty=0.8).describe()
        '{random: 0.2, uncertainty: 0.8}'
        """
        return "{" + ", ".join(f"{arm.name}: {arm.share:g}" for arm in self.arms) + "}"


KINDS: dict[str, Any] = {
    CONTROL_ARM: RandomImages,
    "uncertainty": Uncertainty,
    "disagreement": Disagreement,
    "diversity": Diversity,
    "typicality": Typicality,
    "rare_classes": RareClasses,
    "failures": Failures,
    "metadata": Metadata,
}
"""Every strategy by its name in a mix."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arm:
    """A strategy, and its share of a batch."""

    name: str
    share: float
    strategy: Strategy


RANDOM_ONLY = Mix(random=1.0)
WITH_CHAMPION = Mix(random=0.2, uncertainty=0.5, diversity=0.3)
WITHOUT_CHAMPION = Mix(random=0.2, typicality=0.8)


def usual_mix(*, champion: bool, vectors: bool, into: Literal["train", "test"]) -> Mix:
    """The mix of a batch that names none.

    Args:
        champion: whether there is one. `vectors`: whether images can be embedded.

    >>> usual_mix(champion=True, vectors=False, into="train").describe()
    '{random: 0.2, uncertainty: 0.8}'
    """
    if into == "test":
        return RANDOM_ONLY
    if vectors:
        return WITH_CHAMPION if champion else WITHOUT_CHAMPION
    return Mix(random=0.2, uncertainty=0.8) if champion else RANDOM_ONLY


class BatchOptions(Options, frozen=True, kw_only=True):
    """Which images of the pool are labelled next (`splits.pool` in flywheel.yaml); `flywheel batch` draws them."""

    size: Annotated[
        PositiveInt | None,
        Meta(description="How many images; `budget.money` may end it earlier.", extra=NEUTRAL),
    ] = None
    into: Annotated[
        Literal["train", "test"],
        Meta(
            description="The split that the images go to once they are labelled. Images for the test split are drawn at random: a "
            "test set that the model chose is biased.",
            extra=NEUTRAL,
        ),
    ] = "train"
    where: Annotated[
        Condition | None,
        Meta(description="Only the pool's images that satisfy it, as a slice's condition.", extra=NEUTRAL),
    ] = None
    mix: Annotated[
        Mix | None,
        Meta(
            description="By which strategies, and by what shares. When absent: random 0.2, uncertainty 0.5, diversity 0.3; "
            "without a champion random 0.2, typicality 0.8; for the test split random 1.",
            extra=NEUTRAL,
        ),
    ] = None
    distance: Annotated[
        int,
        Meta(
            ge=0,
            le=7,
            description="No image is taken whose perceptual hash is within so many bits of a labelled image or of another of the batch "
            "(and whose thumbnail agrees).",
            extra=NEUTRAL,
        ),
    ] = 4
    per_group: Annotated[
        PositiveInt | None,
        Meta(description="At most so many images of one group (`dataset.group_by`).", extra=NEUTRAL),
    ] = None
    frames_apart: Annotated[
        PositiveInt | None,
        Meta(
            description="Numbers in file names: two images of a series are so many frames apart at least, as 30 for one a second.",
            extra=NEUTRAL,
        ),
    ] = None
    seed: Annotated[Seed, Meta(description="Another seed draws other images.", extra=NEUTRAL)] = 0
