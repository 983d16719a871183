"""Records as the rows of a CSV file: a column for each field."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import csv_text, read_text
from runner.domain.records import Record

T = TypeVar("T", bound=Record)


def table_text(kind: type[Record], records: Sequence[Record]) -> str:
    """A line each. An empty cell is None or an empty text; several numbers are a JSON list."""
    names = kind.__struct_fields__
    rows = [[cell_text(getattr(record, name)) for name in names] for record in records]
    return csv_text([names, *rows])


def cell_text(value: object) -> object:
    """A field as it is written."""
    if isinstance(value, list | tuple):
        return msgspec.json.encode(value).decode() if value else ""
    if isinstance(value, bool):
        return str(value).lower()
    return "" if value is None else value


def read_rows(path: Path, kind: type[T]) -> list[T]:
    """The rows; none where there is no such file. Columns that the type does not know are passed over.

    Raises:
        FlywheelError: a row is none of the type (exit code 3).
    """
    return [row for _, row in read_numbered_rows(path, kind)]


def read_numbered_rows(path: Path, kind: type[T]) -> list[tuple[int, T]]:
    """The same, each with the line that it ends on."""
    if not path.is_file():
        return []
    reader = csv.DictReader(io.StringIO(read_text(path), newline=""))
    fields = {field.name: field for field in msgspec.structs.fields(kind)}
    records = []
    for row in reader:
        try:
            cells = {
                name: _value(cell, fields[name].type) for name, cell in row.items() if name in fields and cell
            }
            empty = {
                field.name: "" if field.type is str else None
                for field in fields.values()
                if field.name not in cells and field.required
            }
            records.append((reader.line_num, msgspec.convert({**empty, **cells}, kind, strict=False)))
        except msgspec.MsgspecError as error:
            raise unusable(path, reader.line_num, str(error)) from error
    return records


def _value(cell: str, kind: Any) -> object:
    """A list is written as JSON; a text may begin like one."""
    return msgspec.json.decode(cell) if cell.startswith("[") and "tuple" in str(kind) else cell


def unusable(path: Path, line: int, message: str) -> FlywheelError:
    """The error of a line of a record's table."""
    return FlywheelError(
        message,
        where=Where(str(path), line),
        hint=f"restore it from git: git checkout -- {path}",
        exit_code=ExitCode.STAGE_FAILED,
    )
