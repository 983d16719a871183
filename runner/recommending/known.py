"""What a recommendation is made from, read from records by `workflow/recommending/`; no record is read here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from runner.domain.evaluation import Interval
from runner.domain.verdict import Outcome


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number with its standard error, both in the metric's unit; the error is None where nobody knows it."""

    value: float
    error: float | None = None


@dataclass(frozen=True, kw_only=True)
class CurvePoint:
    """A sprint on the learning curve: how many images it trained on, and what that gave.

    Attributes:
        otherwise: the recipe or the test images are others than this sprint's: what it gave tells less.
    """

    sprint: str
    images: int
    measure: Measure
    otherwise: bool = False


@dataclass(frozen=True, kw_only=True)
class Part:
    """A slice as the splits have it; images of each, or of objects the images that hold such.

    Attributes:
        share: of the test split's objects (classify: images) that lie in it, 0 to 1.
        pool: images of it that nobody labelled and that are in no batch; None where that is not known, of objects for one.
    """

    name: str
    measure: Measure
    train: int
    test: int
    share: float
    pool: int | None = None
    by: str = ""


@dataclass(frozen=True, kw_only=True)
class OpenGate:
    """A gate that did not pass.

    Attributes:
        words: as the report writes it: `recall ≥ 0.70 on slice dark`.
        quality: it judges a quality metric by its interval; else speed, size, cost, or a number without any.
        value: what the gate judges (the number, or by how much it is above the reference's); `limit`: what that must reach.
        level: of the metric itself, 0 to 1, where `value` is a difference.
        further: test images that would decide it; `further_price`: of their labels.
    """

    words: str
    metric: str
    slice: str | None
    outcome: Outcome
    quality: bool
    value: float | None = None
    level: float | None = None
    limit: float | None = None
    interval: Interval | None = None
    further: int | None = None
    further_price: float | None = None
    target_only: bool = False


@dataclass(frozen=True, kw_only=True)
class Prices:
    """What work costs, in the project's currency; None: no price is entered.

    Attributes:
        label: of one label. `review`: of the review of one. `run`: of a sprint's compute. `point`: what 0.01 of the optimizing
            metric is worth to the project.
        budget: what a sprint may spend on labels.
    """

    currency: str = "EUR"
    label: float | None = None
    review: float | None = None
    run: float | None = None
    point: float | None = None
    budget: float | None = None


@dataclass(frozen=True, kw_only=True)
class Target:
    """What the project is to reach, by `goal` of flywheel.yaml: `measure` is the metric's value on all test images."""

    metric: str
    value: float
    measure: Measure


@dataclass(frozen=True, kw_only=True)
class Suspected:
    """Training labels that models which never saw them doubt, and that nobody has reviewed yet.

    Attributes:
        chances: of each being wrong, worth most first: what the models say, times what reviews so far made of that.
        reviewed: decisions so far; `wrong`: that changed a label.
        by: the sprint that looked.
    """

    chances: Sequence[float]
    reviewed: int = 0
    wrong: int = 0
    by: str = ""

    @property
    def expected(self) -> float:
        """How many of them are wrong."""
        return sum(self.chances)


@dataclass(frozen=True, kw_only=True)
class Known:
    """Everything that is known when a sprint was judged.

    Attributes:
        metric: the optimizing one; `measure` is its value on all test images.
        chance: what a model without any knowledge would reach; None where that is not defined.
        champion: who holds the stage, when the sprint was judged. `promoted`: this sprint does.
        gain: over the champion, in the optimizing metric, with its interval.
        train, labels: images and labelled objects of the train split; `per_image`: labels that an image takes.
        pool: images that nobody labelled and that are in no batch; 0 where there are none.
        curve: this sprint and earlier ones, by number of images.
        seed_deviation: over training seeds, in the metric's unit; None with one seed.
        gap: how much lower the loss is on train than on val, as a share of val's, at the best epoch; below 0 counts as 0.
        augmented: train's images were augmented, which makes its loss higher.
        rise: how much the metric on val rose over the last tenth of the epochs, as a share of what it lacks to 1.
        peaked: the metric on val was best before the last third of the epochs.
        wrong: the share of train's labels that is wrong, where that was measured (gold images, agreement, faults that were found).
        suspected: labels that are suspected one by one; None where nobody looked.
        costs: AP lost to each type of error.
        ceiling: what no further label can pass; None where agreement was not measured.
        target: what the project is to reach; None where flywheel.yaml does not say, or that metric was not measured.
        exhausted: the test split's budget of decisions is spent. `test`: how many images it has.
        shift: what differs most between the pool and train, in words; empty where nothing does.
    """

    sprint: str
    metric: str
    measure: Measure | None
    outcome: Outcome
    champion: str | None
    promoted: bool
    train: int
    labels: int
    per_image: float
    pool: int
    gates: Sequence[OpenGate] = ()
    parts: Sequence[Part] = ()
    curve: Sequence[CurvePoint] = ()
    prices: Prices = field(default_factory=Prices)
    phase: str | None = None
    chance: float | None = None
    gain: tuple[float, Interval | None] | None = None
    seed_deviation: float | None = None
    gap: float | None = None
    rise: float | None = None
    augmented: bool = True
    peaked: bool = False
    wrong: Measure | None = None
    suspected: Suspected | None = None
    costs: Mapping[str, float] = field(default_factory=dict)
    ceiling: float | None = None
    target: Target | None = None
    exhausted: bool = False
    test: int = 0
    shift: str = ""

    @property
    def lacks(self) -> float:
        """What the metric lacks to 1."""
        return 1.0 - self.measure.value if self.measure else 1.0
