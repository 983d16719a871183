"""What somebody decided about suspected labels, and what became of them."""

from __future__ import annotations

from runner.domain.label_issues import IssueKind
from runner.domain.records import Record

KEEP, ACCEPT, DELETE, CLASS = "keep", "accept", "delete", "class="
DECISIONS = f"{ACCEPT}, {KEEP}, {DELETE} or {CLASS}NAME"


class ReviewRow(Record, frozen=True, kw_only=True):
    """One suspected label in the list that a person goes through: a row of review.csv.

    Attributes:
        issue, path, kind, label, suggested, suspicion, effect, reason: as in label_issues.csv.
        decision: empty as long as nobody decided. `accept`: what is suggested; `keep`: the label is right as it is; `delete`: there
            is nothing; `class=NAME`: it is a NAME, where it is.
        reviewer: who decided, as they want to be called; never an address.
        seconds: that it took, where somebody counted.
        note: theirs.
    """

    issue: str
    path: str
    kind: IssueKind
    label: str | None = None
    suggested: str | None = None
    suspicion: float
    effect: float | None = None
    reason: str = ""
    decision: str = ""
    reviewer: str = ""
    seconds: float | None = None
    note: str = ""


class CleanedLabel(Record, frozen=True, kw_only=True):
    """One decision, as it was carried out: a row of cleaning.csv.

    Attributes:
        issue, path, image_id, split, kind, object_id, suspicion: as in label_issues.csv of the sprint `found_by`.
        decision, reviewer, seconds, note: as in review.csv.
        before, after: the label in words, its box in fractions of the image; empty where there is none.
        labels_before, labels_after: digests of all labels of the image. The second is empty until the dataset was read again and
            says so.
    """

    issue: str
    found_by: str
    path: str
    image_id: str
    split: str
    kind: IssueKind
    object_id: str | None = None
    suspicion: float
    decision: str
    reviewer: str = ""
    seconds: float | None = None
    note: str = ""
    before: str = ""
    after: str = ""
    labels_before: str = ""
    labels_after: str = ""

    @property
    def changed(self) -> bool:
        """Whether the label is another one now, or none, and not as it was."""
        return self.decision != KEEP and self.before != self.after
