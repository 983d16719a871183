"""CVAT's XML: images by name with the shapes in them, or the frames of a video with the shapes of tracks.

Every image that a file lists is labelled, with or without shapes: CVAT does not write which ones nobody has looked at. For
classification, those with a tag are. Labels are matched to the project's classes by name, subsets are splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from runner.adapters.system.xml_text import XmlElement
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme, LayoutContent, list_files
from runner.dataset.formats import format_of
from runner.dataset.split_names import folder_of_split
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.label_faults import Flaw, LabelFault
from runner.layouts.class_folders import WHOLE_IMAGE
from runner.layouts.coco_paths import ImageFinder
from runner.layouts.cvat_document import CvatDocument, read_document
from runner.layouts.cvat_shapes import SHAPES, drawn, flag
from runner.layouts.cvat_tracks import Frame, frames_of, shapes_of
from runner.layouts.drawn_shapes import DrawnShape, taken_by
from runner.layouts.listing import Listing
from runner.layouts.named_classes import NamedClasses
from runner.tasks import TASKS

FORMAT = "CVAT XML"
NO_SPLIT = frozenset(("", "default"))


def read_cvat(folder: Path, scheme: LabelScheme, annotations: Sequence[str] | None = None) -> LayoutContent:
    """Reads every XML file; images that none of them is about are not labelled.

    Args:
        folder: the dataset.
        scheme: the project's task and classes.
        annotations: the files to read, relative to the dataset; those that are found when None.

    Raises:
        FlywheelError: a file is missing, or no XML of CVAT.
    """
    files = cvat_files(folder) if annotations is None else _named(folder, annotations)
    images = list_files(folder)
    reader = _Reader(scheme, ImageFinder(images))
    for file in files:
        reader.read(file, read_document(folder / file))
    entries = reader.listing.sorted_with(images)
    return LayoutContent(entries=entries, notes=reader.notes, faults=reader.listing.faults)


def cvat_files(folder: Path) -> list[str]:
    """The XML files that are CVAT's, sorted, relative to `folder`."""
    return [file for file in list_files(folder, frozenset((".xml",))) if format_of(folder / file) == FORMAT]


def _named(folder: Path, annotations: Sequence[str]) -> list[str]:
    files = sorted({PurePosixPath(file).as_posix() for file in annotations})
    for file in files:
        if not (folder / file).is_file():
            found = ", ".join(cvat_files(folder)) or "none was found"
            raise FlywheelError(
                "file not found",
                where=Where(f"{folder}/{file}"),
                hint=f"correct dataset.layout.annotations in flywheel.yaml; XML files of CVAT there: {found}",
                exit_code=ExitCode.STAGE_FAILED,
            )
    return files


@dataclass(frozen=True, kw_only=True)
class _Drawn:
    """An element on an image: what it is called, its label, and where that is written."""

    element: XmlElement
    label: str
    points: Sequence[str]


class _Reader:
    """Collects the images of all files, and what belongs to none of them."""

    def __init__(self, scheme: LabelScheme, finder: ImageFinder) -> None:
        self.scheme = scheme
        self.finder = finder
        self.names = NamedClasses(scheme.classes)
        self.listing = Listing()
        self.notes: list[str] = []

    def read(self, file: str, document: CvatDocument) -> None:
        """Adds the images of a file."""
        if document.is_video:
            self._video(file, document)
        else:
            self._images(file, document)

    def _images(self, file: str, document: CvatDocument) -> None:
        absent, elsewhere = [], []
        skeletons = document.meta.skeletons
        task_subset = next((task.subset for task in document.meta.tasks), None)
        for image in document.images:
            place, name = f"{file}:{image.line}", image.attributes.get("name", "")
            subset = image.attributes.get("subset", task_subset)
            path = self._near(file, name, subset)
            if path is None:
                found = self.finder.find(file, name, subset)
                path = found.path or found.expected
                elsewhere += [f"{place}: {name} at {path}"] if found.path else []
                if not found.path:
                    absent.append(f"{place}: {name}")
                    self.listing.absent(place, name, path)
            if path is None:
                continue
            size = _size(image)
            items = [
                _Drawn(element=element, label=label, points=skeletons.get(label, ()))
                for element in image.children
                for label in (element.attributes.get("label", ""),)
            ]
            entry = self._entry(file, path, items, size)
            split = None if subset in NO_SPLIT else subset
            self.listing.add(replace(entry, split=split or folder_of_split(path)), place)
        total = len(document.images)
        if absent:
            self.notes.append(
                f"{absent[0]}: not in the dataset, as {len(absent)} of the {total} images of {file}"
            )
        if elsewhere:
            self.notes.append(
                f"{len(elsewhere)} of {total} images of {file} are not where it says; those of these names are taken: "
                f"{elsewhere[0]}"
            )

    def _video(self, file: str, document: CvatDocument) -> None:
        frames, notes = frames_of(file, document.meta.tasks, self.finder.known)
        self.notes += notes
        shown: dict[str, list[_Drawn]] = {frame.path: [] for frame in frames}
        skeletons = document.meta.skeletons
        for track in document.tracks:
            label = track.attributes.get("label", "")
            own = [frame for frame in frames if frame.belongs_to(track)]
            for frame, element in shapes_of(track, own):
                item = _Drawn(element=element, label=label, points=skeletons.get(label, ()))
                shown[frame.path].append(item)
        for frame in frames:
            entry = self._entry(file, frame.path, shown[frame.path], frame.size)
            self.listing.add(replace(entry, split=_frame_split(frame)), f"{file} (frame {frame.number})")

    def _near(self, file: str, name: str, subset: str | None) -> str | None:
        """The image where CVAT's export has it: `images/` beside the file, in its subset's folder or not."""
        if not name or name.startswith("/") or ".." in PurePosixPath(name).parts:
            return None
        beside = PurePosixPath(file).parent
        folders = [beside / "images" / subset, beside / subset] if subset else []
        candidates = [(place / name).as_posix() for place in (*folders, beside / "images", beside)]
        return next((path for path in candidates if path in self.finder.known), None)

    def _entry(
        self, file: str, path: str, items: Sequence[_Drawn], size: tuple[int, int] | None
    ) -> ImageEntry:
        if TASKS[self.scheme.task].ranked:
            results = [self._object(file, item, size) for item in items if item.element.tag in SHAPES]
            labelled = True
        else:
            results = self._class(file, [item for item in items if item.element.tag == "tag"])
            labelled = bool(results)
        return ImageEntry(
            path=path,
            split=None,
            labelled=labelled,
            objects=tuple(item for item in results if isinstance(item, LabelledObject)),
            label_problems=tuple(item for item in results if isinstance(item, LabelFault)),
            declared_size=size,
        )

    def _object(self, file: str, item: _Drawn, size: tuple[int, int] | None) -> LabelledObject | LabelFault:
        place = f"{file}:{item.element.line}"
        number = self.names.number(item.label)
        if isinstance(number, Flaw):
            return LabelFault.of(place, number)
        shape = drawn(item.element, size, item.points)
        fields = taken_by(self.scheme, shape) if isinstance(shape, DrawnShape) else shape
        if not isinstance(fields, dict):
            return LabelFault.of(place, fields)
        return LabelledObject(
            place,
            self.scheme.classes[number],
            number,
            occluded=flag(item.element, "occluded"),
            **fields,
        )

    def _class(self, file: str, tags: Sequence[_Drawn]) -> list[LabelledObject | LabelFault]:
        """The class of a whole image: the only one that its tags name."""
        classes = list(dict.fromkeys(item.label for item in tags))
        if not classes:
            return []
        place = f"{file}:{tags[0].element.line}"
        if len(classes) > 1:
            return [LabelFault.of(place, f"{len(classes)} classes for one image: {', '.join(classes[:5])}")]
        number = self.names.number(classes[0])
        if isinstance(number, Flaw):
            return [LabelFault.of(place, number)]
        return [LabelledObject(place, self.scheme.classes[number], number, WHOLE_IMAGE, normalised=True)]


def _frame_split(frame: Frame) -> str | None:
    return (None if frame.subset in NO_SPLIT else frame.subset) or folder_of_split(frame.path)


def _size(image: XmlElement) -> tuple[int, int] | None:
    width, height = image.attributes.get("width", ""), image.attributes.get("height", "")
    if not all(text.isascii() and text.isdecimal() and 0 < len(text) < 10 for text in (width, height)):
        return None
    return (int(width), int(height)) if int(width) and int(height) else None
