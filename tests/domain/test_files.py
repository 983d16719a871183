"""Writing refuses in words, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.domain.files import write_text


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")
    with pytest.raises(FlywheelError) as caught:
        write_text(tmp_path / "reports" / "0001-x" / "params.yaml", "{}")
    assert str(caught.value) == (
        f"{tmp_path}/reports/0001-x/params.yaml: could not be written: Not a directory\n"
        "  hint: check the folder's permissions, then run the same command again"
    )


def test_a_target_that_is_a_folder_is_told_and_no_temporary_file_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(FlywheelError, match="could not be written: Is a directory"):
        write_text(tmp_path / "report.md", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
