"""`clean --apply`: what was decided becomes a change of the labels, with its record, in a commit.

The record is written first, then the labels, then the record again with what the dataset says by then. Killed in between, the same
command goes on: an image whose labels are those of before was not reached, any other was.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

import msgspec

from runner.config.project import Project
from runner.domain.cleaning import DECISIONS, KEEP, CleanedLabel
from runner.domain.errors import ConfigurationErrors, ExitCode, FlywheelError, Where
from runner.labelling.cleaning.decisions import becomes
from runner.labelling.cleaning.edits import Decided, ImageEdits, edits_of
from runner.labelling.cleaning.issues import suspected
from runner.labelling.cleaning.review_file import Reviewed, read_review, taken_over, write_review
from runner.labelling.data_now import DataNow, data_now
from runner.labelling.insertion import inserter_of
from runner.labelling.insertion.inserter import Inserter
from runner.labelling.merge import scheme_of
from runner.labelling.moves import Moves
from runner.labelling.tracking import commit_here, new_files, track_dataset
from runner.planning.situation import Situation
from runner.record.catalogue import CLEANING, REVIEW
from runner.record.cleaned import Applied
from runner.record.label_issues import read_cleaning, write_cleaning
from runner.workflow.load import load_written
from runner.workflow.locking import work_lock

FOLDER = ".flywheel/clean"


def apply(
    root: Path,
    name: str | None,
    *,
    decisions: Path | None = None,
    reviewer: str = "",
    test: bool = False,
    commit: bool = True,
    on_default_branch: bool = False,
) -> Applied:
    """Carries out what review.csv decides; rows without a decision wait.

    Args:
        decisions: a file whose decisions are taken over into review.csv first, as the page saves it.
        reviewer: who decided, where a row does not say.
        test: labels of the test split may change.
        commit: make a commit, unless the default branch is checked out.
        on_default_branch: there too.

    Raises:
        ConfigurationErrors: decisions that cannot be carried out, each with its line: nothing was changed.
        FlywheelError: there is no list, the dataset is not here or its layout takes no labels, or what was written is not read as
            it was meant.
    """
    situation = load_written(root, name)
    sprint, project = situation.name, situation.project
    inserter = inserter_of(project)
    with work_lock(root, f"clean/{sprint}"), work_lock(root, project.dataset.path):
        rows = _rows(situation, decisions)
        moves = Moves(root, project, inserter, root / FOLDER / sprint / "moves.json")
        moves.finish_earlier()
        data = data_now(root, project)
        cleaned, unfinished = _known(situation.folder, data)
        found_by, decided = _decided(root, situation, rows, cleaned)
        images, errors = edits_of(decided, data, project, REVIEW.of(sprint), test=test)
        if errors:
            raise ConfigurationErrors(errors)
        new = [row for image in images for row in image.rows(found_by, reviewer, project)]
        if new or unfinished:
            write_cleaning(situation.folder, [*cleaned, *new])
            paths = _write(
                root, project, inserter, moves, [image for image in images if image.at or image.added]
            )
            cleaned = _finished(root, project, images, paths, [*cleaned, *new])
            write_cleaning(situation.folder, cleaned)
        made, left = _commit(situation, cleaned, commit=commit, anywhere=on_default_branch)
    return Applied(
        sprint=sprint,
        found_by=found_by,
        reviewed=len(new),
        changed=dict(sorted(Counter(row.kind for row in new if row.changed).items())),
        kept=sum(not row.changed for row in new),
        earlier=len(cleaned) - len(new),
        waiting=sum(not row.decision for row in rows),
        commit=made,
        uncommitted=left,
    )


def _rows(situation: Situation, decisions: Path | None) -> list[Reviewed]:
    """The list, with another file's decisions where one is given.

    Raises:
        FlywheelError: one of them is not there, or nothing is decided.
    """
    path, shown = situation.folder / REVIEW.name, REVIEW.of(situation.name)
    if not path.is_file():
        raise FlywheelError(
            "no list of suspected labels was written yet",
            where=Where(shown),
            hint=f"flywheel clean {situation.name}",
        )
    rows = read_review(path, shown)
    if decisions is not None:
        if not decisions.is_file():
            raise FlywheelError(
                "there is no such file of decisions",
                where=Where(str(decisions)),
                hint=f"to carry out those of {shown}: flywheel clean {situation.name} --apply",
            )
        rows = taken_over(rows, read_review(decisions, str(decisions)), shown, str(decisions))
        write_review(path, rows)
        rows = read_review(path, shown)
    if rows and not any(row.decision for row in rows):
        raise FlywheelError(
            "nothing is decided yet",
            where=Where(shown),
            hint=f"enter {DECISIONS} into the column `decision`, or look at {FOLDER}/{situation.name}/review.html",
        )
    return rows


def _known(folder: Path, data: DataNow) -> tuple[list[CleanedLabel], bool]:
    """What was carried out before, without what a killed run had not reached; whether there was any such run."""
    cleaned, unfinished = [], False
    for row in read_cleaning(folder):
        if row.labels_after:
            cleaned.append(row)
            continue
        unfinished = True
        image = data.find(row.image_id, row.path)
        if image is not None and (image.labels or "") != row.labels_before:
            cleaned.append(row)
    return cleaned, unfinished


def _decided(
    root: Path, situation: Situation, rows: Sequence[Reviewed], cleaned: Sequence[CleanedLabel]
) -> tuple[str, list[Decided]]:
    """The sprint that suspected the labels, and what is decided and not done yet.

    Raises:
        ConfigurationErrors: decisions that nobody can carry out.
    """
    shown, project = REVIEW.of(situation.name), situation.project
    known = suspected(root, situation.name)
    issues, done = known.by_name, {row.issue: row for row in cleaned}
    decided, errors = [], []
    for one in rows:
        if not one.decision:
            continue
        earlier, issue = done.get(one.row.issue), issues.get(one.row.issue)
        where = Where(shown, one.line)
        if earlier is not None:
            if earlier.decision != one.decision:
                errors.append(_done(earlier, one.decision, where))
        elif issue is None:
            errors.append(
                FlywheelError(
                    f'there is no issue "{one.row.issue}" in what {known.found_by} suspects',
                    where=where,
                    hint=f"empty this decision, then: flywheel clean {situation.name}",
                )
            )
        else:
            what = becomes(issue, one.decision, project)
            if isinstance(what, str):
                errors.append(
                    FlywheelError(what, where=where, hint="correct the decision, or empty it: then it waits")
                )
            else:
                decided.append(Decided(reviewed=one, issue=issue, becomes=what))
    if errors:
        raise ConfigurationErrors(errors)
    return known.found_by, decided


def _done(earlier: CleanedLabel, decision: str, where: Where) -> FlywheelError:
    return FlywheelError(
        f'it was carried out as "{earlier.decision}" already, and "{decision}" does not undo that',
        where=where,
        hint=f"put {earlier.decision} back; to undo a change: git revert its commit, then dvc checkout",
    )


def _write(
    root: Path, project: Project, inserter: Inserter, moves: Moves, images: Sequence[ImageEdits]
) -> dict[str, str]:
    """Writes the labels; where each image lies then, by where it lay."""
    folder = root / project.dataset.path
    edited = [image.edited for image in images]
    inserter.edit(folder, scheme_of(project), edited)
    paths: dict[str, str] = {}
    for image, one in zip(images, edited, strict=True):
        plain = PurePosixPath(inserter.edited_path(folder, one))
        if plain.as_posix() != one.path and ((folder / plain).exists() or plain.as_posix() in paths.values()):
            plain = plain.with_name(f"{plain.stem}-{image.now.image_id[:6]}{plain.suffix}")
        paths[one.path] = plain.as_posix()
    moves.move({path: target for path, target in paths.items() if path != target}, {})
    return paths


def _finished(
    root: Path,
    project: Project,
    images: Sequence[ImageEdits],
    paths: dict[str, str],
    rows: Sequence[CleanedLabel],
) -> list[CleanedLabel]:
    """The rows with what the dataset says now.

    Raises:
        FlywheelError: an image does not say what was decided.
    """
    after = data_now(root, project)
    for image in images:
        path = paths.get(image.now.path, image.now.path)
        if path not in after.entries or not image.is_in(after.entries[path]):
            raise FlywheelError(
                "what was written is not read as it was decided",
                where=Where(f"{project.dataset.path}/{path}"),
                hint=f"this is a bug in flywheel: report it with this image's labels; dvc checkout {project.dataset.path}.dvc "
                f"takes the change back, and git checkout the record {CLEANING.name}",
                exit_code=ExitCode.STAGE_FAILED,
            )
    finished = []
    for row in rows:
        image_now = after.find(row.image_id, paths.get(row.path, row.path))
        labels = image_now.labels or "none" if image_now is not None else "gone"
        path = image_now.path if image_now is not None else row.path
        finished.append(
            row if row.labels_after else msgspec.structs.replace(row, labels_after=labels, path=path)
        )
    return finished


def _commit(
    situation: Situation, cleaned: Sequence[CleanedLabel], *, commit: bool, anywhere: bool
) -> tuple[str | None, list[str]]:
    root, sprint = situation.root, situation.name
    changed = sum(row.changed for row in cleaned)
    record = [file.of(sprint) for file in (REVIEW, CLEANING) if (situation.folder / file.name).is_file()]
    paths = [*record, *track_dataset(root, situation.project.dataset, changed=bool(changed))]
    paths += new_files(root, [situation.loaded.path])
    kept = sum(row.decision == KEEP for row in cleaned)
    message = f"{sprint}: {changed} labels cleaned, {kept} found right\n\nflywheel clean --apply"
    return commit_here(root, paths, message, commit=commit, anywhere=anywhere)
