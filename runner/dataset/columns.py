"""The columns of the index's two tables: what each holds, in which unit and range, and where it comes from.

The index is built by this catalogue. The names that metadata cannot use, what a condition may name, the reference and
the digests of splits follow from it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Literal

from msgspec import Struct

from runner.domain.errors import FlywheelError
from runner.domain.task import TaskName

Kind = Literal["text", "number", "true or false", "shape"]
"""What a cell holds; a `shape` is a list or encoded text."""
Source = Literal["file", "pixels", "layout", "labels", "flywheel.yaml", "champion"]
"""What says it: the image's bytes, its decoded pixels, the folders, the labels, the project's options, or the champion's scores."""

PLACE = "label_place"


class Column(Struct, frozen=True, kw_only=True):
    """One column.

    Attributes:
        meaning: with its unit and range.
        dtype: numpy's, where no cell is empty.
        task: the only task whose index has it; None: every index.
    """

    name: str
    kind: Kind
    source: Source
    meaning: str
    dtype: str | None = None
    task: TaskName | None = None


def _text(name: str, source: Source, meaning: str) -> Column:
    return Column(name=name, kind="text", source=source, meaning=meaning)


def _number(name: str, source: Source, meaning: str, dtype: str | None = None) -> Column:
    return Column(name=name, kind="number", source=source, meaning=meaning, dtype=dtype)


def _flag(name: str, source: Source, meaning: str) -> Column:
    return Column(name=name, kind="true or false", source=source, meaning=meaning, dtype="bool")


def _shape(name: str, task: TaskName, meaning: str) -> Column:
    return Column(name=name, kind="shape", source="labels", meaning=f"{task}: {meaning}", task=task)


def _by_name(*columns: Column) -> dict[str, Column]:
    return {column.name: column for column in columns}


IMAGE_COLUMNS = _by_name(
    _text("path", "file", "the image's file, relative to the dataset's folder"),
    _text("image_id", "file", "content hash of the file"),
    _text("split", "layout", "the layout's own split, such as the folder under images/"),
    _number("bytes", "file", "file size", "int64"),
    _flag("readable", "pixels", "false for a corrupt file"),
    _text("problem", "pixels", "why the file is not readable"),
    _number("width", "pixels", "pixels"),
    _number("height", "pixels", "pixels"),
    _number("brightness", "pixels", "mean, 0 (black) to 1 (white)"),
    _number("contrast", "pixels", "standard deviation of the brightness, 0 to 1"),
    _number("sharpness", "pixels", "variance of the Laplacian; low is blurred"),
    _number("phash", "pixels", "64-bit perceptual hash", "uint64"),
    _text(
        "group",
        "flywheel.yaml",
        'the metadata column that `dataset.group_by` names, else the path; a SQL word: write `"group"`',
    ),
    _number(
        "group_fraction",
        "flywheel.yaml",
        "a fixed random number of the group, 0 to 1: `group_fraction < 0.1` takes a tenth",
        "float64",
    ),
    _flag("labelled", "labels", "whether there is a label for it"),
    _text("label_problem", "labels", "what is wrong with its labels, with file:line"),
    _number("n_objects", "labels", "number of labelled objects", "int64"),
)
OBJECT_COLUMNS = _by_name(
    _text(
        "object_id",
        "labels",
        "its image, and a digest of its class and shape: the same wherever its label is written",
    ),
    _text("image_id", "file", "content hash of its image"),
    _text("path", "file", "its image's file"),
    _text("split", "layout", "its image's own split"),
    _text("class", "labels", "the class's name"),
    _number("class_id", "flywheel.yaml", "the class's position in `classes`, from 0", "int64"),
    _number("x_min", "labels", "left edge, pixels", "float64"),
    _number("y_min", "labels", "upper edge, pixels", "float64"),
    _number("x_max", "labels", "right edge, pixels", "float64"),
    _number("y_max", "labels", "lower edge, pixels", "float64"),
    _number(
        "area_px",
        "labels",
        "square pixels: of the box; segment: of the mask; obb: of the rotated box; segment and pose in the layout coco: "
        "what the annotation's `area` says",
        "float64",
    ),
    _number("aspect_ratio", "labels", "width divided by height"),
    _number("width_px", "labels", "width of the box, pixels", "float64"),
    _number("height_px", "labels", "height of the box, pixels", "float64"),
    _flag("truncated", "labels", "whether the box touches the image's border"),
    _flag("crowd", "labels", "whether it stands for a group of objects (COCO's iscrowd)"),
    _text("problem", "labels", "what is wrong with the box"),
)
# Of images, in a table of their own that `flywheel score` writes, joined by image_id: questions about the data may name them,
# specs may not (a slice or a selection would follow whichever model holds the stage).
SCORE_COLUMNS = _by_name(
    _number(
        "predictions",
        "champion",
        "how many predictions count: those from the operating confidence on; of a classifier's, the likeliest class",
        "int64",
    ),
    _number(
        "confidence",
        "champion",
        "the highest score that the champion gives anything on it, 0 to 1",
        "float64",
    ),
    _number(
        "least_confidence",
        "champion",
        "1 − the probability of the likelier answer, of the most unsure prediction, 0 to 1; high is unsure",
        "float64",
    ),
    _number(
        "margin",
        "champion",
        "the likeliest answer's probability − the next one's, 0 to 1; low is unsure",
        "float64",
    ),
    _number(
        "entropy",
        "champion",
        "of the most unsure answer, as a share of the most there can be, 0 to 1; high is unsure",
        "float64",
    ),
    _number("entropy_sum", "champion", "the entropies of all its answers, added", "float64"),
)
# What objects.parquet has besides, and no condition can use.
UNQUERIED_COLUMNS = _by_name(
    _shape(
        "polygons",
        "segment",
        "JSON, a list of outlines [x, y, …] in pixels; null where the label is a mask only",
    ),
    _shape("mask_rle", "segment", "COCO's compressed run-length encoding at the image's size"),
    _shape(
        "keypoints",
        "pose",
        "x, y in pixels and visibility (0 not labelled, 1 hidden, 2 visible) of each point",
    ),
    _shape("corners", "obb", "x, y in pixels of the four corners"),
    _text(PLACE, "labels", "where its label is written: file:line, or file#annotation"),
)


def shape_names(task: TaskName) -> tuple[str, ...]:
    """The columns of objects.parquet that hold the shapes of a task's labels."""
    return tuple(column.name for column in UNQUERIED_COLUMNS.values() if column.task == task)


def place_column(names: Collection[str]) -> str:
    """The column of objects.parquet that says where labels are written; an earlier version had it as object_id."""
    return PLACE if PLACE in names else "object_id"


def count_column(class_name: str) -> str:
    """The column of images.parquet that counts a class's objects."""
    return f"n_{class_name}"


def own_image_columns(classes: Iterable[str]) -> tuple[str, ...]:
    """The columns that the index itself gives images, those of the classes among them; all others are metadata."""
    return (*IMAGE_COLUMNS, *map(count_column, classes))


def check_class_columns(classes: Iterable[str]) -> None:
    """Checks that no class's column has the name of another.

    Raises:
        FlywheelError: a class's column would be called `n_objects`.
    """
    if "objects" in classes:
        raise FlywheelError(
            'a class cannot be called "objects": the index counts all objects in the column n_objects',
            hint="rename the class in flywheel.yaml and in the labels",
        )
