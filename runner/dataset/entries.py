"""What a layout reads from a dataset's files: images with their labels, before any pixel is read."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from runner.adapters.pictures.foreign_files import FOREIGN_SUFFIXES
from runner.adapters.pictures.image_files import SUFFIXES
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.label_faults import LabelFault
from runner.domain.task import TaskName

UNSAFE = re.compile(r"[\x00-\x1f\x7f\ud800-\udfff]")  # control characters, and bytes that are not UTF-8


@dataclass(frozen=True, kw_only=True)
class LabelScheme:
    """What labels have to say: the project's task, its classes, and how many points its skeleton has.

    `once`: of an image that is named twice, one entry counts, and the dataset is not refused for the other.
    """

    task: TaskName
    classes: Sequence[str]
    keypoints: int = 0
    once: bool = False


class EncodedMask(NamedTuple):
    """A mask as COCO writes it: run lengths, of background, mask, background, …, down the columns of pixels."""

    height: int
    width: int
    counts: tuple[int, ...]


class LabelledObject(NamedTuple):
    """One object as its label gives it; lengths are fractions of the image's size when `normalised`, else pixels.

    Attributes:
        place: where it is written: `labels/train/x.txt:3`, or `annotations/train.json#12`.
        box_xyxy: corners of the box, or of the hull of its shape.
        area_px: square pixels, where the label says so.
        polygons: segment: outlines, each x, y, x, y, …
        mask: segment: where the label is a mask, not an outline.
        keypoints: pose: x, y and visibility (0 not labelled, 1 hidden, 2 visible) of each point.
        corners: obb: x, y of the four corners.
        difficult: hard to see without what surrounds it (Pascal VOC's flag); trained on and judged as any other.
        truncated: the label says that the object goes on beyond the image, or beyond what is labelled of it.
        occluded: the label says that something hides a part of it.
    """

    place: str
    class_name: str
    class_id: int
    box_xyxy: tuple[float, float, float, float]
    normalised: bool
    crowd: bool = False
    area_px: float | None = None
    polygons: tuple[tuple[float, ...], ...] = ()
    mask: EncodedMask | None = None
    keypoints: tuple[float, ...] = ()
    corners: tuple[float, ...] = ()
    difficult: bool = False
    truncated: bool = False
    occluded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageEntry:
    """One image file of a dataset and what is said about it.

    Attributes:
        path: posix, relative to the dataset folder.
        split: the layout's own split; None where images lie in no split's folder.
        labelled: someone has looked at it; an image without objects may be labelled.
        label_problems: `labels/train/x.txt:3: what is wrong`; such lines are not among `objects`. A `LabelFault` says of
            which kind it is; plain text is of a malformed label.
        declared_size: (width, height) that the annotations state, if they do.
        declared_sha256: of the file's bytes, in hexadecimal digits, if the annotations state it.
    """

    path: str
    split: str | None
    labelled: bool
    objects: tuple[LabelledObject, ...] = ()
    label_problems: tuple[str, ...] = ()
    declared_size: tuple[int, int] | None = None
    declared_sha256: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LayoutContent:
    """A dataset as its layout gives it.

    Attributes:
        entries: sorted by path.
        notes: remarks that belong to no image.
        empty_splits: splits that the dataset names, and why no image is in them.
        metadata: further columns that the layout itself holds, one value per entry.
        faults: what is wrong with labels that belong to no single entry: of images that are not there, or named twice.
    """

    entries: Sequence[ImageEntry]
    notes: Sequence[str] = ()
    empty_splits: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    faults: Sequence[LabelFault] = ()


def list_files(folder: Path, suffixes: frozenset[str] = SUFFIXES) -> list[str]:
    """Files below `folder` by suffix (in any case), as sorted posix paths relative to it.

    Hidden files and folders are skipped, and links to folders are not followed.

    Raises:
        FlywheelError: a file's name holds control characters or is not UTF-8.
    """
    found = []
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(parent).relative_to(folder).as_posix()
        prefix = "" if relative == "." else f"{relative}/"
        found += [
            prefix + name
            for name in files
            if not name.startswith(".") and name[name.rfind(".") :].lower() in suffixes
        ]
    if UNSAFE.search("".join(found)):
        for path in filter(UNSAFE.search, found):
            raise FlywheelError(
                "a file's name holds control characters or is not UTF-8",
                where=Where(ascii(f"{folder.name}/{path}")),
                hint="rename the file",
                exit_code=ExitCode.STAGE_FAILED,
            )
    return sorted(found)


def unread_pictures(folder: Path) -> list[str]:
    """A sentence for each kind of pictures in a dataset that are not read: HEIC, GIF, videos, …"""
    kinds: dict[str, list[str]] = {}
    for path in list_files(folder, frozenset(FOREIGN_SUFFIXES)):
        kinds.setdefault(FOREIGN_SUFFIXES[os.path.splitext(path)[1].lower()], []).append(path)  # noqa: PTH122
    return [
        f"{len(paths)} {kind} {'file is' if len(paths) == 1 else 'files are'} not read (the first is {paths[0]}): "
        + ("extract the frames as JPEG" if kind == "video" else "convert to JPEG or PNG")
        for kind, paths in sorted(kinds.items())
    ]


def shared_remarks(remarks: Sequence[tuple[str, str]]) -> list[str]:
    """A sentence for each remark that images share.

    Args:
        remarks: an image and what of it is not read.

    >>> shared_remarks([("a.png", "an alpha channel, which is not read"), ("b.png", "an alpha channel, which is not read")])
    ['2 images have an alpha channel, which is not read: a.png and 1 more']
    """
    paths: dict[str, list[str]] = {}
    for path, remark in remarks:
        paths.setdefault(remark, []).append(path)
    return [
        f"{len(images)} {'image has' if len(images) == 1 else 'images have'} {remark}: {images[0]}"
        + (f" and {len(images) - 1} more" if len(images) > 1 else "")
        for remark, images in paths.items()
    ]


def object_class_problem(class_name: str | None, class_id: object, classes: Sequence[str]) -> str:
    """The message for a label whose class the project does not have."""
    if class_name is None:
        return f"class id {class_id}, but there are {len(classes)} classes"
    return f'class id {class_id} is "{class_name}", which is not one of the project\'s classes'
