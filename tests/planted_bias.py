"""An index and a manifest of a few hundred images in which single kinds of bias can be planted."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import write_table
from runner.checks.described_images import Tables, sprint_tables

CLASSES = ("cat", "dog")
SCENES, FRAMES = 60, 4


class PlantedImages:
    """Images of scenes of four; a scene is in one split, and holds one of the classes. Nothing is wrong with them.

    Attributes:
        split, scene, label: of each image, `(N,)`.
        columns: of the index, each `(N,)`; change them to plant something.
    """

    def __init__(self, seed: int = 0, scenes: int = SCENES, prefix: str = "") -> None:
        generator = np.random.default_rng(seed)
        count = scenes * FRAMES
        self.scene = np.repeat(np.arange(scenes), FRAMES)
        splits = generator.permutation(np.resize(["train", "train", "train", "val", "test", "test"], scenes))
        self.split: NDArray[Any] = splits[self.scene]
        self.label = generator.permutation(np.arange(scenes) % 2)[self.scene]
        self.paths = [f"images/{prefix}{scene:03d}-{at % FRAMES}.jpg" for at, scene in enumerate(self.scene)]
        cameras = generator.permutation(np.resize(["east", "west", "north"], scenes))
        self.columns: dict[str, NDArray[Any]] = {
            "bytes": generator.integers(900, 1100, count),
            "width": np.full(count, 100),
            "height": np.full(count, 80),
            "brightness": generator.normal(0.5, 0.05, scenes)[self.scene] + generator.normal(0, 0.02, count),
            "contrast": generator.normal(0.2, 0.02, count),
            "sharpness": generator.normal(40, 4, count),
            "camera": cameras[self.scene].astype(object),
        }
        self.group = np.array([f"{prefix}scene-{scene}" for scene in self.scene], dtype=object)

    def extend(self, others: PlantedImages) -> None:
        """Further images, of other scenes."""
        self.paths += others.paths
        for name in ("scene", "split", "label", "group"):
            setattr(self, name, np.concatenate([getattr(self, name), getattr(others, name)]))
        self.columns = {
            name: np.concatenate([values, others.columns[name]]) for name, values in self.columns.items()
        }

    def write(self, folder: Path) -> Tables:
        """Writes the tables of a sprint's folder."""
        count = len(self.paths)
        ids = [hashlib.sha256(path.encode()).hexdigest()[:32] for path in self.paths]
        kept = {"path": self.paths, "image_id": ids, "split": self.split.astype(object), "group": self.group}
        counts = {f"n_{name}": (self.label == at).astype(np.int64) for at, name in enumerate(CLASSES)}
        found = sprint_tables(folder)
        write_table(
            found.images,
            {**kept, **self.columns, "n_objects": np.ones(count, np.int64), **counts, "scene": self.group},
        )
        labels = {
            "path": self.paths,
            "class": np.array(CLASSES, dtype=object)[self.label],
            "crowd": np.zeros(count, np.bool_),
        }
        write_table(found.objects, labels)
        selected = np.isin(self.split, ["train", "val", "test"])
        write_table(
            found.manifest,
            {
                "path": self.paths,
                "image_id": ids,
                "assigned": self.split.astype(object),
                "selected": selected,
            },
        )
        return found
