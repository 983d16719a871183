"""Folders: an image's class is the folder that it lies in, `CLASS/image.jpg` or `SPLIT/CLASS/image.jpg`.

Folders below a class's belong to it. Images in no class's folder are not labelled.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme, LayoutContent, list_files
from runner.dataset.split_names import split_role
from runner.domain.label_faults import LabelFault
from runner.domain.nearest import suggestion

WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)
MOST_STRAYS = 0.1  # images in no class's folder, for each one that is in one


def read_folders(folder: Path, scheme: LabelScheme) -> LayoutContent:
    """One object per image: its class, with the whole image as its box. Other folders are label problems."""
    paths = list_files(folder)
    with_splits = has_split_folders(paths, scheme.classes)
    ids = class_ids(scheme.classes)
    entries = [_entry(path, scheme.classes, ids, with_splits) for path in paths]
    filled = {entry.split for entry in entries}
    empty = {
        place.name: f"the folder {place.name}/ holds no image that is read"
        for place in sorted(folder.glob("*/"))
        if with_splits and place.name not in filled and split_role(place.name) in ("train", "val", "test")
    }
    return LayoutContent(entries=entries, empty_splits=empty)


def has_split_folders(paths: Sequence[str], classes: Sequence[str]) -> bool:
    """Whether classes lie one folder deeper, in folders of splits."""
    known = frozenset(class_ids(classes))
    parents = [tuple(map(plain_name, PurePosixPath(path).parts[:-1])) for path in paths]
    outer = sum(parts[0] in known for parts in parents if parts)
    inner = sum(parts[1] in known for parts in parents if len(parts) > 1)
    return inner > outer


def folder_classes(folder: Path) -> list[str]:
    """The classes that folders of images are called after, sorted; none where images lie in another way.

    There are at least two of them, and images lie in them, but for a few strays. They are looked for below splits'
    folders where the outermost folders are called like splits, those of a few strays aside.
    """
    parents = [PurePosixPath(path).parts[:-1] for path in list_files(folder)]
    roles = {name: split_role(name) for name in {parts[0] for parts in parents if parts}}
    has_splits = bool(roles) and (
        all(roles.values()) or len({"train", "val", "test"} & set(roles.values())) > 1
    )
    if not has_splits:
        images = Counter(parts[0] for parts in parents if parts)
        return _classes(images, len(parents))
    labelled = [parts for parts in parents if not (parts and roles[parts[0]] == "pool")]
    images = Counter(parts[1] for parts in labelled if len(parts) > 1 and roles[parts[0]])
    return _classes(images, len(labelled))


def folders_problem(folder: Path) -> str | None:
    """Why folders cannot be taken for classes without asking: they lie at several depths, or hold the same folders.

    None where every image lies in the same way.
    """
    parents = [parts for path in list_files(folder) if (parts := PurePosixPath(path).parts[:-1])]
    common = _common_start(parents)
    if len(common) > 1 and len({parts[len(common)] for parts in parents if len(parts) > len(common)}) > 1:
        return f"all images lie below {'/'.join(common)}/: adopt {folder.name}/{'/'.join(common)} instead"
    direct = {parts[0] for parts in parents if len(parts) == 1}
    below: dict[str, set[str]] = defaultdict(set)
    for parts in parents:
        if len(parts) > 1 and not split_role(parts[0]):
            below[parts[0]].add(parts[1])
    outer = sorted(name for name, inner in below.items() if name not in direct and len(inner) > 1)
    if not outer:
        return None
    first = outer[0]
    inner = f"{first}/ holds {len(below[first])} folders of images ({', '.join(sorted(below[first])[:3])}, …)"
    anyway = "or take the outer folders for the classes: --task classify"
    if beside := sorted(direct):
        return (
            f"{inner}, but the images of {beside[0]}/ lie in it directly: "
            f"adopt {folder.name}/{first}, if its folders are the classes, {anyway}"
        )
    alike = [name for name in outer[1:] if len(below[name] & below[first]) > 1]
    if alike:
        return f"{inner}, and {alike[0]}/ holds the same: call such folders train, val and test, if they are splits, {anyway}"
    return f"{inner}: adopt {folder.name}/{first} instead" if len(below) == 1 else None


def _common_start(parents: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The folders that all lie in."""
    first, last = min(parents, default=()), max(parents, default=())
    same = next((at for at, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1]), None)
    return first[: min(len(first), len(last))] if same is None else first[:same]


def _classes(images: Counter[str], total: int) -> list[str]:
    if total - images.total() > MOST_STRAYS * images.total():
        return []
    return sorted({plain_name(name) for name in images}) if len(images) > 1 else []


def _entry(path: str, classes: Sequence[str], ids: Mapping[str, int], with_splits: bool) -> ImageEntry:
    parts = PurePosixPath(path).parts[:-1]
    split = parts[0] if with_splits and parts else None
    below = parts[1:] if with_splits else parts
    if not below:
        return ImageEntry(path=path, split=split, labelled=False)
    number = ids.get(plain_name(below[0]))
    if number is None:
        near = suggestion(below[0], classes, plural="classes")
        message = f'the folder "{below[0]}" is none of the project\'s classes{near}'
        problem = LabelFault("unknown_class", path, message)
        return ImageEntry(path=path, split=split, labelled=True, label_problems=(problem,))
    item = LabelledObject(path, classes[number], number, WHOLE_IMAGE, normalised=True)
    return ImageEntry(path=path, split=split, labelled=True, objects=(item,))
