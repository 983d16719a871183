"""review.csv as a person leaves it: spreadsheets write a byte order mark, semicolons, and columns of their owner's."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from runner.domain.cleaning import ReviewRow
from runner.domain.errors import ConfigurationErrors, FlywheelError, Where
from runner.domain.files import csv_text, read_text, write_text
from runner.labelling.cleaning.decisions import plain_decision
from runner.record.rows import cell_text

_COLUMNS = ReviewRow.__struct_fields__
_ENTERED = ("decision", "reviewer", "seconds", "note")  # by a person
_NEEDED = ("issue", "decision")


@dataclass(frozen=True, kw_only=True)
class Reviewed:
    """One row of the list.

    Attributes:
        line: of the file.
        own: cells of columns that are not the list's.
    """

    line: int
    row: ReviewRow
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def decision(self) -> str:
        """As it is recorded; empty where nobody decided."""
        return plain_decision(self.row.decision)

    def decided_as(self, other: ReviewRow) -> Reviewed:
        """The same row with what a person entered in another one."""
        entered = {name: getattr(other, name) for name in _ENTERED}
        return Reviewed(line=self.line, row=msgspec.structs.replace(self.row, **entered), own=self.own)


def read_review(path: Path, shown: str) -> list[Reviewed]:
    """The rows.

    Args:
        shown: the file's name in messages.

    Raises:
        FlywheelError: it is no such list.
    """
    text = read_text(path).removeprefix("\ufeff")
    head = text.split("\n", 1)[0]
    separator = max(",;\t", key=head.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    missing = [name for name in _NEEDED if name not in (reader.fieldnames or ())]
    if missing:
        raise FlywheelError(
            f"it has no column {' and no column '.join(missing)}",
            where=Where(shown, 1),
            hint="keep the first line as flywheel clean wrote it",
        )
    rows: list[Reviewed] = []
    seen: dict[str, int] = {}
    for cells in reader:
        row = _row(cells, shown, reader.line_num)
        if row.issue in seen:
            raise FlywheelError(
                f"the issue {row.issue} stands in line {seen[row.issue]} already",
                where=Where(shown, reader.line_num),
                hint="remove one of the two",
            )
        seen[row.issue] = reader.line_num
        own = {name: cell or "" for name, cell in cells.items() if name and name not in _COLUMNS}
        rows.append(Reviewed(line=reader.line_num, row=row, own=own))
    return rows


def _row(cells: Mapping[str, str | None], shown: str, line: int) -> ReviewRow:
    """Only the issue and what a person enters are needed: the other columns say again what label_issues.csv says."""
    known: dict[str, object] = {
        name: cell.strip() for name, cell in cells.items() if name in _COLUMNS and cell
    }
    seconds = known.get("seconds")
    if isinstance(seconds, str):
        known["seconds"] = seconds.replace(",", ".")
    known = {"path": "", "kind": "missed", "suspicion": 0, **known, "issue": known.get("issue", "")}
    try:
        return msgspec.convert(known, ReviewRow, strict=False)
    except msgspec.ValidationError as error:
        raise FlywheelError(
            f"a cell cannot be read: {error}", where=Where(shown, line), hint="correct it, or empty it"
        ) from error


def write_review(path: Path, rows: Sequence[Reviewed]) -> None:
    """Writes review.csv, with the columns that somebody added."""
    own = list(dict.fromkeys(name for row in rows for name in row.own))
    table = [[*_COLUMNS, *own]]
    table += [
        [
            *(str(cell_text(getattr(row.row, name))) for name in _COLUMNS),
            *(row.own.get(name, "") for name in own),
        ]
        for row in rows
    ]
    write_text(path, csv_text(table))


def taken_over(
    earlier: Sequence[Reviewed], given: Sequence[Reviewed], shown: str, given_shown: str
) -> list[Reviewed]:
    """The list with another one's decisions.

    Raises:
        ConfigurationErrors: rows that the two decide otherwise, or that the list does not have.
    """
    new = {one.row.issue: one for one in given if one.decision}
    mine = {one.row.issue for one in earlier}
    errors = [
        FlywheelError(
            f'the issue "{name}" is not in {shown}',
            where=Where(given_shown, one.line),
            hint="it is of another list: take the one that this list's page saved",
        )
        for name, one in new.items()
        if name not in mine
    ]
    merged = []
    for one in earlier:
        other = new.get(one.row.issue)
        if other is not None and one.decision and one.decision != other.decision:
            errors.append(
                FlywheelError(
                    f'line {other.line} of {given_shown} decides "{other.decision}", and this line "{one.decision}"',
                    where=Where(shown, one.line),
                    hint="empty the wrong one of the two, then run the same command again",
                )
            )
        merged.append(one if other is None else one.decided_as(other.row))
    if errors:
        raise ConfigurationErrors(errors)
    return merged
