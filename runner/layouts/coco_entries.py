"""The images that a COCO file lists, each with its annotations; what is wrong with single ones is said, and costs no other."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import ImageEntry, LabelledObject, LabelScheme, object_class_problem
from runner.domain.label_faults import Flaw, LabelFault
from runner.layouts.coco_document import CocoDocument, CocoImage, read_document
from runner.layouts.coco_paths import ImageFinder, Located
from runner.layouts.coco_shapes import BoxAnnotation, shape_of
from runner.tasks import TASKS


@dataclass
class EntryReader:
    """Reads annotation files of one dataset.

    Attributes:
        notes: what belongs to no image, in sentences.
        faults: labels of images that are not there.
    """

    folder: Path
    finder: ImageFinder
    scheme: LabelScheme
    notes: list[str] = field(default_factory=list)
    faults: list[LabelFault] = field(default_factory=list)

    def read(self, file: str, subset: str | None) -> Iterator[tuple[int | str, ImageEntry]]:
        """The images of a file, each with its id there; without a split.

        Args:
            file: relative to the dataset.
            subset: what its name says that it is about.

        Raises:
            FlywheelError: it is not COCO, or names an image twice although the scheme takes none twice.
        """
        shapes = TASKS[self.scheme.task].shape is not None
        document = read_document(self.folder / file, shapes=shapes, once=self.scheme.once)
        self.notes += [f"{file}: {note}" for note in document.notes]
        annotations, problems = self._by_image(file, document)
        names = {category.id: category.name for category in document.categories}
        known_classes = class_ids(self.scheme.classes)
        places: list[tuple[CocoImage, Located]] = []
        for image in document.images:
            found = self.finder.find(file, image.file_name, subset)
            places.append((image, found))
            path = found.path or found.expected
            if path is None:
                continue
            objects: list[LabelledObject] = []
            for name, annotation in annotations[image.id]:
                item = _object(file, name, annotation, names, known_classes, self.scheme)
                if isinstance(item, LabelledObject):
                    objects.append(item)
                else:
                    problems[image.id].append(LabelFault.of(f"{file}: {called(name)}", item))
            yield (
                image.id,
                ImageEntry(
                    path=path,
                    split=None,
                    labelled=document.annotations is not None,
                    objects=tuple(objects),
                    label_problems=tuple(problems[image.id]),
                    declared_size=_declared_size(image),
                ),
            )
        self._say_where(file, places)

    def _by_image(
        self, file: str, document: CocoDocument
    ) -> tuple[dict[int | str, list[tuple[str, BoxAnnotation]]], dict[int | str, list[LabelFault]]]:
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
                strays.append((called(name), annotation.image_id))
        self._say_strays(file, strays)
        problems: dict[int | str, list[LabelFault]] = defaultdict(list)
        for item in document.malformed:
            fault = LabelFault("malformed", f"{file}: {item.name}", item.problem)
            if item.image_id in listed and item.image_id is not None:
                problems[item.image_id].append(fault)
            else:
                self.notes.append(fault)
                self.faults.append(fault)
        return annotations, problems

    def _say_strays(self, file: str, strays: Sequence[tuple[str, int | str]]) -> None:
        self.faults += [
            LabelFault("no_image", f"{file}: {name}", f"it is of image {image}, which the file does not list")
            for name, image in strays
        ]
        if strays:
            count = (
                "1 annotation is of an image"
                if len(strays) == 1
                else f"{len(strays)} annotations are of images"
            )
            name, image = strays[0]
            self.notes.append(f"{file}: {count} that it does not list: {name} of image {image}")

    def _say_where(self, file: str, places: Sequence[tuple[CocoImage, Located]]) -> None:
        """What is odd about where images are: elsewhere, outside, nowhere."""
        elsewhere = [f"{image.file_name} at {found.path}" for image, found in places if found.by_name]
        outside = [image for image, found in places if not (found.path or found.expected)]
        absent = [(image, found.expected) for image, found in places if not found.path and found.expected]
        total = len(places)
        if elsewhere:
            self.notes.append(
                f"{file}: {len(elsewhere)} of {total} file names are not where they say; "
                f"the images of these names are taken: {elsewhere[0]}"
            )
        if outside:
            self.notes.append(
                f"{file}: {len(outside)} of {total} file names lead out of the dataset, and it has no image (or "
                f"several) of such a name: {outside[0].file_name!r}"
            )
        if absent:
            self.notes.append(
                f"{file}: {len(absent)} of {total} images are not in the dataset: {absent[0][0].file_name!r}"
            )
        self.faults += [
            LabelFault(
                "no_image",
                f"{file}: image {image.id}",
                f"{image.file_name!r} is not in the dataset",
                path or "",
            )
            for image, path in [*((image, None) for image in outside), *absent]
        ]


def called(name: str) -> str:
    """What an annotation is called in messages: by its id, or by its place in the file."""
    return name if name.startswith("annotations[") else f"annotation {name}"


def _declared_size(image: CocoImage) -> tuple[int, int] | None:
    width, height = image.width, image.height
    if width is None or height is None or not (0 < width < math.inf and 0 < height < math.inf):
        return None
    return round(width), round(height)


def _object(
    file: str,
    number: str,
    annotation: BoxAnnotation,
    names: Mapping[int, str],
    known_classes: Mapping[str, int],
    scheme: LabelScheme,
) -> LabelledObject | Flaw | str:
    name = names.get(annotation.category_id)
    if name is None:
        return Flaw("unknown_class", f"category {annotation.category_id} is not among its categories")
    place = known_classes.get(plain_name(name))
    if place is None:
        return Flaw("unknown_class", object_class_problem(name, annotation.category_id, scheme.classes))
    shape = shape_of(annotation, scheme)
    if isinstance(shape, str):
        return shape
    crowd = bool(annotation.iscrowd)

    def labelled(fields: Mapping[str, Any]) -> LabelledObject:
        return LabelledObject(
            f"{file}#{number}", scheme.classes[place], place, normalised=False, crowd=crowd, **fields
        )

    if isinstance(shape, Flaw):
        return shape._replace(rest=labelled(shape.rest) if shape.rest else None)
    return labelled(shape)
