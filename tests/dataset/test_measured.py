"""Only new and changed images are read and decoded; what is kept changes no measurement."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.pictures import measured_images, measuring
from runner.adapters.pictures.image_sizes import MAX_PIXELS
from runner.adapters.pictures.measured_images import SeenFile, measure_image, measure_images, see_image
from runner.adapters.tables.kept_parts import part_paths
from runner.dataset import measured
from runner.dataset.kept import kept_folder
from runner.dataset.measured import Measured, measure_dataset

cv2 = pytest.importorskip("cv2")
NAMES = ("a.png", "b.png", "c.jpg", "grey.png", "deep.png", "empty.jpg", "text.png", "small.png")


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Files of several kinds, which count as written long ago."""
    monkeypatch.setattr(measured, "RACY_NS", -(10**12))
    folder = tmp_path / "data"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in NAMES[:3]:
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (40, 60, 3), dtype=np.uint8))
    cv2.imwrite(str(folder / "grey.png"), np.full((20, 20), 90, np.uint8))
    cv2.imwrite(str(folder / "deep.png"), rng.integers(0, 2**16, (20, 30), dtype=np.uint16))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "text.png").write_text("no picture")
    cv2.imwrite(str(folder / "small.png"), np.zeros((9, 20), np.uint8))
    return folder


def look(data: Path, paths: Sequence[str] = NAMES) -> Measured:
    """As the next process does; what it says is what measuring anew would say."""
    found = measure_dataset(data.parent, data, paths)
    assert found.images == measure_images([data / path for path in paths])
    return found


def counts(found: Measured) -> tuple[int, int]:
    return found.read, found.decoded


def test_a_second_look_reads_nothing(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert counts(look(data)) == (8, 8)
    assert counts(look(data)) == (0, 0)
    before = look(data).images
    monkeypatch.setattr(measured_images, "open_file", None)
    assert measure_dataset(data.parent, data, NAMES).images == before
    assert measure_dataset(data.parent, data, NAMES[::-1]).images == before[::-1]
    assert measure_dataset(data.parent, data, []).images == []


def test_what_is_moved_copied_or_touched_is_read_and_what_is_changed_is_decoded(data: Path) -> None:
    look(data)
    (data / "a.png").rename(data / "renamed.png")
    shutil.copy(data / "b.png", data / "copied.png")
    os.utime(data / "c.jpg")
    assert counts(look(data, ["renamed.png", "b.png", "copied.png", "c.jpg"])) == (3, 0)
    before = (data / "b.png").stat()
    content = bytearray((data / "b.png").read_bytes())
    content[40] ^= 1
    (data / "b.png").write_bytes(content)  # the same size, and the same time of writing
    os.utime(data / "b.png", ns=(before.st_atime_ns, before.st_mtime_ns))
    assert counts(look(data, ["renamed.png", "b.png", "copied.png", "c.jpg"])) == (1, 1)
    assert counts(look(data, ["renamed.png", "b.png", "copied.png", "c.jpg"])) == (0, 0)


def test_what_was_just_written_is_read_again(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert counts(look(data)) == (8, 8)
    assert counts(look(data)) == (8, 0)
    future = 4e9
    os.utime(data / "a.png", (future, future))
    monkeypatch.setattr(measured, "RACY_NS", -(10**12))  # a quarter of an hour later
    assert counts(look(data)) == (8, 0)
    assert counts(look(data)) == (1, 0)


def test_what_cannot_be_read_is_looked_at_every_time(data: Path) -> None:
    (data / "folder.png").mkdir()
    (data / "link.png").symlink_to("nowhere.png")
    (data / "linked.png").symlink_to("a.png")
    paths = ["none.png", "folder.png", "link.png", "linked.png"]
    problems = [image.problem for image in look(data, paths).images]
    assert problems == [
        "file not found",
        "cannot be read: it is no regular file",
        "a link to nowhere.png, which is not there",
        None,
    ]
    assert counts(look(data, paths)) == (3, 3)
    shutil.copy(data / "a.png", data / "none.png")
    assert counts(look(data, paths)) == (3, 2)


def test_what_is_kept_is_not_trusted(data: Path) -> None:
    look(data)
    for table in ("files", "measurements"):
        (folder,) = (kept_folder(data.parent) / table).iterdir()
        (part,) = part_paths(folder)
        content = bytearray(part.read_bytes())
        content[len(content) // 2] ^= 1
        part.write_bytes(content)
        found = look(data)
        assert counts(found) == ((8, 0) if table == "files" else (8, 8))
        assert [note.partition(":")[0] for note in found.notes] == [table]
        assert look(data).notes == []
    shutil.rmtree(kept_folder(data.parent))
    assert counts(look(data)) == (8, 8)


def test_another_version_of_the_measuring_code_measures_anew(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(data)
    monkeypatch.setattr(measured, "measuring_version", lambda: "of-another-opencv")
    assert counts(look(data)) == (8, 8)
    assert counts(look(data)) == (0, 0)


def test_the_version_covers_every_module_that_measures() -> None:
    folder = Path(measured_images.__file__).parent
    found, left = set[str](), {"measured_images"}
    while left:
        name = left.pop()
        found.add(name)
        imported = re.findall(
            r"from runner.adapters.pictures.(\w+) import", (folder / f"{name}.py").read_text()
        )
        left |= set(imported) - found
    assert found == set(measuring._CODE)


def test_a_killed_look_loses_only_what_it_did_last(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured.see_images

    def killed(paths: Sequence[Path], known: frozenset[str], root: Path) -> Iterator[SeenFile]:
        for number, seen in enumerate(whole(paths, known, root)):
            if number == 5:
                raise KeyboardInterrupt
            yield seen

    monkeypatch.setattr(measured, "see_images", killed)
    monkeypatch.setattr(measured, "KEEP_EVERY_S", -1.0)
    with pytest.raises(KeyboardInterrupt):
        measure_dataset(data.parent, data, NAMES)
    monkeypatch.setattr(measured, "see_images", whole)
    assert counts(look(data)) == (3, 3)


def test_measurements_that_vanish_meanwhile_are_made_again(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look(data)
    for name in NAMES:
        os.utime(data / name)
    whole = measured.see_images

    def cleared(paths: Sequence[Path], known: frozenset[str], root: Path) -> Iterator[SeenFile]:
        yield from whole(paths, known, root)
        shutil.rmtree(kept_folder(data.parent))

    monkeypatch.setattr(measured, "see_images", cleared)
    assert counts(look(data)) == (8, 8)


def test_files_that_are_gone_are_forgotten(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept_only = []
    monkeypatch.setattr(
        measured.KeptTable, "keep_only", lambda table, keys: kept_only.append((table.name, set(keys)))
    )
    look(data, ["a.png", "b.png"])
    ((name, states),) = kept_only
    assert name == "files"
    assert {state.partition("|")[0] for state in states} == {"a.png", "b.png"}


def test_a_file_that_changes_while_it_is_read_is_not_remembered(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = measured_images._whole

    def changed(file: object) -> bytes:
        content = read(file)  # type: ignore[arg-type]
        with (data / "a.png").open("ab") as other:
            other.write(b"!")
        return content

    monkeypatch.setattr(measured_images, "_whole", changed)
    assert see_image(data / "a.png", frozenset()).state is None
    monkeypatch.setattr(measured_images, "_whole", read)
    assert see_image(data / "a.png", frozenset()).state is not None


def test_of_a_large_file_the_header_is_looked_at_before_the_rest_is_read(
    data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    side = int(MAX_PIXELS**0.5) + 1
    bomb = b"\x89PNG\r\n\x1a\n" + bytes(8) + side.to_bytes(4, "big") * 2 + bytes(500)
    (data / "bomb.png").write_bytes(bomb)
    paths = [data / name for name in (*NAMES, "bomb.png")]
    at_once = [measure_image(path) for path in paths]
    assert at_once[-1].problem is not None
    assert "pixels are not decoded" in at_once[-1].problem
    monkeypatch.setattr(measured_images, "READ_AT_ONCE_BYTES", 400)
    monkeypatch.setattr(measured_images, "LARGE_PIXELS", 1000)
    assert measure_images(paths) == at_once
    monkeypatch.setattr(measured_images, "_whole", None)
    assert measure_image(data / "bomb.png") == at_once[-1]
