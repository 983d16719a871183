"""Whether tracked files were edited, told from DVC's listing and from times; DVC itself is not asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from runner.adapters.dvc import edits
from runner.adapters.dvc.metafiles import cache_path, file_md5, folder_md5

FILES = {"images/a.jpg": b"one", "labels/a.txt": b"0 0.5 0.5 0.1 0.1\n", "labels/b.txt": b""}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder as `dvc add data` leaves it, with the listing in the cache."""
    for name, content in FILES.items():
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_bytes(content)
    add(tmp_path)
    return tmp_path


def add(root: Path) -> None:
    files = sorted(path for path in (root / "data").rglob("*") if path.is_file())
    listing = [
        {"md5": file_md5(file), "relpath": file.relative_to(root / "data").as_posix()} for file in files
    ]
    md5, size = folder_md5(root / "data"), sum(file.stat().st_size for file in files)
    (root / "data.dvc").write_text(
        f"outs:\n- md5: {md5}\n  size: {size}\n  nfiles: {len(files)}\n  hash: md5\n  path: data\n"
    )
    stored = cache_path(root, md5)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_text(json.dumps(listing))


def test_what_nobody_touched_is_the_same(root: Path) -> None:
    assert edits.look(root, "data") == edits.SAME
    assert edits.look(root, "data", read_bytes=64) == edits.SAME


def test_one_digit_of_a_label_is_an_edit(root: Path) -> None:
    label = root / "data/labels/a.txt"
    before = label.stat()
    label.write_bytes(FILES["labels/a.txt"].replace(b"0 ", b"1 ", 1))
    os.utime(label, ns=(before.st_atime_ns, before.st_mtime_ns))  # as cp -p and rsync leave it
    assert edits.look(root, "data") == ("edited", "labels/a.txt is another")
    add(root)
    assert edits.look(root, "data") == edits.SAME


def test_files_that_came_or_went_are_named(root: Path) -> None:
    (root / "data/images/c.jpg").write_bytes(b"new")
    assert edits.look(root, "data") == ("edited", "images/c.jpg is new")
    (root / "data/images/a.jpg").unlink()
    (root / "data/labels/a.txt").unlink()
    assert edits.look(root, "data") == (
        "edited",
        "images/c.jpg is new, 2 files are gone, as images/a.jpg",
    )
    (root / ".dvcignore").write_text("*.jpg\n")  # then what is new may be left out
    assert edits.look(root, "data") == ("edited", "2 files are gone, as images/a.jpg")


def test_a_file_that_was_only_touched_is_compared_and_is_the_same(root: Path) -> None:
    (root / "data/labels/a.txt").touch()
    assert edits.look(root, "data") == edits.SAME


def test_what_would_take_too_long_is_said_until_a_run_has_compared_it(root: Path) -> None:
    (root / "data/labels/a.txt").touch()
    assert edits.look(root, "data", read_bytes=2)[0] == "unknown"
    edits.remember(root, "data")
    assert edits.look(root, "data", read_bytes=2) == edits.SAME
    (root / "data/labels/a.txt").write_bytes(b"1 0.5 0.5 0.1 0.1\n")
    assert edits.look(root, "data").state == "edited"


def test_without_the_listing_numbers_and_sizes_are_compared(root: Path) -> None:
    cache_path(root, folder_md5(root / "data")).unlink()
    assert edits.look(root, "data") == ("unknown", "DVC's cache has no listing of data")
    (root / "data/labels/b.txt").write_bytes(b"0 0.5 0.5 0.1 0.1\n")
    assert edits.look(root, "data").words == "39 bytes, data.dvc records 21"


def test_what_has_no_pointer_or_is_not_here_was_not_edited(root: Path) -> None:
    assert edits.look(root, "weights/x.pt") == edits.SAME
    (root / "data").rename(root / "elsewhere")
    assert edits.look(root, "data") == edits.SAME


def test_a_single_file_is_compared_too(root: Path) -> None:
    (root / "x.pt").write_bytes(b"weights")
    (root / "x.pt.dvc").write_text(f"outs:\n- md5: {file_md5(root / 'x.pt')}\n  size: 7\n  path: x.pt\n")
    assert edits.look(root, "x.pt") == edits.SAME
    (root / "x.pt").write_bytes(b"WEIGHTS")
    assert edits.look(root, "x.pt") == ("edited", "x.pt is another")


def test_more_files_than_plan_has_time_for_are_not_looked_at(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edits, "MOST_FILES", 2)
    assert edits.look(root, "data") == ("unknown", "3 files")
