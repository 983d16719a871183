"""inspect: which images are shown, and that every task's are drawn."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
import pytest

from runner.adapters.models.inference import read_image
from runner.adapters.tables.parquet import read_table, write_table
from runner.assessment.leaks import PAIRS_FILE, write_pairs
from runner.dataset.leaks import LeakedImage
from runner.domain.error_analysis import Gallery
from runner.domain.files import read_json
from runner.domain.task import TaskName
from runner.record.catalogue import GALLERY_FOLDER, sprint_folder
from runner.stages import inspect
from tests.models_fixture import project, sprint
from tests.stages.inspected_sprint import ARCHITECTURES, inspected_sprint


def gallery_of(root: Path, task: TaskName, *, perfect: bool = False, **changes: int) -> Gallery:
    context, params = inspected_sprint(root, task, perfect=perfect)
    inspect.run(context, msgspec.structs.replace(params, **changes))
    return read_json(context.folder / "gallery.json", Gallery)


@pytest.mark.parametrize("task", list(ARCHITECTURES))
def test_images_with_errors_are_drawn_with_what_the_model_saw(task: TaskName, tmp_path: Path) -> None:
    gallery = gallery_of(tmp_path, task)
    assert {shown.image for shown in gallery.images} == {"missed.png", "mixed.png"}
    folder = sprint_folder(tmp_path, "0001-drawn")
    named = []
    for shown in gallery.images:
        assert shown.cam is not None
        for name in (shown.picture, shown.cam):
            picture = read_image(folder / name)
            assert 240 <= max(picture.shape[:2]) <= 640
            named.append(name)
    written = sorted(str(path.relative_to(folder)) for path in (folder / "gallery").iterdir())
    assert written == sorted(named)


def test_the_worst_come_first_with_their_errors_in_words(tmp_path: Path) -> None:
    gallery = gallery_of(tmp_path, "detect", maps=0)
    assert gallery.target == "torch"
    first, second = gallery.images
    assert (first.image, first.loss, first.cam) == ("mixed.png", 0.75, None)
    assert first.errors == {"background": 1, "classification": 1, "localisation": 1, "duplicate": 1}
    assert first.caption == "1 background, 1 classification, 1 localisation, 1 duplicate"
    assert (second.picture, second.caption) == ("gallery/02.jpg", "2 missed")


def test_what_is_drawn_counts_at_the_recommended_confidence(tmp_path: Path) -> None:
    context, params = inspected_sprint(tmp_path, "detect", recommended=0.83)
    inspect.run(context, msgspec.structs.replace(params, maps=0))
    gallery = read_json(context.folder / "gallery.json", Gallery)
    assert gallery.confidence == 0.83
    assert [(shown.image, shown.caption) for shown in gallery.images] == [
        ("missed.png", "3 missed"),  # what found one of them has a score of 0.80
        ("mixed.png", "1 missed, 1 classification"),
    ]
    assert [round(shown.loss, 3) for shown in gallery.images] == [1.0, 0.6]


def test_a_crowded_image_does_not_drown_in_marks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inspect, "MOST_MARKS", 3)
    context, params = inspected_sprint(tmp_path, "detect")
    inspect.run(context, msgspec.structs.replace(params, maps=0))
    first = read_json(context.folder / "gallery.json", Gallery).images[0]
    assert (
        first.caption
        == "1 background, 1 classification, 1 localisation, 1 duplicate, 5 further marks are not drawn"
    )


def test_a_wrong_class_is_named_and_the_surest_comes_first(tmp_path: Path) -> None:
    context, params = inspected_sprint(tmp_path, "classify")
    path = context.folder / "outcomes" / "torch-detections.parquet"
    table = read_table(path)
    table["score"] = np.where(table["path"] == "mixed.png", np.float32(0.95), table["score"])
    write_table(path, table)
    inspect.run(context, msgspec.structs.replace(params, maps=0))
    shown = read_json(context.folder / "gallery.json", Gallery).images
    assert [(image.image, image.caption) for image in shown] == [
        ("mixed.png", "Würfel taken for disc 0.95"),
        ("missed.png", "Würfel taken for disc 0.80"),
    ]


def test_only_as_many_as_wanted_are_drawn(tmp_path: Path) -> None:
    gallery = gallery_of(tmp_path, "detect", images=1, maps=0)
    assert [shown.image for shown in gallery.images] == ["mixed.png"]


@pytest.mark.parametrize("task", ["detect", "classify"])
def test_without_errors_the_gallery_is_empty(task: TaskName, tmp_path: Path) -> None:
    assert gallery_of(tmp_path, task, perfect=True).images == []
    assert list((sprint_folder(tmp_path, "0001-drawn") / "gallery").iterdir()) == []


def test_an_image_that_cannot_be_judged_is_not_shown(tmp_path: Path) -> None:
    context, params = inspected_sprint(tmp_path, "classify")
    path = context.folder / "outcomes" / "torch-images.parquet"
    table = read_table(path)
    table["loss"] = np.where(table["path"] == "mixed.png", np.nan, table["loss"])
    write_table(path, table)
    inspect.run(context, msgspec.structs.replace(params, maps=0))
    gallery = read_json(context.folder / "gallery.json", Gallery)
    assert [shown.image for shown in gallery.images] == ["missed.png"]


def test_a_second_run_gives_the_same_bytes(tmp_path: Path) -> None:
    context, params = inspected_sprint(tmp_path, "segment")
    content = []
    for _ in range(2):
        inspect.run(context, params)
        files = sorted((context.folder / "gallery").iterdir())
        content.append([(file.name, file.read_bytes()) for file in files])
    assert content[0] == content[1]


def test_the_judged_artefact_is_inspected() -> None:
    params = inspect.resolve(project(), sprint().primary_target)
    assert (params.target, params.dataset, params.images) == ("onnx-fp32", "data", 12)
    assert inspect.STAGE.inputs(params) == ("data",)


def test_leaked_images_are_drawn_beside_what_leaked_them(tmp_path: Path) -> None:
    context, params = inspected_sprint(tmp_path, "detect")
    leaked = [
        LeakedImage(path="good.png", split="test", kind=kind, near_path=near, near_split="train")
        for kind, near in (*[("near-duplicate", "missed.png")] * 5, ("same group", "mixed.png"))  # type: ignore[arg-type]
    ]
    write_pairs(context.folder / "outcomes" / PAIRS_FILE, leaked)
    inspect.run(context, msgspec.structs.replace(params, maps=0, images=1))
    gallery = read_json(context.folder / "gallery.json", Gallery)
    assert gallery.leaks == "gallery/leaks.jpg"
    assert GALLERY_FOLDER.holds("gallery/leaks.jpg")
    picture = read_image(context.folder / "gallery" / "leaks.jpg")
    rows = picture.reshape(inspect.LEAKED, -1, 640, 3)
    assert len(rows) == 4
    # three near-duplicates, and of the other kind the one that there is
    alike = [float(np.abs(rows[0, :200, 322:].astype(int) - row[:200, 322:]).mean()) for row in rows[1:]]
    assert max(alike[:2]) < alike[2] / 3
