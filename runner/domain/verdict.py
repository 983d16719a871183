"""The records of the judgement: gates, the verdict, and how worn the test split is."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from msgspec import field

from runner.domain.evaluation import Interval
from runner.domain.records import Record


class Outcome(StrEnum):
    """A gate's verdict, or a sprint's; `WORST_FIRST` orders them."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_MEASURED = "NOT_MEASURED"


WORST_FIRST = (Outcome.FAIL, Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE, Outcome.PASS)


class FurtherEvidence(Record, frozen=True, kw_only=True):
    """What would decide an INCONCLUSIVE gate at 80 % power.

    Attributes:
        images: further test images, of `slice` (None: of any kind); None when no realistic number would do.
        groups: the groups (scenes) that these images come from, where images are grouped.
        cost: of labelling them, in `currency`; None without a price.
        more_seeds: no number of images would do, since it is the spread over training seeds that is too wide.
    """

    images: int | None
    groups: int | None = None
    more_seeds: bool = False
    slice: str | None = None
    cost: float | None = None
    currency: str = ""


class GateResult(Record, frozen=True, kw_only=True):
    """One gate, on one slice and one target.

    Attributes:
        interval: of what the gate judges (the value, or its difference to the reference), family-wise.
        decided_by: `interval` for quality metrics; `point` where the gate says `decide: point`; `measurement`
            for what has no sampling error that we know (latency, size, cost).
    """

    gate: str  # the gate as written: "recall ≥ 0.70"
    metric: str
    target: str | None
    slice: str | None
    class_name: str | None = field(name="class", default=None)
    outcome: Outcome
    value: float | None
    reference: float | None = None  # the champion's, or the torch model's value
    interval: Interval | None = None
    decided_by: Literal["interval", "point", "measurement"] = "measurement"
    further: FurtherEvidence | None = None
    threshold: float
    explanation: str
    source: str = ""  # file:line:column of the gate
    origin: Literal["sprint", "policy"] = "sprint"


class Verdict(Record, frozen=True, kw_only=True):
    """The sprint's verdict: PASS only when every gate passes.

    Attributes:
        family: how many intervals were judged together; `level` is the confidence that all of them hold.
        wear: how often the test split has been used to decide, this time included.
    """

    outcome: Outcome
    gates: list[GateResult]
    optimizing: str
    optimizing_value: float | None
    optimizing_interval: Interval | None = None
    champion: str | None = None
    level: float | None = None
    family: int = 0
    wear: Wear | None = None


# --- wear of the test split -----------------------------------------------------------------------


class SplitUse(Record, frozen=True, kw_only=True):
    """One decision that was taken on a held-out split (an entry of reports/<sprint>/uses.json).

    Attributes:
        split_digest: the images and their labels.
        evaluation_digest: SHA-256 of evaluation.json: the same result judged again is the same use.
        significance: what this use spent: 1 − the confidence level, divided by 2 (one side makes a false winner).
        uses_before, spent_before: what other decisions had used when this one was first taken.
    """

    split_digest: str
    evaluation_digest: str
    significance: float
    uses_before: int
    spent_before: float


class Wear(Record, frozen=True, kw_only=True):
    """How worn a held-out split is. `left` is None without a budget; it bounds the chance of a false winner, for models
    made without looking at the split's earlier results."""

    split: str
    uses: int
    spent: float
    budget: float | None = None
    left: float | None = None
    exhausted: bool = False
    refresh: Literal["advised", "required"] = "advised"
