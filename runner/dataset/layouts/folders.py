"""Folders: an image's class is the folder that it lies in, `CLASS/image.jpg` or `SPLIT/CLASS/image.jpg`.

Folders below a class's belong to it. Images in no class's folder are not labelled.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme, LayoutContent, list_files
from runner.dataset.split_names import split_role
from runner.domain.nearest import suggestion

WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)
MOST_STRAYS = 0.1  # images in no class's folder, for each one that is in one


def read_folders(folder: Path, scheme: LabelScheme) -> LayoutContent:
    """One object per image: its class, with the whole image as its box. Other folders are label problems."""
    paths = list_files(folder)
    with_splits = has_split_folders(paths, scheme.classes)
    ids = {name: number for number, name in enumerate(scheme.classes)}
    return LayoutContent(entries=[_entry(path, ids, with_splits) for path in paths])


def has_split_folders(paths: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether classes lie one folder deeper, in folders of splits."""
    known = frozenset(classes)
    parents = [PurePosixPath(path).parts[:-1] for path in paths]
    outer = sum(parts[0] in known for parts in parents if parts)
    inner = sum(parts[1] in known for parts in parents if len(parts) > 1)
    return inner > outer


def folder_classes(folder: Path) -> list[str]:
    """The classes that folders of images are called after, sorted; none where images lie in another way.

    There are at least two of them, and images lie in them, but for a few strays. They are looked for below splits'
    folders where the outermost folders are all called like splits.
    """
    parents = [PurePosixPath(path).parts[:-1] for path in list_files(folder)]
    outermost = {parts[0] for parts in parents if parts}
    depth = 1 if outermost and all(split_role(name) for name in outermost) else 0
    unlabelled = {name for name in outermost if depth and split_role(name) == "pool"}
    labelled = [parts for parts in parents if not (parts and parts[0] in unlabelled)]
    images = Counter(parts[depth] for parts in labelled if len(parts) > depth)
    if len(labelled) - images.total() > MOST_STRAYS * images.total():
        return []
    return sorted(images) if len(images) > 1 else []


def _entry(path: str, ids: dict[str, int], with_splits: bool) -> ImageEntry:
    parts = PurePosixPath(path).parts[:-1]
    split = parts[0] if with_splits and parts else None
    below = parts[1:] if with_splits else parts
    if not below:
        return ImageEntry(path=path, split=split, labelled=False)
    name = below[0]
    if name not in ids:
        near = suggestion(name, ids, plural="classes")
        problem = f'{path}: the folder "{name}" is none of the project\'s classes{near}'
        return ImageEntry(path=path, split=split, labelled=True, label_problems=(problem,))
    item = LabelledObject(path, name, ids[name], WHOLE_IMAGE, normalised=True)
    return ImageEntry(path=path, split=split, labelled=True, objects=(item,))
