"""A dataset that is converted trains the same: what the trainer is given, the index and the checks are those of YOLO."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from projects import PROJECT, SPEC, SPRINT

from runner.adapters.models.yolo_folder import SPLITS, write_training_folder
from runner.adapters.tables.parquet import read_table
from runner.adapters.tables.selected import SelectedData
from runner.config.load import load_project, load_sprint
from runner.demo import Counts, generate
from runner.domain.records import CheckResult
from runner.domain.task import BOX
from runner.record.catalogue import CHECKS, SELECTION
from runner.stages import check, index, select
from runner.stages.stage import StageContext
from runner.writers.convert import ConvertOptions, convert

COUNTS = Counts.clean(train=8, val=4, test=4, pool=2)
LOSSLESS_PX = 0.01  # formats write rounded numbers
IMAGES = (
    "brightness",
    "width",
    "height",
    "phash",
    "labelled",
    "label_problem",
    "n_objects",
    "camera",
    "scene",
)


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What a sprint sees of a dataset. Images are named by their content, since formats name files otherwise.

    Attributes:
        given: per split and image of the trainer's folder, its bytes' digest with its label lines, sorted.
        images: per image, the index's columns. `boxes`: its classes with their boxes in pixels, sorted.
    """

    given: dict[str, dict[str, list[list[float]]]]
    images: dict[str, list[Any]]
    boxes: dict[str, list[list[Any]]]
    splits: dict[str, Any]
    checks: list[CheckResult]


def seen(root: Path, layout: str) -> Seen:
    """Index, selection and checks of a project, and the folder that its trainer would read."""
    (root / "specs").mkdir()
    (root / "data.dvc").write_text(f"outs:\n- {{md5: {'0' * 32}.dir, path: data}}\n")
    configuration = PROJECT.replace("layout: yolo", f"layout: {layout}")
    if layout == "manifest":  # holds the metadata itself
        configuration = configuration.replace("metadata: data/metadata.csv, ", "")
    (root / "flywheel.yaml").write_text(configuration)
    (root / "specs" / f"{SPRINT}.yaml").write_text(SPEC)
    project = load_project(root)
    sprint = load_sprint(root, SPRINT, project).sprint
    context = StageContext(root=root, folder=root / "reports" / SPRINT)
    context.folder.mkdir(parents=True)
    index.run(context, index.resolve(project))
    select.run(context, select.resolve(project, sprint.data))
    check.run(context, check.resolve(project, sprint))
    tables = context.folder / "index"
    data = SelectedData(
        dataset=root / "data",
        manifest=context.folder / "selection" / "manifest.parquet",
        images=tables / "images.parquet",
        objects=tables / "objects.parquet",
    )
    folder = root / "training"
    write_training_folder(folder, data, project.task_spec)
    return Seen(
        given={split: _given(folder, split) for split in SPLITS},
        images=_images(data.images),
        boxes=_boxes(data.objects),
        splits=SELECTION.read(context.folder).splits,
        checks=CHECKS.read(context.folder).results,
    )


def _given(folder: Path, split: str) -> dict[str, list[list[float]]]:
    found = {}
    for image in sorted((folder / "images" / split).iterdir()):
        lines = (folder / "labels" / split / f"{image.stem}.txt").read_text().splitlines()
        digest = hashlib.sha256(image.read_bytes()).hexdigest()
        found[digest] = sorted([float(number) for number in line.split()] for line in lines)
    return found


def _images(file: Path) -> dict[str, list[Any]]:
    table = read_table(file)
    counts = [name for name in table if name.startswith("n_")]
    names = list(dict.fromkeys([*IMAGES, *counts]))
    rows = zip(*(table[name].tolist() for name in names), strict=True)
    return dict(zip(table["image_id"].tolist(), map(list, rows), strict=True))


def _boxes(file: Path) -> dict[str, list[list[Any]]]:
    table = read_table(file)
    assert len(set(table["object_id"].tolist())) == len(table["object_id"])
    found: dict[str, list[list[Any]]] = {}
    for image, *row in zip(
        *(table[name].tolist() for name in ("image_id", "class_id", *BOX, "problem")), strict=True
    ):
        found.setdefault(image, []).append(row)
    return {image: sorted(rows) for image, rows in found.items()}


@pytest.fixture(scope="module")
def of_yolo(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Seen]:
    root = tmp_path_factory.mktemp("yolo")
    generate(root / "data", counts=COUNTS)
    return root / "data", seen(root, "yolo")


@pytest.mark.parametrize("layout", ["coco", "voc", "cvat", "label-studio", "manifest"])
def test_training_sees_the_same_in_every_layout(
    layout: str, of_yolo: tuple[Path, Seen], tmp_path: Path
) -> None:
    source, before = of_yolo
    convert(source, tmp_path / "data", ConvertOptions(layout=layout))
    after = seen(tmp_path, layout)
    size = max(before.images[next(iter(before.images))][1:3])
    assert after.given.keys() == before.given.keys()
    for split in SPLITS:
        assert after.given[split].keys() == before.given[split].keys()  # the same bytes
        assert sum(map(len, before.given[split].values())) > 0
        for image, lines in before.given[split].items():
            np.testing.assert_allclose(after.given[split][image], lines, rtol=0, atol=LOSSLESS_PX / size * 2)
    assert after.images == before.images
    assert after.boxes.keys() == before.boxes.keys()
    for image, rows in before.boxes.items():
        assert [row[-1] for row in after.boxes[image]] == [row[-1] for row in rows]
        numbers = [np.array([row[:-1] for row in given], dtype=float) for given in (after.boxes[image], rows)]
        np.testing.assert_allclose(*numbers, rtol=0, atol=LOSSLESS_PX)
    assert after.splits == before.splits
    assert [(item.id, item.success, item.checked, item.unexpected) for item in after.checks] == [
        (item.id, item.success, item.checked, item.unexpected) for item in before.checks
    ]
