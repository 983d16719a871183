"""The lines of YOLO's label files: `class` and numbers, in fractions of the image's size.

| task | a line |
|---|---|
| detect | `class cx cy w h`, or an outline, of which the bounding box is taken |
| segment | `class x1 y1 x2 y2 …`: an outline of three points or more |
| pose | `class cx cy w h`, then `x y` or `x y visibility` of each point |
| obb | `class x1 y1 x2 y2 x3 y3 x4 y4`: the four corners |
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import LabelledObject, LabelScheme, object_class_problem
from runner.domain.label_faults import Flaw, LabelFault
from runner.tasks import TASKS

_BOX_NUMBERS = 5  # class cx cy w h
_LEAST_OUTLINE_NUMBERS = 7
_CORNER_NUMBERS = 9
_VISIBLE = 2.0


class LineReader:
    """Turns the lines of label files into objects of the project's classes.

    Args:
        scheme: the project's task and classes.
        names: the classes in the order of the labels' ids.
    """

    def __init__(self, scheme: LabelScheme, names: Sequence[str]) -> None:
        self.scheme = scheme
        self.names = list(names)
        self.class_ids = class_ids(scheme.classes)

    def read(self, path: str, text: str) -> tuple[list[LabelledObject], list[LabelFault]]:
        """The objects of a file's text, and what is wrong with its other lines, as `path:line: what`."""
        objects: list[LabelledObject] = []
        faults: list[LabelFault] = []
        for number, line in enumerate(text.splitlines(), start=1):
            if not line.strip():
                continue
            place = f"{path}:{number}"
            result = self._line(place, line.split())
            if isinstance(result, LabelledObject):
                objects.append(result)
            else:
                faults.append(LabelFault.of(place, result))
        return objects, faults

    def _line(self, place: str, words: Sequence[str]) -> LabelledObject | Flaw | str:
        try:
            values = [float(word) for word in words]
        except ValueError:
            return f"not numbers: {_shortened(' '.join(words))}"
        if not all(map(math.isfinite, values)):
            return "a number is not finite"
        shape = self._shape(values)
        if not isinstance(shape, dict):
            return shape
        if values[0] != int(values[0]):
            return f"class id {words[0]} is not a whole number"
        class_id = int(values[0])
        name = self.names[class_id] if 0 <= class_id < len(self.names) else None
        number = None if name is None else self.class_ids.get(plain_name(name))
        if number is None:
            known = self.names if name is None else list(self.scheme.classes)
            return Flaw("unknown_class", object_class_problem(name, class_id, known))
        return LabelledObject(place, self.scheme.classes[number], number, normalised=True, **shape)

    def _shape(self, values: Sequence[float]) -> dict[str, Any] | Flaw | str:
        """The fields of the object that depend on the task; or why the line does not fit it."""
        count, numbers = len(values), tuple(values[1:])
        match TASKS[self.scheme.task].shape:
            case "keypoints":
                return self._pose(numbers)
            case "corners" if count != _CORNER_NUMBERS:
                return f"{count} numbers; task obb needs 9 (class x1 y1 x2 y2 x3 y3 x4 y4)"
            case "corners":
                return {"box_xyxy": _hull(numbers), "corners": numbers}
            case "mask_rle" if not _is_outline(count):
                return _no_outline(count)
            case "mask_rle":
                return {"box_xyxy": _hull(numbers), "polygons": (numbers,)}
        if count == _BOX_NUMBERS:
            return {"box_xyxy": _corners(numbers)}
        if not _is_outline(count):
            return f"{count} numbers; a box has 5 (class cx cy w h), a polygon an odd number from 7 on"
        return {"box_xyxy": _hull(numbers)}

    def _pose(self, numbers: tuple[float, ...]) -> dict[str, Any] | str:
        points, count = self.scheme.keypoints, len(numbers) + 1
        rest = numbers[4:]
        if len(rest) == 3 * points and points:
            wrong = sorted({value for value in rest[2::3] if value not in (0, 1, 2)})
            if wrong:
                return f"visibility {wrong[0]:g} is none of 0, 1, 2"
            return {"box_xyxy": _corners(numbers[:4]), "keypoints": rest}
        if len(rest) == 2 * points and points:
            pairs = zip(rest[::2], rest[1::2], strict=True)
            # Source: Ultralytics, which takes a point left of or above the image for not labelled
            triples = ((x, y, 0.0 if x < 0 or y < 0 else _VISIBLE) for x, y in pairs)
            return {
                "box_xyxy": _corners(numbers[:4]),
                "keypoints": tuple(value for triple in triples for value in triple),
            }
        return (
            f"{count} numbers; a box with {points} key points has {_BOX_NUMBERS + 2 * points} (class cx cy w h, "
            f"then x y of each) or {_BOX_NUMBERS + 3 * points} (x y visibility of each)"
        )


def _no_outline(count: int) -> Flaw:
    """Two points and a box are five numbers both."""
    found = "a box, or an outline of two points" if count == _BOX_NUMBERS else "no outline"
    return Flaw(
        "short_polygon" if count in (3, _BOX_NUMBERS) else "malformed",
        f"{count} numbers: {found}; task segment needs an odd number from 7 on (class x1 y1 x2 y2 …)",
    )


def _is_outline(count: int) -> bool:
    return count >= _LEAST_OUTLINE_NUMBERS and count % 2 == 1


def _corners(box: Sequence[float]) -> tuple[float, float, float, float]:
    x, y, width, height = box
    return (x - width / 2, y - height / 2, x + width / 2, y + height / 2)


def _hull(points: Sequence[float]) -> tuple[float, float, float, float]:
    return (min(points[::2]), min(points[1::2]), max(points[::2]), max(points[1::2]))


def _shortened(text: str) -> str:
    plain = "".join(character if character.isprintable() else "?" for character in text[:41])
    return plain if len(plain) <= 40 else f"{plain[:39]}…"
