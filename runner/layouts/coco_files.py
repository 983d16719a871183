"""COCO: a JSON file per split, with images, categories and annotations in pixels.

Read are `annotations/*.json`, `<split>/_annotations.coco.json`, and JSON files at the top that are COCO; for pose
only the `person_keypoints_` files where there are some. What an annotation must hold depends on the task: see
`coco_shapes`. Categories are matched to the project's classes by name; how a `file_name` is found, `coco_paths` says.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath

from runner.dataset.class_names import plain_name
from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent, list_files
from runner.dataset.formats import READ_BY, format_of
from runner.dataset.split_names import split_weight
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.label_faults import LabelFault
from runner.domain.task import USUAL_TASK, TaskName
from runner.layouts.coco_document import ONE_ENTRY, read_document
from runner.layouts.coco_entries import EntryReader
from runner.layouts.coco_paths import ImageFinder
from runner.layouts.json_places import content_with_lines, line_of
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
    reader = EntryReader(folder, ImageFinder(images), scheme)
    listed: dict[str, tuple[str, ImageEntry]] = {}
    for file in files:
        split = file_split(file)
        for number, entry in reader.read(file, file_subset(file)):
            entry = replace(entry, split=split or folder_split(entry.path))
            kept = _one_of(folder, scheme, listed.get(entry.path), (file, entry), number)
            if entry.path in listed:
                first = listed[entry.path][0]
                reader.faults.append(
                    _named_twice(f"{file}: image {number}", entry.path, first, kept[0], file)
                )
            listed[entry.path] = kept
    rest = [
        ImageEntry(path=path, split=folder_split(path), labelled=False)
        for path in images
        if path not in listed
    ]
    entries = sorted([*(entry for _, entry in listed.values()), *rest], key=lambda entry: entry.path)
    filled = {entry.split for entry in entries if entry.path in reader.finder.known}
    empty = {
        split: f"none of the images that {file} lists is in the dataset"
        for file in files
        if (split := file_split(file)) and split not in filled
    }
    content = LayoutContent(entries=entries, notes=reader.notes, empty_splits=empty, faults=reader.faults)
    return content_with_lines(folder, content)


def _one_of(
    folder: Path,
    scheme: LabelScheme,
    first: tuple[str, ImageEntry] | None,
    second: tuple[str, ImageEntry],
    number: int | str,
) -> tuple[str, ImageEntry]:
    """Which of two entries of an image counts: the first, unless the second, of the id `number`, is of a split that is judged by.

    Raises:
        FlywheelError: there are two, and the dataset is to be refused for it.
    """
    if first is None:
        return second
    (file, entry), again = second, first[0] == second[0]
    if scheme.once:
        return max(first, second, key=lambda item: split_weight(item[1].split))
    raise FlywheelError(
        f"lists {entry.path} twice, under two file names"
        if again
        else f"lists {entry.path} although {first[0]} does so too",
        where=Where(f"{folder}/{file}", *line_of(folder, f"{file}: image {number}")),
        hint=(
            "keep one entry for each image, and give its annotations that image_id"
            if again
            else "keep each image in one annotation file: move the other one out of the dataset, or name those "
            "to read, `layout: {format: coco, annotations: […]}`"
        )
        + f"; or write {ONE_ENTRY}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _named_twice(place: str, path: str, first: str, kept: str, file: str) -> LabelFault:
    """The second entry of an image; `kept`: the file whose entry counts."""
    which = (
        "which it names already: its first entry counts"
        if first == file
        else f"which {first} names too: {kept} counts"
    )
    return LabelFault("image_twice", place, f"it is {path}, {which}", path)


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
    document = read_document(folder / file, shapes=False, once=True)
    used = {annotation.category_id for _, annotation in document.annotations or ()}
    above = {item.supercategory for item in document.categories if item.supercategory != item.name}
    named = [item for item in document.categories if item.id in used or item.name not in above]
    return [plain_name(item.name) for item in sorted(named, key=lambda item: item.id)]


def coco_keypoints(folder: Path, file: str) -> list[str]:
    """The names of the skeleton's points, of the first category that has any; none without a skeleton.

    Raises:
        FlywheelError: it is not COCO.
    """
    categories = read_document(folder / file, shapes=False, once=True).categories
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
