"""What is said of a folder that no layout recognises, or whose labels none finds: what it holds instead."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.entries import list_files, unread_pictures
from runner.dataset.formats import detected_formats
from runner.domain.task import TASK_NAMES
from runner.layouts.class_folders import folders_problem
from runner.layouts.label_kinds import words_of
from runner.layouts.yolo_files import yolo_labels

SHOWN = 5  # folders
ARCHIVES = frozenset((".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"))
LOOKED_AT = 20  # text files
_LEAST_NUMBERS = 5  # of a line of YOLO's


def unrecognised(folder: Path, images: Sequence[str]) -> list[str]:
    """What is there, and what to do: the formats that were found first."""
    formats = detected_formats(folder)
    problems = [*map(str, formats), *unread_pictures(folder)]
    if not images:
        return [*problems, _no_images(folder)]
    places = Counter(PurePosixPath(path).parent.as_posix() for path in images)
    problems.append(
        f"{len(images)} images were found, in {_listed(places)}, but not with labels as a layout has them"
    )
    if beside := folders_problem(folder):
        problems.append(beside)
    if not formats and (labels := label_folders(folder)):
        problems.append(_beside(folder, labels))
    return problems


def _no_images(folder: Path) -> str:
    strays = yolo_labels(folder)
    archives = list_files(folder, ARCHIVES)
    if not strays and archives:
        return f"no image was found, but {archives[0]}: unpack it, and adopt the folder that it holds"
    if not strays:
        return "no image was found: JPEG, PNG, BMP, WebP or TIFF"
    found = f"{len(strays)} label files were found, but no image: adopt the folder that holds images/ too"
    if folder.name in TASK_NAMES:
        found += f" (labels may lie in {folder.name}/labels/ there: --task {folder.name})"
    return found


def _beside(folder: Path, labels: Counter[str]) -> str:
    """What files are that are called as images are."""
    stems = {PurePosixPath(path).stem for path in list_files(folder)}
    texts = [path for path in list_files(folder, frozenset((".txt",))) if PurePosixPath(path).stem in stems]
    lines = [words for path in texts[:LOOKED_AT] for words in words_of(folder / path)]
    if lines and all(_are_numbers(words) for words in lines):
        return (
            f"YOLO labels of objects lie beside their images in {_listed(labels)}, which another --task reads: detect, segment, "
            "pose or obb"
        )
    return f"files named as images are, perhaps their labels, are in {_listed(labels)}"


def _pictures_of_masks(folder: Path) -> Counter[str]:
    """Folders beside images/ of pictures that are named as the images are."""
    paths = [PurePosixPath(path) for path in list_files(folder)]
    images = {path.stem for path in paths if "images" in path.parts[:-1]}
    beside = [
        path
        for path in paths
        if "images" not in path.parts[:-1] and path.stem.removesuffix("_mask") in images
    ]
    return Counter(path.parent.as_posix() for path in beside)


def _are_numbers(words: Sequence[str]) -> bool:
    try:
        return len([float(word) for word in words]) >= _LEAST_NUMBERS
    except ValueError:
        return False


def no_labels(folder: Path) -> str:
    """What is said of images that lie as YOLO's do, but have no labels."""
    if formats := detected_formats(folder):
        return str(formats[0])
    places = label_folders(folder)
    if not places and (masks := _pictures_of_masks(folder)):
        return f"no labels were found, but pictures called as the images are, in {_listed(masks)}: masks as pictures are not read; convert them to outlines (YOLO or COCO)"
    if not places:
        return "no labels were found: all images are unlabelled"
    return (
        f"labels were found in {_listed(places)}, but are read from labels/ beside images/: "
        "move the ones to use there"
    )


def label_folders(folder: Path) -> Counter[str]:
    """Folders of text files that are named as images are; `detect/labels/train` counts as `detect/labels`."""
    stems = {PurePosixPath(path).stem for path in list_files(folder)}
    texts = [PurePosixPath(path) for path in list_files(folder, frozenset((".txt", ".xml", ".json")))]
    named = [path.parent for path in texts if path.stem in stems]
    return Counter(
        next((part.as_posix() for part in (place, *place.parents) if part.name == "labels"), place.as_posix())
        for place in named
    )


def _listed(places: Counter[str]) -> str:
    shown = [f"{place}/ ({number})" for place, number in places.most_common(SHOWN)]
    return ", ".join([*shown, *(["…"] if len(places) > SHOWN else [])])
