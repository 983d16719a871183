"""What `flywheel clean` says: what is to be reviewed, and what was carried out."""

from __future__ import annotations

from runner.domain.records import Record


class ToClean(Record, frozen=True, kw_only=True):
    """A list of suspected labels to go through.

    Attributes:
        found_by: the sprint whose models suspect them.
        suspected: in all, those that were reviewed before left out; `listed` of them, `decided` of those already.
        left_out: of the test split, whose labels stay as they are unless that is asked for.
        price: of the reviews that are still to be made; None without a price.
        review, page: files, from the repository's top.
    """

    sprint: str
    found_by: str
    suspected: int
    listed: int
    decided: int
    left_out: int
    price: float | None
    currency: str
    review: str
    page: str


class Applied(Record, frozen=True, kw_only=True):
    """What was carried out.

    Attributes:
        reviewed: decisions that were new. `changed`: labels by the kind of what was wrong; `kept`: that were right.
        earlier: decisions that had been carried out before.
        waiting: rows without a decision.
        commit: that was made; None where none was, and then `uncommitted` has the paths to commit.
    """

    sprint: str
    found_by: str
    reviewed: int
    changed: dict[str, int]
    kept: int
    earlier: int
    waiting: int
    commit: str | None
    uncommitted: list[str]
