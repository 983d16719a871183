"""The record of how a sprint's data differs from what its champion was made and judged with (drift.json)."""

from __future__ import annotations

from runner.domain.bias import NewValue, Shift
from runner.domain.records import CheckResult, Record


class SplitChange(Record, frozen=True, kw_only=True):
    """The images of one split, by content.

    Attributes:
        new: in this sprint's alone. `shared`: in both. `gone`: in the champion's alone.
    """

    split: str
    new: int
    shared: int
    gone: int


class Drift(Record, frozen=True, kw_only=True):
    """This sprint's data beside the champion's. Long lists are cut: what matters most is first.

    Attributes:
        champion: its sprint.
        not_measured: why there is nothing below; empty where it was measured.
        shifts: of each split, its new images beside the champion's of that split.
        new_values: values of metadata columns, and classes (column `class`), that no image of the champion's has.
        max_shift: the threshold.
        results: of the expectations.
    """

    champion: str
    not_measured: str = ""
    images: list[SplitChange] = []
    shifts: list[Shift] = []
    new_values: list[NewValue] = []
    max_shift: float
    results: list[CheckResult] = []
