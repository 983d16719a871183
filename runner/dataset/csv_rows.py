"""The one reader of metadata CSV files: what is a line, a column and a cell. What values mean: `csv_values`.

Header and rows are read by the same rules wherever the file is asked for (init, validate, plan, index), and
without heavy libraries, since `validate` asks too.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import shlex
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from runner.domain.errors import ExitCode, FlywheelError, Where

KEY = "path"
SEPARATORS = (",", ";", "\t", "|")
SEPARATOR_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
COMMENT = "#"
SHOWN_LINES = 3
MAX_HEADER_BYTES = 1 << 20
# What Excel writes above the header for itself.
_EXCEL_SEPARATOR = re.compile(r'"?sep=([,;\t| :])"?\s*', re.IGNORECASE)
_UTF16_STARTS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


class CsvRows(Struct, frozen=True, kw_only=True):
    """A CSV file's cells, as text.

    Attributes:
        separator: what stands between cells.
        columns: by name, in the file's order, the cells `(rows,)`: white space around them removed, Unicode
            composed (NFC), None where one is empty. Those of `path` are as they are written.
        lines: `(rows,)` the line on which each row starts, from 1.
        notes: what was left out.
        header: the names in the order of the cells, "" for a column without one.
    """

    separator: str
    columns: dict[str, list[str | None]]
    lines: list[int]
    notes: list[str]
    header: list[str]


def read_header(file: Path) -> tuple[str, ...]:
    """The names of the columns, in order.

    Raises:
        FlywheelError: as `read_rows`, as far as the header tells.
    """
    data = _read(file, MAX_HEADER_BYTES)
    header = _header(file, _Records(file, _decoded(file, data, whole=len(data) < MAX_HEADER_BYTES)))
    return tuple(name for name in header.names if name)


def read_rows(file: Path) -> CsvRows:
    """Reads a CSV file with a header.

    The separator is a comma, semicolon, tab or vertical bar, whichever gives the header a column `path`, or else
    the most columns; Excel's first line `sep=;` decides it. Lines that start with `#`, and lines without a value,
    are left out; so are columns without a name, which is noted. Cells may hold line breaks within quotes.

    Raises:
        FlywheelError: the file is missing, empty or not UTF-8; a name is there twice (SQL's names ignore case); a
            line has more or fewer cells than the header, or its quotes do not close. Lines are named.
    """
    records = _Records(file, _decoded(file, _read(file), whole=True))
    header = _header(file, records)
    rows, lines, wrong = [], [], []
    for line, cells in records.read(header.separator):
        width = len(header.names)
        cells = [*cells[:width], *(cell for cell in cells[width:] if cell.strip())]
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != width:
            wrong.append((line, cells))
        rows.append(cells)
        lines.append(line)
    if wrong:
        raise _ragged(file, header, wrong)
    columns = {name: [_cell(name, row[at]) for row in rows] for at, name in enumerate(header.names) if name}
    return CsvRows(
        separator=header.separator,
        columns=columns,
        lines=lines,
        notes=_notes(file, header, rows),
        header=list(header.names),
    )


def unusable(file: Path, message: str, hint: str | None = None, line: int | None = None) -> FlywheelError:
    """The error for a CSV file that cannot be used."""
    return FlywheelError(message, where=Where(str(file), line), hint=hint, exit_code=ExitCode.STAGE_FAILED)


def _read(file: Path, most: int = -1) -> bytes:
    try:
        with file.open("rb") as handle:
            return handle.read(most)
    except FileNotFoundError:
        raise unusable(file, "file not found", "correct the path, or fetch the data: dvc pull") from None
    except OSError as error:
        raise unusable(
            file, f"cannot be read: {error.strerror}", "it has to be a file that you may read"
        ) from error


class _Header(Struct, frozen=True, kw_only=True):
    """Names by position, "" for a column without one; the separator and the line."""

    names: list[str]
    separator: str
    line: int


class _Records:
    """Yields a text's records with the lines that they start on; comments and empty lines are skipped."""

    def __init__(self, file: Path, text: str) -> None:
        self.file = file
        self.lines = enumerate(io.StringIO(text, newline=""), start=1)
        self.started: int | None = None

    def first_line(self) -> tuple[int, str] | None:
        """The next line that is neither empty nor a comment, taken out."""
        return next(((n, text) for n, text in self.lines if not _skipped(text)), None)

    def put_back(self, line: int, text: str) -> None:
        """Makes a line the next one again."""
        rest = self.lines

        def lines() -> Iterator[tuple[int, str]]:
            yield line, text
            yield from rest

        self.lines = lines()  # type: ignore[assignment]

    def read(self, separator: str) -> Iterator[tuple[int, list[str]]]:
        """The records from here on.

        Raises:
            FlywheelError: quotes that do not close, or a cell of more than 128 KiB.
        """
        reader = csv.reader(self._texts(), delimiter=separator, strict=True, skipinitialspace=True)
        while True:
            self.started = None
            try:
                cells = next(reader, None)
            except csv.Error as error:
                raise unusable(
                    self.file,
                    f"not a readable CSV file: {error}",
                    "a cell that holds the separator, a quote or a line break is written in double quotes, "
                    'and a quote within it twice: "12"" monitor"',
                    self.started,
                ) from error
            if cells is None:
                return
            yield self.started or 0, cells

    def _texts(self) -> Iterator[str]:
        for number, text in self.lines:
            if self.started is None:
                if _skipped(text):
                    continue
                self.started = number
            yield text


def _skipped(line: str) -> bool:
    return not line.strip() or line.startswith(COMMENT)


def _decoded(file: Path, data: bytes, *, whole: bool) -> str:
    if data.startswith(_UTF16_STARTS) or b"\0" in data:
        message = (
            "is UTF-16, not UTF-8" if data.startswith(_UTF16_STARTS) else "is not text: it holds zero bytes"
        )
        raise unusable(file, message, _conversion(file, "UTF-16"))
    try:
        # the last character of a part may be cut
        text = codecs.getincrementaldecoder("utf-8-sig")().decode(data, final=whole)
    except UnicodeDecodeError as error:
        at = len(data) - len(error.object) + error.start
        line = data[:at].count(b"\n") + 1
        message = f"is not UTF-8: byte 0x{data[at]:02x}, in CP1252 (Windows) {_in_windows(data[at])}"
        raise unusable(file, message, _conversion(file, "CP1252"), line) from error
    if not text.strip():
        raise unusable(
            file, "the file is empty", "it begins with the names of its columns, one of them `path`"
        )
    return text


def _in_windows(byte: int) -> str:
    try:
        return f'"{bytes([byte]).decode("cp1252")}"'
    except UnicodeDecodeError:
        return "nothing"


def _conversion(file: Path, encoding: str) -> str:
    old, new = shlex.quote(str(file)), shlex.quote(f"{file}.utf8")
    return (
        f"convert it: iconv -f {encoding} -t UTF-8 {old} > {new} && mv {new} {old} "
        '(in Excel: save as "CSV UTF-8")'
    )


def _header(file: Path, records: _Records) -> _Header:
    found = records.first_line()
    if found is None:
        raise unusable(file, "has comments only", "it needs a line with the names of its columns")
    separators: Sequence[str] = SEPARATORS
    if excel := _EXCEL_SEPARATOR.fullmatch(found[1]):
        separators = (excel[1],)
        found = records.first_line()
        if found is None:
            raise unusable(file, "has no header", "it needs a line with the names of its columns")
    line, text = found
    names = {separator: _names(text, separator) for separator in separators}
    separator = max(separators, key=lambda one: (KEY in names[one], len(names[one])))
    records.put_back(line, text)
    cells = next(records.read(separator))[1]  # as a record, since a name may hold a line break
    header = _Header(names=_trimmed([_name(cell) for cell in cells]), separator=separator, line=line)
    _check_names(file, header)
    return header


def _names(text: str, separator: str) -> list[str]:
    try:
        return [_name(cell) for cell in next(csv.reader([text], delimiter=separator, skipinitialspace=True))]
    except csv.Error:
        return []


def _name(cell: str) -> str:
    return unicodedata.normalize("NFC", cell.strip())


def _trimmed(names: list[str]) -> list[str]:
    """Without the empty names at the end, which separators at a line's end leave."""
    while names and not names[-1]:
        names = names[:-1]
    return names


def _check_names(file: Path, header: _Header) -> None:
    folded = Counter(name.casefold() for name in header.names if name)
    twice = [name for name in header.names if folded[name.casefold()] > 1]
    if twice:
        written = [name for name in twice if name.casefold() == twice[0].casefold()]
        same = f'two columns are called "{written[0]}"'
        differing = f'the columns "{written[0]}" and "{written[1]}" differ in case only, which SQL ignores'
        message = same if written[0] == written[1] else differing
        raise unusable(file, message, "rename or remove one of them", header.line)
    odd = [name for name in header.names if not name.isprintable()]
    if odd:
        raise unusable(file, f"the column name {odd[0]!r} is not printable", "rename it", header.line)


def _cell(name: str, text: str) -> str | None:
    text = text.strip()
    if not text:
        return None
    return text if name == KEY or text.isascii() else unicodedata.normalize("NFC", text)


def _ragged(file: Path, header: _Header, wrong: Sequence[tuple[int, list[str]]]) -> FlywheelError:
    width = len(header.names)
    listed = ", ".join(f"line {line} has {len(cells)}" for line, cells in wrong[:SHOWN_LINES])
    more = f", and {len(wrong) - SHOWN_LINES} more lines" if len(wrong) > SHOWN_LINES else ""
    separated = SEPARATOR_NAMES.get(header.separator, repr(header.separator))
    return unusable(
        file,
        f"{listed}{more}: the header has {width} {'column' if width == 1 else 'columns'}, separated by {separated}",
        "give every line as many cells as the header; one that holds the separator is written in double quotes",
        wrong[0][0],
    )


def _notes(file: Path, header: _Header, rows: Sequence[Sequence[str]]) -> list[str]:
    notes = [] if rows else [f"{file.name}: there are no rows below the header"]
    unnamed = [at for at, name in enumerate(header.names, start=1) if not name]
    if unnamed:
        listed = f"{'column' if len(unnamed) == 1 else 'columns'} {', '.join(map(str, unnamed))}"
        notes.append(f"{file.name}: {listed} not read, without a name in the header")
    return notes
