"""The rows of a Parquet manifest as images with their objects. See `manifest_schema` for the columns."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from runner.dataset.entries import EncodedMask, ImageEntry, LabelledObject, LabelScheme
from runner.domain.label_faults import Flaw, LabelFault
from runner.layouts.class_folders import WHOLE_IMAGE
from runner.layouts.coco_shapes import box_of_runs, decoded_runs
from runner.layouts.drawn_shapes import hull
from runner.layouts.manifest_schema import CLASSES, FLAGS, LABEL, OBJECT_LISTS
from runner.layouts.named_classes import NamedClasses
from runner.tasks import TASKS

_LEAST_OUTLINE_NUMBERS = 6
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")
Row = Mapping[str, Any]


class RowReader:
    """Turns rows into images.

    Args:
        scheme: the project's task and classes.
        file: the manifest, for places: `manifest.parquet:12` is row 12, `manifest.parquet:12#3` its third object.
    """

    def __init__(self, scheme: LabelScheme, file: str) -> None:
        self.scheme = scheme
        self.file = file
        self.names = NamedClasses(scheme.classes)

    def entry(self, row: Row, number: int, path: str) -> ImageEntry:
        """The image of a row, counted from 1."""
        place = f"{self.file}:{number}"
        ranked = TASKS[self.scheme.task].ranked
        results = self._objects(row, place) if ranked else self._label(row, place)
        labelled = row.get("labelled")
        if labelled is None:
            labelled = row.get(CLASSES if ranked else LABEL) is not None
        sha256 = row.get("sha256")
        if sha256 is not None and not _SHA256.fullmatch(str(sha256)):
            results.append(LabelFault.of(place, "sha256 is not 64 hexadecimal digits"))
            sha256 = None
        return ImageEntry(
            path=path,
            split=_text(row.get("split")),
            labelled=bool(labelled),
            objects=tuple(item for item in results if isinstance(item, LabelledObject)),
            label_problems=tuple(item for item in results if isinstance(item, LabelFault)),
            declared_size=_size(row),
            declared_sha256=None if sha256 is None else str(sha256).lower(),
        )

    def _label(self, row: Row, place: str) -> list[LabelledObject | LabelFault]:
        name = row.get(LABEL)
        if name is None:
            return []
        number = self.names.number(str(name))
        if isinstance(number, Flaw):
            return [LabelFault.of(place, number)]
        return [LabelledObject(place, self.scheme.classes[number], number, WHOLE_IMAGE, normalised=True)]

    def _objects(self, row: Row, place: str) -> list[LabelledObject | LabelFault]:
        classes = row.get(CLASSES)
        if classes is None:
            return []
        if isinstance(classes, str) or not isinstance(classes, Sequence):
            return [LabelFault.of(place, f"{CLASSES} is no list")]
        lists = {name: row[name] for name in OBJECT_LISTS if row.get(name) is not None}
        for name, values in lists.items():
            if not isinstance(values, Sequence) or len(values) != len(classes):
                found = f"{len(values)} entries" if isinstance(values, Sequence) else "no list"
                said = f"{name} has {found}, {CLASSES} {len(classes)}: none of its objects is read"
                return [LabelFault.of(place, said)]
        return [
            self._object({key: values[at] for key, values in lists.items()}, name, f"{place}#{at + 1}")
            for at, name in enumerate(classes)
        ]

    def _object(self, item: Row, name: Any, place: str) -> LabelledObject | LabelFault:
        number = self.names.number("" if name is None else str(name))
        if isinstance(number, Flaw):
            return LabelFault.of(place, number)
        shape = self._shape(item)
        if not isinstance(shape, dict):
            return LabelFault.of(place, shape)
        flags: dict[str, Any] = {flag: bool(item.get(flag)) for flag in FLAGS}
        return LabelledObject(place, self.scheme.classes[number], number, normalised=False, **flags, **shape)

    def _shape(self, item: Row) -> dict[str, Any] | Flaw | str:
        """The fields that depend on the task, or what is wrong with those columns."""
        try:
            match TASKS[self.scheme.task].shape:
                case "mask_rle":
                    return _first(item, polygons=_outlines, masks=_mask)
                case "corners":
                    return _first(item, corners=_corners)
                case "keypoints":
                    return self._pose(item)
            found = _first(item, boxes=_box, corners=_corners, polygons=_outlines, masks=_mask)
        except _Flawed as error:
            return error.flaw
        except ValueError as error:
            return str(error)
        return {"box_xyxy": found["box_xyxy"]}

    def _pose(self, item: Row) -> dict[str, Any]:
        keypoints = item.get("keypoints")
        if keypoints is None:
            raise ValueError("keypoints is null; task pose needs it")
        numbers = _numbers("keypoints", keypoints, 3 * self.scheme.keypoints)
        if wrong := sorted(set(numbers[2::3]) - {0.0, 1.0, 2.0}):
            raise ValueError(f"visibility {wrong[0]:g} of keypoints is none of 0, 1, 2")
        area = item.get("areas")
        return {
            **_first(item, boxes=_box),
            "keypoints": numbers,
            "area_px": None if area is None else float(area),
        }


class _Flawed(Exception):  # noqa: N818 - what the label is
    """A shape that is wrong in a way that has a name."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.message)
        self.flaw = flaw


def _first(item: Row, **readers: Callable[[Any], dict[str, Any]]) -> dict[str, Any]:
    """The shape in the first of several columns that is not null.

    Raises:
        ValueError: it is none, or all are null.
    """
    for name, read in readers.items():
        if item.get(name) is not None:
            return read(item[name])
    raise ValueError(
        f"{' and '.join(readers)} {'is' if len(readers) == 1 else 'are'} null: it has no shape for this task"
    )


def _box(value: Any) -> dict[str, Any]:
    return {"box_xyxy": _numbers("boxes", value, 4)}


def _corners(value: Any) -> dict[str, Any]:
    numbers = _numbers("corners", value, 8)
    return {"box_xyxy": hull(numbers), "corners": numbers}


def _outlines(value: Any) -> dict[str, Any]:
    if not isinstance(value, Sequence) or not value or any(not isinstance(part, Sequence) for part in value):
        raise ValueError("polygons is not a list of outlines [[x1, y1, …]]")
    polygons = tuple(_numbers("a polygon", part) for part in value)
    for polygon in polygons:
        said = f"a polygon has {len(polygon)} numbers, not an even number from 6 on"
        if len(polygon) % 2:
            raise ValueError(said)
        if len(polygon) < _LEAST_OUTLINE_NUMBERS:
            raise _Flawed(Flaw("short_polygon", said))
    return {"box_xyxy": hull([number for polygon in polygons for number in polygon]), "polygons": polygons}


class _RunLengths(msgspec.Struct, frozen=True):
    size: tuple[int, int]
    counts: str


def _mask(value: Any) -> dict[str, Any]:
    try:
        mask = msgspec.convert(value, _RunLengths)
    except msgspec.ValidationError as error:
        raise ValueError(f"masks is no mask {{size, counts}}: {error}") from error
    height, width = mask.size
    runs = decoded_runs(mask.counts)
    if runs is None or min(runs, default=-1) < 0 or sum(runs) != height * width:
        raise ValueError(f"masks: the run lengths do not add up to {height} × {width} pixels")
    box = box_of_runs(runs, height)
    if box is None:
        raise _Flawed(Flaw("zero_area", "masks: the mask covers no pixel"))
    return {"box_xyxy": box, "mask": EncodedMask(height, width, tuple(runs))}


def _numbers(name: str, value: Any, count: int | None = None) -> tuple[Any, ...]:
    try:
        numbers = tuple(float(number) for number in value)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} is not a list of numbers") from error
    if count is not None and len(numbers) != count:
        raise ValueError(f"{name} has {len(numbers)} numbers, not {count}")
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"a number of {name} is not finite")
    return numbers


def _text(value: Any) -> str | None:
    return None if value is None or str(value) == "" else str(value)


def _size(row: Row) -> tuple[int, int] | None:
    """(width, height); a column with nulls may hold floating-point numbers."""
    width, height = row.get("width"), row.get("height")
    if not all(isinstance(side, (int, float)) and 0 < side < 1e9 for side in (width, height)):
        return None
    return int(width), int(height)  # type: ignore[arg-type]  # numbers, just looked at
