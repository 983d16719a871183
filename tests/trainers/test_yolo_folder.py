"""The folder that Ultralytics trains on: links, labels by class name, nothing that it could damage."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models.yolo_folder import write_training_folder
from runner.adapters.tables.parquet import read_table, write_table
from runner.adapters.tables.selected import SelectedData, selected_paths
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.task import TaskSpec
from tests.models_fixture import CLASSES, IMAGES, context, draw_project

SPEC = TaskSpec(name="detect", classes=CLASSES)


@pytest.fixture
def data(tmp_path: Path) -> SelectedData:
    draw_project(tmp_path)
    folder = context(tmp_path).folder
    return SelectedData(
        dataset=tmp_path / "data",
        manifest=folder / "selection" / "manifest.parquet",
        images=folder / "index" / "images.parquet",
        objects=folder / "index" / "objects.parquet",
    )


def _change(path: Path, row: int, **values: object) -> None:
    table = read_table(path)
    for name, value in values.items():
        table[name] = table[name].astype(object)
        table[name][row] = value
    write_table(path, {name: list(column) for name, column in table.items()})


def _label(folder: Path, number: int = 0) -> str:
    return (folder / "labels" / "train" / f"{number:07d}.txt").read_text()


def test_selected_images_are_linked_and_counted(data: SelectedData, tmp_path: Path) -> None:
    folder = tmp_path / "yolo"
    given = write_training_folder(folder, data, SPEC)
    assert given.images == {"train": IMAGES["train"], "val": IMAGES["val"]}
    first = folder / "images" / "train" / "0000000.png"
    assert first.resolve() == data.dataset / "images" / "train" / "0.png"
    assert given.sources["train"][first] == "images/train/0.png"
    assert not (folder / "images" / "test").exists()


def test_label_is_relative_to_the_image_and_named_by_class(data: SelectedData, tmp_path: Path) -> None:
    _change(data.objects, 0, x_min=8.0, y_min=12.0, x_max=24.0, y_max=36.0)  # in an image of 80 × 48
    write_training_folder(tmp_path / "yolo", data, TaskSpec(name="detect", classes=[CLASSES[1], CLASSES[0]]))
    assert _label(tmp_path / "yolo") == "1 0.20000000 0.50000000 0.20000000 0.50000000\n"


def test_box_that_leaves_the_image_is_clipped(data: SelectedData, tmp_path: Path) -> None:
    _change(data.objects, 0, x_min=-40.0, y_min=0.0, x_max=40.0, y_max=500.0)
    write_training_folder(tmp_path / "yolo", data, SPEC)
    assert _label(tmp_path / "yolo") == "0 0.25000000 0.50000000 0.50000000 1.00000000\n"


@pytest.mark.parametrize(
    "fault", [{"problem": "degenerate"}, {"crowd": True}, {"x_max": -3.0, "x_min": -9.0}]
)
def test_faulty_objects_leave_a_background(
    data: SelectedData, tmp_path: Path, fault: dict[str, object]
) -> None:
    _change(data.objects, 0, **fault)
    write_training_folder(tmp_path / "yolo", data, SPEC)
    assert _label(tmp_path / "yolo") == ""


def test_images_of_one_name_in_two_folders_stay_apart(data: SelectedData, tmp_path: Path) -> None:
    _change(data.manifest, IMAGES["train"], assigned="train")  # val/0.png beside train/0.png
    counts = write_training_folder(tmp_path / "yolo", data, SPEC).images
    assert counts == {"train": IMAGES["train"] + 1, "val": IMAGES["val"] - 1}


def test_unknown_class_names_the_image(data: SelectedData, tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as caught:
        write_training_folder(tmp_path / "yolo", data, TaskSpec(name="detect", classes=["square"]))
    assert str(caught.value) == (
        'flywheel.yaml: images/train/1.png has an object of class "disc", which is not one of the project\n'
        "  hint: add it to classes, or correct the label; classes: square"
    )


def test_truncated_jpeg_never_reaches_the_framework(data: SelectedData, tmp_path: Path) -> None:
    import cv2

    image = data.dataset / "images" / "train" / "0.png"
    content = cv2.imencode(".jpg", np.zeros((48, 80, 3), np.uint8))[1].tobytes()[:-2]
    image.write_bytes(content)
    with pytest.raises(FlywheelError) as caught:
        write_training_folder(tmp_path / "yolo", data, SPEC)
    assert (
        caught.value.message == "a selected image cannot be used: truncated: the JPEG end marker is missing"
    )
    assert image.read_bytes() == content


def test_missing_image_says_to_fetch_the_data(data: SelectedData, tmp_path: Path) -> None:
    (data.dataset / "images" / "train" / "3.png").unlink()
    with pytest.raises(FlywheelError) as caught:
        write_training_folder(tmp_path / "yolo", data, SPEC)
    assert str(caught.value) == (
        f"{data.dataset}/images/train/3.png: a selected image cannot be used: file not found\n"
        "  hint: fetch the data (dvc pull), or run the sprint again so that the index sees the change"
    )


def test_empty_split_names_the_split(data: SelectedData) -> None:
    with pytest.raises(FlywheelError) as caught:
        selected_paths(data.manifest, "pool")
    assert str(caught.value) == (
        f"{data.manifest}: the pool split is empty: no image is selected for it\n"
        "  hint: widen splits.pool in flywheel.yaml or data.pool in the spec"
    )


def test_training_on_fewer_images_than_selected_is_refused_by_name(
    data: SelectedData, tmp_path: Path
) -> None:
    from runner.adapters.models.ultralytics_training import require_all

    sources = write_training_folder(tmp_path / "yolo", data, SPEC).sources["val"]
    names = [file.name for file in sources]
    require_all(sources, names, "val")
    next(iter(sources)).unlink()
    next(iter(sources)).write_bytes(b"no image")
    with pytest.raises(FlywheelError) as caught:
        require_all(sources, names[1:-1], "val")
    assert caught.value.message == (
        "Ultralytics leaves out 2 of 4 selected images of val: images/val/0.png, images/val/3.png"
        " (not an image: the content is none of JPEG, PNG, BMP, WebP, TIFF)"
    )
    assert caught.value.exit_code is ExitCode.STAGE_FAILED
