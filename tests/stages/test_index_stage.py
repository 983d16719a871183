"""The index stage writes two tables, the same bytes each time."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.pictures.coco_masks import mask_area
from runner.adapters.tables.duckdb import condition_mask
from runner.adapters.tables.parquet import read_table
from runner.config.project import Dataset, Project
from runner.dataset.kept import kept_folder
from runner.domain.errors import FlywheelError
from runner.record.catalogue import sprint_folder
from runner.stages import index
from runner.stages.index import IndexParams
from runner.stages.stage import StageContext

cv2 = pytest.importorskip("cv2")

PARAMS = IndexParams(path="data", layout="yolo", task="detect", classes=["cat", "dog"])


@pytest.fixture
def context(tmp_path: Path) -> StageContext:
    """Three readable images, one empty file and one image without a label."""
    data = tmp_path / "data"
    for split in ("train", "pool"):
        (data / "images" / split).mkdir(parents=True)
        (data / "labels" / split).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for name in ("train/a", "train/b", "pool/c"):
        cv2.imwrite(str(data / "images" / f"{name}.jpg"), rng.integers(0, 256, (40, 80, 3), dtype=np.uint8))
    (data / "images/train/empty.jpg").write_bytes(b"")
    (data / "labels/train/a.txt").write_text("0 0.5 0.5 0.5 0.5\n1 0.1 0.1 0.2 0.2\n9 0 0 0 0\n")
    (data / "labels/train/b.txt").write_text("")
    (data / "labels/train/empty.txt").write_text("0 0.5 0.5 0.5 0.5\n")
    (data / "metadata.csv").write_text(
        "path,camera,captured_at\nimages/train/a.jpg,dock,2026-01-02 03:04:05\nimages/none.jpg,gate,\n"
    )
    folder = sprint_folder(tmp_path, "0001-first")
    folder.mkdir(parents=True)
    return StageContext(root=tmp_path, folder=folder)


def test_every_file_becomes_a_row(context: StageContext) -> None:
    index.run(context, PARAMS)
    images = read_table(context.folder / "index" / "images.parquet")
    assert images["path"].tolist() == [
        "images/pool/c.jpg",
        "images/train/a.jpg",
        "images/train/b.jpg",
        "images/train/empty.jpg",
    ]
    assert images["split"].tolist() == ["pool", "train", "train", "train"]
    assert images["readable"].tolist() == [True, True, True, False]
    assert images["problem"].tolist() == [None, None, None, "the file is empty"]
    assert images["width"].tolist() == [80, 80, 80, None]
    assert images["labelled"].tolist() == [False, True, True, True]
    assert images["n_objects"].tolist() == [0, 2, 0, 0]
    assert images["label_problem"][1] == "labels/train/a.txt:3: class id 9, but there are 2 classes"
    assert images["phash"].dtype == np.uint64
    assert images["group"].tolist() == images["path"].tolist()


def test_every_object_becomes_a_row(context: StageContext) -> None:
    index.run(context, PARAMS)
    objects = read_table(context.folder / "index" / "objects.parquet")
    assert objects["label_place"].tolist() == ["labels/train/a.txt:1", "labels/train/a.txt:2"]
    assert {name.partition("#")[0] for name in objects["object_id"]} == {"images/train/a.jpg"}
    assert len(set(objects["object_id"])) == 2
    assert objects["class"].tolist() == ["cat", "dog"]
    np.testing.assert_allclose(objects["x_min"], [20, 0])
    np.testing.assert_allclose(objects["y_max"], [30, 8])
    assert objects["truncated"].tolist() == [False, True]
    assert list(objects) == [
        *("object_id", "image_id", "path", "split", "class", "class_id", "x_min", "y_min", "x_max", "y_max"),
        *("area_px", "aspect_ratio", "width_px", "height_px", "truncated", "crowd", "problem", "label_place"),
    ]


def test_metadata_is_joined_with_its_types(context: StageContext, capsys: pytest.CaptureFixture[str]) -> None:
    params = IndexParams(**{**_fields(PARAMS), "metadata": "data/metadata.csv", "group_by": "camera"})
    index.run(context, params)
    table = context.folder / "index" / "images.parquet"
    assert condition_mask(table, "captured_at > TIMESTAMP '2026-01-01'").tolist() == [
        False,
        True,
        False,
        False,
    ]
    assert read_table(table, ["group"])["group"].tolist()[:2] == ["images/pool/c.jpg", "dock"]
    assert capsys.readouterr().err == (
        "note: metadata.csv: 1 row has no image, images/none.jpg\n"
        "note: metadata.csv: 3 images have no row, the first is images/pool/c.jpg\n"
    )


def test_unmeasured_values_are_null_in_conditions(context: StageContext) -> None:
    index.run(context, PARAMS)
    table = context.folder / "index" / "images.parquet"
    assert condition_mask(table, "brightness > 0 OR brightness <= 0").tolist() == [True, True, True, False]
    assert condition_mask(table, "brightness IS NULL").tolist() == [False, False, False, True]


def test_same_files_give_the_same_bytes_whatever_is_kept_of_them(context: StageContext) -> None:
    contents = []
    for number in range(3):
        index.run(context, PARAMS)
        if number == 1:
            shutil.rmtree(kept_folder(context.root))
        files = sorted((context.folder / "index").iterdir())
        contents.append([(path.name, path.read_bytes()) for path in files])
    assert contents[0] == contents[1] == contents[2]
    assert [name for name, _ in contents[0]] == ["images.parquet", "objects.parquet", "thumbnails.parquet"]


def test_shapes_are_written_by_task(context: StageContext) -> None:
    data = context.root / "data"
    (data / "labels/train/a.txt").write_text("0 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n0 0.5 0.5 0.1 0.1\n")
    index.run(context, IndexParams(**{**_fields(PARAMS), "task": "segment"}))
    objects = read_table(context.folder / "index" / "objects.parquet")
    assert objects["polygons"].tolist() == ["[[20.0,10.0,40.0,10.0,40.0,30.0,20.0,30.0]]"]
    assert mask_area(objects["mask_rle"][0], (40, 80)) == objects["area_px"][0] == 400
    images = read_table(context.folder / "index" / "images.parquet")
    assert images["label_problem"][1].startswith(
        "labels/train/a.txt:2: 5 numbers: a box, or an outline of two points;"
    )
    index.run(context, IndexParams(**{**_fields(PARAMS), "task": "obb"}))
    objects = read_table(context.folder / "index" / "objects.parquet")
    assert objects["corners"].tolist() == [[20, 10, 40, 10, 40, 30, 20, 30]]
    assert condition_mask(context.folder / "index" / "objects.parquet", "area_px = 400").tolist() == [True]


def test_class_folders_give_one_object_per_image(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 80, 3), dtype=np.uint8)
    for name in ("train/cat/a", "train/dog/b", "test/dog/c", "test/emu/d"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / "data" / f"{name}.jpg"), pixels)
    params = IndexParams(**{**_fields(PARAMS), "layout": "folders", "task": "classify"})
    index.run(StageContext(root=tmp_path, folder=tmp_path), params)
    objects = read_table(tmp_path / "index" / "objects.parquet")
    assert objects["path"].tolist() == ["test/dog/c.jpg", "train/cat/a.jpg", "train/dog/b.jpg"]
    assert objects["class"].tolist() == ["dog", "cat", "dog"]
    assert [objects[side].tolist() for side in ("x_min", "y_min", "x_max", "y_max")] == [
        [0.0] * 3, [0.0] * 3, [80.0] * 3, [40.0] * 3,
    ]  # fmt: skip
    images = read_table(tmp_path / "index" / "images.parquet")
    assert images["split"].tolist() == ["test", "test", "train", "train"]
    assert images["n_dog"].tolist() == [1, 0, 0, 1]
    assert images["label_problem"].tolist() == [
        None,
        'test/emu/d.jpg: the folder "emu" is none of the project\'s classes; classes: cat, dog',
        None,
        None,
    ]


def test_missing_dataset_says_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError) as error:
        index.run(StageContext(root=tmp_path, folder=tmp_path), PARAMS)
    assert str(error.value) == "data: data/ is not here\n  hint: fetch it: dvc pull data.dvc"
    assert error.value.exit_code == 3


def test_dataset_of_another_layout_says_what_is_read(context: StageContext) -> None:
    (context.root / "other").mkdir()
    (context.root / "other" / "readme.md").write_text("")
    with pytest.raises(FlywheelError) as error:
        index.run(context, IndexParams(**{**_fields(PARAMS), "path": "other"}))
    assert str(error.value) == (
        "other: there is no image in other/ where the layout yolo has them\n"
        "  hint: it reads images/<split>/*.jpg with labels/<split>/*.txt, "
        "<split>/images/ with <split>/labels/, or text files beside their images; "
        "set dataset.layout in flywheel.yaml or move the files"
    )


def test_inputs_name_the_metadata_only_where_it_lies_elsewhere() -> None:
    inside = IndexParams(**{**_fields(PARAMS), "metadata": "data/m.csv"})
    outside = IndexParams(**{**_fields(PARAMS), "metadata": "meta/m.csv"})
    assert index.inputs(PARAMS) == index.inputs(inside) == ("data",)
    assert index.inputs(outside) == ("data", "meta/m.csv")


def test_params_come_from_the_project_alone() -> None:
    project = Project(
        apiVersion="flywheel/v1",
        kind="Project",
        name="p",
        task="detect",
        classes=["cat", "dog"],
        dataset=Dataset(path="data", layout="yolo"),
    )
    assert index.resolve(project) == PARAMS


def _fields(params: IndexParams) -> dict[str, object]:
    return {name: getattr(params, name) for name in params.__struct_fields__}
