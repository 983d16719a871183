"""The tables of a labelling round: batch.csv, answers.jsonl and annotations.csv, as text and as records."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from runner.domain.files import decode_json, read_text, write_text
from runner.domain.labelling import Answer, BatchImage
from runner.domain.records import Record
from runner.record.catalogue import ANNOTATIONS, ANSWERS, BATCH_IMAGES
from runner.record.rows import read_rows, table_text, unusable


class AnnotationRow(Record, frozen=True, kw_only=True):
    """One answer in numbers: a row of annotations.csv.

    Attributes:
        state: `labelled`: its labels are in the dataset; `skipped`: looked at, and not labelled; `kept`: the dataset had other
            labels of the image, which stayed; `waiting`: it cannot be merged yet; `gold`: it measures the annotator, and the dataset
            keeps the labels that it had.
        accepted, moved, relabelled, added: its objects by what became of the pre-annotation that they were made from.
        deleted: pre-annotations that no object was made from.
        labels: a digest of the labels that were merged, which tells later edits; empty where none were.
    """

    key: str
    path: str
    annotator: str
    tool: str
    seconds: float | None
    guidelines: str | None
    state: str
    objects: int
    accepted: int
    moved: int
    relabelled: int
    deleted: int
    added: int
    labels: str = ""


def row_of(answer: Answer, state: str, labels: str = "") -> AnnotationRow:
    """An answer, counted."""
    outcomes = Counter(item.outcome for item in answer.objects)
    used = {item.proposal for item in answer.objects if item.proposal is not None}
    return AnnotationRow(
        key=answer.key,
        path=answer.path,
        annotator=answer.annotator,
        tool=answer.tool,
        seconds=answer.seconds,
        guidelines=answer.guidelines,
        state=state,
        objects=len(answer.objects),
        accepted=outcomes["accepted"],
        moved=outcomes["moved"],
        relabelled=outcomes["relabelled"],
        deleted=0 if answer.skipped else len(answer.proposals) - len(used),
        added=outcomes["added"],
        labels=labels,
    )


def read_batch(folder: Path) -> list[BatchImage]:
    """The images of a sprint's batch; none where no batch was drawn.

    Raises:
        FlywheelError: batch.csv is none (exit code 3).
    """
    return read_rows(folder / BATCH_IMAGES.name, BatchImage)


def batch_text(images: Sequence[BatchImage]) -> str:
    """batch.csv: a line each, in the order in which they were drawn."""
    return table_text(BatchImage, images)


def write_batch(folder: Path, images: Sequence[BatchImage]) -> None:
    """Writes batch.csv."""
    write_text(folder / BATCH_IMAGES.name, batch_text(images))


def read_annotations(folder: Path) -> list[AnnotationRow]:
    """The rows of annotations.csv; none where nothing was answered.

    Raises:
        FlywheelError: it is none (exit code 3).
    """
    return read_rows(folder / ANNOTATIONS.name, AnnotationRow)


def write_annotations(folder: Path, rows: Sequence[AnnotationRow]) -> None:
    """Writes annotations.csv."""
    write_text(folder / ANNOTATIONS.name, table_text(AnnotationRow, rows))


def read_answers(folder: Path) -> list[Answer]:
    """What was answered; nothing where there is no answers.jsonl.

    Raises:
        FlywheelError: a line is no answer (exit code 3).
    """
    path = folder / ANSWERS.name
    if not path.is_file():
        return []
    answers = []
    for number, line in enumerate(
        read_text(path).split("\n")[:-1], start=1
    ):  # text may hold other ends of lines
        try:
            answers.append(decode_json(line.encode(), Answer))
        except msgspec.MsgspecError as error:
            raise unusable(path, number, f"not an answer: {error}") from error
    return answers


def answers_text(answers: Iterable[Answer]) -> str:
    """answers.jsonl: a line each, by path and annotator."""
    ordered = sorted(answers, key=lambda answer: (answer.path, answer.key, answer.annotator))
    return "".join(f"{msgspec.json.encode(answer).decode()}\n" for answer in ordered)


def write_answers(folder: Path, answers: Iterable[Answer]) -> None:
    """Writes answers.jsonl."""
    write_text(folder / ANSWERS.name, answers_text(answers))
