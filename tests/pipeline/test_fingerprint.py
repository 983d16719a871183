"""The fingerprint recognises an untouched workspace, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from runner.pipeline.fingerprint import fingerprint


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    (tmp_path / "data" / "images").mkdir(parents=True)
    (tmp_path / "data" / "images" / "a.jpg").write_bytes(b"one")
    (tmp_path / "dvc.lock").write_text("lock")
    return tmp_path


def paths(tree: Path) -> list[Path]:
    return [tree / "data", tree / "dvc.lock", tree / "absent"]


def test_untouched_files_keep_their_fingerprint(tree: Path) -> None:
    assert fingerprint(paths(tree)) == fingerprint(paths(tree))


def test_same_size_and_time_but_another_file_is_noticed(tree: Path) -> None:
    before = fingerprint(paths(tree))
    file = tree / "data" / "images" / "a.jpg"
    status = file.stat()
    other = tree / "other"
    other.write_bytes(b"two")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(file)
    assert fingerprint(paths(tree)) != before


@pytest.mark.parametrize("change", ["edit", "add", "remove", "appear"])
def test_every_change_is_noticed(tree: Path, change: str) -> None:
    before = fingerprint(paths(tree))
    match change:
        case "edit":
            (tree / "dvc.lock").write_text("other lock")
        case "add":
            (tree / "data" / "images" / "b.jpg").write_bytes(b"")
        case "remove":
            (tree / "data" / "images" / "a.jpg").unlink()
        case "appear":
            (tree / "absent").mkdir()
    assert fingerprint(paths(tree)) != before
