"""The skeleton that a dataset's own files describe."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.domain.task import Keypoints
from runner.layouts.coco_files import coco_files, coco_keypoints
from runner.layouts.yolo_files import read_data_yaml


def find_keypoints(folder: Path) -> Keypoints | None:
    """From data.yaml (`kpt_shape`, `kpt_names`, `flip_idx`, as Ultralytics has them), else from COCO's categories.

    None where neither describes one.

    Raises:
        FlywheelError: data.yaml or an annotation file is not readable.
    """
    document = read_data_yaml(folder)
    match document.get("kpt_shape"):
        case [str(text), *_] if text.isascii() and text.isdecimal() and int(text) > 0:
            names = _names(document.get("kpt_names"), int(text))
            return Keypoints(names=names, flip=_flip(document.get("flip_idx"), names))
    for file in coco_files(folder, "pose"):
        if names := coco_keypoints(folder, file):
            return Keypoints(names=names, flip=mirrored(names))
    return None


def mirrored(names: Sequence[str]) -> list[int]:
    """For each point, which one it becomes in a mirror image, by `left` and `right` in the names.

    >>> mirrored(["nose", "left_eye", "right_eye", "left_ear"])
    [0, 2, 1, 3]
    """
    places = {name.lower(): place for place, name in enumerate(names)}
    others = [places.get(_other_side(name.lower()), place) for place, name in enumerate(names)]
    return [other if others[other] == place else place for place, other in enumerate(others)]


def _other_side(name: str) -> str:
    return "left".join(part.replace("left", "right") for part in name.split("right"))


def _names(given: Any, count: int) -> list[str]:
    """`kpt_names` is a list, or a mapping from class ids to lists."""
    names = next(iter(given.values()), None) if isinstance(given, dict) else given
    if isinstance(names, list) and len(names) == count == len(set(map(str, names))):
        return [str(name) for name in names]
    return [f"point_{number}" for number in range(count)]


def _flip(given: Any, names: Sequence[str]) -> list[int]:
    in_range = isinstance(given, list) and sorted(map(str, given)) == sorted(map(str, range(len(names))))
    return [int(place) for place in given] if in_range else mirrored(names)
