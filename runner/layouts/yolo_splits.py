"""The splits that a YOLO dataset's data.yaml names: folders, patterns, and text files that list images.

Paths are meant relative to `path`, to the list, or to somebody's working folder, or are absolute on somebody's machine.
They are only ever looked for inside the dataset: by the whole path, else by as much of its end as is there.

A list says of each of its images which split it is in. A folder that is itself called like a split keeps that meaning, as
`images/test` does where data.yaml uses it to validate on; another one is of the split that names it.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any

from runner.dataset.split_names import split_role, split_weight
from runner.domain.label_faults import LabelFault

KEYS = ("train", "val", "valid", "validation", "dev", "test", "holdout")
_LIST = ".txt"


@dataclass(frozen=True, kw_only=True)
class DeclaredSplits:
    """What data.yaml says of splits.

    Attributes:
        of: the split of each image that a list or a folder names; None for one that must be in no split, since its folder
            is called like a split whose images are listed.
        empty: splits that are named, and why no image is in them.
        notes: what could not be followed.
        faults: lines that name an image again, or one that is not there.
    """

    of: Mapping[str, str | None] = field(default_factory=dict)
    empty: Mapping[str, str] = field(default_factory=dict)
    notes: Sequence[str] = ()
    faults: Sequence[LabelFault] = ()


@dataclass
class _Named:
    """The images that one key names; `places`: the lines of lists that name each, `absent`: lines that name none."""

    listed: list[str] = field(default_factory=list)
    in_folders: list[str] = field(default_factory=list)
    places: dict[str, list[str]] = field(default_factory=dict)
    absent: list[tuple[str, str]] = field(default_factory=list)  # the line's place, and what it says


class SplitReader:
    """Follows data.yaml's paths inside a dataset.

    Args:
        folder: the dataset.
        images: its images, as posix paths relative to it.
        layout_split: the split that an image's own folder names, if any.
    """

    def __init__(self, folder: Path, images: Mapping[str, str | None]) -> None:
        self.folder = folder
        self.images = images
        self.folders = {parent.as_posix() for path in images for parent in PurePosixPath(path).parents}
        self.lists: dict[str, list[tuple[int, str]]] = {}  # the lines of each list that data.yaml names
        self.shared = ""  # the folder that all images of all lists are in, where they are absolute

    def read(self, document: Mapping[str, Any], file: str) -> DeclaredSplits:
        """The splits of a data.yaml, whose name is `file`."""
        root = document["path"] if isinstance(document.get("path"), str) else ""
        entries = {key: texts for key in KEYS if key in document and (texts := list(_texts(document[key])))}
        places = {self._place(entry, root) for texts in entries.values() for entry in texts}
        self.lists = {place: self._lines(place) for place in places if place and place.endswith(_LIST)}
        self.shared = _shared([[name for _, name in lines] for lines in self.lists.values()])
        named = {key: self._named(texts, root) for key, texts in entries.items()}
        of: dict[str, str | None] = {}
        listed_roles = {split_role(key) for key, found in named.items() if found.listed}
        for path, own in self.images.items():
            if split_role(own) in listed_roles:
                of[path] = None  # the lists say which images are in it
        notes = [note for key, found in named.items() for note in _absent(file, key, found)]
        claims: dict[str, list[str]] = {}
        for key, found in named.items():
            for path in dict.fromkeys(found.listed):
                claims.setdefault(path, []).append(key)
            for path in dict.fromkeys(found.in_folders):
                if split_weight(self.images[path]) < 0:
                    claims.setdefault(path, []).append(key)
        of.update({path: max(keys, key=split_weight) for path, keys in claims.items()})
        notes += _several(file, claims) + self._kept(file, named)
        empty = {
            key: f"{file} names {key}: {', '.join(_texts(document[key]))}, but no image is there"
            for key, found in named.items()
            if not found.listed and not found.in_folders
        }
        return DeclaredSplits(of=of, empty=empty, notes=notes, faults=list(_line_faults(named, of)))

    def _named(self, entries: Sequence[str], root: str) -> _Named:
        found = _Named()
        for entry in entries:
            if place := self._place(entry, root):
                if place.endswith(_LIST):
                    self._follow_list(place, found)
                elif place in self.images:
                    found.listed.append(place)
                else:
                    within = "" if place == "." else f"{place}/"
                    found.in_folders += [path for path in self.images if path.startswith(within)]
            elif any(sign in entry for sign in "*?["):
                found.in_folders += self._matching(entry)
        return found

    def _place(self, entry: str, root: str) -> str | None:
        """What a path of data.yaml is in the dataset: a folder of images, a list, or an image."""
        for base in dict.fromkeys((root, "")):
            for tail in _tails(_joined(base, entry)):
                if tail in self.folders or tail in self.images:
                    return tail
                if tail.endswith(_LIST) and (self.folder / tail).is_file():
                    return tail
        return None

    def _lines(self, place: str) -> list[tuple[int, str]]:
        content = (self.folder / place).read_bytes().decode("utf-8-sig", errors="replace")
        lines = enumerate(content.splitlines(), start=1)
        return [(number, name) for number, line in lines if (name := line.strip().replace("\\", "/"))]

    def _matching(self, pattern: str) -> list[str]:
        tails = list(_tails(_joined("", pattern)))
        for tail in tails:
            plain = tail.rstrip("/")
            found = [
                path
                for path in self.images
                if fnmatchcase(path, plain)
                or any(fnmatchcase(str(p), plain) for p in PurePosixPath(path).parents)
            ]
            if found:
                return found
        return []

    def _follow_list(self, place: str, found: _Named) -> None:
        beside = posixpath.dirname(place)
        for number, name in self.lists[place]:
            own = _joined(beside, name) if name.startswith("./") else _joined("", name)
            path = next((tail for tail in _tails(own, self.shared) if tail in self.images), None)
            if path is None and (near := _joined(beside, name)) in self.images:
                path = near
            if path is None:
                found.absent.append((f"{place}:{number}", name))
            else:
                found.listed.append(path)
                found.places.setdefault(path, []).append(f"{place}:{number}")

    def _kept(self, file: str, named: Mapping[str, _Named]) -> list[str]:
        """Folders that are used as they are called, where data.yaml uses them for another split."""
        notes = []
        for key, found in named.items():
            others = Counter(
                own
                for path in found.in_folders
                if (own := self.images[path])
                and split_weight(own) >= 0
                and split_role(own) != split_role(key)
            )
            notes += [
                f"{file} names the {count} images of {own} for {key}: they stay in {own}, as their folder is called"
                for own, count in others.items()
            ]
        return notes


def _texts(value: Any) -> Iterator[str]:
    """The paths of a split: one, or a list of them, or lists of lists; none where nothing is written."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, str) and value.strip() and value not in ("null", "~", "None"):
        yield value.strip()


def _joined(base: str, path: str) -> str:
    """A path relative to the dataset's root; drives, `/` and `../` at its beginning are dropped."""
    whole = posixpath.normpath(posixpath.join(base.replace("\\", "/"), path.replace("\\", "/")))
    parts = [part for part in whole.split("/") if part not in ("", "..")]
    return "/".join(parts) or "."


def _shared(lists: Sequence[Sequence[str]]) -> str:
    """The folder of all images that several lists name absolutely: a split's name in it tells none of them apart.

    >>> _shared([["/home/me/dev/pets/a/1.jpg"], ["/home/me/dev/pets/b/2.jpg"]]), _shared([["/me/test/1.jpg"]])
    ('home/me/dev/pets', '')
    """
    names = [name for lines in lists for name in lines]
    if len(lists) < 2 or not all(name.startswith("/") for name in names):
        return ""
    return posixpath.commonpath([posixpath.dirname(name) for name in names]).lstrip("/") if names else ""


def _tails(path: str, shared: str = "") -> Iterator[str]:
    """A path, and shorter and shorter ends of it, as long as no split's name is dropped that is not `shared` by all.

    >>> list(_tails("me/data/images/train")), list(_tails("me/test/images"))
    (['me/data/images/train', 'data/images/train', 'images/train', 'train'], ['me/test/images', 'test/images'])
    >>> list(_tails("dev/pets/1.jpg", "dev/pets"))
    ['dev/pets/1.jpg', 'pets/1.jpg', '1.jpg']
    """
    parts = path.split("/")
    above = len(shared.split("/")) if shared and path.startswith(f"{shared}/") else 0
    for at in range(len(parts)):
        if at > above and parts[at - 1].lower() in KEYS:
            return
        yield "/".join(parts[at:])


def _absent(file: str, key: str, found: _Named) -> list[str]:
    if not found.absent:
        return []
    of = len(found.absent) + len(found.listed)
    place, name = found.absent[0]
    return [f"{file}: {len(found.absent)} of {of} images listed for {key} are not there: {place}: {name}"]


def _line_faults(named: Mapping[str, _Named], of: Mapping[str, str | None]) -> Iterator[LabelFault]:
    """Lines of lists that name an image again, or for a split that it is not in, or that name none."""
    for key, found in named.items():
        for path, (first, *again) in found.places.items():
            kept = of.get(path)
            if kept != key and split_role(kept) != split_role(key):
                yield LabelFault("image_twice", first, f"it names {path} for {key}, which is in {kept}", path)
            for place in again:
                yield LabelFault("image_twice", place, f"it names {path} again, as {first} does", path)
        for place, name in found.absent:
            yield LabelFault("no_image", place, f"it names {name}, which is not in the dataset")


def _several(file: str, claims: Mapping[str, Sequence[str]]) -> list[str]:
    twice = [path for path, keys in claims.items() if len({split_role(key) for key in keys}) > 1]
    if not twice:
        return []
    keys = sorted({key for path in twice for key in claims[path]}, key=split_weight)
    return [
        f"{file} names {len(twice)} images for {' and '.join(keys)} ({twice[0]}): "
        f"each is used for {keys[-1]} only"
        if len(keys) == 2
        else f"{file} names {len(twice)} images for several splits ({twice[0]}): each is used for the last of train, val, test"
    ]
