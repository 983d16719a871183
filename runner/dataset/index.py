"""The image index: one row per image and one per object, from labels, pixels and metadata."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from runner.adapters.pictures.measured_images import ImageMeasurement
from runner.dataset.columns import (
    IMAGE_COLUMNS,
    OBJECT_COLUMNS,
    PLACE,
    Column,
    check_class_columns,
    count_column,
)
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme
from runner.dataset.object_ids import object_ids
from runner.dataset.shapes import mask_problem, shape_columns
from runner.domain.errors import FlywheelError
from runner.domain.label_faults import LabelFault, Locate, as_they_are
from runner.domain.nearest import suggestion
from runner.domain.task import BOX, TaskName
from runner.tasks import TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Table: TypeAlias = dict[str, Any]  # columns by name, as `write_table` takes them
BORDER_PX = 1.0  # a box this near to the border touches it; one this far outside is wrong
MIN_SIDE_PX = 0.5  # a box that rounds to nothing
SHOWN_PROBLEMS = 5


class _IndexedObject(NamedTuple):
    object_id: str
    label: LabelledObject
    entry: ImageEntry
    image: ImageMeasurement


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexTables:
    """The columns of images.parquet and objects.parquet."""

    images: Table
    objects: Table


def build_index(
    entries: Sequence[ImageEntry],
    measurements: Sequence[ImageMeasurement],
    scheme: LabelScheme,
    metadata: Mapping[str, Sequence[Any]],
    group_by: str | None,
    locate: Locate = as_they_are,
) -> IndexTables:
    """Builds both tables, in the order of the entries.

    An unreadable image has no objects: their size in pixels is not known. A mask of another size than its image is
    a problem of the label, and no object.

    Args:
        entries: one per image.
        measurements: one per entry.
        scheme: the project's task and classes.
        metadata: further columns, one value per entry.
        group_by: the metadata column that groups images; images without a value are a group of their own.
        locate: tells where labels are that something is wrong with.

    Raises:
        FlywheelError: `group_by` is not a metadata column, or a class has a reserved name.
    """
    if group_by is not None and group_by not in metadata:
        near = suggestion(group_by, metadata, plural="metadata columns")
        raise FlywheelError(
            f'dataset.group_by: there is no metadata column "{group_by}"{near}',
            hint="correct it in flywheel.yaml; dataset.metadata names the CSV that holds it",
        )
    check_class_columns(scheme.classes)
    pairs = list(zip(entries, measurements, strict=True))
    objects = [
        _IndexedObject(object_id=name, label=item, entry=entry, image=measured)
        for entry, measured in pairs
        if measured.problem is None
        for name, item in zip(object_ids(entry.path, entry.objects), entry.objects, strict=True)
        if _mask_fits(item, measured)
    ]
    keys = metadata[group_by] if group_by else [None] * len(entries)
    groups = [entry.path if key is None else str(key) for entry, key in zip(entries, keys, strict=True)]
    counted = Counter((item.entry.path, item.label.class_name) for item in objects)
    images = {**_image_table(pairs, groups, counted, scheme.classes, locate), **metadata}
    objects_table = _object_table(objects, scheme.task)
    wrong = [at for at, problem in enumerate(objects_table["problem"]) if problem]
    places = locate(objects_table[PLACE][at] for at in wrong)
    objects_table[PLACE] = [places.get(place, place) for place in objects_table[PLACE]]
    return IndexTables(images=images, objects=objects_table)


def group_fraction(group: str) -> float:
    """A number in [0, 1) that depends on the group's name only: a stable random draw for splits by condition.

    >>> round(group_fraction("scene-1"), 6)
    0.656927
    """
    digest = hashlib.sha256(group.encode()).digest()
    return float((int.from_bytes(digest[:8], "big") >> 11) / (1 << 53))


def _image_table(
    pairs: Sequence[tuple[ImageEntry, ImageMeasurement]],
    groups: Sequence[str],
    counted: Mapping[tuple[str, str], int],
    classes: Sequence[str],
    locate: Locate,
) -> Table:
    """Every column of the catalogue, and the number of each class's objects: `counted` by image and class."""
    unfit = {at: found for at, pair in enumerate(pairs) if (found := _unfit(*pair))}
    places = locate(fault.place for faults in unfit.values() for fault in faults)
    measurements = [measured for _, measured in pairs]
    per_class = {name: [counted.get((entry.path, name), 0) for entry, _ in pairs] for name in classes}
    values = {
        "path": [entry.path for entry, _ in pairs],
        "image_id": [measured.image_id for measured in measurements],
        "split": [entry.split for entry, _ in pairs],
        "bytes": [measured.size_bytes for measured in measurements],
        "readable": [measured.problem is None for measured in measurements],
        "problem": [measured.problem for measured in measurements],
        "width": [measured.width for measured in measurements],
        "height": [measured.height for measured in measurements],
        "brightness": [measured.brightness for measured in measurements],
        "contrast": [measured.contrast for measured in measurements],
        "sharpness": [measured.sharpness for measured in measurements],
        "phash": [measured.phash for measured in measurements],
        "group": list(groups),
        "group_fraction": [group_fraction(group) for group in groups],
        "labelled": [entry.labelled for entry, _ in pairs],
        "label_problem": [
            _label_problem(entry, measured, [fault.at(places) for fault in unfit.get(at, ())])
            for at, (entry, measured) in enumerate(pairs)
        ],
        "n_objects": [sum(numbers[at] for numbers in per_class.values()) for at in range(len(pairs))],
    }
    counts = {count_column(name): _array(numbers, "int64") for name, numbers in per_class.items()}
    return {**_in_order(IMAGE_COLUMNS, values), **counts}


def _in_order(columns: Mapping[str, Column], values: Mapping[str, Any]) -> Table:
    """The catalogue's columns; as arrays, where no cell is empty."""
    return {
        name: values[name] if column.dtype is None else _array(values[name], column.dtype)
        for name, column in columns.items()
    }


def _array(values: Any, dtype: str) -> NDArray[Any]:
    import numpy as np

    return np.array(values, dtype=dtype)


def _object_table(objects: Sequence[_IndexedObject], task: TaskName) -> Table:
    import numpy as np

    labels = [item.label for item in objects]
    boxes = np.array([label.box_xyxy for label in labels], dtype=np.float64).reshape(-1, 4)
    sizes = np.array([(item.image.width, item.image.height) for item in objects], dtype=np.float64)
    sizes = sizes.reshape(-1, 2)
    normalised = np.array([label.normalised for label in labels], dtype=np.bool_)
    boxes = np.where(normalised[:, None], boxes * np.tile(sizes, 2), boxes)  # (N, 4), pixels
    sides = boxes[:, 2:] - boxes[:, :2]
    degenerate: NDArray[np.bool_] = np.min(sides, axis=1, initial=np.inf) < MIN_SIDE_PX
    inside = np.concatenate(
        [boxes[:, :2], sizes - boxes[:, 2:]], axis=1
    )  # (N, 4): room left, top, right, bottom
    with np.errstate(divide="ignore", invalid="ignore"):
        ratios = sides[:, 0] / sides[:, 1]
    shapes = shape_columns(
        task, labels, [(item.image.height or 0, item.image.width or 0) for item in objects]
    )
    values = {
        "object_id": [item.object_id for item in objects],
        "image_id": [item.image.image_id for item in objects],
        "path": [item.entry.path for item in objects],
        "split": [item.entry.split for item in objects],
        "class": [label.class_name for label in labels],
        "class_id": [label.class_id for label in labels],
        **dict(zip(BOX, boxes.T, strict=True)),
        "area_px": _areas(sides, shapes.pop("area_px", None)),
        "aspect_ratio": [
            None if bad else float(ratio) for bad, ratio in zip(degenerate, ratios, strict=True)
        ],
        "width_px": sides[:, 0],
        "height_px": sides[:, 1],
        "truncated": (inside <= BORDER_PX).any(axis=1),
        "crowd": [label.crowd for label in labels],
        "problem": _box_problems(degenerate, sides, inside, task),
    }
    return {**_in_order(OBJECT_COLUMNS, values), **shapes, PLACE: [label.place for label in labels]}


def _areas(sides: NDArray[np.float64], given: Sequence[float | None] | None) -> NDArray[np.float64]:
    """Of each object `(N,)`: what its label or its shape says, else the box's, of sides `(N, 2)`."""
    import numpy as np

    boxes: NDArray[np.float64] = sides[:, 0] * sides[:, 1]
    if given is None:
        return boxes
    stated = np.array([np.nan if area is None else area for area in given], dtype=np.float64)
    return np.where(np.isnan(stated), boxes, stated)


def _mask_fits(item: LabelledObject, measured: ImageMeasurement) -> bool:
    return mask_problem(item, (measured.height or 0, measured.width or 0)) is None


def _box_problems(
    degenerate: NDArray[np.bool_], sides: NDArray[np.float64], inside: NDArray[np.float64], task: TaskName
) -> list[str | None]:
    """Of N boxes with sides `(N, 2)` and room to the image's borders `(N, 4)`."""
    import numpy as np

    of_centre = TASKS[task].may_reach_out
    room = (inside + np.tile(sides / 2, 2) if of_centre else inside).min(axis=1, initial=np.inf)
    problems: list[str | None] = []
    for bad, (width, height), outside in zip(degenerate, sides, -room, strict=True):
        if bad:
            problems.append(f"degenerate: {width:.1f} × {height:.1f} px")
        elif outside > BORDER_PX:
            what = "has its centre" if of_centre else "reaches"
            problems.append(f"{what} {outside:.1f} px out of the image")
        else:
            problems.append(None)
    return problems


def _unfit(entry: ImageEntry, measured: ImageMeasurement) -> list[LabelFault]:
    """The labels of an image that cannot be laid over it."""
    if measured.problem is not None:
        return []
    size_hw = (measured.height or 0, measured.width or 0)
    return [wrong for item in entry.objects if (wrong := mask_problem(item, size_hw))]


def _label_problem(entry: ImageEntry, measured: ImageMeasurement, unfit: Sequence[LabelFault]) -> str | None:
    problems: list[str] = [*entry.label_problems, *unfit]
    size = (measured.width, measured.height)
    if entry.declared_size is not None and measured.problem is None and entry.declared_size != size:
        stated = "×".join(map(str, entry.declared_size))
        problems.append(f"{entry.path}: the annotations state {stated} px, the file has {size[0]}×{size[1]}")
    if (
        entry.declared_sha256
        and measured.size_bytes
        and not entry.declared_sha256.startswith(measured.image_id)
    ):
        problems.append(f"{entry.path}: the file is another than the one that the annotations state (sha256)")
    more = len(problems) - SHOWN_PROBLEMS
    if more > 0:
        problems[SHOWN_PROBLEMS:] = [f"and {more} more"]
    return "; ".join(problems) or None
