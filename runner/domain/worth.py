"""Whether a sprint was worth it: what its labels gained, what they cost, and where the learning curve leads; worth.json."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType, field

from runner.domain.evaluation import Interval
from runner.domain.records import Record

POINT = 0.01
"""A point of a metric between 0 and 1: what gains are told in."""

MIN_POINTS = 4
"""Of a learning curve. With fewer numbers of labels any family of curves goes through all: nothing could tell them apart."""

REACH = 100
"""Times the labels there are: what would take more counts as not within reach."""

ChangeKind = Literal[
    "test split",
    "test labels",
    "metric",
    "classes",
    "recipe",
    "selection",
    "training labels",
    "checks",
    "artefact",
    "evaluator",
]


class Gain(Record, frozen=True, kw_only=True):
    """By how much one number differs from the compared sprint's.

    Attributes:
        gate: the open gate that it is about; None of the optimizing metric on all test images.
        paired: both models on the same images and resamples; else the two intervals were put together as if the images were
            others, which is wider.
    """

    metric: str
    slice: str | None = None
    class_name: str | None = field(name="class", default=None)
    gate: str | None = None
    value: float
    reference: float
    difference: float
    interval: Interval | None = None
    paired: bool = True

    @property
    def separable(self) -> bool:
        """Whether it is told from zero."""
        return self.interval is not None and not self.interval.low <= 0 <= self.interval.high


class Effort(Record, frozen=True, kw_only=True):
    """What was done between the two sprints.

    Attributes:
        unit: what is counted: `box`, `polygon`, `keypoints`, `class` as in `costs.label`.
        labels_before, labels_after: of the images selected for training. None where the compared sprint's record is not here.
        images_before, images_after: the same.
        answered: labels that annotators gave for this sprint, those of images labelled twice counted twice; None where no
            answers are recorded, so that what was added is taken to be what was paid for.
        labelling: money for labels; None without a price. `compute`: for the sprint's stages.
    """

    unit: str
    labels_before: int | None
    labels_after: int
    images_before: int | None
    images_after: int
    answered: int | None = None
    labelling: float | None = None
    compute: float | None = None
    currency: str = "EUR"

    @property
    def labels_added(self) -> int | None:
        return None if self.labels_before is None else self.labels_after - self.labels_before

    @property
    def money(self) -> float | None:
        """For labels and compute; None where labels have no price."""
        return None if self.labelling is None else self.labelling + (self.compute or 0.0)


class Rate(Record, frozen=True, kw_only=True):
    """The gain in the optimizing metric by what was spent on it; the metric's own unit per label, per unit of money.

    What was spent is known, so that only the gain has an error: of the ratio Fieller's interval is the gain's divided by it.

    Attributes:
        cost_per_point: money for a point (0.01). Its interval is the gain's turned over: from what it would cost at the most gain,
            to what it would at the least, which is without end where the gain may be none. Source: Fieller (1954), JRSS B 16.
    """

    per_label: float | None = None
    per_label_interval: Interval | None = None
    per_money: float | None = None
    per_money_interval: Interval | None = None
    cost_per_point: float | None = None
    cost_per_point_low: float | None = None
    cost_per_point_high: float | None = None


class CurvePoint(Record, frozen=True, kw_only=True):
    """One sprint on the learning curve.

    Attributes:
        deviation: the standard error that other points do not share (`learning_curve.Point`).
        fitted: whether the curve was fitted to it; `why_not` otherwise.
    """

    sprint: str
    labels: int
    value: float
    interval: Interval | None = None
    deviation: float | None = None
    fitted: bool = True
    why_not: str = ""


class FamilyCurve(Record, frozen=True, kw_only=True):
    """The median curve of one family at `Curve.at`; `share`: how much it has a say."""

    family: str
    share: float
    values: list[float]


class Ahead(Record, frozen=True, kw_only=True):
    """What the curve says at so many labels in all: the metric there, and how much it rises from today's number of labels."""

    labels: int
    value: float
    low: float
    high: float
    rise: float
    rise_low: float
    rise_high: float


class TargetNeeds(Record, frozen=True, kw_only=True):
    """Labels in all until the target of `goal`; None: not within 100 times the labels there are.

    Attributes:
        chance: of being within that reach.
        cost: of the labels that are missing, at the price of one; its ends likewise. None without a price or without a number.
        worth_it: whether the points until there cost less than `goal.value_per_point`: None where that is not said, or where the
            interval does not tell.
    """

    target: float
    chance: float
    labels: int | None
    low: int | None
    high: int | None
    cost: float | None = None
    cost_low: float | None = None
    cost_high: float | None = None
    worth_it: bool | None = None


class Curve(Record, frozen=True, kw_only=True):
    """The learning curve over all sprints.

    Attributes:
        missing: how many further sprints, each with another number of labels, a curve needs; 0 where there is one.
        shared: the share of the points' variance that is the test split's and common to all of them.
        at: labels at which `median`, `low`, `high` and the families' curves are told.
        ceiling: the metric that no further label can pass until annotators agree more; None where that is not measured.
    """

    metric: str
    points: list[CurvePoint]
    missing: int
    shared: float = 0.0
    at: list[float] = []
    median: list[float] = []
    low: list[float] = []
    high: list[float] = []
    families: list[FamilyCurve] = []
    ahead: list[Ahead] = []
    target: TargetNeeds | None = None
    ceiling: float | None = None


class Change(Record, frozen=True, kw_only=True):
    """Something that differs between two sprints, in a sentence."""

    kind: ChangeKind
    text: str


class Diagnosis(Record, frozen=True, kw_only=True):
    """Two sprints of which the later has more labels and a lower metric, and what else changed between them.

    Attributes:
        beyond_noise: the drop is more than both intervals explain; None where one has none.
    """

    before: str
    after: str
    labels_before: int
    labels_after: int
    value_before: float
    value_after: float
    beyond_noise: bool | None
    changes: list[Change]


class CausedGain(Record, frozen=True, kw_only=True):
    """What images picked by a strategy gained over as many images of the control arm: twins trained on either, compared on the
    same test images.

    Attributes:
        images: in each twin, beside what was there before the batch.
        pairs: how many pairs of twins, each on other images of the two arms.
    """

    metric: str
    slice: str | None = None
    images: int
    pairs: int
    difference: float
    interval: Interval | None = None


class Cleaning(Record, frozen=True, kw_only=True):
    """Labels that were reviewed since the compared sprint; cleaning.csv of the sprints since then.

    Attributes:
        reviewed: decisions; `changed`: labels by the kind of what was wrong, `kept`: that were right.
        test: changed labels of the test split: the two sprints' numbers are of other labels then.
        net: labels of the train split that were added, without those that were deleted.
        seconds: of the `timed` reviews that somebody timed; None where none was.
        cost: of the reviews; None without a price.
        per_review, per_review_interval: the gain in the optimizing metric by reviewed label; None where there is none to tell.
        also: what else changed between the two sprints, by kind: the gain is of all that.
    """

    reviewed: int
    changed: dict[str, int]
    kept: int
    test: int = 0
    net: int = 0
    seconds: float | None = None
    timed: int = 0
    cost: float | None = None
    per_review: float | None = None
    per_review_interval: Interval | None = None
    also: list[str] = []


class Worth(Record, frozen=True, kw_only=True):
    """worth.json.

    Attributes:
        compared_with: the sprint; `as_champion`: it is the champion, else the one before.
        gains: the optimizing metric first, then each open gate.
        seed_deviation: the standard deviation over training seeds, where there are several.
        arms: images of each arm in the sprint's batch, where it had one.
        caused: what the strategy caused; empty where that was not measured.
        cleaned: labels that were reviewed; absent where none was.
        rests_on: other sprints' files → SHA-256, without which it cannot be made again.
        unread: records that could not be read, and are missing in all of this.
    """

    compared_with: str | None = None
    as_champion: bool = True
    level: float = 0.95
    optimizing: str
    effort: Effort
    gains: list[Gain] = []
    rate: Rate = Rate()
    seed_deviation: float | None = None
    curve: Curve
    diagnoses: list[Diagnosis] = []
    arms: dict[str, int] = {}
    caused: list[CausedGain] | UnsetType = UNSET
    cleaned: Cleaning | UnsetType = UNSET
    rests_on: dict[str, str] = {}
    unread: list[str] = []


class Ablation(Record, frozen=True, kw_only=True):
    """caused.json: what twins were trained on, and what came of it. It cannot be made again but by training them again.

    Attributes:
        selection: digest of the sprint's selected images, and `recipe` of its options of training: of another sprint than today's it
            says nothing.
        chosen, control: images of the batch in training, by the arm: a strategy's, the control arm's.
        images: in each twin, beside what was there before the batch. `seeds`: of the pairs.
    """

    selection: str
    recipe: str
    chosen: int
    control: int
    images: int
    seeds: list[int]
    gains: list[CausedGain]
