"""`flywheel convert`: written whole or not at all, never over anything, and what it says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from mini_datasets import CLASSES, coco, write_image, yolo
from PIL import Image

from runner.adapters.pictures.measured_images import measure_image
from runner.adapters.pictures.turned_sizes import turned_size
from runner.cli.main import main
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme
from runner.domain.errors import FlywheelError
from runner.domain.files import decode_json
from runner.layouts.yolo_lines import LineReader
from runner.writers import WRITERS
from runner.writers.convert import Conversion, ConvertOptions, convert
from runner.writers.losses import Losses
from runner.writers.numbers import fraction_text, pixel_text, pixels, span
from runner.writers.voc_documents import _from_one
from runner.writers.writer import Scheme, SizedImage
from runner.writers.yolo_text import label_line

TO_COCO = ConvertOptions(layout="coco")


def _files(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()
    }


def test_a_dataset_comes_back_byte_for_byte(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", train=3, valid=2)
    convert(source, tmp_path / "coco", TO_COCO)
    convert(tmp_path / "coco", tmp_path / "again", ConvertOptions(layout="yolo"))
    before, after = _files(source), _files(tmp_path / "again")
    before.pop("data.yaml")
    assert (
        after.pop("data.yaml")
        == b"train: images/train\nval: images/valid\nnames:\n  0: cat\n  1: 'no'\n  2: '3'\n"
    )
    assert after == before


@pytest.mark.parametrize("holds", ["file", "folder"])
def test_nothing_is_written_over(holds: str, tmp_path: Path) -> None:
    source, target = yolo(tmp_path / "yolo", train=1), tmp_path / "new"
    if holds == "file":
        target.write_text("mine")
    else:
        (target / "mine").mkdir(parents=True)
    with pytest.raises(FlywheelError) as refused:
        convert(source, target, TO_COCO)
    assert str(refused.value) == (
        f"{target}: exists and is not an empty folder; nothing is ever written over\n"
        "  hint: name another folder, or move this one away"
    )
    target = tmp_path / "empty"
    target.mkdir()
    assert convert(source, target, TO_COCO).written


def test_a_dataset_is_not_written_into_itself(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", train=1)
    for target in (source / "new", tmp_path):
        with pytest.raises(FlywheelError):
            convert(source, target, TO_COCO)
    assert "new" not in {path.name for path in source.iterdir()}


KILLED = """
import os, signal, sys
from pathlib import Path
from runner.writers import convert, images
def killed(*_): os.kill(os.getpid(), signal.SIGKILL)
images.shutil.copyfile = killed
convert.convert(Path(sys.argv[1]), Path(sys.argv[2]), convert.ConvertOptions(layout="coco"))
"""


def test_what_was_killed_leaves_nothing_under_its_name_and_is_run_again(tmp_path: Path) -> None:
    source, target = yolo(tmp_path / "yolo", train=2), tmp_path / "new"
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(source), str(target)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert not target.exists()
    assert (tmp_path / ".new.partial" / "annotations").is_dir()
    convert(source, target, TO_COCO)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "yolo"]
    assert len(_files(target)) == 3


def test_strict_writes_nothing_where_something_is_lost(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = coco(tmp_path / "coco", train=2)
    file = source / "annotations" / "instances_train.json"
    document = json.loads(file.read_text())
    document["annotations"][1]["iscrowd"] = 1
    file.write_text(json.dumps(document))
    asked = [str(source), str(tmp_path / "new"), "--strict", "--format", "json"]
    assert main(["convert", *asked]) == 2
    printed = capsys.readouterr()
    result = decode_json(printed.out.encode(), Conversion)
    assert not result.written
    assert [(loss.kind, loss.examples) for loss in result.losses] == [
        ("crowd", ["annotations/instances_train.json#1"])
    ]
    assert printed.err == (
        "error: something would be lost, so nothing was written\n  hint: leave --strict out to write the rest\n"
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["coco"]
    assert main(["convert", str(source), str(tmp_path / "coco-2"), "--strict", "--layout", "coco"]) == 0


def test_what_is_printed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = yolo(tmp_path / "yolo", train=3, test=1)
    assert (
        main(["convert", str(source), str(tmp_path / "voc"), "--layout", "voc", "--classes", "no,cat"]) == 0
    )
    assert (
        capsys.readouterr().out
        == f"""\
Wrote 4 images (4 labelled) with 6 objects to {tmp_path}/voc
  from      {source} (yolo)
  layout    voc
  task      detect
  splits    test 1, train 3

Not kept
       2 objects left out: their class is not among --classes
           labels/train/train-01.txt:2 (3)
           labels/train/train-02.txt:1 (3)
       2 classes whose order the format does not keep
           no
           cat
"""
    )


def test_a_class_that_nobody_has_is_refused_with_the_nearest(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", train=1)
    with pytest.raises(FlywheelError) as refused:
        convert(source, tmp_path / "new", ConvertOptions(layout="coco", classes=["cta"]))
    assert str(refused.value) == (
        f'{source}: --classes: the dataset has no class "cta"; did you mean "cat"?\n  hint: its classes are cat, no, 3'
    )


def test_images_are_copied_linked_or_left(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", train=1)
    picture = source / "images" / "train" / "train-00.jpg"
    convert(source, tmp_path / "copied", TO_COCO)
    assert not (tmp_path / "copied" / "images/train/train-00.jpg").samefile(picture)
    convert(source, tmp_path / "linked", ConvertOptions(layout="coco", images="link"))
    assert (tmp_path / "linked" / "images/train/train-00.jpg").samefile(picture)
    left = convert(source, tmp_path / "left", ConvertOptions(layout="coco", images="none"))
    assert sorted(_files(tmp_path / "left")) == ["annotations/instances_train.json"]
    assert left.remarks == [
        "the images stay where they are: the labels name the places that they would have had"
    ]


def test_a_format_without_a_place_for_the_task_is_refused(tmp_path: Path) -> None:
    for name in CLASSES:
        write_image(tmp_path / "classes" / name / "a.jpg", 1)
    with pytest.raises(FlywheelError) as refused:
        convert(tmp_path / "classes", tmp_path / "new", TO_COCO)
    assert str(refused.value) == (
        "the layout coco holds no labels for task classify\n"
        "  hint: write another one: --layout folders, cvat, label-studio or manifest"
    )


def test_what_would_be_read_for_another_task_is_said(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", train=1)
    (source / "labels/train/train-00.txt").write_text("0 .1 .1 .5 .1 .5 .5 .1 .5\n")
    result = convert(source, tmp_path / "new", ConvertOptions(layout="yolo", task="segment"))
    assert result.remarks == [
        "data.yaml names no val, without which Ultralytics does not train",
        "without --task segment, the new dataset is read for obb: its labels could be either",
    ]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif", ".bmp"])
def test_the_size_is_the_one_that_the_index_sees(suffix: str, tmp_path: Path) -> None:
    for orientation in (None, 1, 3, 6, 8):
        path = tmp_path / f"{orientation}{suffix}"
        exif = Image.Exif()
        if orientation and suffix != ".bmp":
            exif[0x0112] = orientation
        Image.effect_noise((40, 20), 50).convert("RGB").save(path, **({"exif": exif} if exif else {}))
        measured = measure_image(path)
        assert turned_size(path) == (measured.width, measured.height), orientation
    assert turned_size(tmp_path / "absent") is None


LENGTHS = st.floats(-1e4, 1e4).filter(lambda value: value == 0 or abs(value) > 1e-6)


@settings(max_examples=200, deadline=None)
@given(LENGTHS, st.floats(1e-3, 1e4))
def test_what_a_reader_computes_from_a_length_is_the_corner_that_was_there(low: float, length: float) -> None:
    high = low + length
    assert low + span(low, high) == pytest.approx(high, rel=1e-15, abs=1e-12)
    assert float(pixel_text(low)) == low
    assert _from_one(low) - 1 == pytest.approx(low, rel=1e-15, abs=1e-12)


SIX_DECIMALS = st.integers(1, 10**6).map(lambda number: number / 10**6)
THREE_DECIMALS = st.integers(0, 10**7).map(lambda number: number / 10**3)
SIDES = st.integers(10, 10_000)


def _line(item: LabelledObject, width: int, height: int) -> tuple[SizedImage, str]:
    entry = ImageEntry(path="images/x.jpg", split=None, labelled=True, objects=(item,))
    image = SizedImage(entry=entry, place="images/x.jpg", width=width, height=height)
    return image, label_line(item, image, Scheme(task="detect", classes=["cat"]), Losses())


@settings(max_examples=200, deadline=None)
@given(SIX_DECIMALS, SIX_DECIMALS, SIX_DECIMALS, SIX_DECIMALS, SIDES, SIDES)
def test_a_line_of_six_decimals_comes_back_through_pixels_digit_by_digit(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    line = " ".join(("0", *map(fraction_text, (x, y, w, h)))) + "\n"
    (item,), _ = LineReader(LabelScheme(task="detect", classes=["cat"]), ["cat"]).read("x.txt", line)
    image, _ = _line(item, width, height)
    there = item._replace(box_xyxy=tuple(pixels(item, item.box_xyxy, image)), normalised=False)
    assert _line(there, width, height)[1] == line


@settings(max_examples=200, deadline=None)
@given(SIDES, SIDES, st.data())
def test_a_box_of_three_decimals_comes_back_through_yolo_digit_by_digit(
    width: int, height: int, data: st.DataObject
) -> None:
    left, right = sorted(data.draw(st.lists(THREE_DECIMALS, min_size=2, max_size=2, unique=True)))
    top, bottom = sorted(data.draw(st.lists(THREE_DECIMALS, min_size=2, max_size=2, unique=True)))
    box = (left % width, top % height, min(right, width), min(bottom, height))
    assume(box[2] - box[0] >= 0.001 and box[3] - box[1] >= 0.001)
    item = LabelledObject("x", "cat", 0, box, normalised=False)
    image, line = _line(item, width, height)
    (again,), _ = LineReader(LabelScheme(task="detect", classes=["cat"]), ["cat"]).read("x.txt", line)
    assert pixels(again, again.box_xyxy, image) == pytest.approx(list(box), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1), st.integers(1, 20_000))
def test_any_fraction_is_read_again_to_a_millionth_of_the_side(value: float, side: int) -> None:
    assert abs(float(fraction_text(value)) - value) * side <= 1e-6 * side


def test_every_writer_says_all_of_itself() -> None:
    scheme = Scheme(task="detect", classes=["cat"])
    item = LabelledObject("x", "cat", 0, (0, 0, 1, 1), normalised=True)
    entry = ImageEntry(path="images/train/x.jpg", split="train", labelled=True, objects=(item,))
    for name, writer in WRITERS.items():
        assert (writer.name, bool(writer.tasks)) == (name, True)
        assert writer.place(entry, Path("x.jpg"), scheme).name == "x.jpg"  # type: ignore[arg-type]


def test_a_table_that_is_not_one_row_per_image_is_named_and_the_rest_is_converted(tmp_path: Path) -> None:
    source = yolo(tmp_path / "yolo", train=2, valid=1)
    first = next(path for path in sorted(source.rglob("*.jpg"))).relative_to(source).as_posix()
    (source / "findings.csv").write_text(f"path,found\n{first},blur\n{first},dark\n")
    result = convert(source, tmp_path / "new", ConvertOptions(layout="manifest"))
    (loss,) = [loss for loss in result.losses if loss.kind == "table"]
    assert (loss.count, result.written) == (1, True)
    assert loss.examples[0].startswith("findings.csv (")
    assert not convert(source, tmp_path / "strict", ConvertOptions(layout="manifest", strict=True)).written
