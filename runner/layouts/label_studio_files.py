"""Label Studio's exports: tasks with an image and the regions that were drawn on it.

A task whose annotations were all cancelled, or that has none, is not labelled; one that was submitted without a region is, and
holds nothing. Objects are called by the ids of Label Studio: `export.json#<annotation>/<region>`.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote

from runner.adapters.pictures.image_files import SUFFIXES
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme, LayoutContent, list_files
from runner.dataset.formats import format_of
from runner.dataset.split_names import folder_of_split
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.label_faults import Flaw, LabelFault
from runner.layouts.class_folders import WHOLE_IMAGE
from runner.layouts.coco_paths import ImageFinder
from runner.layouts.drawn_shapes import DrawnShape, taken_by
from runner.layouts.json_places import content_with_lines
from runner.layouts.label_studio_document import LabelTask, Region, read_tasks
from runner.layouts.label_studio_shapes import CHOICES, KEYPOINT, SHAPES, drawn, is_of_image, skeleton
from runner.layouts.listing import Listing
from runner.layouts.named_classes import NamedClasses
from runner.tasks import TASKS

if TYPE_CHECKING:
    from runner.layouts.label_studio import LabelStudioLayout

FORMAT = "Label Studio JSON"
_OWN_PATHS = ("/data/upload/", "/data/local-files/")


def read_label_studio(folder: Path, scheme: LabelScheme, options: LabelStudioLayout) -> LayoutContent:
    """Reads every export; images of no task are not labelled.

    Args:
        folder: the dataset.
        scheme: the project's task and classes; labels are matched to them by name.
        options: which files, which key holds the image, and the order of the skeleton's points.

    Raises:
        FlywheelError: a file is missing, or no list of tasks in JSON.
    """
    files = named_exports(folder, options.annotations)
    images = list_files(folder)
    reader = _Reader(scheme, ImageFinder(images), options)
    for file in files:
        tasks, notes = read_tasks(folder / file)
        reader.notes += [f"{file}: {note}" for note in notes]
        reader.read(file, tasks)
    entries = reader.listing.sorted_with(images)
    content = LayoutContent(entries=entries, notes=reader.notes, faults=reader.listing.faults)
    return content_with_lines(folder, content)


def exports(folder: Path) -> list[str]:
    """The JSON files that are exports of Label Studio, sorted, relative to `folder`."""
    return [file for file in list_files(folder, frozenset((".json",))) if format_of(folder / file) == FORMAT]


def named_exports(folder: Path, annotations: Sequence[str] | None) -> list[str]:
    """The exports to read: all, or those that are named.

    Raises:
        FlywheelError: one of them is not there.
    """
    if annotations is None:
        return exports(folder)
    files = sorted({PurePosixPath(file).as_posix() for file in annotations})
    for file in files:
        if not (folder / file).is_file():
            found = ", ".join(exports(folder)) or "none was found"
            raise FlywheelError(
                "file not found",
                where=Where(f"{folder}/{file}"),
                hint=f"correct dataset.layout.annotations in flywheel.yaml; exports there: {found}",
                exit_code=ExitCode.STAGE_FAILED,
            )
    return files


def skeleton_points(regions: Sequence[Region]) -> Mapping[str, list[Region]]:
    """The key points of each region that has some, by its name."""
    points: dict[str, list[Region]] = {}
    for region in regions:
        if region.kind == KEYPOINT and region.parent:
            points.setdefault(region.parent, []).append(region)
    return points


def image_of(task: LabelTask, key: str | None) -> str | None:
    """Where a task's image is, as it says; None where that cannot be told.

    >>> image_of(LabelTask(name="1", data={"image": "/data/local-files/?d=pets/a%20b.jpg"}), None)
    'pets/a b.jpg'
    """
    fitting = [name for name, value in task.data.items() if _is_image(value)]
    chosen = key or ("image" if "image" in task.data else fitting[0] if len(fitting) == 1 else None)
    value = task.data.get(chosen) if chosen else None
    if not isinstance(value, str) or not value:
        return task.upload
    path, _, query = value.partition("?")
    served = parse_qs(query).get("d") if path.endswith("/data/local-files/") else None
    return served[0] if served else value


def _is_image(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    path = unquote(value.partition("?")[0])
    return value.startswith(_OWN_PATHS) or os.path.splitext(path)[1].lower() in SUFFIXES  # noqa: PTH122 - a URL


class _Reader:
    """Collects the images of all tasks, and what belongs to none of them."""

    def __init__(self, scheme: LabelScheme, finder: ImageFinder, options: LabelStudioLayout) -> None:
        self.scheme = scheme
        self.finder = finder
        self.options = options
        self.names = NamedClasses(scheme.classes)
        self.listing = Listing()
        self.notes: list[str] = []

    def read(self, file: str, tasks: Sequence[LabelTask]) -> None:
        """Adds the images of an export."""
        absent, unread = [], Counter[str]()
        for task in tasks:
            place = f"{file}: task {task.name}"
            name = image_of(task, self.options.image)
            if name is None:
                keys = ", ".join(task.data) or "no key"
                self.notes.append(
                    f"{place}: which of its data is the image is not known ({keys}): layout.image names it"
                )
                continue
            found = self.finder.find(file, name.lstrip("/"), None)
            path = found.path or found.expected
            if found.path is None:
                absent.append(f"{place}: {name}")
                self.listing.absent(place, name, path)
            if path is not None:
                self.listing.add(self._entry(file, task, path), place)
            unread.update(_unread(task))
        self.notes += _notes(file, tasks, absent, unread)

    def _entry(self, file: str, task: LabelTask, path: str) -> ImageEntry:
        image = ImageEntry(path=path, split=folder_of_split(path), labelled=False)
        annotation = task.annotation
        if annotation is None:
            return image
        ranked = TASKS[self.scheme.task].ranked
        place = f"{file}#{annotation.name}"
        results = list(
            self._objects(place, annotation.regions) if ranked else self._class(place, annotation.regions)
        )
        results += [LabelFault.of(place, problem) for problem in annotation.problems]
        return replace(
            image,
            labelled=ranked or bool(results),
            objects=tuple(item for item in results if isinstance(item, LabelledObject)),
            label_problems=tuple(item for item in results if isinstance(item, LabelFault)),
            declared_size=next((region.size for region in annotation.regions if region.size), None),
        )

    def _objects(self, place: str, regions: Sequence[Region]) -> Iterator[LabelledObject | LabelFault]:
        points = skeleton_points(regions)
        names = self._point_names(regions)
        known = {region.name for region in regions if region.kind in SHAPES}
        for region in regions:
            own = f"{place}/{region.name}"
            if region.kind in SHAPES:
                with_points = TASKS[self.scheme.task].skeleton and region.kind == "rectangle"
                shape = skeleton(region, points.get(region.name, ()), names) if with_points else drawn(region)
                yield self._object(own, region, shape)
            elif region.kind == KEYPOINT and TASKS[self.scheme.task].skeleton and region.parent not in known:
                yield LabelFault.of(own, "a key point that belongs to no box")

    def _point_names(self, regions: Sequence[Region]) -> Sequence[str]:
        return self.options.keypoints or sorted(
            {label for region in regions if region.kind == KEYPOINT for label in region.labels}
        )

    def _object(
        self, place: str, region: Region, shape: DrawnShape | Flaw | str
    ) -> LabelledObject | LabelFault:
        if len(region.labels) > 1:
            return LabelFault.of(place, f"{len(region.labels)} classes: {', '.join(region.labels[:5])}")
        number = self.names.number(region.labels[0] if region.labels else "")
        if isinstance(number, Flaw):
            return LabelFault.of(place, number)
        fields = taken_by(self.scheme, shape) if isinstance(shape, DrawnShape) else shape
        if not isinstance(fields, dict):
            return LabelFault.of(place, fields)
        return LabelledObject(place, self.scheme.classes[number], number, **fields)

    def _class(self, place: str, regions: Sequence[Region]) -> Iterator[LabelledObject | LabelFault]:
        """The class of a whole image: the only one that was chosen."""
        chosen = [label for region in regions if is_of_image(region) for label in region.labels]
        if len(chosen) > 1:
            yield LabelFault.of(place, f"{len(chosen)} classes for one image: {', '.join(chosen[:5])}")
        elif chosen:
            number = self.names.number(chosen[0])
            if isinstance(number, Flaw):
                yield LabelFault.of(place, number)
            else:
                yield LabelledObject(place, self.scheme.classes[number], number, WHOLE_IMAGE, normalised=True)


def _unread(task: LabelTask) -> Counter[str]:
    """The kinds of a task's results that are no shapes: text, numbers, taxonomies."""
    regions = task.annotation.regions if task.annotation else ()
    return Counter(
        region.kind for region in regions if region.kind not in (*SHAPES, KEYPOINT, CHOICES, "labels")
    )


def _notes(file: str, tasks: Sequence[LabelTask], absent: Sequence[str], unread: Counter[str]) -> list[str]:
    notes = []
    several = [task for task in tasks if task.others]
    if several and (first := several[0]).annotation:
        count = "1 task has" if len(several) == 1 else f"{len(several)} tasks have"
        notes.append(
            f"{file}: {count} several annotations, of which the last updated counts: of task {first.name} "
            f"{first.annotation.name}, not {', '.join(first.others)}"
        )
    if cancelled := sum(task.cancelled for task in tasks):
        notes.append(
            f"{file}: {cancelled} cancelled {'annotation is' if cancelled == 1 else 'annotations are'} dropped"
        )
    if absent:
        notes.append(
            f"{absent[0]}: not in the dataset, as {len(absent)} of the {len(tasks)} images of {file}"
        )
    if unread:
        kinds = ", ".join(f"{count} {kind}" for kind, count in sorted(unread.items()))
        notes.append(f"{file}: results that are no shapes are not read: {kinds}")
    return notes
