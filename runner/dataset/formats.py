"""Label formats, told by their files: what was brought is named, and what to do with it where no layout reads it."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from runner.dataset.entries import list_files

HEAD_BYTES = 1 << 16
SUFFIXES = frozenset(
    (".xml", ".json", ".jsonl", ".ndjson", ".csv", ".txt", ".tfrecord", ".tfrecords", ".record")
)
_BY_SUFFIX = {
    ".tfrecord": "TFRecord",
    ".tfrecords": "TFRecord",
    ".record": "TFRecord",
    ".parquet": "Parquet (as Hugging Face datasets are stored)",
    ".arrow": "Arrow (as Hugging Face datasets are stored)",
    ".mat": "MATLAB",
    ".npz": "NumPy archive",
}
_CONVERT = "export or convert them to YOLO or COCO"
READ_BY = {"Pascal VOC": "voc", "CVAT XML": "cvat", "Label Studio JSON": "label-studio"}
"""The layouts that read them."""


@dataclass(frozen=True, kw_only=True)
class Detected:
    """A format, and the files that are in it."""

    name: str
    files: list[str]

    def __str__(self) -> str:
        """`Pascal VOC labels were found (12 files, the first is Annotations/a.xml): …`."""
        count = "1 file" if len(self.files) == 1 else f"{len(self.files)} files"
        found = f"{self.name} labels were found ({count}, the first is {self.files[0]}), which"
        if layout := READ_BY.get(self.name):
            return f"{found} --layout {layout} reads, for a task that it has labels for"
        return f"{found} are not read: {_CONVERT}"


def detected_formats(folder: Path) -> list[Detected]:
    """The label formats in a dataset's folder, but for YOLO, COCO and manifests: the most files first."""
    found: dict[str, list[str]] = defaultdict(list)
    for file in list_files(folder, SUFFIXES | frozenset(_BY_SUFFIX)):
        suffix = PurePosixPath(file).suffix.lower()
        if name := _BY_SUFFIX.get(suffix) or format_of(folder / file):
            found[name].append(file)
    listed = [Detected(name=name, files=files) for name, files in found.items()]
    return sorted(listed, key=lambda item: (-len(item.files), item.name))


def format_of(path: Path) -> str | None:
    """The format of one file of labels, by its beginning; None where it is none of those known here."""
    suffix = path.suffix.lower()
    try:
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES).decode("utf-8-sig", errors="replace")
    except OSError:
        return None
    match suffix:
        case ".xml":
            return _first(_XML, head)
        case ".json" | ".jsonl" | ".ndjson":
            return _first(_JSON, head)
        case ".csv":
            return _table(head.splitlines()[0] if head else "")
        case ".txt":
            return _text(head.splitlines())
    return None


def _first(rules: Iterable[tuple[str, Callable[[str], bool]]], head: str) -> str | None:
    return next((name for name, holds in rules if holds(head)), None)


def _tags(*names: str) -> Callable[[str], bool]:
    return lambda head: all(re.search(rf"<{name}[\s/>]", head) for name in names)


def _keys(*names: str) -> Callable[[str], bool]:
    return lambda head: all(re.search(rf'"{name}"\s*:', head) for name in names)


_XML = (
    ("CVAT XML", _tags("annotations", "image")),
    ("CVAT XML", _tags("annotations", "track")),
    ("CVAT XML", _tags("annotations", "meta", "labels")),
    ("Pascal VOC", _tags("annotation", "object")),
    ("Pascal VOC", _tags("annotation", "filename")),
)
_JSON = (
    ("LabelMe", _keys("shapes", "imagePath")),
    ("VIA (VGG Image Annotator)", _keys("_via_img_metadata")),
    ("VIA (VGG Image Annotator)", _keys("regions", "shape_attributes")),
    ("Label Studio JSON", _keys("annotations", "from_name", "to_name")),
    ("Label Studio JSON", _keys("original_width", "rectanglelabels")),
    ("Label Studio JSON", _keys("data", "completed_by")),
    ("Label Studio JSON", _keys("completed_by", "result")),
    ("Label Studio JSON", _keys("annotations", "predictions", "data")),
    ("Label Studio JSON", _keys("annotator", "annotation_id")),
    ("Label Studio JSON", _keys("format", "rle")),
    ("CreateML", _keys("annotations", "coordinates")),
    ("Supervisely", _keys("objects", "exterior")),
    ("Labelbox", _keys("data_row", "projects")),
    ("BDD100K", _keys("labels", "box2d")),
    ("FiftyOne", _keys("samples", "_id")),
    ("FiftyOne", _keys("sample_collection_id")),
    ("Datumaro", _keys("items", "categories", "annotations")),
    ("SageMaker Ground Truth", _keys("source-ref")),
)


def _table(header: str) -> str | None:
    columns = {name.strip().strip('"').lower() for name in re.split(r"[,;\t]", header)}
    if {"imageid", "labelname"} <= columns:
        return "Open Images CSV"
    corners = (
        {"xmin", "ymin"},
        {"x_min", "y_min"},
        {"x1", "y1"},
        {"bbox"},
        {"bbox_x", "bbox_y"},
        {"left", "top"},
    )
    return "CSV" if any(names <= columns for names in corners) else None


def _text(lines: list[str]) -> str | None:
    """Text files with a line for each object, other than YOLO's."""
    if any(line.startswith(("imagesource:", "gsd:")) for line in lines[:2]):
        return "DOTA"
    words = next((line.split() for line in lines if line.strip()), [])
    numbers = [_is_number(word) for word in words]
    if len(words) in (15, 16) and not numbers[0] and all(numbers[1:]):
        return "KITTI"
    if len(words) == 10 and all(numbers[:8]) and not numbers[8]:
        return "DOTA"
    return None


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
