"""From what a spec says of slices to masks over images, objects and detections."""

from __future__ import annotations

import hashlib
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.duckdb import condition_mask
from runner.adapters.tables.parquet import ColumnLike, write_table
from runner.assessment.split import TestSplit
from runner.config.sprint import MIN_IMAGES, MOST_FOUND, MOST_VALUES, SliceSpec
from runner.domain.evaluation import FoundSlice
from runner.domain.task import BOX
from runner.evaluation.errors import ImageOutcomes
from runner.evaluation.masks import run_lengths
from runner.evaluation.regions import regions_of
from runner.evaluation.slices import ImageSlice, ObjectSlice, value_slices, value_text
from runner.evaluation.weakest import Losses, WeakRegion, weakest_regions
from runner.tasks.task import Table

# What is known of a detection as it is of a label: a condition on these says which detections lie inside.
_DETECTION_COLUMNS = frozenset(
    (*BOX, "path", "class", "class_id", "width_px", "height_px", "area_px", "aspect_ratio")
)
# Names of images or of their content, and what is wrong with a file or its labels.
_NO_PROPERTIES = frozenset(
    (
        *("path", "image_id", "split", "bytes", "readable", "problem", "phash"),
        *("group", "group_fraction", "labelled", "label_problem"),
    )
)


@dataclass(frozen=True, kw_only=True)
class FoundSlices:
    """Weak regions as slices, and how many regions were looked at (None: nobody asked for a search)."""

    slices: list[tuple[ImageSlice, FoundSlice]]
    searched: int | None


def resolve_slices(
    specs: Sequence[SliceSpec], split: TestSplit, predictions: Table
) -> list[ImageSlice | ObjectSlice]:
    """The slices that somebody named, in the order of the specs; those of `auto` are found by `find_weakest`.

    Args:
        specs: the project's and the sprint's.
        split: the test images.
        predictions: one artefact's, which conditions over objects are applied to as well.

    Raises:
        FlywheelError: a condition is refused.
    """
    return [part for spec in specs for part in _resolve(spec, split, predictions)]


def slice_members(specs: Sequence[SliceSpec], split: TestSplit) -> dict[str, str]:
    """By the name of each named slice, a digest of which of the split's images, or of its objects, belong to it.

    It tells members apart on the same test split only.
    """
    masks = {part.name: part.images for spec in specs for part in _image_slices(spec, split)}
    for spec in specs:
        if spec.objects is not None:
            masks[spec.name or spec.objects] = split.objects_where(spec.objects)
    return {
        name: hashlib.sha256(np.packbits(mask).tobytes()).hexdigest()[:32] for name, mask in masks.items()
    }


def find_weakest(
    split: TestSplit, outcomes: ImageOutcomes, groups: NDArray[np.int64], specs: Sequence[SliceSpec]
) -> FoundSlices:
    """The weakest regions of metadata and image properties, the clearest first; none where the model has none.

    Args:
        split: the test images, with every column of the index.
        outcomes: of the judged artefact.
        groups: `(I,)` int, images of one group are not independent.
        specs: all of them: those of `auto` say how many are wanted, and what the others name is not found again.
    """
    wanted = [spec for spec in specs if spec.auto is not None]
    if not wanted:
        return FoundSlices(slices=[], searched=None)
    named = [part.images for spec in specs for part in _image_slices(spec, split)]
    losses = Losses(
        wrong=outcomes.wrong,
        weight=outcomes.weight,
        objects=outcomes.objects.astype(np.float64),
        groups=groups,
    )
    min_images = min(spec.min_images or MIN_IMAGES for spec in wanted)
    regions = regions_of(_properties(split), min_images=min_images)
    search = weakest_regions(
        regions,
        losses,
        min_images=min_images,
        most=max(spec.max or MOST_FOUND for spec in wanted),
        named=named,
    )
    return FoundSlices(
        slices=[(regions.slice_of(weak.number), _found(weak, search.searched)) for weak in search.found],
        searched=search.searched,
    )


def _found(weak: WeakRegion, searched: int) -> FoundSlice:
    return FoundSlice(p_value=weak.p_value, searched=searched, loss=weak.loss, loss_elsewhere=weak.elsewhere)


def _properties(split: TestSplit) -> dict[str, NDArray[Any]]:
    """Columns that describe images. Counts of single classes do not: classes have cells of their own."""
    counts = {f"n_{name}" for name in np.unique(split.objects["class"].astype(str)).tolist()}
    return {
        name: values
        for name, values in split.images.items()
        if name not in _NO_PROPERTIES and name not in counts
    }


def _resolve(spec: SliceSpec, split: TestSplit, predictions: Table) -> Iterator[ImageSlice | ObjectSlice]:
    yield from _image_slices(spec, split)
    if spec.objects is not None:
        yield ObjectSlice(
            name=spec.name or spec.objects,
            condition=spec.objects,
            objects=split.objects_where(spec.objects),
            detections=_detections_inside(spec.objects, split, predictions),
        )


def _image_slices(spec: SliceSpec, split: TestSplit) -> Iterator[ImageSlice]:
    if spec.where is not None:
        inside = split.images_where(spec.where)
        yield ImageSlice(name=spec.name or spec.where, condition=spec.where, images=inside)
    match spec.columns:
        case []:
            pass
        case [column]:
            yield from value_slices(column, split.column(column), maximum=spec.max or MOST_VALUES)
        case columns:
            values = {column: split.column(column) for column in columns}
            yield from crossed_slices(values, maximum=spec.max or MOST_VALUES)


def crossed_slices(columns: Mapping[str, NDArray[Any]], *, maximum: int) -> list[ImageSlice]:
    """One slice per combination of values that occurs, the most frequent first, at most `maximum` of them.

    Args:
        columns: `(I,)` values of each; None and NaN are a value of their own.
        maximum: how many combinations; equally frequent ones in the order of their texts.

    Example:
        >>> columns = {"camera": np.array(["a", "a", "b"]), "dark": np.array([True, True, False])}
        >>> [(part.name, part.condition) for part in crossed_slices(columns, maximum=1)]
        [('camera=a, dark=true', '"camera" = \\'a\\' AND "dark" = true')]
    """
    condition_of = {
        column: {part.name: part.condition for part in value_slices(column, values, maximum=len(values))}
        for column, values in columns.items()
    }
    texts = [
        [f"{column}={value_text(value)}" for value in values.tolist()] for column, values in columns.items()
    ]
    combined = list(zip(*texts, strict=True))
    frequent = sorted(Counter(combined).items(), key=lambda item: (-item[1], item[0]))[:maximum]
    number = {names: at for at, (names, _) in enumerate(frequent)}
    of_image = np.array([number.get(names, -1) for names in combined])
    return [
        ImageSlice(
            name=", ".join(names),
            condition=" AND ".join(
                condition_of[column][name] for column, name in zip(columns, names, strict=True)
            ),
            images=of_image == at,
        )
        for names, at in number.items()
    ]


def _detections_inside(condition: str, split: TestSplit, predictions: Table) -> NDArray[np.bool_] | None:
    """Which detections satisfy a condition over objects; None when it asks for more than they have."""
    asked = {column.lower() for column in analyse(condition).columns}
    if not asked <= _DETECTION_COLUMNS:
        return None
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "detections.parquet"
        # class_id gives a condition without columns its rows
        write_table(file, {n: _detection_column(n, split, predictions) for n in sorted(asked | {"class_id"})})
        return condition_mask(file, condition)


def _detection_column(name: str, split: TestSplit, predictions: Table) -> ColumnLike:
    """A column that the object table has for labels, by the same formula for detections."""
    if name in ("path", "class", "class_id"):
        return predictions[name]
    corners = {corner: predictions[corner].astype(np.float64) for corner in BOX}
    width, height = corners["x_max"] - corners["x_min"], corners["y_max"] - corners["y_min"]
    match name:
        case "width_px":
            return width
        case "height_px":
            return height
        case "area_px":
            return _area_px(split, predictions, width * height)
        case "aspect_ratio":
            return [w / h if h > 0 else None for w, h in zip(width.tolist(), height.tolist(), strict=True)]
        case _:
            return corners[name]


def _area_px(split: TestSplit, predictions: Table, of_box: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(M,)` of the mask, of the rotated box, or of the box, as labels have it."""
    if "mask_rle" in predictions:
        row = {path: number for number, path in enumerate(split.images["path"].tolist())}
        rows = [row.get(path, -1) for path in predictions["path"].tolist()]
        sizes = np.stack([split.images["height"], split.images["width"]], axis=1).astype(np.int64)[rows]
        return run_lengths(predictions["mask_rle"].tolist(), sizes).area_px.astype(np.float64)
    if "corners" in predictions:
        x, y = np.array(predictions["corners"].tolist(), dtype=float).reshape(-1, 4, 2).transpose(2, 0, 1)
        twice = (x * np.roll(y, -1, axis=1) - np.roll(x, -1, axis=1) * y).sum(axis=1)  # the shoelace formula
        return np.asarray(np.abs(twice) / 2)
    return of_box
