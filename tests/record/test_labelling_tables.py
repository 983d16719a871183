"""batch.csv, answers.jsonl and annotations.csv: what is written is read again, whatever texts are in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.domain.labelling import Answer, AnsweredObject, BatchImage, Proposal
from runner.record.catalogue import ANSWERS, BATCH_IMAGES
from runner.record.labelling import (
    read_annotations,
    read_answers,
    read_batch,
    row_of,
    write_annotations,
    write_answers,
    write_batch,
)

BOX = (0.1, 0.2, 0.3, 0.4)


def answer(path: str, annotator: str = "ann", **fields: object) -> Answer:
    return Answer(key="0" * 16, path=path, image_id="1" * 32, annotator=annotator, tool="yolo", **fields)  # type: ignore[arg-type]


def test_a_batch_is_read_as_it_was_written(tmp_path: Path) -> None:
    images = [
        BatchImage(
            key="1" * 16,
            path='a,"b".jpg',
            image_id="0" * 32,
            arm="random",
            reason="line\nbreak, and “quotes”",
        ),
        BatchImage(
            key="a" * 16, path="images/pool/ä.jpg", image_id="f" * 32, arm="u", score=0.1, annotators=2
        ),
    ]
    write_batch(tmp_path, images)
    assert read_batch(tmp_path) == images
    assert read_batch(tmp_path / "elsewhere") == []


def test_a_row_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / BATCH_IMAGES.name).write_text(
        "key,path,image_id,arm,annotators\nk,p,i,random,1\nk,p,i,random,two\n", encoding="utf-8"
    )
    with pytest.raises(FlywheelError) as error:
        read_batch(tmp_path)
    assert error.value.where is not None
    assert error.value.where.line == 3


def test_answers_are_sorted_and_hold_any_text(tmp_path: Path) -> None:
    answers = [answer("b\u2028.jpg"), answer("a.jpg", "zoe"), answer("a.jpg", "ann")]
    write_answers(tmp_path, answers)
    assert read_answers(tmp_path) == [answers[2], answers[1], answers[0]]
    assert (tmp_path / ANSWERS.name).read_bytes().count(b"\n") == 3


def test_what_became_of_pre_annotations_is_counted(tmp_path: Path) -> None:
    proposals = [Proposal(class_name="a", box=BOX, score=0.5)] * 3
    objects = [
        AnsweredObject(class_name="a", box=BOX, outcome="accepted", proposal=0),
        AnsweredObject(class_name="b", box=BOX, outcome="relabelled", proposal=2),
        AnsweredObject(class_name="a", box=BOX, outcome="added"),
    ]
    row = row_of(
        answer("a.jpg", seconds=3.5, proposals=proposals, objects=objects), "labelled", labels="0123"
    )
    assert (row.objects, row.accepted, row.moved, row.relabelled, row.deleted, row.added) == (
        3,
        1,
        0,
        1,
        1,
        1,
    )
    skipped = row_of(answer("b.jpg", skipped=True, proposals=proposals), "skipped")
    assert skipped.deleted == 0
    write_annotations(tmp_path, [row, skipped])
    assert read_annotations(tmp_path) == [row, skipped]
