"""The splits of a Pascal VOC dataset: lists of image names in ImageSets/Main."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from runner.dataset.entries import list_files
from runner.dataset.split_names import Role, split_role
from runner.domain.label_faults import LabelFault

SETS = ("ImageSets", "Main")
# `trainval` is what `train` and `val` make together: it says nothing of images that those name.
_WEAKER = ("trainval",)
# Where an image is in several lists, what it is judged by counts, so that nothing is trained on and judged.
_PRECEDENCE: tuple[Role, ...] = ("train", "val", "test")


@dataclass(frozen=True, kw_only=True)
class VocSplits:
    """What the lists say.

    Attributes:
        of: the split of each image, by the folder above ImageSets and the image's name without suffix.
        roots: the folders that have lists; an image below one that no list names is in no split.
        empty: lists, and why none of their images is there.
        notes: what could not be followed.
        faults: names of images that are not there, or that several lists have.
    """

    of: Mapping[tuple[str, str], str] = field(default_factory=dict)
    roots: frozenset[str] = frozenset()
    empty: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    faults: Sequence[LabelFault] = ()


def read_sets(folder: Path, images: Iterable[tuple[str, str]]) -> VocSplits:
    """Reads the lists that are called like splits; those of single classes (`cat_train.txt`) say nothing of splits.

    Args:
        folder: the dataset.
        images: by the folder above ImageSets, and the name without suffix.
    """
    known = set(images)
    claims: dict[tuple[str, str], list[tuple[str, str]]] = {}
    roots, empty, notes, faults = set(), {}, [], []
    for file in _lists(folder):
        path = PurePosixPath(file)
        root, split = path.parent.parent.parent.as_posix(), path.stem
        roots.add(root)
        names = _names(folder / file)
        present = [(root, name) for name in names if (root, name) in known]
        absent = [(line, name) for name, line in names.items() if (root, name) not in known]
        faults += [
            LabelFault("no_image", f"{file}:{line}", f"it names {name}, which is not in the dataset")
            for line, name in absent
        ]
        for key in present:
            claims.setdefault(key, []).append((split, f"{file}:{names[key[1]]}"))
        if not present:
            empty[split] = f"{file} names {len(names)} images, but none is there"
        elif absent:
            line, name = absent[0]
            notes.append(f"{file}:{line}: {len(absent)} of {len(names)} images are not there: {name}")
    of = {key: max((split for split, _ in named), key=_weight) for key, named in claims.items()}
    twice = _several(claims, of)
    return VocSplits(
        of=of,
        roots=frozenset(roots),
        empty={split: why for split, why in empty.items() if split not in _WEAKER},
        notes=[*notes, *_several_notes(twice)],
        faults=[*faults, *twice],
    )


def _lists(folder: Path) -> list[str]:
    return [
        file
        for file in list_files(folder, frozenset((".txt",)))
        if PurePosixPath(file).parts[-3:-1] == SETS and _is_split(PurePosixPath(file).stem)
    ]


def _is_split(name: str) -> bool:
    """Whether a list is called like a split, not `cat_train` or `train_cat`."""
    return split_role(name) is not None and "_" not in name


def _names(path: Path) -> dict[str, int]:
    """The images that a list names, without suffix, each with its line."""
    lines = path.read_bytes().decode("utf-8-sig", errors="replace").splitlines()
    found: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        if words := line.split():
            name = words[0] if len(words) == 2 and words[1] in ("1", "-1", "0") else line.strip()
            found.setdefault(name, number)
    return found


def _weight(split: str) -> int:
    role = split_role(split)
    if split in _WEAKER or role not in _PRECEDENCE:
        return -1
    return _PRECEDENCE.index(role)


def _several(
    claims: Mapping[tuple[str, str], Sequence[tuple[str, str]]], of: Mapping[tuple[str, str], str]
) -> list[LabelFault]:
    """The lists that name an image which is in the split of another one."""
    return [
        LabelFault("image_twice", place, f"it names {key[1]} for {split}, which is in {of[key]}")
        for key, named in claims.items()
        for split, place in named
        if split not in (*_WEAKER, of[key])
    ]


def _several_notes(twice: Sequence[LabelFault]) -> list[str]:
    if not twice:
        return []
    return [
        f"ImageSets/Main names {len(twice)} images for several splits: each is used for the last of train, val, test: "
        f"{twice[0]}"
    ]
