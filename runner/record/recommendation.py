"""What a sprint's record says should come next, and what became of what earlier sprints said; recommendation.json."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, UnsetType

from runner.domain.evaluation import Interval
from runner.domain.records import Record

WAY = 3
"""How recommendations are made; raised with every change that gives another one for the same evidence."""

Action = Literal["label", "clean", "tune", "collect", "label_test", "ship", "stop"]
Source = Literal["labels", "noise", "model"]
"""What an error may come from: too few labels, wrong ones, or the model and how it is trained."""


class RestsOn(Record, frozen=True, kw_only=True):
    """A file that a record was made from: its path from the repository's top, and the SHA-256 of its bytes."""

    path: str
    sha256: str


class Option(Record, frozen=True, kw_only=True):
    """One thing that could be done next.

    Attributes:
        slice: of which images; None: of all.
        images: how many images are to be labelled, or reviewed.
        mix: of the batch: arm → share.
        gain: expected, in the recommendation's `unit`; None where nothing is known of it.
        interval: of the gain, 80 %: what it truly is; `gain` lies in it.
        measurable: 80 % for what the next sprint will measure as its gain, its own error included.
        labels: how many objects that are. `price`: of labels and compute together; None without prices.
        per_price: gain per unit of money, where both are known.
        best: the chance that no other of the options that raise the metric gains more, 0 to 1.
        rests: what in the record it rests on, in words; `of` names the files.
        command: what to type.
    """

    action: Action
    slice: str | None = None
    images: int | None = None
    mix: dict[str, float] = {}
    gain: float | None = None
    interval: Interval | None = None
    measurable: Interval | None = None
    labels: float | None = None
    price: float | None = None
    per_price: float | None = None
    best: float | None = None
    why: str = ""
    rests: list[str] = []
    command: str = ""


class Hindsight(Record, frozen=True, kw_only=True):
    """What became of an earlier recommendation.

    Attributes:
        sprint: that made it; `next` is the sprint that was judged after it.
        action: that it recommended; None where it abstained. `done`: what the next sprint did, by its record.
        followed: None where there was nothing to follow.
        gain, interval: as expected then, of the option that was done; None where none was among the options.
        measured: the next sprint's gain in the same unit; `inside`: whether `interval` holds it.
    """

    sprint: str
    next: str
    action: Action | None
    done: list[Action]
    followed: bool | None = None
    gain: float | None = None
    interval: Interval | None = None
    measured: float | None = None
    inside: bool | None = None


class Recommendation(Record, frozen=True, kw_only=True):
    """What to do next, on what evidence.

    Attributes:
        way: how it was made, see `WAY`.
        action: None where it abstains; `abstains` says why, and `separates` what would tell the options apart.
        unit: what gains are of: points of the optimizing metric (`metric`), or the distance of open gates that is
            closed (`gates`): what the lower ends of their intervals lack to their thresholds.
        open_distance: the sum of that over the open gates.
        question, answer: the project's phase's own.
        sources: of what the error consists: 80 % intervals of the share of each source.
        past: earlier recommendations, the oldest first.
        unread: other sprints' records that could not be read, and are missing in all of this, a line each.
    """

    way: int = WAY
    sprint: str
    metric: str
    value: float | None
    unit: Literal["metric", "gates"]
    currency: str
    action: Action | None
    options: list[Option]
    abstains: str = ""
    separates: list[str] = []
    open_distance: float | None = None
    phase: str | None = None
    question: str = ""
    answer: str = ""
    sources: dict[Source, Interval] = {}
    past: list[Hindsight] = []
    rests_on: list[RestsOn] = []
    unread: list[str] | UnsetType = UNSET

    @property
    def chosen(self) -> Option | None:
        """The option that is recommended."""
        return next((option for option in self.options if option.action == self.action), None)
