"""A COCO annotation file as typed records; one annotation that cannot be read leaves the others readable."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from runner.dataset.formats import format_of
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import decode_json
from runner.layouts.coco_shapes import BoxAnnotation, ShapedAnnotation
from runner.layouts.json_places import NOWHERE, Place, place_of

ONE_ENTRY = "`labels: {image_twice: drop}` below `dataset` in flywheel.yaml: then one entry counts"


class CocoImage(msgspec.Struct, frozen=True):
    """An image that a file lists."""

    id: int | str
    file_name: str
    width: float | None = None
    height: float | None = None


class Category(msgspec.Struct, frozen=True):
    """A class, by the id that annotations give."""

    id: int
    name: str
    supercategory: str | None = None
    keypoints: list[str] | None = None


class _Boxes(msgspec.Struct, frozen=True):
    images: list[CocoImage]
    categories: list[Category]
    annotations: list[BoxAnnotation] | None = None


class _Shapes(msgspec.Struct, frozen=True):
    images: list[CocoImage]
    categories: list[Category]
    annotations: list[ShapedAnnotation] | None = None


class _Loose(msgspec.Struct, frozen=True):
    images: list[CocoImage]
    categories: list[Category]
    annotations: list[Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Malformed:
    """An annotation that is no annotation: what it is called, the image that it is about (if that can be told), why."""

    name: str
    image_id: int | str | None
    problem: str


@dataclass(frozen=True, kw_only=True)
class CocoDocument:
    """One annotation file.

    Attributes:
        annotations: in the file's order, each with a name of its own; None where the file has no such list.
        malformed: those that could not be read.
        notes: what is odd about the file itself.
    """

    images: Sequence[CocoImage]
    categories: Sequence[Category]
    annotations: Sequence[tuple[str, BoxAnnotation]] | None
    malformed: Sequence[Malformed]
    notes: Sequence[str]


def read_document(path: Path, *, shapes: bool, once: bool = False) -> CocoDocument:
    """Reads an annotation file.

    Args:
        path: the file.
        shapes: read outlines and key points too: they are most of a file.
        once: an image may be listed twice; who reads the file takes one of the entries.

    Raises:
        FlywheelError: it is not COCO, two of its images or categories share an id, or an image is listed twice.
    """
    content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    found: _Boxes | _Shapes | _Loose
    malformed: list[Malformed] = []
    kind: type[BoxAnnotation] = ShapedAnnotation if shapes else BoxAnnotation
    try:
        whole: type[_Boxes] | type[_Shapes] = _Shapes if shapes else _Boxes
        found = decode_json(content, whole)
        listed = None if found.annotations is None else list(enumerate(found.annotations))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found = _loose(path, content, error)
        listed = _readable(found.annotations, kind, malformed)
    _require_one_image_per_id(path, found.images)
    if not once:
        _require_one_entry_per_image(path, found.images)
    _require_one_category_per_id(path, found.categories)
    names, notes = _names(listed or ())
    named = None if listed is None else [(name, item) for name, (_, item) in zip(names, listed, strict=True)]
    return CocoDocument(
        images=found.images,
        categories=found.categories,
        annotations=named,
        malformed=malformed,
        notes=[*notes, *_shared_names(found.categories)],
    )


def _loose(path: Path, content: bytes, cause: Exception) -> _Loose:
    """The document where an annotation, or a number that JSON does not have (NaN, Infinity), stopped msgspec."""
    document: Any = None
    try:
        document = json.loads(content)
        for name in ("images", "categories", "annotations") if isinstance(document, dict) else ():
            for item in document.get(name) or ():
                _make_ids_whole(item)
        return msgspec.convert(document, _Loose)
    except (msgspec.ValidationError, UnicodeDecodeError, RecursionError, TypeError) as error:
        raise _not_coco(path, str(error), _first_wrong(path, document)) from error
    except json.JSONDecodeError as error:
        raise _not_coco(path, f"not valid JSON: {error.msg}", (error.lineno, error.colno)) from error
    except ValueError as error:
        raise _not_coco(path, str(cause)) from error


def _first_wrong(path: Path, document: Any) -> Place:
    """The first image or category that is none; nothing where it is the file that is none."""
    for key, kind in (("images", CocoImage), ("categories", Category)) if isinstance(document, dict) else ():
        items = document.get(key)
        for at, item in enumerate(items if isinstance(items, list) else []):
            try:
                msgspec.convert(item, kind)
            except msgspec.ValidationError:
                return place_of(path, key, at)
    return NOWHERE


def _make_ids_whole(item: Any) -> None:
    """Tables write whole numbers as 1.0."""
    for key in ("id", "image_id", "category_id", "iscrowd") if isinstance(item, dict) else ():
        value = item.get(key)
        if isinstance(value, float) and value.is_integer():
            item[key] = int(value)


def _readable(
    annotations: list[Any] | None, kind: type[BoxAnnotation], malformed: list[Malformed]
) -> list[tuple[int, BoxAnnotation]] | None:
    if annotations is None:
        return None
    listed = []
    ids = Counter(str(item.get("id")) for item in annotations if isinstance(item, dict))
    for at, item in enumerate(annotations):
        try:
            listed.append((at, msgspec.convert(item, kind)))
        except msgspec.ValidationError as error:
            fields = item if isinstance(item, dict) else {}
            image, number = fields.get("image_id"), fields.get("id")
            malformed.append(
                Malformed(
                    name=f"annotation {number}"
                    if isinstance(number, (int, str)) and ids[str(number)] == 1
                    else f"annotations[{at}]",
                    image_id=image if isinstance(image, (int, str)) else None,
                    problem=str(error),
                )
            )
    return listed


def _names(listed: Sequence[tuple[int, BoxAnnotation]]) -> tuple[list[str], list[str]]:
    """What each annotation is called: by its id where no other has it, else by its place in the file."""
    counts = Counter(str(item.id) for _, item in listed)
    repeated = [item.id for _, item in listed if item.id is not None and counts[str(item.id)] > 1]
    names = [
        f"annotations[{at}]" if item.id is None or counts[str(item.id)] > 1 else str(item.id)
        for at, item in listed
    ]
    if not repeated:
        return names, []
    return names, [
        f"{len(repeated)} annotations share their ids with others (the first id is {repeated[0]}): "
        "they are told apart by their place in the file"
    ]


def _require_one_image_per_id(path: Path, images: Sequence[CocoImage]) -> None:
    first: dict[int | str, CocoImage] = {}
    for at, image in enumerate(images):
        other = first.setdefault(image.id, image)
        if other is not image and other.file_name != image.file_name:
            raise _refused(
                path,
                f"the images {other.file_name} and {image.file_name} share the id {image.id}: "
                "which of them an annotation is about cannot be told",
                "give each image an id of its own, and its annotations the same image_id",
                place_of(path, "images", at),
            )


def _require_one_entry_per_image(path: Path, images: Sequence[CocoImage]) -> None:
    places: dict[str, CocoImage] = {}
    for at, image in enumerate(images):
        same = places.setdefault(image.file_name, image)
        if same is not image:
            ids = (
                f"the ids {same.id} and {image.id}"
                if same.id != image.id
                else f"the id {image.id} both times"
            )
            raise _refused(
                path,
                f"lists {image.file_name} twice, with {ids}",
                f"keep one entry for each image, and give its annotations that image_id; or write {ONE_ENTRY}",
                place_of(path, "images", at),
            )


def _require_one_category_per_id(path: Path, categories: Sequence[Category]) -> None:
    first: dict[int, Category] = {}
    for at, category in enumerate(categories):
        other = first.setdefault(category.id, category)
        if other.name != category.name:
            raise _refused(
                path,
                f'the categories "{other.name}" and "{category.name}" share the id {category.id}',
                "give each category an id of its own, and its annotations the same category_id",
                place_of(path, "categories", at),
            )


def _shared_names(categories: Sequence[Category]) -> list[str]:
    ids: dict[str, list[int]] = {}
    for category in categories:
        ids.setdefault(category.name, []).append(category.id)
    return [
        f'the categories {" and ".join(map(str, numbers))} are both called "{name}": they are read as one class'
        for name, numbers in ids.items()
        if len(set(numbers)) > 1
    ]


def _not_coco(path: Path, problem: str, place: Place = NOWHERE) -> FlywheelError:
    if name := format_of(path):
        return _refused(
            path,
            f"not a COCO annotation file: it is {name}",
            "export the labels as COCO or YOLO, or move the file out of the dataset folder",
        )
    return _refused(
        path,
        f"not a COCO annotation file: {problem}",
        "correct it, or move it out of the dataset folder",
        place,
    )


def _refused(path: Path, message: str, hint: str, place: Place = NOWHERE) -> FlywheelError:
    return FlywheelError(message, where=Where(str(path), *place), hint=hint, exit_code=ExitCode.STAGE_FAILED)
