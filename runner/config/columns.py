"""The columns that conditions, slices and checks may name, and what is wrong with those that name others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.plain_conditions import Use
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.config.paths import path_problem
from runner.dataset.metadata import metadata_header
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion

# The fixed columns of the index's two tables, as docs/reference.md lists them.
IMAGE_COLUMNS = {
    "path": "the image's file, relative to the dataset's folder",
    "image_id": "content hash of the file",
    "split": "the layout's own split, such as the folder under images/",
    "bytes": "file size",
    "readable": "false for a corrupt file",
    "problem": "why the file is not readable",
    "width": "pixels",
    "height": "pixels",
    "brightness": "mean, 0 (black) to 1 (white)",
    "contrast": "standard deviation of the brightness, 0 to 1",
    "sharpness": "variance of the Laplacian; low is blurred",
    "phash": "64-bit perceptual hash",
    "group": 'the metadata column that `dataset.group_by` names, else the path; a SQL word: write `"group"`',
    "group_fraction": "a fixed random number of the group, 0 to 1: `group_fraction < 0.1` takes a tenth",
    "labelled": "whether there is a label for it",
    "label_problem": "what is wrong with its labels, with file:line",
    "n_objects": "number of labelled objects",
}
OBJECT_COLUMNS = {
    "object_id": "the object's own id",
    "image_id": "content hash of its image",
    "path": "its image's file",
    "split": "its image's own split",
    "class": "the class's name",
    "class_id": "the class's position in `classes`, from 0",
    "x_min": "left edge, pixels",
    "y_min": "upper edge, pixels",
    "x_max": "right edge, pixels",
    "y_max": "lower edge, pixels",
    "area_px": "square pixels: of the box; segment: of the mask; obb: of the rotated box; segment and pose in the "
    "layout coco: what the annotation's `area` says",
    "aspect_ratio": "width divided by height",
    "width_px": "width of the box, pixels",
    "height_px": "height of the box, pixels",
    "truncated": "whether the box touches the image's border",
    "crowd": "whether it stands for a group of objects (COCO's iscrowd)",
    "problem": "what is wrong with the box",
}
# By task, columns of objects.parquet that hold a shape: no condition can use them.
SHAPE_COLUMNS = {
    "polygons": "segment: JSON, a list of outlines [x, y, …] in pixels; null where the label is a mask only",
    "mask_rle": "segment: COCO's compressed run-length encoding at the image's size",
    "keypoints": "pose: x, y in pixels and visibility (0 not labelled, 1 hidden, 2 visible) of each point",
    "corners": "obb: x, y in pixels of the four corners",
}


_BOOLEANS = frozenset(("readable", "labelled", "truncated", "crowd"))
_TEXTS = frozenset(("path", "image_id", "split", "problem", "group", "label_problem", "object_id", "class"))


@dataclass(frozen=True, kw_only=True)
class Columns:
    """One table's columns.

    Where not `complete`, metadata columns are not known: the data has not been pulled. `classes` are what the
    column `class` can hold; None where that is not known, or there is no such column.
    """

    table: str
    names: tuple[str, ...]
    complete: bool
    classes: tuple[str, ...] | None = None

    def unknown(self, name: str) -> str | None:
        """What is wrong with a column's name, or None. SQL's names ignore case."""
        if not self.complete or name.lower() in {known.lower() for known in self.names}:
            return None
        if self.table == "objects" and name.lower() in SHAPE_COLUMNS:
            return f"{name} holds an object's shape: a condition cannot use it"
        return (
            f'the table `{self.table}` has no column "{name}"{suggestion(name, self.names, plural="columns")}'
        )


def image_columns(root: Path, project: Node) -> Columns:
    """The columns of the table `images`, with those of the metadata file when it is there."""
    classes = [f"n_{entry.text}" for entry in project.get("classes").entries() if entry.text]
    header = _metadata_columns(root, project)
    return Columns(
        table="images",
        names=(*IMAGE_COLUMNS, *classes, *(name for name in header or () if name not in IMAGE_COLUMNS)),
        complete=header is not None and isinstance(project.get("classes").value, list),
    )


def object_columns(classes: tuple[str, ...] | None) -> Columns:
    """The columns of the table `objects`."""
    return Columns(table="objects", names=tuple(OBJECT_COLUMNS), complete=True, classes=classes)


def metadata_problems(root: Path, project: Node) -> Iterator[SchemaProblem]:
    """What is wrong with the header of the metadata file, where the file is here."""
    try:
        _metadata_columns(root, project, checked=True)
    except FlywheelError as error:
        file = project.get("dataset", "metadata")
        line = f":{error.where.line}" if error.where and error.where.line else ""
        yield SchemaProblem(path=file.path, message=f"{file.text}{line}: {error.message}", hint=error.hint)


def _metadata_columns(root: Path, project: Node, *, checked: bool = False) -> tuple[str, ...] | None:
    """The metadata file's columns; `()` when the project names no file, None when they are not known here.

    Raises:
        FlywheelError: the header is unusable, if that is to be `checked`; else the columns are not known.
    """
    file = project.get("dataset", "metadata")
    if file.value is None:
        return ()
    if file.text is None or path_problem(root, file.text) or not (root / file.text).is_file():
        return None
    classes = [f"n_{entry.text}" for entry in project.get("classes").entries() if entry.text]
    try:
        return metadata_header(root / file.text, (*IMAGE_COLUMNS, *classes))
    except FlywheelError:
        if checked:
            raise
        return None


def column_problems(name: Node, columns: Columns) -> Iterator[SchemaProblem]:
    """What is wrong with an option that names a column."""
    if name.text and (message := columns.unknown(name.text)):
        yield SchemaProblem(path=name.path, message=message)


def condition_problems(condition: Node, columns: Columns) -> Iterator[SchemaProblem]:
    """What is wrong with a SQL condition over a table."""
    if condition.text is None:
        return
    analysis = analyse(condition.text)
    if analysis.error:
        yield SchemaProblem(path=condition.path, message=analysis.error)
    for use in sorted(analysis.uses, key=lambda use: (use.column, use.literal)):
        if message := _misuse(use, columns):
            yield SchemaProblem(path=condition.path, message=message)
    for name in sorted(analysis.columns):
        if message := columns.unknown(name):
            if f'"{name}"' in condition.text:
                message = f"{message}; text is written in single quotes: '{name}'"
            yield SchemaProblem(path=condition.path, message=message)


def _misuse(use: Use, columns: Columns) -> str | None:
    """What is wrong with comparing a fixed column with such a literal.

    A metadata column's type is not known here.
    """
    name = use.column.lower()
    fixed = IMAGE_COLUMNS if columns.table == "images" else OBJECT_COLUMNS
    if name not in fixed or use.kind == "null":
        return None
    if name in _BOOLEANS:
        wrong = use.kind in ("text", "pattern")
        return f"{name} is true or false: write `{name}` or `NOT {name}`" if wrong else None
    if name == "class" and use.kind == "text" and columns.classes is not None:
        written = use.literal.strip("'")
        if written not in columns.classes:
            return f'unknown class "{written}"{suggestion(written, columns.classes, plural="classes")}'
    if name in _TEXTS:
        advice = "compare it with text in single quotes"
        return None if use.kind in ("text", "pattern") else f"{name} is text: {advice}"
    return None if use.kind == "number" else f"{name} is a number: compare it with a number"
