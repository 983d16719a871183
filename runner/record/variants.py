"""A sprint beside its variants; variants.json."""

from __future__ import annotations

from runner.domain.evaluation import Interval
from runner.domain.records import Record
from runner.domain.verdict import Outcome


class VariantGate(Record, frozen=True, kw_only=True):
    """What a gate of the sprint says of a variant; it decides nothing there.

    Attributes:
        place: the slice, class or target that it is about, where it names one.
    """

    gate: str
    outcome: Outcome
    place: str = ""


class VariantResult(Record, frozen=True, kw_only=True):
    """The sprint itself, or one of its variants.

    Attributes:
        name: empty for a sprint that has no name among its variants.
        says: what it says over the spec, as `option: value`; nothing for the sprint.
        trouble: why it was not measured; all below is empty then.
        value: the optimizing metric of the judged artefact on all test images, with an interval of its own.
        on: what both were measured on where the labels are others: "boxes". `reference`: the sprint's metric there.
        difference: to the sprint, on the same images and resamples; the intervals of all variants hold together. None for the
            sprint.
        train_s: how long its models took to train. `compute`: money for all of its stages that ran; None where none is known.
        images, labels: what it was trained on. `label_price`: of the labels of one of these images on average; None without a price.
        seeds: models that were trained.
        apart: why its gates are not told.
    """

    name: str
    says: list[str] = []
    trouble: str = ""
    value: float | None = None
    interval: Interval | None = None
    on: str = ""
    reference: float | None = None
    difference: float | None = None
    difference_interval: Interval | None = None
    train_s: float | None = None
    compute: float | None = None
    images: int = 0
    labels: int = 0
    label_price: float | None = None
    seeds: int = 0
    gates: list[VariantGate] = []
    apart: str = ""

    @property
    def separable(self) -> bool:
        """Whether it is told from the sprint."""
        ends = self.difference_interval
        return ends is not None and not ends.low <= 0 <= ends.high


class Variants(Record, frozen=True, kw_only=True):
    """All of them, the sprint first.

    Attributes:
        metric: which is compared. `level`: the confidence of all intervals.
        rests_on: the variants' files that it was made from, by their paths from the repository's top → SHA-256.
        unread: nothing; what could not be read of a variant is its `trouble`.
    """

    metric: str
    level: float
    currency: str
    results: list[VariantResult]
    rests_on: dict[str, str] = {}
    unread: list[str] = []

    @property
    def own(self) -> VariantResult:
        """The sprint's."""
        return self.results[0]

    @property
    def others(self) -> list[VariantResult]:
        """The variants'."""
        return self.results[1:]
