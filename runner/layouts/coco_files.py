"""COCO: a JSON file per split, with images, categories and annotations in pixels.

Read are `annotations/*.json`, `<split>/_annotations.coco.json`, and JSON files at the top that are COCO; for pose
only the `person_keypoints_` files where there are some. What an annotation must hold depends on the task: see
`coco_shapes`. Categories are matched to the project's classes by name; how a `file_name` is found, `coco_paths` says.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import (
    ImageEntry,
    LabelledObject,
    LabelScheme,
    LayoutContent,
    list_files,
    object_class_problem,
)
from runner.dataset.formats import READ_BY, format_of
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.task import USUAL_TASK, TaskName
from runner.layouts.coco_document import CocoDocument, CocoImage, read_document
from runner.layouts.coco_paths import ImageFinder
from runner.layouts.coco_shapes import BoxAnnotation, shape_of
from runner.layouts.layout import Recognised
from runner.tasks import TASKS

# COCO's own further files describe the same images for other tasks.
OTHER_TASKS = ("captions_", "stuff_", "panoptic_", "image_info_")
KEYPOINTS = "person_keypoints_"
PREFIXES = ("instances_", KEYPOINTS, "annotations_", "coco_", "labels_", "_annotations.coco")
OUTLINES = re.compile(rb'"segmentation"\s*:\s*(?:\[\s*\[|\{)')
NO_SPLIT = frozenset(("", "default", "annotations", "instances", "coco", "labels", "result", "dataset"))


def read_coco(folder: Path, scheme: LabelScheme, annotations: Sequence[str] | None = None) -> LayoutContent:
    """Reads every annotation file. Images that none of them lists are not labelled.

    Args:
        folder: the dataset.
        scheme: the project's task and classes.
        annotations: the files to read, relative to the dataset; those that are found when None.

    Raises:
        FlywheelError: a file is missing or not COCO, or two files list the same image.
    """
    files = coco_files(folder, scheme.task) if annotations is None else _named(folder, annotations)
    images = list_files(folder)
    finder = ImageFinder(images)
    listed: dict[str, ImageEntry] = {}
    origin: dict[str, str] = {}
    notes: list[str] = []
    for file in files:
        for entry in _entries(folder, file, finder, scheme, notes):
            if entry.path in listed:
                again = origin[entry.path] == file
                raise FlywheelError(
                    f"lists {entry.path} twice, under two file names"
                    if again
                    else f"lists {entry.path} although {origin[entry.path]} does so too",
                    where=Where(f"{folder}/{file}"),
                    hint="keep one entry for each image, and give its annotations that image_id"
                    if again
                    else "keep each image in one annotation file: move the other one out of the dataset, or name those "
                    "to read, `layout: {format: coco, annotations: […]}`",
                    exit_code=ExitCode.STAGE_FAILED,
                )
            listed[entry.path], origin[entry.path] = entry, file
    rest = [
        ImageEntry(path=path, split=folder_split(path), labelled=False)
        for path in images
        if path not in listed
    ]
    entries = sorted([*listed.values(), *rest], key=lambda entry: entry.path)
    filled = {entry.split for entry in entries if entry.path in finder.known}
    empty = {
        split: f"none of the images that {file} lists is in the dataset"
        for file in files
        if (split := file_split(file)) and split not in filled
    }
    return LayoutContent(entries=entries, notes=notes, empty_splits=empty)


def recognise_coco(folder: Path, task: TaskName | None) -> Recognised | None:
    """How a folder with annotation files is to be read.

    Raises:
        FlywheelError: one of them is not COCO.
    """
    if task is None and not coco_files(folder) and coco_files(folder, "pose"):
        task = "pose"
    files = coco_files(folder, task or USUAL_TASK)
    if not files:
        return None
    remark = _remark(folder, files) if task is None else None
    names = [name for file in files for name in coco_categories(folder, file)]
    return Recognised(
        task=task or USUAL_TASK, classes=list(dict.fromkeys(names)), problems=[remark] if remark else []
    )


def _remark(folder: Path, files: Sequence[str]) -> str | None:
    """What is said where COCO files that are read as boxes hold outlines too."""
    for file in files:
        if OUTLINES.search((folder / file).read_bytes()):
            return f"{file} holds outlines too: the boxes are read (task detect); to read the outlines: --task segment"
    return None


def _named(folder: Path, annotations: Sequence[str]) -> list[str]:
    files = sorted({PurePosixPath(file).as_posix() for file in annotations})
    for file in files:
        if not (folder / file).is_file():
            found = ", ".join(coco_files(folder)) or "none was found"
            raise FlywheelError(
                "file not found",
                where=Where(f"{folder}/{file}"),
                hint=f"correct dataset.layout.annotations in flywheel.yaml; annotation files there: {found}",
                exit_code=ExitCode.STAGE_FAILED,
            )
    return files


def coco_files(folder: Path, task: TaskName = USUAL_TASK) -> list[str]:
    """Annotation files, sorted, relative to `folder`."""
    candidates = [
        *folder.glob("annotations/*.json"),
        *folder.glob("*/_annotations.coco.json"),
        *folder.glob("*.json"),
    ]
    names = sorted(
        {path.relative_to(folder).as_posix() for path in candidates if not path.name.startswith(OTHER_TASKS)}
    )
    found = [
        name
        for name in names
        if (format_of(folder / name) not in READ_BY if "/" in name else _looks_like_coco(folder / name))
    ]
    skeletons = [name for name in found if PurePosixPath(name).name.startswith(KEYPOINTS)]
    if TASKS[task].skeleton:
        return skeletons or found
    return [name for name in found if name not in skeletons]


def coco_categories(folder: Path, file: str) -> list[str]:
    """The category names of an annotation file, ordered by id.

    A category without annotations that is another's supercategory is left out: Roboflow lists the dataset's
    own name that way.

    Raises:
        FlywheelError: it is not COCO.
    """
    document = read_document(folder / file, shapes=False)
    used = {annotation.category_id for _, annotation in document.annotations or ()}
    above = {item.supercategory for item in document.categories if item.supercategory != item.name}
    named = [item for item in document.categories if item.id in used or item.name not in above]
    return [plain_name(item.name) for item in sorted(named, key=lambda item: item.id)]


def coco_keypoints(folder: Path, file: str) -> list[str]:
    """The names of the skeleton's points, of the first category that has any; none without a skeleton.

    Raises:
        FlywheelError: it is not COCO.
    """
    categories = read_document(folder / file, shapes=False).categories
    return next((item.keypoints for item in categories if item.keypoints), [])


def file_split(file: str) -> str | None:
    """The split that an annotation file is about.

    >>> file_split("annotations/instances_train2017.json"), file_split("valid/_annotations.coco.json")
    ('train2017', 'valid')
    >>> file_split("annotations.json") is None, file_split("annotations/instances_default.json") is None
    (True, True)
    """
    subset = file_subset(file)
    return None if subset in NO_SPLIT else subset


def file_subset(file: str) -> str | None:
    """The split, or the part that is no split (CVAT's and Datumaro's `default`), that an annotation file is about.

    >>> file_subset("annotations/instances_default.json")
    'default'
    """
    path = PurePosixPath(file)
    stem = path.stem
    for prefix in PREFIXES:
        stem = stem.removeprefix(prefix)
    if stem and (stem not in NO_SPLIT or stem == "default"):
        return stem
    return None if path.parent.name in ("annotations", "") else path.parent.name


def folder_split(path: str) -> str | None:
    """The split that an image's folder names: `images/<split>/…`, `<split>/images/…` or `<split>/…`."""
    parents = [part for part in PurePosixPath(path).parts[:-1] if part not in ("images", "data", "default")]
    return parents[0] if parents else None


def _looks_like_coco(path: Path) -> bool:
    content = path.read_bytes()
    return all(key in content for key in (b'"images"', b'"annotations"', b'"categories"'))


def _entries(
    folder: Path, file: str, finder: ImageFinder, scheme: LabelScheme, notes: list[str]
) -> Iterator[ImageEntry]:
    document = read_document(folder / file, shapes=TASKS[scheme.task].shape is not None)
    notes += [f"{file}: {note}" for note in document.notes]
    annotations, problems = _by_image(file, document, notes)
    names = {category.id: category.name for category in document.categories}
    known_classes = class_ids(scheme.classes)
    elsewhere, outside, absent = [], [], []
    subset = file_subset(file)
    for image in document.images:
        found = finder.find(file, image.file_name, subset)
        path = found.path or found.expected
        elsewhere += [f"{image.file_name} at {path}"] if found.by_name else []
        absent += [] if found.path or not path else [image.file_name]
        if path is None:
            outside.append(image.file_name)
            continue
        objects = []
        for name, annotation in annotations[image.id]:
            item = _object(file, name, annotation, names, known_classes, scheme)
            if isinstance(item, str):
                problems[image.id].append(f"{file}: {_called(name)}: {item}")
            else:
                objects.append(item)
        yield ImageEntry(
            path=path,
            split=file_split(file) or folder_split(path),
            labelled=document.annotations is not None,
            objects=tuple(objects),
            label_problems=tuple(problems[image.id]),
            declared_size=_declared_size(image),
        )
    notes += _path_notes(file, len(document.images), elsewhere, outside, absent)


def _by_image(
    file: str, document: CocoDocument, notes: list[str]
) -> tuple[dict[int | str, list[tuple[str, BoxAnnotation]]], dict[int | str, list[str]]]:
    """Annotations, and those that cannot be read, by the image that they are about; the others become notes."""
    listed = {image.id for image in document.images}
    annotations: dict[int | str, list[tuple[str, BoxAnnotation]]] = {number: [] for number in listed}
    as_text = {str(number): number for number in listed}
    if len(as_text) < len(listed):
        as_text = {}  # 1 and "1" are two images
    strays = []
    for name, annotation in document.annotations or ():
        number = annotation.image_id
        if number not in annotations:
            number = as_text.get(str(number), number)
        if number in annotations:
            annotations[number].append((name, annotation))
        else:
            strays.append(f"{_called(name)} of image {annotation.image_id}")
    if strays:
        count = (
            "1 annotation is of an image" if len(strays) == 1 else f"{len(strays)} annotations are of images"
        )
        notes.append(f"{file}: {count} that it does not list: {strays[0]}")
    problems: dict[int | str, list[str]] = defaultdict(list)
    for item in document.malformed:
        text = f"{file}: {item.name}: {item.problem}"
        if item.image_id in listed and item.image_id is not None:
            problems[item.image_id].append(text)
        else:
            notes.append(text)
    return annotations, problems


def _path_notes(
    file: str, images: int, elsewhere: Sequence[str], outside: Sequence[str], absent: Sequence[str]
) -> list[str]:
    notes = []
    if elsewhere:
        notes.append(
            f"{file}: {len(elsewhere)} of {images} file names are not where they say; "
            f"the images of these names are taken: {elsewhere[0]}"
        )
    if outside:
        notes.append(
            f"{file}: {len(outside)} of {images} file names lead out of the dataset, and it has no image (or "
            f"several) of such a name: {outside[0]!r}"
        )
    if absent:
        notes.append(f"{file}: {len(absent)} of {images} images are not in the dataset: {absent[0]!r}")
    return notes


def _declared_size(image: CocoImage) -> tuple[int, int] | None:
    width, height = image.width, image.height
    if width is None or height is None or not (0 < width < math.inf and 0 < height < math.inf):
        return None
    return round(width), round(height)


def _called(name: str) -> str:
    return name if name.startswith("annotations[") else f"annotation {name}"


def _object(
    file: str,
    number: str,
    annotation: BoxAnnotation,
    names: Mapping[int, str],
    known_classes: Mapping[str, int],
    scheme: LabelScheme,
) -> LabelledObject | str:
    name = names.get(annotation.category_id)
    if name is None:
        return f"category {annotation.category_id} is not among its categories"
    place = known_classes.get(plain_name(name))
    if place is None:
        return object_class_problem(name, annotation.category_id, scheme.classes)
    shape = shape_of(annotation, scheme)
    if isinstance(shape, str):
        return shape
    crowd = bool(annotation.iscrowd)
    return LabelledObject(
        f"{file}#{number}", scheme.classes[place], place, normalised=False, crowd=crowd, **shape
    )
