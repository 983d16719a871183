"""COCO: a JSON file per split lists its images with their annotations; what else it holds stays as it is."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from runner.dataset.class_names import plain_name
from runner.dataset.entries import LabelledObject, list_files
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_text
from runner.labelling.insertion.inserter import Edit, EditedImage, Insertion, moved, not_where_read
from runner.layouts.coco_files import coco_files, file_split, file_subset
from runner.layouts.coco_paths import ImageFinder
from runner.writers.coco_documents import coco_documents
from runner.writers.losses import Losses
from runner.writers.writer import Scheme, WriteJob


class CocoInserter:
    """Adds images and annotations to the file of their split.

    Args:
        annotations: the files of the dataset, where they are named.
    """

    by_stem = False

    def __init__(self, annotations: Sequence[str] | None = None) -> None:
        self.annotations = annotations

    def target(
        self, folder: Path, path: str, split: str | None, into: str, objects: Sequence[LabelledObject]
    ) -> str:
        """The folder of its split gets the other's name, where there is one; else it stays, and the file says its split."""
        return path if split == into else moved(path, split, into) or path

    def insert(self, folder: Path, scheme: Scheme, items: Sequence[Insertion]) -> None:
        """Ids go on after the largest; an image that is listed already is listed anew, and in no other file."""
        there = set(list_files(folder))
        left = {item.path for item in items if item.path != item.target}
        finder = ImageFinder((there | {item.target for item in items}) - left)
        files = list(self.annotations or coco_files(folder, scheme.task))
        by_file: dict[str, list[Insertion]] = {}
        for item in items:
            by_file.setdefault(self._file(files, scheme, item.split), []).append(item)
        now = ImageFinder(there)
        for file in files:  # before the image is listed anew: one that two files list is refused
            _take_out(folder, file, {item.path for item in items if item not in by_file.get(file, ())}, now)
        for file, own in sorted(by_file.items()):
            _insert(folder, file, scheme, own, finder)

    def edit(self, folder: Path, scheme: Scheme, images: Sequence[EditedImage]) -> None:
        """Annotations keep their ids and whatever else they say; new ones get ids after the largest."""
        files = list(self.annotations or coco_files(folder, scheme.task))
        finder = ImageFinder(set(list_files(folder)))
        left = {(image.path, at) for image in images for at in range(len(image.edits))}
        for file in files:
            own = [
                image
                for image in images
                if any((edit.place or file).startswith(file) for edit in image.edits)
            ]
            left -= _edit_file(folder, file, scheme, own, finder, left)
        if left:
            raise not_where_read(min(left)[0])

    def edited_path(self, folder: Path, image: EditedImage) -> str:
        """Its own."""
        return image.path

    def left_behind(self, folder: Path, path: str) -> str | None:
        """Nothing: an image has no file of its own."""
        return None

    def _file(self, files: Sequence[str], scheme: Scheme, split: str | None) -> str:
        """The annotation file of a split; a new one beside the others where there is none.

        Raises:
            FlywheelError: only files that are named are read, and none of them is the split's.
        """
        of_split = [file for file in files if split is not None and file_split(file) == split]
        if of_split:
            return of_split[0]
        if split is None and len(files) == 1:
            return files[0]
        if self.annotations:
            raise FlywheelError(
                f"none of the annotation files that it names is that of {split or 'images without a split'}",
                where=Where("flywheel.yaml"),
                hint=f"name one more below dataset.layout.annotations, such as annotations/{split or 'default'}.json, with "
                '{"images": [], "annotations": [], "categories": []} in it',
            )
        prefix = "person_keypoints_" if scheme.keypoints else "instances_"
        return f"annotations/{prefix}{split or 'default'}.json"


def _take_out(folder: Path, file: str, paths: set[str], finder: ImageFinder) -> None:
    """Images that another file is going to list: a pool's may have been listed without annotations."""
    path, subset = folder / file, file_subset(file)
    text = path.read_text(encoding="utf-8") if paths and path.is_file() else ""
    if not text:
        return
    document = _document(text, path)
    gone = {
        image["id"]
        for image in document["images"]
        if finder.find(file, image["file_name"], subset).path in paths
    }
    if gone:
        write_text(path, _encoded({**document, **_without(document, gone)}, text))


def _without(document: Mapping[str, Any], images: Collection[Any]) -> dict[str, list[Any]]:
    """A document's images and annotations, but for those of some images."""
    return {
        "images": [image for image in document["images"] if image["id"] not in images],
        "annotations": [
            one for one in document.get("annotations") or [] if one.get("image_id") not in images
        ],
    }


def _insert(folder: Path, file: str, scheme: Scheme, items: Sequence[Insertion], finder: ImageFinder) -> None:
    path = folder / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    document = _document(text, path) if text else {"images": [], "annotations": [], "categories": []}
    subset = file_subset(file)
    targets = {item.target for item in items}
    replaced = {
        image["id"]
        for image in document["images"]
        if finder.find(file, image["file_name"], subset).path in targets
    }
    kept = _without(document, replaced)
    images, annotations = kept["images"], kept["annotations"]
    categories = _categories(document, scheme)
    next_image, next_annotation = _after(document["images"]), _after(document.get("annotations") or [])
    for item in sorted(items, key=lambda one: one.target):
        [(_, new)] = list(coco_documents(_job(folder, scheme, item)))
        name = _name_of(file, item.target, subset, finder)
        images.append({**new["images"][0], "id": next_image, "file_name": name})
        for one, label in zip(new["annotations"], item.objects, strict=True):
            number = categories[plain_name(label.class_name)]
            annotations.append({**one, "id": next_annotation, "image_id": next_image, "category_id": number})
            next_annotation += 1
        next_image += 1
    written = {**document, "images": images, "annotations": annotations}
    write_text(path, _encoded(written, text))


def _edit_file(
    folder: Path,
    file: str,
    scheme: Scheme,
    images: Sequence[EditedImage],
    finder: ImageFinder,
    left: set[tuple[str, int]],
) -> set[tuple[str, int]]:
    """Does the edits that are this file's; which of them, by image and place among its edits."""
    path = folder / file
    text = path.read_text(encoding="utf-8") if images and path.is_file() else ""
    if not text:
        return set()
    document = _document(text, path)
    annotations: list[dict[str, Any]] = list(document.get("annotations") or [])
    listed = {
        finder.find(file, image["file_name"], file_subset(file)).path: image["id"]
        for image in document["images"]
    }
    categories = _categories(document, scheme)
    next_id, done = _after(annotations), set[tuple[str, int]]()
    for image in images:
        for at, edit in enumerate(image.edits):
            if (image.path, at) not in left:
                continue
            if edit.place is None:
                if image.path not in listed or edit.label is None:
                    continue
                new = _fields(folder, scheme, image, edit, categories)
                annotations.append({**new, "id": next_id, "image_id": listed[image.path]})
                next_id += 1
            elif edit.place.startswith(f"{file}#"):
                own = _annotation_at(annotations, edit.place)
                if edit.label is None:
                    annotations[own] = {}
                else:
                    annotations[own] = {
                        **annotations[own],
                        **_fields(folder, scheme, image, edit, categories),
                    }
            else:
                continue
            done.add((image.path, at))
    if done:
        kept = [one for one in annotations if one]
        write_text(path, _encoded({**document, "annotations": kept}, text))
    return done


def _annotation_at(annotations: Sequence[Mapping[str, Any]], place: str) -> int:
    """Where an annotation stands in the list: by its id, or by its place where others have its id."""
    name = place.rpartition("#")[2]
    if name.startswith("annotations[") and int(name[12:-1]) < len(annotations):
        return int(name[12:-1])
    found = [at for at, one in enumerate(annotations) if str(one.get("id")) == name]
    if len(found) != 1:
        raise not_where_read(place)
    return found[0]


def _fields(
    folder: Path, scheme: Scheme, image: EditedImage, edit: Edit, categories: Mapping[str, int]
) -> dict[str, Any]:
    """What an annotation says from now on: its class, and its shape where that is another one."""
    assert edit.label is not None  # noqa: S101 - one that is removed says nothing
    category = {"category_id": categories[plain_name(edit.label.class_name)]}
    if not edit.reshaped:
        return category
    sized = image.sized(edit.label)
    job = WriteJob(folder=folder, scheme=scheme, images=[sized], losses=Losses())
    [(_, new)] = list(coco_documents(job))
    own = {name: value for name, value in new["annotations"][0].items() if name not in ("id", "image_id")}
    return {**own, **category}


def _document(text: str, path: Path) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise FlywheelError(
            f"not valid JSON: {error.msg}",
            where=Where(str(path), error.lineno, error.colno),
            hint="put it right, then run the same command again",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    return dict(document)


def _categories(document: dict[str, Any], scheme: Scheme) -> Mapping[str, int]:
    """The ids of the classes by their names; those that the file does not name yet are added to it."""
    listed = list(document.get("categories") or [])
    ids = {plain_name(item["name"]): int(item["id"]) for item in listed}
    example = listed[0] if listed else {}
    skeleton: dict[str, Any] = (
        {"keypoints": list(scheme.keypoints.names), "skeleton": example.get("skeleton", [])}
        if scheme.keypoints
        else {}
    )
    for name in scheme.classes:
        if plain_name(name) not in ids:
            ids[plain_name(name)] = number = max(ids.values(), default=0) + 1
            listed.append({"id": number, "name": name, **skeleton})
    document["categories"] = listed
    return ids


def _job(folder: Path, scheme: Scheme, item: Insertion) -> WriteJob:
    return WriteJob(folder=folder, scheme=scheme, images=[item.sized()], losses=Losses())


def _after(listed: Sequence[Mapping[str, Any]]) -> int:
    return max((one["id"] for one in listed if isinstance(one.get("id"), int)), default=0) + 1


def _name_of(file: str, target: str, subset: str | None, finder: ImageFinder) -> str:
    """The shortest end of its path by which a reader of the file finds the image, whatever other images there will be."""
    parts = PurePosixPath(target).parts
    names = [PurePosixPath(*parts[at:]).as_posix() for at in range(len(parts) - 1, -1, -1)]
    found = ((name, finder.find(file, name, subset)) for name in names)
    return next((name for name, at in found if at.path == target and not at.by_name), target)


def _encoded(document: Mapping[str, Any], before: str) -> str:
    """As it was indented before."""
    indented = before[:200].split("\n", 2)
    if len(indented) > 1 and indented[0].strip() == "{":
        width = len(indented[1]) - len(indented[1].lstrip())
        return json.dumps(document, indent=width or None, ensure_ascii=False) + "\n"
    tight = '": ' not in before[:2000] and bool(before)
    return json.dumps(document, separators=(",", ":") if tight else None, ensure_ascii=False)
