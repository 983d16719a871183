"""A small clean sprint folder, and a way to plant faults in it."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from runner.adapters.tables.parquet import write_table
from runner.dataset.near_duplicates import write_thumbnails
from runner.record.catalogue import sprint_folder

CLASSES = ["cat", "dog"]


def image_row(path: str, **changes: Any) -> dict[str, Any]:
    """One clean image of the index, 100×80 px."""
    row = {
        "path": path,
        "image_id": hashlib.sha256(path.encode()).hexdigest()[:32],
        "split": path.split("/")[1],
        "bytes": 1000,
        "readable": True,
        "problem": None,
        "width": 100,
        "height": 80,
        "brightness": 0.5,
        "contrast": 0.2,
        "sharpness": 40.0,
        "phash": 12345,
        "group": path.rsplit("/", 1)[1].split("-")[0],
        "group_fraction": 0.5,
        "labelled": True,
        "label_problem": None,
        "n_objects": 2,
        "n_cat": 1,
        "n_dog": 1,
        "camera": "east",
    }
    return row | changes


def object_row(path: str, number: int, **changes: Any) -> dict[str, Any]:
    """One clean object, 20×10 px: cats above, dogs below."""
    top = 20.0 if number % 2 == 0 else 50.0
    row = {
        "object_id": f"{path}#{number:012x}",
        "label_place": f"{path}#{number}",
        "image_id": hashlib.sha256(path.encode()).hexdigest()[:32],
        "path": path,
        "split": path.split("/")[1],
        "class": CLASSES[number % 2],
        "class_id": number % 2,
        "x_min": 10.0,
        "y_min": top,
        "x_max": 30.0,
        "y_max": top + 10,
        "truncated": False,
        "crowd": False,
        "problem": None,
    }
    row |= changes
    width, height = row["x_max"] - row["x_min"], row["y_max"] - row["y_min"]
    return row | {"width_px": width, "height_px": height, "area_px": width * height, "aspect_ratio": 2.0}


@dataclass
class SprintFolder:
    """The index and the manifest of a sprint as rows; `write` makes the files."""

    folder: Path
    images: dict[str, dict[str, Any]] = field(default_factory=dict)
    objects: list[dict[str, Any]] = field(default_factory=list)
    assigned: dict[str, str | None] = field(default_factory=dict)
    thumbnails: dict[str, bytes] = field(default_factory=dict)

    def add(self, path: str, *, assigned: str | None = "", objects: int = 2, **changes: Any) -> None:
        """Adds an image with clean boxes, assigned to its own split unless told otherwise."""
        self.images[path] = image_row(path, **changes)
        self.objects += [object_row(path, number) for number in range(objects)]
        self.assigned[path] = path.split("/")[1] if assigned == "" else assigned

    def add_object(self, path: str, **changes: Any) -> None:
        """Adds one more object to an image."""
        self.objects.append(object_row(path, len(self.objects) * 2, **changes))

    def write(self) -> Path:
        """Writes the three tables and returns the sprint folder."""
        images = sorted(self.images.values(), key=lambda row: row["path"])
        columns = list(image_row("images/train/x.jpg"))
        write_table(self.folder / "index" / "images.parquet", _columns(images, columns))
        paths = [row["path"] for row in images]
        noise = np.random.default_rng(0).integers(0, 256, (len(paths), 256), dtype=np.uint8)
        thumbnails = [self.thumbnails.get(path, noise[at].tobytes()) for at, path in enumerate(paths)]
        write_thumbnails(self.folder / "index", paths, thumbnails)
        columns = list(object_row("images/train/x.jpg", 0))
        write_table(self.folder / "index" / "objects.parquet", _columns(self.objects, columns))
        manifest = [
            {
                "path": row["path"],
                "image_id": row["image_id"],
                "assigned": self.assigned[row["path"]],
                "selected": self.assigned[row["path"]] in ("train", "val", "test"),
                "reason": "",
            }
            for row in images
        ]
        write_table(self.folder / "selection" / "manifest.parquet", _columns(manifest, list(manifest[0])))
        return self.folder


def _columns(rows: list[dict[str, Any]], names: list[str]) -> dict[str, list[Any]]:
    return {name: [row[name] for row in rows] for name in names}


def clean_sprint(root: Path) -> SprintFolder:
    """Twelve training images, four of val and four of test, two frames to a scene, without any fault."""
    made = SprintFolder(sprint_folder(root, "0001-first"))
    for split, scenes in (("train", 6), ("val", 2), ("test", 2)):
        for scene in range(scenes):
            for frame in range(2):
                made.add(f"images/{split}/{split}{scene}-{frame}.jpg")
    return made
