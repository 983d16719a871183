"""Writing refuses in words, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.domain.files import read_json, read_small, read_text, write_text
from runner.record.catalogue import sprint_folder


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "reports").write_text("a file where a folder should be")
    with pytest.raises(FlywheelError) as caught:
        write_text(sprint_folder(tmp_path, "0001-x") / "params.yaml", "{}")
    assert str(caught.value) == (
        f"{tmp_path}/reports/0001-x/params.yaml: could not be written: Not a directory\n"
        "  hint: check the folder's permissions, then run the same command again"
    )


def test_a_target_that_is_a_folder_is_told_and_no_temporary_file_is_left(tmp_path: Path) -> None:
    (tmp_path / "report.md").mkdir()
    with pytest.raises(FlywheelError, match="could not be written: Is a directory"):
        write_text(tmp_path / "report.md", "x")
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"a":' + b"[" * 100_000, "not a dict record: nested too deeply"),
        (b'{"a":' * 3_000, "not a dict record: nested too deeply"),
        (b'"\xff\xfe"', "not a dict record: "),
        (b'{"a": 1e999}', "not a dict record: "),
        (b"", "not a dict record: "),
        (None, "could not be read: Is a directory"),
    ],
)
def test_a_record_that_is_none_is_named(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "x.json"
    if content is None:
        path.mkdir()
    else:
        path.write_bytes(content)
    with pytest.raises(FlywheelError) as refused:
        read_json(path, dict)
    assert refused.value.message.startswith(message)
    assert refused.value.where == (str(path), None, None)
    assert refused.value.hint


def test_text_that_is_not_utf8_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_bytes("a: é\nb: ".encode() + b"\xff\n")
    with pytest.raises(FlywheelError) as refused:
        read_text(tmp_path / "x.yaml")
    assert str(refused.value) == (
        f"{tmp_path}/x.yaml:2: not UTF-8 text: byte 0xff\n  hint: restore it from git: git checkout -- {tmp_path}/x.yaml"
    )


@pytest.mark.parametrize("size", [0, 1, 2**14 - 1, 2**14, 2**14 + 1, 100_000])
def test_small_files_are_read_whole_whatever_their_size(tmp_path: Path, size: int) -> None:
    content = bytes(number % 251 for number in range(size))
    (tmp_path / "x").write_bytes(content)
    assert read_small(f"{tmp_path}/x") == content


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        with pytest.raises(OSError, match=r"Is a directory|No such file"):
            read_small(str(path))
