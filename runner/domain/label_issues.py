"""What may be wrong with a label, as models that never saw the image in training tell it."""

from __future__ import annotations

from typing import Literal, get_args

from runner.domain.records import Record

IssueKind = Literal["wrong_class", "missed", "badly_placed", "spurious"]
"""`wrong_class`: the object is there, under another name. `missed`: an object without a label. `badly_placed`: a label whose shape does not
fit its object. `spurious`: a label of nothing."""

ISSUE_KINDS: tuple[IssueKind, ...] = get_args(IssueKind)


class LabelIssue(Record, frozen=True, kw_only=True):
    """One suspected label: a row of label_issues.csv; ranked, worth most first.

    Attributes:
        issue: of content and place: the same as long as image, label and suggestion are.
        path, image_id: of the image; the path is relative to the dataset's folder.
        split: that the image is in.
        object_id: of the label in question; None for `missed`, and where the image's class is in question.
        label: class that the label names; None for `missed`.
        suggested: class that the models see there; None for `spurious`.
        box: what is to be looked at, as x_min, y_min, x_max, y_max in fractions of the image's size; None for an image's class.
        suggested_box: where the models see the object; None where no shape is suggested.
        polygons: the suggested outlines, flat x, y in fractions; empty for tasks without masks.
        suspicion: of the label being wrong, 0 to 1.
        effect: expected gain of mending it, in the unit of the gates' distance; None where no gate rests on it.
        both_wrong: the models' own prediction there is not believed either: to be looked at, nothing is suggested.
        reason: in words, with the figures that decided.
    """

    issue: str
    path: str
    image_id: str
    split: str
    kind: IssueKind
    object_id: str | None = None
    label: str | None = None
    suggested: str | None = None
    box: tuple[float, float, float, float] | None = None
    suggested_box: tuple[float, float, float, float] | None = None
    polygons: tuple[tuple[float, ...], ...] = ()
    suspicion: float
    effect: float | None = None
    both_wrong: bool = False
    reason: str = ""


class LabelIssues(Record, frozen=True, kw_only=True):
    """What label_issues.csv holds, in a few numbers, and its first rows; label_issues.json.

    Attributes:
        labels: that were looked at.
        kinds: how many rows of each kind. `expected`: how many of those are wrong, by their suspicions.
        both_wrong: rows where the models' own prediction is not believed either.
        aims: what the effect is counted by, in words: the open gates, else the optimizing metric.
        gates: whether those are gates.
        first: the rows that are worth most, in order.
        least: suspicions below it have no row; `cut`: rows beyond those that are kept.
    """

    labels: int
    kinds: dict[str, int]
    expected: dict[str, float]
    both_wrong: int
    aims: list[str]
    gates: bool
    first: list[LabelIssue]
    least: float
    cut: int = 0
