"""A review of labels for a terminal: what `flywheel clean` ends with."""

from __future__ import annotations

from runner.record.cleaned import Applied, ToClean
from runner.report.escape import plain
from runner.report.wording import count, money

KINDS = {
    "wrong_class": "wrong class",
    "missed": "missed",
    "badly_placed": "badly placed",
    "spurious": "spurious",
}


def listed(found: ToClean) -> str:
    """How many are to be reviewed, and where."""
    by = f"suspected by the models of {plain(found.found_by, 80)}"
    lines = [
        f"{count(found.suspected, 'label')} to review, {by}; {found.listed} listed, {found.decided} of them decided"
    ]
    if found.left_out:
        lines.append(
            f"{count(found.left_out, 'label')} of the test split left out: verdicts rest on them (--include-test lists them)"
        )
    if found.price is not None:
        lines.append(
            f"{money(found.price, found.currency)} for the reviews that are still to be made, by costs.label.review"
        )
    if not found.listed:
        return "\n".join([*lines, "", "nothing to do"])
    return "\n".join(
        [
            *lines,
            "",
            f"look:    {plain(found.page, 200)}   (keys decide, and it saves a review.csv)",
            f"decide:  {plain(found.review, 200)}, column `decision`: accept, keep, delete or class=NAME",
            f"then:    flywheel clean {found.sprint} --apply",
        ]
    )


def applied(found: Applied) -> str:
    """What was changed, what waits, and the commit."""
    kinds = ", ".join(f"{number} {KINDS.get(kind, kind)}" for kind, number in found.changed.items())
    changed = sum(found.changed.values())
    lines = [f"{count(changed, 'label')} changed{f' ({kinds})' if kinds else ''}, {found.kept} found right"]
    if found.earlier:
        lines.append(f"{count(found.earlier, 'decision')} had been carried out before")
    if found.waiting:
        verb = "waits" if found.waiting == 1 else "wait"
        lines.append(f"{count(found.waiting, 'label')} {verb} for a decision")
    if found.commit:
        lines.append(f"committed as {found.commit[:10]}")
    elif found.uncommitted:
        lines.append(
            f"not committed: git switch -c {found.sprint} (where the default branch is checked out), then: "
            f"git add {' '.join(found.uncommitted)} && git commit; or: flywheel clean {found.sprint} --apply --commit-here"
        )
    return "\n".join([*lines, "", f"then: flywheel plan {found.sprint}; its report says what it gained"])
