"""The columns that conditions, slices and checks may name, and what is wrong with those that name others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.tables.conditions import analyse
from runner.adapters.tables.plain_conditions import Use
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.dataset.columns import (
    IMAGE_COLUMNS,
    OBJECT_COLUMNS,
    SCORE_COLUMNS,
    UNQUERIED_COLUMNS,
    own_image_columns,
)
from runner.dataset.metadata import metadata_header
from runner.domain.errors import FlywheelError
from runner.domain.nearest import suggestion
from runner.domain.paths import path_problem
from runner.layouts import LAYOUTS


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
        unqueried = UNQUERIED_COLUMNS.get(name.lower()) if self.table == "objects" else None
        if unqueried is not None:
            what = "an object's shape" if unqueried.kind == "shape" else "where a label happens to be written"
            return f"{name} holds {what}: a condition cannot use it"
        if self.table == "images" and name.lower() in SCORE_COLUMNS:
            return (
                f"{name} is a score of the champion's: what is selected or sliced by it would change with every promotion; "
                "in `flywheel query` a condition can name it"
            )
        return (
            f'the table `{self.table}` has no column "{name}"{suggestion(name, self.names, plural="columns")}'
        )


def image_columns(root: Path, project: Node) -> Columns:
    """The columns of the table `images`, with those of the metadata file when it is there."""
    own, header = _own_columns(project), _metadata_columns(root, project)
    listed = layout_columns(project)
    further = (name for name in (*(header or ()), *(listed or ())) if name not in IMAGE_COLUMNS)
    known = header is not None and listed is not None
    return Columns(
        table="images",
        names=(*own, *further),
        complete=known and isinstance(project.get("classes").value, list),
    )


def layout_columns(project: Node) -> tuple[str, ...] | None:
    """The metadata columns that the layout itself holds, as its option `metadata` names them; None where it does not."""
    layout = project.get("dataset", "layout")
    kind = LAYOUTS.get(layout.text or layout.get("format").text or "")
    if kind is None or not hasattr(kind, "metadata"):
        return ()
    listed = layout.get("metadata")
    return tuple(entry.text for entry in listed.entries() if entry.text) if listed.value is not None else None


def _own_columns(project: Node) -> tuple[str, ...]:
    return own_image_columns(entry.text for entry in project.get("classes").entries() if entry.text)


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
    try:
        return metadata_header(root / file.text, _own_columns(project))
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
    column = fixed.get(name)
    if column is None or use.kind == "null":
        return None
    if column.kind == "true or false":
        wrong = use.kind in ("text", "pattern")
        return f"{name} is true or false: write `{name}` or `NOT {name}`" if wrong else None
    if name == "class" and use.kind == "text" and columns.classes is not None:
        written = use.literal.strip("'")
        if written not in columns.classes:
            return f'unknown class "{written}"{suggestion(written, columns.classes, plural="classes")}'
    if column.kind == "text":
        advice = "compare it with text in single quotes"
        return None if use.kind in ("text", "pattern") else f"{name} is text: {advice}"
    return None if use.kind == "number" else f"{name} is a number: compare it with a number"
