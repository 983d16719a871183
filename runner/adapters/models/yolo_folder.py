"""Lays out selected images and labels as the folder that Ultralytics trains on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.adapters.models.training_images import lay_out
from runner.adapters.models.yolo_labels import LABEL_COLUMNS, label_line
from runner.adapters.system import yaml_text
from runner.adapters.tables.parquet import read_table
from runner.adapters.tables.selected import SelectedData, selected_paths
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_text
from runner.domain.task import TaskSpec

SPLITS = ("train", "val")
_OBJECT_COLUMNS = ("path", "class", "crowd", "problem")


@dataclass(frozen=True, kw_only=True)
class TrainingFolder:
    """What Ultralytics trains on.

    Attributes:
        data: the file or folder that it calls `data`.
        images: images per split.
        sources: per split, the image of the dataset that each laid-out file stands for.
    """

    data: Path
    images: dict[str, int]
    sources: dict[str, dict[Path, str]] = field(default_factory=dict)


def write_training_folder(folder: Path, data: SelectedData, spec: TaskSpec) -> TrainingFolder:
    """Lays out the images and labels of training and validation as the task's trainer reads them.

    Images are links to those of the dataset, but where the trainer would see other pixels in them than the index and
    evaluation do, or leave them out: see `training_images`. Crowds and objects that the index found faulty are left out; an image without objects is a
    background, but for classification, where it is left out.

    For classification: `<split>/<class id>/<image>`. Else: `images/<split>/`, `labels/<split>/` and `data.yaml`, where
    a label's class id is the position of its name in the project.

    Raises:
        FlywheelError: a split is empty, a class is not the project's, or an image is missing or damaged.
    """
    if spec.name == "classify":
        return _training_folder(folder, _write_class_folders(folder, data, spec))
    sizes = _sizes(data.images)
    lines: dict[str, list[str]] = defaultdict(list)
    for path, class_id, row in _objects(data.objects, spec, LABEL_COLUMNS[spec.name]):
        if path in sizes:
            lines[path].append(label_line(spec, class_id, row, sizes[path]))
    sources: dict[str, dict[Path, str]] = {split: {} for split in SPLITS}
    for split in SPLITS:
        for kind in ("images", "labels"):
            (folder / kind / split).mkdir(parents=True)
        for number, path in enumerate(selected_paths(data.manifest, split)):
            name = f"{number:07d}"  # numbered, since two folders may hold images of one name
            given = lay_out(data.dataset / path, folder / "images" / split / name)
            label = folder / "labels" / split / f"{name}.txt"
            label.write_text("".join(lines.get(path, [])), encoding="utf-8")
            sources[split][given] = path
    write_text(folder / "data.yaml", _data_yaml(folder, spec))
    return _training_folder(folder / "data.yaml", sources)


def _training_folder(data: Path, sources: dict[str, dict[Path, str]]) -> TrainingFolder:
    counts = {split: len(given) for split, given in sources.items()}
    return TrainingFolder(data=data, images=counts, sources=sources)


def _write_class_folders(folder: Path, data: SelectedData, spec: TaskSpec) -> dict[str, dict[Path, str]]:
    classes = {path: class_id for path, class_id, _ in _objects(data.objects, spec, ())}
    sources: dict[str, dict[Path, str]] = {split: {} for split in SPLITS}
    for split in SPLITS:
        paths = [path for path in selected_paths(data.manifest, split) if path in classes]
        if not paths:
            raise FlywheelError(
                f"no selected image of the {split} split has a class",
                where=Where(str(data.objects)),
                hint="label the images, or select others for this split",
                exit_code=ExitCode.STAGE_FAILED,
            )
        # Every class has a folder, so that the order of the folders is that of the class ids.
        for class_id in range(len(spec.classes)):
            (folder / split / f"{class_id:07d}").mkdir(parents=True)
        for number, path in enumerate(paths):
            place = folder / split / f"{classes[path]:07d}" / f"{number:07d}"
            sources[split][lay_out(data.dataset / path, place)] = path
    return sources


def _sizes(images: Path) -> dict[str, tuple[float, float]]:
    table = read_table(images, ["path", "width", "height"])
    rows = zip(table["path"], table["width"], table["height"], strict=True)
    return {str(path): (float(width), float(height)) for path, width, height in rows if width and height}


def _objects(
    objects: Path, spec: TaskSpec, columns: Sequence[str]
) -> Iterator[tuple[str, int, dict[str, Any]]]:
    """Every usable object: its image, its class id, and `columns` of it."""
    table = read_table(objects, (*_OBJECT_COLUMNS, *columns))
    ids = {name: number for number, name in enumerate(spec.classes)}
    for at in range(len(table["path"])):
        if table["problem"][at] is not None or table["crowd"][at]:
            continue
        path, name = str(table["path"][at]), table["class"][at]
        if name not in ids:
            raise FlywheelError(
                f'{path} has an object of class "{name}", which is not one of the project',
                where=Where("flywheel.yaml"),
                hint=f"add it to classes, or correct the label; classes: {', '.join(spec.classes)}",
                exit_code=ExitCode.STAGE_FAILED,
            )
        yield path, ids[name], {column: table[column][at] for column in columns}


def _data_yaml(folder: Path, spec: TaskSpec) -> str:
    content: dict[str, Any] = {
        "path": str(folder),
        **{split: f"images/{split}" for split in SPLITS},
        "names": list(spec.classes),
    }
    if spec.keypoints is not None:
        points = len(spec.keypoints.names)
        content["kpt_shape"] = [points, 3]
        content["flip_idx"] = spec.keypoints.flip or list(range(points))
        if spec.keypoints.sigmas:
            content["kpt_oks_sigmas"] = spec.keypoints.sigmas
    return yaml_text.dump(content)
