"""How far a labelling round is: from its files alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from runner.domain.errors import FlywheelError
from runner.domain.labelling import Batch, BatchImage, HandedOut
from runner.record.catalogue import BATCH, BATCH_IMAGES, HANDED_OUT
from runner.record.labelling import AnnotationRow, write_annotations, write_batch
from runner.record.rounds import round_of


def batch(folder: Path, images: int, *, annotators: int = 1) -> None:
    BATCH.write(
        folder,
        Batch(
            sprint="0002-dark",
            into="train",
            champion=None,
            tag=None,
            seed=0,
            pool_images=9,
            pool_digest="p",
            evidence={},
            arms={"random": images},
            price=5.76,
        ),
    )
    write_batch(
        folder,
        [
            BatchImage(
                key=f"{n:016x}", path=f"p/{n}.jpg", image_id=str(n), arm="random", annotators=annotators
            )
            for n in range(images)
        ],
    )


def answered(key: int, annotator: str = "a", state: str = "labelled") -> AnnotationRow:
    return AnnotationRow(
        key=f"{key:016x}",
        path=f"p/{key}.jpg",
        annotator=annotator,
        tool="coco",
        seconds=None,
        guidelines=None,
        state=state,
        objects=1,
        accepted=0,
        moved=0,
        relabelled=0,
        deleted=0,
        added=1,
    )


def words(folder: Path) -> str:
    found = round_of(folder, asked=True)
    assert found is not None
    return found.words


def test_a_round_goes_from_asked_to_ready(tmp_path: Path) -> None:
    assert round_of(tmp_path, asked=False) is None
    assert words(tmp_path) == "planned"
    batch(tmp_path, 3)
    assert words(tmp_path) == "batch proposed"
    HANDED_OUT.write(tmp_path, HandedOut(sprint="0002-dark", tool="coco", strategy="boxes"))
    assert words(tmp_path) == "waiting for labels (0 of 3)"
    write_annotations(tmp_path, [answered(0), answered(1, state="skipped"), answered(2, state="waiting")])
    assert words(tmp_path) == "waiting for labels (2 of 3)"
    write_annotations(tmp_path, [answered(0), answered(1, state="skipped"), answered(2, state="kept")])
    assert words(tmp_path) == "ready to run"


def test_an_image_of_two_annotators_needs_both(tmp_path: Path) -> None:
    batch(tmp_path, 1, annotators=2)
    write_annotations(tmp_path, [answered(0)])
    assert words(tmp_path) == "waiting for labels (0 of 1)"
    write_annotations(tmp_path, [answered(0), answered(0, annotator="b")])
    assert words(tmp_path) == "ready to run"


def test_what_to_type_is_said(tmp_path: Path) -> None:
    batch(tmp_path, 3)
    found = round_of(tmp_path, asked=True)
    assert found is not None
    assert found.detail("0002-dark") == "3 images for train, 5.76 EUR: flywheel annotate push 0002-dark"
    one = replace(found, images=1, labelled=1, state="labelled")
    assert one.detail("0002-dark") == "1 image for train, all answered: flywheel run 0002-dark"


def test_a_spoiled_batch_is_an_error(tmp_path: Path) -> None:
    batch(tmp_path, 2)
    (tmp_path / BATCH_IMAGES.name).write_text("key,path,image_id,arm,annotators\na,b,c,random,two\n")
    with pytest.raises(FlywheelError, match=r"batch\.csv"):
        round_of(tmp_path, asked=True)
