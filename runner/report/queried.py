"""The answer to a query: for a terminal, and as CSV."""

from __future__ import annotations

from runner.assessment.query import QueryResult
from runner.domain.files import csv_text
from runner.report.escape import plain
from runner.report.explained import shown
from runner.report.wording import aligned, count

_SHOWN_CLASSES = 20
_LONG, _PATH = ("path", "object_id"), 160


def render_query(result: QueryResult) -> str:
    """Counts by split and class, then the listed rows with what the condition names."""
    objects = count(result.objects, "object")
    images = count(result.images, "image")
    found = f"{objects} in {images}" if result.table == "objects" else f"{images} with {objects}"
    head = f"{found}, of {result.rows_of_table:,} {result.table} of {result.index}"
    return "\n\n".join(part for part in (head, _splits(result), _classes(result), _rows(result)) if part)


def _splits(result: QueryResult) -> str:
    rows = [("split", "images", "objects")]
    for name, counts in result.splits.items():
        if counts.images or name != "none":
            rows.append((plain(name, 40), f"{counts.images:,}", f"{counts.objects:,}"))
    return "\n".join(aligned(rows))


def _classes(result: QueryResult) -> str:
    if not result.objects:
        return ""
    there = [item for item in result.classes.items() if item[1]]
    most = sorted(there, key=lambda item: -item[1])  # else in the project's order
    rows = [
        ("class", "objects"),
        *((plain(name, 80), f"{number:,}") for name, number in most[:_SHOWN_CLASSES]),
    ]
    lines = aligned(rows)
    if more := len(most) - min(len(most), _SHOWN_CLASSES):
        lines.append(f"and {count(more, 'class', 'classes')} more")
    if none := len(result.classes) - len(there):
        lines.append(f"none of {count(none, 'other class', 'other classes')}")
    return "\n".join(lines)


def _rows(result: QueryResult) -> str:
    if not result.rows:
        return ""
    # an object's id begins with its path
    names = [name for name in result.rows[0] if name != "path" or result.table == "images"]
    cells = [
        tuple(plain(str(row[name]), _PATH) if name in _LONG else shown(row[name]) for name in names)
        for row in result.rows
    ]
    listed = aligned([tuple(plain(name, 80) for name in names), *cells])
    whole = result.objects if result.table == "objects" else result.images
    left = whole - len(result.rows)
    more = [f"and {left:,} more: --limit {whole}, or --format csv"] if left else []
    return "\n".join([*(line.rstrip() for line in listed), *more])


def query_csv(result: QueryResult) -> str:
    """The listed rows, below the columns' names."""
    first = ["path", "object_id", "class"] if result.table == "objects" else ["path"]
    names = [*first, *result.columns]
    rows = [[_cell(row[name]) for name in names] for row in result.rows]
    return csv_text([names, *rows])


def _cell(value: object) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return value
