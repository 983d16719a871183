"""What a writer writes, its layout reads: nothing that the format can hold is lost on the way to it and back."""

from __future__ import annotations

from pathlib import Path

import pytest
from planted_labels import (
    assert_same,
    comparable,
    entries_of,
    read_as,
    reader_of,
    scheme_of,
    write_as,
    write_images,
)

from runner.domain.task import TASK_NAMES, TaskName
from runner.writers import WRITERS
from runner.writers.convert import ConvertOptions, convert

FRACTIONS_PX = 1e-6  # of formats in fractions, and of rotations
HELD = [
    (name, task)
    for name, writer in WRITERS.items()
    for task in TASK_NAMES
    if task in writer.tasks and not (name == "label-studio" and task == "pose")  # see test_losses.py
]
PAIRS = [(task, one, other) for one, task in HELD for other, same in HELD if task == same and one != other]


def _tolerance(*layouts: str) -> float:
    return FRACTIONS_PX if {"yolo", "label-studio", "cvat"} & set(layouts) else 0.0


@pytest.mark.parametrize(("layout", "task"), HELD)
def test_what_is_written_is_read(layout: str, task: TaskName, tmp_path: Path) -> None:
    write_images(tmp_path / "source")
    planted = entries_of(task)
    losses = write_as(layout, tmp_path / "source", tmp_path / "new", planted, scheme_of(task))
    assert losses.records() == []
    content = read_as(layout, tmp_path / "new", task)
    assert_same(
        comparable(tmp_path / "new", content.entries),
        comparable(tmp_path / "source", planted),
        _tolerance(layout),
    )


@pytest.mark.parametrize(("task", "one", "other"), PAIRS)
def test_there_and_back(task: TaskName, one: str, other: str, tmp_path: Path) -> None:
    write_images(tmp_path / "source")
    write_as(one, tmp_path / "source", tmp_path / "first", entries_of(task), scheme_of(task))
    there = convert(
        tmp_path / "first",
        tmp_path / "second",
        ConvertOptions(layout=other, task=task, read_as=reader_of(one, task), images="link", strict=True),
    )
    assert there.losses == []
    back = convert(
        tmp_path / "second",
        tmp_path / "third",
        ConvertOptions(layout=one, task=task, read_as=reader_of(other, task), images="link", strict=True),
    )
    assert back.losses == []
    assert_same(
        comparable(tmp_path / "third", read_as(one, tmp_path / "third", task).entries),
        comparable(tmp_path / "first", read_as(one, tmp_path / "first", task).entries),
        _tolerance(one, other),
    )
