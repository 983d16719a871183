"""COCO: a JSON file per split, with images, categories and annotations in pixels.

Read are `annotations/*.json`, `<split>/_annotations.coco.json`, and JSON files at the top that are COCO; for pose
only the `person_keypoints_` files where there are some. What an annotation must hold depends on the task: see
`coco_shapes`. Categories are matched to the project's classes by name. A `file_name` is looked for beside the JSON and below
the usual folders.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import TypeVar

import msgspec

from runner.dataset.entries import (
    ImageEntry,
    LabelledObject,
    LabelScheme,
    LayoutContent,
    list_files,
    object_class_problem,
)
from runner.dataset.layouts.coco_shapes import BoxAnnotation, ShapedAnnotation, shape_of
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.task import TaskName

# COCO's own further files describe the same images for other tasks.
OTHER_TASKS = ("captions_", "stuff_", "panoptic_", "image_info_")
KEYPOINTS = "person_keypoints_"
PREFIXES = ("instances_", KEYPOINTS, "annotations_", "coco_", "labels_", "_annotations.coco")
NO_SPLIT = frozenset(("", "default", "annotations", "instances", "coco", "labels", "result", "dataset"))


class _Image(msgspec.Struct, frozen=True):
    id: int | str
    file_name: str
    width: float | None = None
    height: float | None = None


class _Category(msgspec.Struct, frozen=True):
    id: int
    name: str
    supercategory: str | None = None
    keypoints: list[str] | None = None


class _Document(msgspec.Struct, frozen=True):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[BoxAnnotation] | None = None


class _ShapedDocument(msgspec.Struct, frozen=True):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[ShapedAnnotation] | None = None


Content = TypeVar("Content", _Document, _ShapedDocument)


def read_coco(folder: Path, scheme: LabelScheme) -> LayoutContent:
    """Reads every annotation file. Images that none of them lists are not labelled.

    Raises:
        FlywheelError: a file is not COCO, or two files list the same image.
    """
    files = coco_files(folder, scheme.task)
    images = list_files(folder)
    known = frozenset(images)
    listed: dict[str, ImageEntry] = {}
    origin: dict[str, str] = {}
    notes: list[str] = []
    for file in files:
        for entry in _entries(folder, file, known, scheme, notes):
            if entry.path in listed:
                raise FlywheelError(
                    f"lists {entry.path} although {origin[entry.path]} does so too",
                    where=Where(f"{folder}/{file}"),
                    hint="keep each image in one annotation file: move the other one out of the dataset",
                    exit_code=ExitCode.STAGE_FAILED,
                )
            listed[entry.path], origin[entry.path] = entry, file
    rest = [
        ImageEntry(path=path, split=folder_split(path), labelled=False)
        for path in images
        if path not in listed
    ]
    entries = sorted([*listed.values(), *rest], key=lambda entry: entry.path)
    return LayoutContent(entries=entries, notes=notes)


def coco_files(folder: Path, task: TaskName = "detect") -> list[str]:
    """Annotation files, sorted, relative to `folder`."""
    candidates = [
        *folder.glob("annotations/*.json"),
        *folder.glob("*/_annotations.coco.json"),
        *folder.glob("*.json"),
    ]
    names = sorted(
        {path.relative_to(folder).as_posix() for path in candidates if not path.name.startswith(OTHER_TASKS)}
    )
    found = [name for name in names if "/" in name or _looks_like_coco(folder / name)]
    skeletons = [name for name in found if PurePosixPath(name).name.startswith(KEYPOINTS)]
    if task == "pose":
        return skeletons or found
    return [name for name in found if name not in skeletons]


def coco_categories(folder: Path, file: str) -> list[str]:
    """The category names of an annotation file, ordered by id.

    A category without annotations that is another's supercategory is left out: Roboflow lists the dataset's
    own name that way.

    Raises:
        FlywheelError: it is not COCO.
    """
    document = _document(folder / file, _Document)
    used = {annotation.category_id for annotation in document.annotations or ()}
    above = {item.supercategory for item in document.categories if item.supercategory != item.name}
    named = [item for item in document.categories if item.id in used or item.name not in above]
    return [item.name for item in sorted(named, key=lambda item: item.id)]


def coco_keypoints(folder: Path, file: str) -> list[str]:
    """The names of the skeleton's points, of the first category that has any; none without a skeleton.

    Raises:
        FlywheelError: it is not COCO.
    """
    categories = _document(folder / file, _Document).categories
    return next((item.keypoints for item in categories if item.keypoints), [])


def file_split(file: str) -> str | None:
    """The split that an annotation file is about.

    >>> file_split("annotations/instances_train2017.json"), file_split("valid/_annotations.coco.json")
    ('train2017', 'valid')
    >>> file_split("annotations.json") is None
    True
    """
    path = PurePosixPath(file)
    stem = path.stem
    for prefix in PREFIXES:
        stem = stem.removeprefix(prefix)
    if stem not in NO_SPLIT:
        return stem
    return None if path.parent.name in ("annotations", "") else path.parent.name


def folder_split(path: str) -> str | None:
    """The split that an image's folder names: `images/<split>/…`, `<split>/images/…` or `<split>/…`."""
    parents = [part for part in PurePosixPath(path).parts[:-1] if part not in ("images", "data")]
    return parents[0] if parents else None


def _looks_like_coco(path: Path) -> bool:
    content = path.read_bytes()
    return all(key in content for key in (b'"images"', b'"annotations"', b'"categories"'))


def _document(path: Path, kind: type[Content]) -> Content:
    try:
        return msgspec.json.decode(path.read_bytes(), type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FlywheelError(
            f"not a COCO annotation file: {error}",
            where=Where(str(path)),
            hint="correct it, or move it out of the dataset folder",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error


def _entries(
    folder: Path, file: str, known: frozenset[str], scheme: LabelScheme, notes: list[str]
) -> Iterator[ImageEntry]:
    # Outlines are most of a file: they are read only where they are needed.
    document = (
        _document(folder / file, _Document)
        if scheme.task == "detect"
        else _document(folder / file, _ShapedDocument)
    )
    annotations: dict[int | str, list[BoxAnnotation]] = {image.id: [] for image in document.images}
    strays = 0
    for annotation in document.annotations or ():
        if annotation.image_id in annotations:
            annotations[annotation.image_id].append(annotation)
        else:
            strays += 1
    if strays:
        notes.append(f"{file}: {strays} annotations are of images that it does not list")
    names = {category.id: category.name for category in document.categories}
    split = file_split(file)
    for image in document.images:
        path = _image_path(file, image.file_name, split, known)
        if path is None:
            notes.append(f"{file}: {image.file_name!r} is not a path inside the dataset")
            continue
        objects, problems = _objects(file, annotations[image.id], names, scheme)
        yield ImageEntry(
            path=path,
            split=split or folder_split(path),
            labelled=document.annotations is not None,
            objects=tuple(objects),
            label_problems=tuple(problems),
            declared_size=(round(image.width), round(image.height)) if image.width and image.height else None,
        )


def _image_path(file: str, name: str, split: str | None, known: frozenset[str]) -> str | None:
    """Where the image is, or would be looked for first; None when it leaves the dataset."""
    given = PurePosixPath(name.replace("\\", "/"))
    if given.is_absolute() or ".." in given.parts or not given.parts:
        return None
    beside = [] if file.startswith("annotations/") else [PurePosixPath(file).parent]
    splits = (
        [PurePosixPath("images", split), PurePosixPath(split), PurePosixPath(split, "images")]
        if split
        else []
    )
    folders = [*beside, *splits, PurePosixPath("images"), PurePosixPath("data"), PurePosixPath()]
    candidates = [(folder / given).as_posix() for folder in folders]
    return next((path for path in candidates if path in known), candidates[len(beside)])


def _objects(
    file: str, annotations: Sequence[BoxAnnotation], names: dict[int, str], scheme: LabelScheme
) -> tuple[list[LabelledObject], list[str]]:
    class_ids = {name: number for number, name in enumerate(scheme.classes)}
    objects, problems = [], []
    for position, annotation in enumerate(annotations):
        number = annotation.id if annotation.id is not None else f"{annotation.image_id}.{position}"
        name = names.get(annotation.category_id)
        if name is None:
            found: LabelledObject | str = f"category {annotation.category_id} is not among its categories"
        elif name not in class_ids:
            found = object_class_problem(name, annotation.category_id, scheme.classes)
        else:
            shape = shape_of(annotation, scheme)
            crowd = bool(annotation.iscrowd)
            found = (
                shape
                if isinstance(shape, str)
                else LabelledObject(
                    f"{file}#{number}", name, class_ids[name], normalised=False, crowd=crowd, **shape
                )
            )
        if isinstance(found, str):
            problems.append(f"{file}: annotation {number}: {found}")
        else:
            objects.append(found)
    return objects, problems
