"""Lays out selected images and labels as the folder that Ultralytics trains on."""

from __future__ import annotations

import os
import shutil
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.images import quick_problem
from runner.adapters.tables import Column, read_table
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_text

SPLITS = ("train", "val")
_OBJECT_COLUMNS = ("path", "class", "x_min", "y_min", "x_max", "y_max", "crowd", "problem")


@dataclass(frozen=True, kw_only=True)
class SelectedData:
    """Where the selected images and their labels are recorded.

    Attributes:
        dataset: the folder that image paths are relative to.
        manifest: manifest.parquet, which image is in which split.
        images: images.parquet of the index.
        objects: objects.parquet of the index.
    """

    dataset: Path
    manifest: Path
    images: Path
    objects: Path


def selected_paths(manifest: Path, split: str) -> list[str]:
    """The selected images of a split, relative to the dataset, in a fixed order.

    Raises:
        FlywheelError: there are none.
    """
    table = read_table(manifest, ["path", "assigned", "selected"])
    chosen = table["selected"].astype(bool) & (table["assigned"] == split)
    if not chosen.any():
        raise FlywheelError(
            f"the {split} split is empty: no image is selected for it",
            where=Where(str(manifest)),
            hint=f"widen splits.{split} in flywheel.yaml or data.{split} in the spec",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return sorted(str(path) for path in table["path"][chosen])


def write_yolo_folder(folder: Path, data: SelectedData, class_names: Sequence[str]) -> dict[str, int]:
    """Writes `images/<split>/`, `labels/<split>/` and `data.yaml` for training and validation.

    Images are links. A label's class id is the position of its name in `class_names`. Crowds and objects that
    the index found faulty are left out; an image without objects is a background.

    Returns:
        Images per split.

    Raises:
        FlywheelError: a split is empty, a class is not the project's, or an image is missing or damaged.
    """
    sizes = _sizes(data.images)
    labels = _labels(data.objects, class_names, sizes)
    counts = {}
    for split in SPLITS:
        paths = selected_paths(data.manifest, split)
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for number, path in enumerate(paths):
            # Numbered, since two folders may hold images of one name.
            name = f"{number:07d}"
            _link(data.dataset / path, folder / "images" / split / f"{name}{Path(path).suffix.lower()}")
            (folder / "labels" / split / f"{name}.txt").write_text(
                "".join(labels.get(path, [])), encoding="utf-8"
            )
        counts[split] = len(paths)
    write_text(folder / "data.yaml", _data_yaml(folder, class_names))
    return counts


def _sizes(images: Path) -> dict[str, tuple[float, float]]:
    table = read_table(images, ["path", "width", "height"])
    rows = zip(table["path"], table["width"], table["height"], strict=True)
    return {str(path): (float(width), float(height)) for path, width, height in rows if width and height}


def _labels(
    objects: Path, class_names: Sequence[str], sizes: Mapping[str, tuple[float, float]]
) -> dict[str, list[str]]:
    table = read_table(objects, _OBJECT_COLUMNS)
    ids = {name: number for number, name in enumerate(class_names)}
    lines: dict[str, list[str]] = defaultdict(list)
    for row in range(len(table["path"])):
        path = str(table["path"][row])
        if table["problem"][row] is not None or table["crowd"][row] or path not in sizes:
            continue
        name = table["class"][row]
        if name not in ids:
            raise FlywheelError(
                f'{path} has an object of class "{name}", which is not one of the project',
                where=Where("flywheel.yaml"),
                hint=f"add it to classes, or correct the label; classes: {', '.join(class_names)}",
                exit_code=ExitCode.STAGE_FAILED,
            )
        if line := _line(ids[name], _box(table, row), sizes[path]):
            lines[path].append(line)
    return lines


def _box(table: Mapping[str, Column], row: int) -> tuple[float, float, float, float]:
    x_min, y_min, x_max, y_max = (float(table[name][row]) for name in ("x_min", "y_min", "x_max", "y_max"))
    return x_min, y_min, x_max, y_max


def _line(class_id: int, box: tuple[float, float, float, float], size: tuple[float, float]) -> str:
    """`class cx cy w h`, relative to the image and clipped to it; empty when nothing is left."""
    width, height = size
    x_min, x_max = (min(max(x, 0.0), width) / width for x in (box[0], box[2]))
    y_min, y_max = (min(max(y, 0.0), height) / height for y in (box[1], box[3]))
    if x_max <= x_min or y_max <= y_min:
        return ""
    numbers = ((x_min + x_max) / 2, (y_min + y_max) / 2, x_max - x_min, y_max - y_min)
    return " ".join((str(class_id), *(f"{number:.8f}" for number in numbers))) + "\n"


def _link(source: Path, target: Path) -> None:
    # Ultralytics "restores" a JPEG that lacks its end marker by rewriting the file, through any link.
    if problem := quick_problem(source):
        raise FlywheelError(
            f"a selected image cannot be used: {problem}",
            where=Where(str(source)),
            hint="fetch the data (dvc pull), or run the sprint again so that the index sees the change",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if _has_trailing_bytes(source):
        shutil.copyfile(source, target)
        return
    try:
        target.symlink_to(source.resolve())
    except OSError:  # no right to make links, as on Windows
        shutil.copyfile(source, target)


def _has_trailing_bytes(path: Path) -> bool:
    """Whether it is a JPEG with something after its end marker: readable, but Ultralytics rewrites it too."""
    with path.open("rb") as file:
        start = file.read(2)
        file.seek(-2, os.SEEK_END)
        return start == b"\xff\xd8" and file.read() != b"\xff\xd9"


def _data_yaml(folder: Path, class_names: Sequence[str]) -> str:
    import yaml

    content = {
        "path": str(folder),
        **{split: f"images/{split}" for split in SPLITS},
        "names": list(class_names),
    }
    return yaml.safe_dump(content, allow_unicode=True, sort_keys=False)
