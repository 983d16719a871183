"""Tracks of CVAT's video tasks: the shapes of each frame, written or between two that are.

CVAT's own export writes a track's shape for every frame (those between keyframes have `keyframe="0"`): it is read as it is
written. A track of keyframes only is interpolated between them, and its last one holds until the task ends, as CVAT takes it.
A shape with `outside="1"` ends what came before it.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from runner.adapters.system.xml_text import XmlElement
from runner.layouts.cvat_document import CvatTask
from runner.layouts.cvat_shapes import SHAPES, is_outside

_FRAME = re.compile(r"frame_(\d{1,9})")  # as CVAT calls the frames that it exports: frame_000012.PNG
_SIDES = ("xtl", "ytl", "xbr", "ybr")
_ANY_TASK = CvatTask(number="", subset=None, frames=0, start=0, stop=None, step=1, is_video=True, size=None)


@dataclass(frozen=True, kw_only=True)
class Frame:
    """A frame whose image is there. `task` and `subset` are empty where a file is about one task only."""

    number: int
    path: str
    task: str
    subset: str | None
    size: tuple[int, int] | None

    def belongs_to(self, track: XmlElement) -> bool:
        """Whether a track is of this frame's task."""
        task = track.attributes.get("task_id")
        return task is None or not self.task or task == self.task


def frames_of(file: str, tasks: Sequence[CvatTask], images: Collection[str]) -> tuple[list[Frame], list[str]]:
    """The frames of a file's tasks whose images are there, in order, and what is said of the others.

    Args:
        file: the XML file, relative to the dataset.
        tasks: what it says of them.
        images: all of the dataset.
    """
    frames: list[Frame] = []
    notes: list[str] = []
    for task in tasks or (_ANY_TASK,):
        paths = _paths(file, task, images)
        by_number = _by_number(paths)
        if not by_number and paths and len(paths) == task.frames:
            by_number = {task.start + at * task.step: path for at, path in enumerate(paths)}
            notes.append(
                f"{file}: no image is called frame_000000 and so on: the {len(paths)} images in "
                f"{PurePosixPath(paths[0]).parent}/ are taken for its frames, in the order of their names"
            )
        inside = {
            number: path
            for number, path in by_number.items()
            if number >= task.start and (task.stop is None or number <= task.stop)
        }
        if len(inside) < task.frames:
            notes.append(f"{file}: {task.frames - len(inside)} of its {task.frames} frames have no image")
        frames += [
            Frame(number=number, path=path, task=task.number, subset=task.subset, size=task.size)
            for number, path in sorted(inside.items())
        ]
    return frames, notes


def _paths(file: str, task: CvatTask, images: Collection[str]) -> list[str]:
    """The images where an export has a task's frames, sorted: those of the first such folder that has any."""
    beside = PurePosixPath(file).parent
    folders = [beside / "images" / task.subset] if task.subset else []
    for place in (*folders, beside / "images" / "default", beside / "images", beside):
        found = sorted(path for path in images if PurePosixPath(path).parent == place)
        if found:
            return found
    return []


def _by_number(paths: Sequence[str]) -> dict[int, str]:
    found = ((_FRAME.fullmatch(PurePosixPath(path).stem), path) for path in paths)
    return {int(match.group(1)): path for match, path in found if match}


def shapes_of(track: XmlElement, frames: Sequence[Frame]) -> Iterator[tuple[Frame, XmlElement]]:
    """The frames that a track's object is in, each with its shape there.

    Args:
        track: its shapes in any order; the last counts where a frame has two.
        frames: of its task.
    """
    listed = _listed(track)
    numbers = sorted(listed)
    complete = any(item.attributes.get("keyframe") == "0" for item in listed.values())
    for frame in frames:
        at = bisect_right(numbers, frame.number)
        if not at:
            continue
        before = listed[numbers[at - 1]]
        written = numbers[at - 1] == frame.number
        if is_outside(before) or (complete and not written):
            continue
        if written or at == len(numbers):
            yield frame, before
        else:
            share = (frame.number - numbers[at - 1]) / (numbers[at] - numbers[at - 1])
            yield frame, between(before, listed[numbers[at]], share)


def _listed(track: XmlElement) -> Mapping[int, XmlElement]:
    shapes = [(item.attributes.get("frame", ""), item) for item in track.every(*SHAPES)]
    return {int(number): item for number, item in shapes if number.isascii() and number.isdecimal()}


def between(first: XmlElement, second: XmlElement, share: float) -> XmlElement:
    """The shape between two keyframes, `share` of the way on; `first` where the two cannot be brought together.

    Boxes, outlines of as many points, and skeletons move in straight lines, and boxes turn by the shorter way. Masks stay
    as they are until the next one.
    """
    if first.tag != second.tag or is_outside(second):
        return first
    try:
        match first.tag:
            case "box":
                return _changed(first, _box_between(first.attributes, second.attributes, share))
            case "polygon" | "points":
                return _changed(first, _points_between(first.attributes, second.attributes, share))
            case "skeleton":
                others = {item.attributes.get("label"): item for item in second.children}
                children = [
                    between(item, others.get(item.attributes.get("label"), item), share)
                    for item in first.children
                ]
                return XmlElement(first.tag, first.attributes, first.line, first.text, children)
    except (KeyError, ValueError):
        pass  # what is wrong with the first is said where it is read
    return first


def _changed(element: XmlElement, changes: Mapping[str, str]) -> XmlElement:
    attributes = {**element.attributes, **changes}
    return XmlElement(element.tag, attributes, element.line, element.text, element.children)


def _box_between(first: Mapping[str, str], second: Mapping[str, str], share: float) -> dict[str, str]:
    sides = {
        side: repr(float(first[side]) + share * (float(second[side]) - float(first[side]))) for side in _SIDES
    }
    start, end = float(first.get("rotation", 0)), float(second.get("rotation", 0))
    turn = (end - start + 180) % 360 - 180
    return {**sides, "rotation": repr((start + share * turn) % 360)} if start or end else sides


def _points_between(first: Mapping[str, str], second: Mapping[str, str], share: float) -> dict[str, str]:
    ours, theirs = (
        [tuple(map(float, pair.split(","))) for pair in shape["points"].split(";")]
        for shape in (first, second)
    )
    if len(ours) != len(theirs):
        return {}
    moved = [
        (x + share * (other_x - x), y + share * (other_y - y))
        for (x, y), (other_x, other_y) in zip(ours, theirs, strict=True)
    ]
    return {"points": ";".join(f"{x!r},{y!r}" for x, y in moved)}
