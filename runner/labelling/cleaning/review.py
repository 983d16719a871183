"""`clean`: the list of suspected labels that a person goes through, and a page that shows each of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.config.project import Project
from runner.domain.cleaning import ReviewRow
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_text
from runner.domain.label_issues import LabelIssue
from runner.labelling.cleaning.apply import FOLDER
from runner.labelling.cleaning.issues import Suspected, reviewed_before, suspected
from runner.labelling.cleaning.pictures import shown_issues
from runner.labelling.cleaning.review_file import Reviewed, read_review, write_review
from runner.labelling.insertion import inserter_of
from runner.planning.situation import Situation
from runner.record.catalogue import REVIEW
from runner.record.cleaned import ToClean
from runner.record.label_issues import is_settled
from runner.record.strangers import refuse_strangers
from runner.report.review_page import render
from runner.workflow.load import load_written
from runner.workflow.locking import work_lock

USUAL = 100
PAGE = "review.html"
_TEST = "test"


def review(
    root: Path,
    name: str | None,
    *,
    limit: int | None = None,
    budget: float | None = None,
    test: bool = False,
) -> ToClean:
    """Writes review.csv, worth most first, and the page. What is decided in it already stays, in its place.

    Args:
        limit: rows, those that are decided included; a hundred when None, or as many as the budget pays for.
        budget: money for reviews.
        test: with those of the test split.

    Raises:
        FlywheelError: nobody looked for wrong labels, the layout takes none, or no price is entered.
    """
    situation = load_written(root, name)
    sprint, project = situation.name, situation.project
    _require_open(situation)
    inserter_of(project)
    refuse_strangers(root, sprint)
    known, price = suspected(root, sprint), project.costs.label.review or None
    with work_lock(root, f"clean/{sprint}"):
        path = situation.folder / REVIEW.name
        earlier = read_review(path, REVIEW.of(sprint)) if path.is_file() else []
        done = reviewed_before(root, sprint)
        decided = [one for one in earlier if one.decision]
        held = {one.row.issue for one in decided}
        open_ = [one for one in known.issues if one.issue not in held and not is_settled(one, done)]
        chosen = [one for one in open_ if test or one.split != _TEST]
        to_do = chosen[: _rows(limit, budget, price, project, len(decided))]
        notes = {one.row.issue: one for one in earlier}
        by_name = known.by_name
        rows = [_row(by_name[one.row.issue], one) if one.row.issue in by_name else one for one in decided]
        rows += [_row(one, notes.get(one.issue)) for one in to_do]
        if rows != earlier or not path.is_file():
            situation.folder.mkdir(parents=True, exist_ok=True)
            write_review(path, rows)
        page = root / FOLDER / sprint / PAGE
        write_text(page, _page(root, project, sprint, known, rows, {row.issue for row in done}))
    return ToClean(
        sprint=sprint,
        found_by=known.found_by,
        suspected=len(chosen) + len(held - {row.issue for row in done}),
        listed=len(rows),
        decided=len(decided),
        left_out=len(open_) - len(chosen),
        price=len(to_do) * price if price else None,
        currency=project.costs.currency,
        review=REVIEW.of(sprint),
        page=f"{FOLDER}/{sprint}/{PAGE}",
    )


def _require_open(situation: Situation) -> None:
    """
    Raises:
        FlywheelError: the sprint's model holds the stage: its record is agreed on, labels that change are another sprint's.
    """
    champion = situation.registry.champion()
    if champion is not None and champion.sprint == situation.name:
        raise FlywheelError(
            "its model is the champion, trained on the labels as they are: clean them for a sprint that comes after it",
            where=Where(situation.loaded.path),
            hint=f"flywheel next {situation.name} --write --option clean",
        )


def _rows(
    limit: int | None, budget: float | None, price: float | None, project: Project, decided: int
) -> int:
    """How many are still listed."""
    most = max(0, limit - decided) if limit is not None else None
    if budget is not None:
        if not price:
            raise FlywheelError(
                "a budget for reviews needs the price of one",
                where=Where("flywheel.yaml"),
                hint="add it, as in: costs: {label: {review: 0.02}}; or name the number of reviews: --limit 50",
            )
        most = min(int(budget / price + 1e-9), most if most is not None else int(1e9))
    return USUAL if most is None else most


def _row(issue: LabelIssue, earlier: Reviewed | None) -> Reviewed:
    """What is suspected, with what somebody entered."""
    row = ReviewRow(
        issue=issue.issue,
        path=issue.path,
        kind=issue.kind,
        label=issue.label,
        suggested=None if issue.both_wrong else issue.suggested,
        suspicion=issue.suspicion,
        effect=issue.effect,
        reason=issue.reason,
    )
    new = Reviewed(line=0, row=row, own=earlier.own if earlier else {})
    return new.decided_as(earlier.row) if earlier else new


def _page(
    root: Path, project: Project, sprint: str, known: Suspected, rows: Sequence[Reviewed], done: set[str]
) -> str:
    """What is listed and not carried out yet."""
    issues = known.by_name
    left = [
        (one.row, issues[one.row.issue])
        for one in rows
        if one.row.issue in issues and one.row.issue not in done
    ]
    return render(sprint, project.classes, shown_issues(root, project, left))
