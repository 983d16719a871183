"""Changes cells of a CSV file, and leaves every other byte as it is."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.dataset.csv_rows import KEY, read_rows
from runner.dataset.metadata import plain_path, rows_of_images

_MARK = "\ufeff"


def edited_text(file: Path, changes: Mapping[str, Mapping[str, str]]) -> str | None:
    """The file's text with other cells in the rows of some images; None where nothing would change.

    An image without a row gets one at the end, unless its path alone would change. What is changed already is left as it is.

    Args:
        file: a metadata CSV.
        changes: of each image, by the path that its row has, or would have in another spelling (`join_metadata`): the new cells
            by the name of their column; `path` is one of them.

    Raises:
        FlywheelError: as `read_rows` and `rows_of_images`; a column is not there.
    """
    table = read_rows(file)
    rows, _ = rows_of_images(file, table, [])
    with file.open(encoding="utf-8", newline="") as handle:
        lines = list(io.StringIO(handle.read(), newline=""))
    end = "\r\n" if lines and lines[0].endswith("\r\n") else "\n"
    places = {name: at for at, name in enumerate(table.header) if name}
    added = []
    changed = False
    for path, cells in sorted(changes.items()):
        row = rows.get(plain_path(path), rows.get(plain_path(cells.get(KEY, path))))  # changed already
        if row is None and cells.keys() <= {KEY}:
            continue
        if row is None:
            new = {KEY: path, **cells}
            added.append(_record([new.get(name, "") for name in table.header], table.separator, end))
            continue
        start = table.lines[row] - 1
        record, count = _read(lines, start, table.separator)
        wanted = list(record)
        for name, cell in cells.items():
            wanted[places[name]] = cell
        if wanted != record:
            mark = _MARK if lines[start].startswith(_MARK) else ""
            last = lines[start + count - 1]
            own_end = last[len(last.rstrip("\r\n")) :]
            lines[start : start + count] = [
                mark + _record(wanted, table.separator, own_end),
                *[""] * (count - 1),
            ]
            changed = True
    if added and lines and not "".join(lines).endswith(("\n", "\r")):
        lines.append(end)
    return "".join([*lines, *added]) if changed or added else None


def _read(lines: Sequence[str], start: int, separator: str) -> tuple[list[str], int]:
    """The cells of the record that starts on a line, and how many lines it takes."""
    reader = csv.reader(lines[start:], delimiter=separator, strict=True, skipinitialspace=True)
    cells = next(reader)
    return cells, reader.line_num


def _record(cells: Sequence[str], separator: str, end: str) -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=separator, lineterminator=end).writerow(cells)
    return text.getvalue()
