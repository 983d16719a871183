"""What clean labels gained: the decisions since the compared sprint, their price, and the gain beside it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from runner.assessment.past_sprints import PastSprint, changes
from runner.domain.evaluation import Interval
from runner.domain.worth import Cleaning, Gain

_TRAIN, _TEST = "train", "test"
_CLEANED = "training labels"  # the change that a review makes


def cleaning(
    own: PastSprint,
    earlier: Sequence[PastSprint],
    before: PastSprint | None,
    gains: Sequence[Gain],
    price: float | None,
    *,
    since: str | None,
) -> Cleaning | None:
    """None where nothing was reviewed.

    Args:
        before: the compared sprint; None where its record is not here. `since`: its name.
        gains: beside it, the optimizing metric first.
        price: of one review.
    """
    sprints = [one for one in earlier if since is not None and one.name > since]
    rows = [row for one in (*sprints, own) for row in one.cleaned]
    if not rows:
        return None
    changed = [row for row in rows if row.changed]
    timed = [row.seconds for row in rows if row.seconds is not None]
    net = sum((not row.before) - (not row.after) for row in changed if row.split == _TRAIN)
    gain = gains[0] if gains else None
    return Cleaning(
        reviewed=len(rows),
        changed=dict(sorted(Counter(row.kind for row in changed).items())),
        kept=len(rows) - len(changed),
        test=sum(row.split == _TEST for row in changed),
        net=net,
        seconds=round(sum(timed), 1) if timed else None,
        timed=len(timed),
        cost=len(rows) * price if price is not None else None,
        per_review=gain.difference / len(rows) if gain else None,
        per_review_interval=_over(gain.interval, len(rows)) if gain else None,
        also=_also(own, before, net),
    )


def _also(own: PastSprint, before: PastSprint | None, net: int) -> list[str]:
    """What else differs from the compared sprint."""
    if before is None:
        return []
    others = [change.kind for change in changes(before, own) if change.kind != _CLEANED]
    added = ["number of labels"] if own.labels - before.labels != net else []
    return list(dict.fromkeys([*added, *others]))


def _over(ends: Interval | None, by: int) -> Interval | None:
    return Interval(low=ends.low / by, high=ends.high / by) if ends is not None else None
