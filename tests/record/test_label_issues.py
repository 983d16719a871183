"""label_issues.csv holds what was written, to the last digit."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.domain.label_issues import LabelIssue
from runner.record.label_issues import read_label_issues, write_label_issues


def test_rows_come_back_as_they_were(tmp_path: Path) -> None:
    issues = [
        LabelIssue(
            issue="a1",
            path='images/a "b", c.jpg',
            image_id="00",
            split="train",
            kind="badly_placed",
            object_id="00#1",
            label="[two",
            suggested="two",
            box=(0.1, 0.2, 1 / 3, 0.4),
            suggested_box=(0.0, 0.25, 0.5, 1.0),
            polygons=((0.1, 0.2, 0.3, 0.4, 0.5, 0.6), (0.0, 0.0, 1.0, 0.0, 1.0, 1.0)),
            suspicion=0.875,
            effect=-0.001,
            both_wrong=True,
            reason="IoU 0.42,\nby 3 of 3",
        ),
        LabelIssue(issue="a2", path="b.jpg", image_id="01", split="test", kind="missed", suspicion=0.5),
    ]
    write_label_issues(tmp_path, issues)
    assert read_label_issues(tmp_path) == issues


def test_nobody_looked_is_not_none_found(tmp_path: Path) -> None:
    assert read_label_issues(tmp_path) is None
    write_label_issues(tmp_path, [])
    assert read_label_issues(tmp_path) == []


def test_a_row_that_is_none_is_named_by_its_line(tmp_path: Path) -> None:
    issue = LabelIssue(issue="a2", path="b.jpg", image_id="01", split="test", kind="missed", suspicion=0.5)
    write_label_issues(tmp_path, [issue, issue])
    file = tmp_path / "label_issues.csv"
    file.write_text(file.read_text().replace("missed", "[lost", 1), encoding="utf-8")
    with pytest.raises(FlywheelError) as error:
        read_label_issues(tmp_path)
    assert error.value.where is not None
    assert error.value.where.line == 2
