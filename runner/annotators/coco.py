"""Files in COCO's format, for tools that read and write it: CVAT, Label Studio, VIA, LabelMe, …"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from runner.annotators.annotator import Pulled, Round, WorkFolder
from runner.domain.options import Options
from runner.domain.task import TaskName


class CocoFiles(Options, frozen=True, kw_only=True, tag_field="format", tag="coco"):
    """A folder of images with a JSON file of COCO."""

    folder: WorkFolder = None

    name: ClassVar[str] = "coco"
    tasks: ClassVar[tuple[TaskName, ...]] = ("detect", "segment", "pose", "obb")

    def push(self, round_: Round) -> Sequence[str]:
        """Writes the packages."""
        from runner.annotators.package import write_packages

        return write_packages(round_, self.name)

    def pull(self, round_: Round) -> Pulled:
        """Reads the JSON files below `answers/`."""
        from runner.annotators.returned import read_folders
        from runner.layouts import LAYOUTS

        return read_folders(round_, self.name, LAYOUTS[self.name], _without_copies)


def _without_copies(folder: Path, round_: Round) -> None:
    """Where a tool lists an image twice, with the same annotations under other ids, the second is taken out."""
    for path in sorted(folder.rglob("*.json")):
        try:
            document = json.loads(path.read_bytes())
            changed = _one_of_each(document)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            continue  # the layout says what is wrong with it
        if changed is not None:
            path.write_text(json.dumps(changed), encoding="utf-8")


def _one_of_each(document: dict[str, Any]) -> dict[str, Any] | None:
    """The document without copies; None where it has none."""
    said: dict[Any, list[str]] = {}
    for one in document["annotations"]:
        plain = {name: value for name, value in one.items() if name not in ("id", "image_id")}
        said.setdefault(one["image_id"], []).append(json.dumps(plain, sort_keys=True))
    kept: dict[tuple[str, ...], Any] = {}
    for image in document["images"]:
        kept.setdefault((image["file_name"], *sorted(said.get(image["id"], ()))), image["id"])
    numbers = set(kept.values())
    if len(numbers) == len(document["images"]):
        return None
    return {
        **document,
        "images": [image for image in document["images"] if image["id"] in numbers],
        "annotations": [one for one in document["annotations"] if one["image_id"] in numbers],
    }
