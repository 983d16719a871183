"""COCO: a JSON file per split, with images, categories and boxes in pixels.

Read are `annotations/*.json`, `<split>/_annotations.coco.json`, and JSON files at the top that are COCO.
Categories are matched to the project's classes by name. A `file_name` is looked for beside the JSON and below
the usual folders.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from runner.dataset.entries import ImageEntry, LabelledObject, LayoutContent, list_files, object_class_problem
from runner.domain.errors import ExitCode, FlywheelError, Where

# COCO's own further files describe the same images for other tasks.
OTHER_TASKS = ("captions_", "person_keypoints_", "stuff_", "panoptic_", "image_info_")
PREFIXES = ("instances_", "annotations_", "coco_", "labels_", "_annotations.coco")
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


class _Annotation(msgspec.Struct, frozen=True):
    image_id: int | str
    category_id: int
    id: int | str | None = None
    bbox: list[float] | None = None
    iscrowd: int | bool = 0


class _Document(msgspec.Struct, frozen=True):
    images: list[_Image]
    categories: list[_Category]
    annotations: list[_Annotation] | None = None


def read_coco(folder: Path, classes: Sequence[str]) -> LayoutContent:
    """Reads every annotation file. Images that none of them lists are not labelled.

    Raises:
        FlywheelError: a file is not COCO, or two files list the same image.
    """
    files = coco_files(folder)
    images = list_files(folder)
    known = frozenset(images)
    listed: dict[str, ImageEntry] = {}
    origin: dict[str, str] = {}
    notes: list[str] = []
    for file in files:
        for entry in _entries(folder, file, known, classes, notes):
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


def coco_files(folder: Path) -> list[str]:
    """Annotation files, sorted, relative to `folder`."""
    candidates = [
        *folder.glob("annotations/*.json"),
        *folder.glob("*/_annotations.coco.json"),
        *folder.glob("*.json"),
    ]
    names = sorted(
        {path.relative_to(folder).as_posix() for path in candidates if not path.name.startswith(OTHER_TASKS)}
    )
    return [name for name in names if "/" in name or _looks_like_coco(folder / name)]


def coco_categories(folder: Path, file: str) -> list[str]:
    """The category names of an annotation file, ordered by id.

    A category without annotations that is another's supercategory is left out: Roboflow lists the dataset's
    own name that way.

    Raises:
        FlywheelError: it is not COCO.
    """
    document = _document(folder / file)
    used = {annotation.category_id for annotation in document.annotations or ()}
    above = {item.supercategory for item in document.categories if item.supercategory != item.name}
    named = [item for item in document.categories if item.id in used or item.name not in above]
    return [item.name for item in sorted(named, key=lambda item: item.id)]


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


def _document(path: Path) -> _Document:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Document)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise FlywheelError(
            f"not a COCO annotation file: {error}",
            where=Where(str(path)),
            hint="correct it, or move it out of the dataset folder",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error


def _entries(
    folder: Path, file: str, known: frozenset[str], classes: Sequence[str], notes: list[str]
) -> Iterator[ImageEntry]:
    document = _document(folder / file)
    annotations: dict[int | str, list[_Annotation]] = {image.id: [] for image in document.images}
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
        objects, problems = _objects(file, annotations[image.id], names, classes)
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
    file: str, annotations: Sequence[_Annotation], names: dict[int, str], classes: Sequence[str]
) -> tuple[list[LabelledObject], list[str]]:
    class_ids = {name: number for number, name in enumerate(classes)}
    objects, problems = [], []
    for position, annotation in enumerate(annotations):
        number = annotation.id if annotation.id is not None else f"{annotation.image_id}.{position}"
        name = names.get(annotation.category_id)
        box = annotation.bbox
        if name is None:
            problems.append(
                f"{file}: annotation {number}: category {annotation.category_id} is not among its categories"
            )
        elif name not in class_ids:
            problems.append(
                f"{file}: annotation {number}: {object_class_problem(name, annotation.category_id, classes)}"
            )
        elif box is None or len(box) != 4 or not all(map(math.isfinite, box)):
            found = "is missing" if box is None else f"has {len(box)} numbers, not 4"
            problems.append(f"{file}: annotation {number}: bbox {found}")
        else:
            x, y, width, height = box
            corners = (x, y, x + width, y + height)
            objects.append(
                LabelledObject(
                    f"{file}#{number}",
                    name,
                    class_ids[name],
                    corners,
                    normalised=False,
                    crowd=bool(annotation.iscrowd),
                )
            )
    return objects, problems
