"""The dataset as it lies in the working tree: where each image is, in which split, and what is labelled on it."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from runner.config.project import Project
from runner.dataset.entries import ImageEntry, LabelledObject
from runner.domain.records import POOL, SPLITS


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageNow:
    """One image.

    Attributes:
        path, image_id, group, width, height: as in the index.
        split: the layout's own.
        assigned: the project's split: train, val, test or pool; None where it is in none, or in two.
        labels: a digest of its labels; None where nobody labelled it.
    """

    path: str
    image_id: str
    split: str | None
    assigned: str | None
    group: str
    width: int
    height: int
    labels: str | None


@dataclass(frozen=True, kw_only=True)
class DataNow:
    """All images, by path and by content; `notes`: remarks on the data; `entries`: what the layout reads of each, by path."""

    images: dict[str, ImageNow]
    by_id: dict[str, list[ImageNow]]
    notes: list[str]
    entries: dict[str, ImageEntry] = field(default_factory=dict)

    def of(self, split: str) -> list[ImageNow]:
        """The images of one of the project's splits."""
        return [image for image in self.images.values() if image.assigned == split]

    def usual_split(self, split: str) -> str | None:
        """How the layout calls what most images of one of the project's splits are in; None where there are none."""
        names = Counter(image.split for image in self.of(split) if image.split)
        return min(names, key=lambda name: (-names[name], name)) if names else None

    def find(self, image_id: str, *paths: str) -> ImageNow | None:
        """The image of a content, wherever it lies; of several the one at the first of `paths`, else the first."""
        found = {image.path: image for image in self.by_id.get(image_id, ())}
        return next((found[path] for path in paths if path in found), None) or next(
            (found[path] for path in sorted(found)), None
        )

    def straddled(self, group: str, split: str) -> set[str]:
        """In which other splits than the given one a group has images."""
        return {
            image.assigned
            for image in self.images.values()
            if image.group == group and image.assigned in SPLITS and image.assigned != split
        }


def data_now(root: Path, project: Project) -> DataNow:
    """Looks at every file that is new or was changed.

    Raises:
        FlywheelError: the dataset is not here or cannot be read, or a condition is refused.
    """
    from runner.adapters.tables.duckdb import load
    from runner.planning.project_index import project_index
    from runner.stages import index

    found = project_index(root, project)
    written = {name: getattr(project.splits, name) for name in (*SPLITS, POOL)}
    conditions = {name: condition for name, condition in written.items() if condition is not None}
    columns, satisfied = load(
        found.images, ("path", "image_id", "split", "group", "width", "height"), list(conditions.values())
    )
    table = {name: values.tolist() for name, values in columns.items()}
    masks = dict(zip(conditions, satisfied, strict=True))
    params = index.resolve(project)
    content = index.read_dataset(root / project.dataset.path, params)
    labels = {
        entry.path: labels_digest(entry.objects)
        for entry in content.entries
        if entry.labelled or entry.label_problems
    }
    images = {}
    for row, path in enumerate(table["path"]):
        assigned = [name for name, mask in masks.items() if mask[row]]
        images[path] = ImageNow(
            path=path,
            image_id=table["image_id"][row],
            split=table["split"][row],
            assigned=assigned[0] if len(assigned) == 1 else None,
            group=str(table["group"][row]),
            width=_pixels(table["width"][row]),
            height=_pixels(table["height"][row]),
            labels=labels.get(path),
        )
    by_id: dict[str, list[ImageNow]] = {}
    for image in images.values():
        by_id.setdefault(image.image_id, []).append(image)
    entries = {entry.path: entry for entry in content.entries}
    return DataNow(images=images, by_id=by_id, notes=found.notes, entries=entries)


def _pixels(value: float | None) -> int:
    """0 of a file that is no image."""
    return 0 if value is None or math.isnan(value) else int(value)


def labels_digest(objects: Sequence[LabelledObject]) -> str:
    """What identifies an image's labels, in whatever order and place they are written: twelve hexadecimal digits."""
    from runner.dataset.object_ids import object_ids

    names = sorted(name.rpartition("#")[2] for name in object_ids("", objects))
    return hashlib.sha256("\n".join(names).encode()).hexdigest()[:12]
