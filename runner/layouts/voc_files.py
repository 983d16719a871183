"""Pascal VOC: one XML file per image, `<annotation>` with an `<object>` for each box, in pixels.

An XML file is about the image that is called as it is, beside it or in the folder JPEGImages that goes with its Annotations,
as VOC's own lists have it; where there is none, about the one that its `<filename>` names.

Corners count pixels from 1 on and the last one is in the box (VOC2012's development kit, section 4.1), so that
`xmin 1, xmax 10` is ten pixels wide, from 0 to 10.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path, PurePosixPath
from typing import Any

from runner.adapters.system.xml_text import XmlElement, read_xml
from runner.dataset.class_names import plain_name
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme, LayoutContent, list_files
from runner.dataset.formats import format_of
from runner.dataset.split_names import folder_of_split
from runner.domain.errors import FlywheelError
from runner.domain.label_faults import Flaw, LabelFault
from runner.layouts.coco_paths import ImageFinder
from runner.layouts.listing import Listing
from runner.layouts.named_classes import NamedClasses
from runner.layouts.voc_sets import VocSplits, read_sets

FORMAT = "Pascal VOC"
ANNOTATIONS, IMAGES = "Annotations", "JPEGImages"
_SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, kw_only=True)
class FoundVoc:
    """What the XML files of a folder hold. `zero`: the place of a corner that is 0, if one is."""

    classes: list[str]
    zero: str | None


def read_voc(folder: Path, scheme: LabelScheme, *, one_based: bool = True) -> LayoutContent:
    """Reads every XML file; images without one are not labelled.

    What is wrong in a file is a problem of its image, and the other files are read all the same.

    Args:
        folder: the dataset.
        scheme: the project's task and classes; names are matched to them.
        one_based: corners count pixels from 1 on, else distances from 0 on.
    """
    images = list_files(folder)
    splits = read_sets(folder, [_key(path) for path in images])
    reader = _Reader(scheme, one_based, ImageFinder(images))
    for file in annotation_files(folder):
        reader.listing.add(reader.entry(folder, file), file)
    entries = [
        replace(entry, split=_split(entry.path, splits)) for entry in reader.listing.sorted_with(images)
    ]
    notes = [*splits.notes, *reader.notes(), *_flag_notes(entries)]
    return LayoutContent(
        entries=entries,
        notes=notes,
        empty_splits=splits.empty,
        faults=[*splits.faults, *reader.listing.faults],
    )


def recognise_voc(folder: Path) -> FoundVoc | None:
    """The classes in the XML files of a folder, sorted; None where there is no such file.

    Files that cannot be read are left out: `read_voc` names them.
    """
    files = annotation_files(folder)
    names: set[str] = set()
    zero = None
    for file in files:
        try:
            objects = read_xml(folder / file).every("object")
        except FlywheelError:
            continue
        names |= {plain_name(name) for item in objects if (name := item.word("name"))}
        zero = zero or next(
            (
                f"{file}:{side.line}: {side.tag}"
                for item in objects
                if (box := item.child("bndbox"))
                for side in box.every("xmin", "ymin")
                if _number(side.text) == 0
            ),
            None,
        )
    return FoundVoc(classes=sorted(names), zero=zero) if files else None


def annotation_files(folder: Path) -> list[str]:
    """The XML files that are VOC's, sorted, relative to `folder`; in a folder Annotations, all that are of no other format."""
    formats = {file: format_of(folder / file) for file in list_files(folder, frozenset((".xml",)))}
    return [
        file
        for file, found in formats.items()
        if found == FORMAT or (found is None and PurePosixPath(file).parent.name == ANNOTATIONS)
    ]


def annotation_folders(folder: Path) -> list[str]:
    """Where the XML files are."""
    return sorted({f"{PurePosixPath(file).parent.as_posix()}/" for file in annotation_files(folder)})


class _Reader:
    """Turns XML files into entries, and remembers what belongs to no image.

    Args:
        finder: of the dataset's images.
    """

    def __init__(self, scheme: LabelScheme, one_based: bool, finder: ImageFinder) -> None:
        self.scheme = scheme
        self.one_based = one_based
        self.finder = finder
        self.names = NamedClasses(scheme.classes)
        self.by_stem: dict[str, str] = {}
        for path in sorted(finder.known, reverse=True):
            self.by_stem[PurePosixPath(path).with_suffix("").as_posix()] = path
        self.listing = Listing()
        self.renamed: list[str] = []

    def entry(self, folder: Path, file: str) -> ImageEntry:
        """The image that a file is about, without its split."""
        try:
            root = read_xml(folder / file)
        except FlywheelError as error:
            path = self._by_stem(file) or self._expected(file, "")
            at = f"{file}:{error.where.line}" if error.where and error.where.line else file
            fault = LabelFault("unreadable", at, error.message)
            return ImageEntry(path=path, split=None, labelled=True, label_problems=(fault,))
        path = self._image(file, root)
        found = [self._object(file, item) for item in root.every("object")]
        problems = [item for item in found if isinstance(item, LabelFault)]
        if root.tag != "annotation":
            message = f"the root is <{root.tag}>, not <annotation>"
            problems.append(LabelFault("unreadable", f"{file}:{root.line}", message))
        return ImageEntry(
            path=path,
            split=None,
            labelled=True,
            objects=tuple(item for item in found if isinstance(item, LabelledObject)),
            label_problems=tuple(problems),
            declared_size=_declared_size(root),
        )

    def notes(self) -> list[str]:
        """Files without an image, and files that say that they are about another."""
        notes = []
        if absent := self.listing.faults:
            count = "1 XML file has" if len(absent) == 1 else f"{len(absent)} XML files have"
            notes.append(f"{count} no image: {absent[0]}")
        if self.renamed:
            count = "1 XML file names" if len(self.renamed) == 1 else f"{len(self.renamed)} XML files name"
            notes.append(
                f"{count} another image than the one called as the file is, which is taken: {self.renamed[0]}"
            )
        return notes

    def _image(self, file: str, root: XmlElement) -> str:
        stated = root.child("filename")
        name = stated.text.strip() if stated else ""
        if path := self._by_stem(file):
            own = PurePosixPath(name.replace("\\", "/"))
            if stated and name and own.stem != PurePosixPath(path).stem:
                self.renamed.append(f"{file}:{stated.line}: {name}")
                return path
            twin = PurePosixPath(path).with_suffix(own.suffix).as_posix()  # a.png beside a.jpg
            return twin if twin in self.finder.known else path
        if name:
            folder = PurePosixPath(file).parent.name
            if path := self.finder.find(file, name, None if folder == ANNOTATIONS else folder).path:
                return path
        expected = self._expected(file, name)
        self.listing.absent(f"{file}:{stated.line}" if stated else file, name or expected, expected)
        return expected

    def _by_stem(self, file: str) -> str | None:
        """The image that is called as the file is."""
        plain = PurePosixPath(file).with_suffix("")
        return next((path for place in _places(plain) if (path := self.by_stem.get(place))), None)

    def _expected(self, file: str, name: str) -> str:
        plain = PurePosixPath(file).with_suffix(PurePosixPath(name).suffix or ".jpg")
        return next(iter(_places(plain)))

    def _object(self, file: str, item: XmlElement) -> LabelledObject | LabelFault:
        place = f"{file}:{item.line}"
        number = self.names.number(item.word("name"))
        if isinstance(number, Flaw):
            return LabelFault.of(f"{file}:{(item.child('name') or item).line}", number)
        box = item.child("bndbox")
        if box is None:
            other = next((child.tag for child in item.children if child.tag in ("robndbox", "polygon")), None)
            said = "no <bndbox>" + (f", but <{other}>, which is not read" if other else "")
            return LabelFault.of(place, said)
        sides: list[float] = []
        for tag in _SIDES:
            side = box.child(tag)
            value = None if side is None else _number(side.text)
            if value is None:
                written = "is missing" if side is None else f"is no number: {side.text.strip()[:40]!r}"
                return LabelFault.of(f"{file}:{(side or box).line}", f"<{tag}> {written}")
            first = self.one_based and tag in ("xmin", "ymin")
            sides.append(_less_one(side.text) if first and side else value)
        return LabelledObject(
            place,
            self.scheme.classes[number],
            number,
            (sides[0], sides[1], sides[2], sides[3]),
            normalised=False,
            **_flags(item),
        )


def _places(plain: PurePosixPath) -> Iterable[str]:
    """Where the image of an XML file may be, both without suffix, the likeliest first."""
    parts = plain.parts
    for name in (IMAGES, "images"):
        for own in (ANNOTATIONS, "annotations", "labels"):
            if own in parts[:-1]:
                at = parts.index(own)
                yield PurePosixPath(*parts[:at], name, *parts[at + 1 :]).as_posix()
    yield plain.as_posix()


def _key(path: str) -> tuple[str, str]:
    """The folder above JPEGImages, and the name in it that lists have, without suffix."""
    plain = PurePosixPath(path).with_suffix("")
    if IMAGES in plain.parts[:-1]:
        at = plain.parts.index(IMAGES)
        return PurePosixPath(*plain.parts[:at]).as_posix(), PurePosixPath(*plain.parts[at + 1 :]).as_posix()
    return ".", plain.name


def _split(path: str, splits: VocSplits) -> str | None:
    """What the lists say, else the folder that is called like one: `train/a.jpg`, `images/train/a.jpg`."""
    key = _key(path)
    if key[0] in splits.roots:
        return splits.of.get(key)
    return folder_of_split(path)


def _declared_size(root: XmlElement) -> tuple[int, int] | None:
    """(width, height); tools that do not know it write 0."""
    size = root.child("size")
    if size is None:
        return None
    width, height = _number(size.word("width")), _number(size.word("height"))
    if width is None or height is None or width <= 0 or height <= 0:
        return None
    return round(width), round(height)


def _flags(item: XmlElement) -> Mapping[str, Any]:
    return {tag: item.word(tag) == "1" for tag in ("difficult", "truncated", "occluded")}


def _flag_notes(entries: Sequence[ImageEntry]) -> list[str]:
    objects = [item for entry in entries for item in entry.objects]
    difficult = sum(item.difficult for item in objects)
    if not difficult:
        return []
    return [
        f"{difficult} of {len(objects)} objects are marked difficult: they are trained on and judged as any other"
    ]


def _less_one(text: str) -> float:
    """A number less one, in the digits that it is written in: a writer that adds one to 7.613 finds 7.613 again.

    >>> _less_one("8.613"), 8.613 - 1
    (7.613, 7.6129999999999995)
    """
    return float(Decimal(text.strip()) - 1)


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
