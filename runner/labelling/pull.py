"""`annotate pull` and `annotate status`: what annotators answered, brought into the dataset and into the sprint's record."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.annotators.annotator import Pulled
from runner.annotators.shapes import labelled_objects
from runner.dataset.class_names import class_ids, plain_name
from runner.domain.errors import FlywheelError, Where
from runner.domain.labelling import GOLD_ARM, Answer, AnsweredObject, BatchImage, HandedOut
from runner.labelling.agreed import agreed
from runner.labelling.measured import measured
from runner.labelling.merge import Became, Wanted, merge, rendered_labels
from runner.labelling.rounds import Say, SprintRound, open_round
from runner.labelling.tracking import commit_here, new_files, track_dataset
from runner.record.annotated import PulledRound, RoundStatus
from runner.record.catalogue import (
    ANNOTATIONS,
    ANSWERS,
    BATCH,
    BATCH_IMAGES,
    BATCH_SHEET,
    HANDED_OUT,
    QUALITY,
)
from runner.record.labelling import (
    AnnotationRow,
    read_annotations,
    read_answers,
    row_of,
    write_annotations,
    write_answers,
)
from runner.tasks import TASKS
from runner.workflow.drawing.evidence import evidence_of
from runner.workflow.locking import work_lock

MOST_SHOWN = 10  # images to review; the record has more


def status(root: Path, name: str | None, *, say: Say) -> RoundStatus:
    """What the tool has, beside what was merged; nothing is changed.

    Raises:
        FlywheelError: there is no batch, nothing was handed out, or the tool cannot be reached.
    """
    round_ = open_round(root, name)
    handed = _handed(round_)
    pulled = round_.tool.pull(round_.with_tool(handed, None, finished=False, say=say))
    answers = _together(read_answers(round_.folder), pulled.answers)
    return _status(round_, pulled, answers, read_annotations(round_.folder))


def pull(
    root: Path,
    name: str | None,
    *,
    finished: bool = False,
    commit: bool = True,
    on_default_branch: bool = False,
    say: Say,
) -> PulledRound:
    """Takes what is answered, merges it, tracks it, and commits it on the branch that is checked out.

    Answers are written before anything else: from then on they are not lost, whatever happens to the tool. Killed at any point,
    it is called again.

    Args:
        finished: annotators looked at everything: what came back as it was sent counts.
        commit: make a commit, unless the default branch is checked out.
        on_default_branch: there too.

    Raises:
        FlywheelError: there is no batch, nothing was handed out, the tool cannot be reached, or the labels cannot be merged.
    """
    round_ = open_round(root, name)
    handed = _handed(round_)
    with work_lock(root, f"annotate/{round_.sprint}"), work_lock(root, round_.project.dataset.path):
        pulled = round_.tool.pull(round_.with_tool(handed, None, finished=finished, say=say))
        before, rows = read_answers(round_.folder), read_annotations(round_.folder)
        answers = _together(before, pulled.answers)
        if answers != before:
            write_answers(round_.folder, answers)
        wanted = _wanted(round_, handed, answers, before, rows, finished=finished)
        became = merge(root, round_.project, wanted, round_.batch.into, round_.journal)
        rows = _rows(round_, answers, became)
        if rows:
            write_annotations(round_.folder, rows)
        quality = measured(round_, handed, answers) if answers else None
        if quality is not None:
            QUALITY.write(round_.folder, quality)
        pulled.problems += [f"{one.path}: {one.why}" for one in became if one.why]
        paths = _track(round_, changed=bool(became))
        made, left = _commit(round_, paths, became, commit=commit, anywhere=on_default_branch)
    outcomes: Counter[str] = Counter()
    for row in rows:
        for kind in ("accepted", "moved", "relabelled", "added", "deleted"):
            outcomes[kind] += getattr(row, kind)
    return PulledRound(
        status=_status(round_, pulled, answers, rows),
        states=dict(sorted(Counter(_states(rows).values()).items())),
        objects=sum(row.objects for row in rows),
        outcomes=dict(outcomes),
        commit=made,
        uncommitted=left,
        failed=quality.failed if quality is not None else [],
        review=quality.review[:MOST_SHOWN] if quality is not None else [],
        review_images=quality.review_images if quality is not None else 0,
    )


def _handed(round_: SprintRound) -> HandedOut:
    if round_.handed is None:
        raise FlywheelError(
            "nothing was handed out yet",
            where=Where(HANDED_OUT.of(round_.sprint)),
            hint=f"flywheel annotate push {round_.sprint}",
        )
    return round_.handed


def _together(before: Sequence[Answer], now: Sequence[Answer]) -> list[Answer]:
    """What is known, with what a tool says now: an answer that it changed counts as it is now, one that it lost stays."""
    known = {(answer.key, answer.annotator): answer for answer in (*before, *now)}
    return sorted(known.values(), key=lambda answer: (answer.path, answer.key, answer.annotator))


def _by_key(answers: Sequence[Answer]) -> dict[str, list[Answer]]:
    found: dict[str, list[Answer]] = {}
    for answer in answers:
        found.setdefault(answer.key, []).append(answer)
    return found


def _is_complete(image: BatchImage, answers: Sequence[Answer], *, finished: bool) -> bool:
    """Whether enough annotators said something, and one of them labelled it."""
    labelled = [answer for answer in answers if not answer.skipped]
    return bool(labelled) and (finished or len(answers) >= image.annotators)


def _wanted(
    round_: SprintRound,
    handed: HandedOut,
    answers: Sequence[Answer],
    before: Sequence[Answer],
    rows: Sequence[AnnotationRow],
    *,
    finished: bool,
) -> list[Wanted]:
    """The images that can be labelled now; with the digests of labels that stand for earlier answers to them."""
    now, earlier = _by_key(answers), _by_key(before)
    sizes = {task.key: (task.width, task.height) for task in handed.tasks}
    merged: dict[str, set[str]] = {}
    for row in rows:
        if row.labels and row.state == "labelled":
            merged.setdefault(row.key, set()).add(row.labels)
    images = [
        image
        for image in round_.images
        if image.arm != GOLD_ARM and _is_complete(image, now.get(image.key, []), finished=finished)
    ]
    changed = {
        image.key: (sizes[image.key], _objects(round_, earlier[image.key], sizes[image.key]))
        for image in images
        if image.key in sizes and earlier.get(image.key) not in (None, now[image.key])
    }
    known = class_ids(round_.project.classes)
    renderable = {
        key: (size, labelled_objects(objects, round_.project.classes))
        for key, (size, objects) in changed.items()
        if all(plain_name(one.class_name) in known for one in objects)
    }
    for key, labels in rendered_labels(round_.project, renderable).items():
        merged.setdefault(key, set()).add(labels)
    wanted = [
        Wanted(
            key=image.key,
            path=image.path,
            image_id=image.image_id,
            objects=_objects(round_, now[image.key], sizes.get(image.key)),
            earlier=sorted(merged.get(image.key, ())),
        )
        for image in images
    ]
    ranked = TASKS[round_.project.task].ranked
    return [
        one for one in wanted if ranked or len(one.objects) == 1
    ]  # an image without a class is not labelled


def _objects(
    round_: SprintRound, answers: Sequence[Answer], size: tuple[int, int] | None
) -> list[AnsweredObject]:
    return agreed(answers, round_.project.task_spec, size)


def _rows(round_: SprintRound, answers: Sequence[Answer], became: Sequence[Became]) -> list[AnnotationRow]:
    """A row per answer: where the image lies now, and what became of it."""
    of = {one.key: one for one in became}
    gold = {image.key for image in round_.images if image.arm == GOLD_ARM}
    rows = []
    for answer in answers:
        one = of.get(answer.key)
        state: str = "waiting" if one is None else one.state
        if answer.key in gold:
            state = "gold"
        elif answer.skipped:
            state = "skipped"
        rows.append(row_of(answer, state, one.labels if one and one.state == "labelled" else ""))
    return rows


def _states(rows: Sequence[AnnotationRow]) -> dict[str, str]:
    """What became of each image, by key: one that somebody skipped and another labelled was not skipped."""
    by_skipped_first = sorted(rows, key=lambda row: row.state != "skipped")
    return {row.key: row.state for row in by_skipped_first}


def _status(
    round_: SprintRound, pulled: Pulled, answers: Sequence[Answer], rows: Sequence[AnnotationRow]
) -> RoundStatus:
    now = _by_key(answers)
    annotators: Mapping[str, int] = Counter(answer.annotator for answer in answers)
    merged = {row.key for row in rows if row.state in ("labelled", "kept", "gold")}
    partly = {image.key for image in round_.images if 0 < len(now.get(image.key, ())) < image.annotators}
    return RoundStatus(
        sprint=round_.sprint,
        tool=round_.tool.name,
        images=len(round_.images),
        answered=sum(len(now.get(image.key, ())) >= image.annotators for image in round_.images),
        merged=len(merged),
        untouched=len(set(pulled.untouched) - now.keys()),
        annotators=dict(sorted(annotators.items())),
        problems=[line.replace(f"{round_.root}/", "") for line in dict.fromkeys(pulled.problems)],
        partly=len(partly - merged),
    )


def _track(round_: SprintRound, *, changed: bool) -> list[str]:
    """Tracks the dataset; the paths that a commit needs."""
    files = (BATCH, BATCH_IMAGES, BATCH_SHEET, HANDED_OUT, ANSWERS, ANNOTATIONS, QUALITY)
    record = [file.of(round_.sprint) for file in files if (round_.folder / file.name).is_file()]
    return [*record, *track_dataset(round_.root, round_.project.dataset, changed=changed)]


def _commit(
    round_: SprintRound, paths: Sequence[str], became: Sequence[Became], *, commit: bool, anywhere: bool
) -> tuple[str | None, list[str]]:
    """With what git does not have yet, and the labels rest on: the spec, the guidelines, the scoring that the batch was drawn from."""
    root, guidelines = round_.root, round_.annotation.guidelines
    own = [round_.spec, *([guidelines] if guidelines else [])]
    paths = [*paths, *new_files(root, own, evidence_of(root, round_.batch.evidence).folder)]
    labelled = sum(one.state == "labelled" for one in became)
    message = (
        f"{round_.sprint}: labels of {labelled} images for {round_.batch.into}\n\n"
        f"flywheel annotate pull, from {round_.tool.name}"
    )
    return commit_here(root, paths, message, commit=commit, anywhere=anywhere)
