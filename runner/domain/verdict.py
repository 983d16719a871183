"""The records of the judgement: gates, the verdict, and how worn the test split is."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Literal

from msgspec import UNSET, UnsetType, field

from runner.domain.evaluation import Interval
from runner.domain.records import Record


class Outcome(StrEnum):
    """A gate's verdict, or a sprint's; `WORST_FIRST` orders them."""

    PASS = "PASS"  # noqa: S105
    FAIL = "FAIL"
    INCONCLUSIVE = "INCONCLUSIVE"
    NOT_MEASURED = "NOT_MEASURED"


WORST_FIRST = (Outcome.FAIL, Outcome.NOT_MEASURED, Outcome.INCONCLUSIVE, Outcome.PASS)


def worst(outcomes: Sequence[Outcome]) -> Outcome:
    """FAIL before NOT_MEASURED before INCONCLUSIVE before PASS, which is also the outcome of none.

    Example:
        >>> worst([Outcome.PASS, Outcome.NOT_MEASURED]).value
        'NOT_MEASURED'
    """
    return min(outcomes, key=WORST_FIRST.index, default=Outcome.PASS)


class FurtherEvidence(Record, frozen=True, kw_only=True):
    """What would decide an INCONCLUSIVE gate at 80 % power.

    Attributes:
        images: further test images, of `slice` (None: of any kind); None when no realistic number would do.
        groups: the groups (scenes) that these images come from, where images are grouped.
        counting: how many of the groups (else of the images) must hold something that the number counts; None where all do.
        cost: of labelling them, in `currency`; None without a price.
        more_seeds: no number of images would do, since it is the spread over training seeds that is too wide.
    """

    images: int | None
    groups: int | None = None
    counting: int | None = None
    more_seeds: bool = False
    slice: str | None = None
    cost: float | None = None
    currency: str = ""


def _none() -> None:
    return None


class GateResult(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One gate, on one slice and one target.

    `finding` is written only where there is one, so that a record without kept gates has the bytes that it had before
    there were any. The other defaults are factories, since msgspec leaves out plain ones.

    Attributes:
        interval: of what the gate judges (the value, or its difference to the reference), family-wise.
        decided_by: `interval` for quality metrics; `point` where the gate says `decide: point`; `measurement`
            for what has no sampling error that we know (latency, size, cost).
        finding: the gate is the reference's, kept although the proposal dropped or loosened it, until somebody approves
            the finding of this id.
    """

    gate: str  # the gate as written: "recall ≥ 0.70"
    metric: str
    target: str | None
    slice: str | None
    class_name: str | None = field(name="class", default_factory=_none)
    outcome: Outcome
    value: float | None
    reference: float | None = field(default_factory=_none)  # the champion's, or the torch model's value
    interval: Interval | None = field(default_factory=_none)
    decided_by: Literal["interval", "point", "measurement"] = field(default_factory=lambda: "measurement")
    further: FurtherEvidence | None = field(default_factory=_none)
    threshold: float
    explanation: str
    source: str = field(default_factory=str)  # file:line:column of the gate
    origin: Literal["sprint", "policy"] = field(default_factory=lambda: "sprint")
    finding: str | None = None


class WithoutLeaks(Record, frozen=True, kw_only=True):
    """What the same gates say of the test images that did not leak (`Evaluation.leaks`). It decides nothing.

    Attributes:
        gates: in the order of the verdict's; their intervals hold together as those do.
        inflation: by how much the optimizing metric is higher with the leaked images, from the same resamples.
    """

    outcome: Outcome
    gates: list[GateResult]
    optimizing_value: float | None
    optimizing_interval: Interval | None = None
    inflation: float | None = None
    inflation_interval: Interval | None = None


class Verdict(Record, frozen=True, kw_only=True):
    """The sprint's verdict: PASS only when every gate passes.

    Attributes:
        champion_unknown: why it could not be looked up who holds the stage; left out where it could.
        family: how many intervals were judged together; `level` is the confidence that all of them hold.
        wear: how often the test split has been used to decide, this time included.
        claim: what the sprint said that it would bring, tested; written only where there is one. It decides nothing.
        without_leaks: written only where test images leaked and others are left.
    """

    outcome: Outcome
    gates: list[GateResult]
    optimizing: str
    optimizing_value: float | None
    optimizing_interval: Interval | None = None
    champion: str | None = None
    champion_unknown: str | UnsetType = UNSET
    level: float | None = None
    family: int = 0
    wear: Wear | None = None
    claim: GateResult | UnsetType = UNSET
    without_leaks: WithoutLeaks | UnsetType = UNSET

    def outcome_under(self, approved: frozenset[str]) -> Outcome:
        """The outcome once the findings of these ids are approved: without the gates that were kept for them."""
        return worst([gate.outcome for gate in self.gates if gate.finding not in approved])

    @property
    def kept_for(self) -> frozenset[str]:
        """The findings that gates were kept for."""
        return frozenset(gate.finding for gate in self.gates if gate.finding is not None)


# --- wear of the test split -----------------------------------------------------------------------


class SplitUse(Record, frozen=True, kw_only=True, omit_defaults=True):
    """One decision that was taken on a held-out split (an entry of reports/<sprint>/uses.json).

    Attributes:
        split_digest: the images and their labels.
        evaluation_digest: SHA-256 of evaluation.json: the same result judged again is the same use.
        significance: what this use spent: (1 − the confidence level) / 2 (one side makes a false winner) × the look's share.
            No level above the usual one makes it less.
        uses_before, spent_before: what other decisions on any of the images had used when this one was first taken.
        comparison: digest of what was asked: which recipe on which training data, against which champion. Empty in uses
            that were written before 2026-12.
        look: the how manieth time that was asked on images of which some are the same.
        images: the split's images as `image_set.packed`; empty where another use of the same file has them, and in uses
            that were written before 2026-12.
    """

    split_digest: str
    evaluation_digest: str
    significance: float
    uses_before: int
    spent_before: float
    comparison: str = ""
    look: int = 1
    images: str = ""


class Wear(Record, frozen=True, kw_only=True):
    """How worn a held-out split is. `left` is None without a budget; it bounds the chance of a false winner, for models
    made without looking at the split's earlier results. `look`: see `SplitUse`; of the next decision in a plan."""

    split: str
    uses: int
    spent: float
    budget: float | None = None
    left: float | None = None
    exhausted: bool = False
    refresh: Literal["advised", "required"] = "advised"
    look: int = 1
