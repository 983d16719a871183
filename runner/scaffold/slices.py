"""Which slices a new project starts with: those that the data itself suggests."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.adapters.pictures.measured_images import ImageMeasurement, measure_images
from runner.dataset.entries import ImageEntry
from runner.scaffold.scalars import scalar
from runner.scaffold.survey import Survey
from runner.tasks import TASKS

SAMPLED_IMAGES = 200
DARK = 0.25
# COCO's border between small and medium objects.
# Source: pycocotools/cocoeval.py, Params.areaRng
SMALL_AREA_PX = 32**2
# A slice of less tells little; one of nearly everything tells what the whole does.
SMALLEST_SHARE, LARGEST_SHARE = 0.02, 0.95
MAX_VALUES = 12
MAX_COLUMNS = 4
LONG_SIDES_PX = (160, 640)
# What classifiers are mostly trained at, and half of that.
CLASSIFIED_SIDES_PX = (96, 224)


@dataclass(frozen=True, kw_only=True)
class Suggestions:
    """What a look at some of the images suggests.

    Attributes:
        slices: as they are written in flywheel.yaml.
        names: of those that are no `by`, for gates.
        imgsz: the training size that fits the images, at most 640 (224 for classification).
    """

    slices: list[str]
    names: list[str]
    imgsz: int


def suggest_slices(folder: Path, survey: Survey, group_by: str | None) -> Suggestions:
    """Looks at up to 200 labelled images (of all, where none is) and at the metadata."""
    labelled = [entry for entry in survey.entries if entry.labelled] or survey.entries
    classified = not TASKS[survey.task].ranked
    sample = labelled[:: -(-len(labelled) // SAMPLED_IMAGES)] if labelled else []
    measured = measure_images([folder / entry.path for entry in sample])
    pairs = [(entry, found) for entry, found in zip(sample, measured, strict=True) if found.problem is None]
    named = {}
    if _worth_a_slice([(found.brightness or 0) < DARK for _, found in pairs]):
        named["dark"] = f"where: brightness < {DARK}"
    if not classified and _worth_a_slice(
        [area < SMALL_AREA_PX for entry, found in pairs for area in _areas(entry, found)]
    ):
        named["small"] = f"objects: area_px < {SMALL_AREA_PX}"
    columns = [name for name, values in survey.metadata.items() if name != group_by and _few_values(values)]
    return Suggestions(
        slices=[f"{{name: {name}, {rule}}}" for name, rule in named.items()]
        + [f"{{by: {scalar(column)}}}" for column in columns[:MAX_COLUMNS]],
        names=list(named),
        imgsz=_training_size(
            [max(found.width or 0, found.height or 0) for _, found in pairs],
            CLASSIFIED_SIDES_PX if classified else LONG_SIDES_PX,
        ),
    )


def _worth_a_slice(members: Sequence[bool]) -> bool:
    return bool(members) and SMALLEST_SHARE <= sum(members) / len(members) <= LARGEST_SHARE


def _areas(entry: ImageEntry, measured: ImageMeasurement) -> list[float]:
    areas = []
    for item in entry.objects:
        x_min, y_min, x_max, y_max = item.box_xyxy
        scale = (measured.width or 0) * (measured.height or 0) if item.normalised else 1
        areas.append((x_max - x_min) * (y_max - y_min) * scale)
    return areas


def _few_values(values: Sequence[Any]) -> bool:
    counts = Counter(value for value in values if value is not None)
    kinds_fit = all(isinstance(value, (str, bool, int)) for value in counts)
    return kinds_fit and 2 <= len(counts) <= MAX_VALUES and counts.total() > 3 * len(counts)


def _training_size(long_sides_px: Sequence[int], limits: tuple[int, int]) -> int:
    smallest, largest = limits
    if not long_sides_px:
        return largest
    median = sorted(long_sides_px)[len(long_sides_px) // 2]
    return min(largest, max(smallest, -(-median // 32) * 32))
