"""Columns of the index in bins, so that a million images are compared by counts: numbers by their quantiles, others by value."""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 32  # of numbers
MOST_VALUES = 64  # of anything else; rarer ones share a bin
FEW_VALUES = 20  # whole numbers with no more of them may be codes, and a new one is told
NO_VALUE, OTHERS = "(none)", "(other values)"
_EDGES_FROM = 200_000  # rows: quantiles of more would be the same


@dataclass(frozen=True, kw_only=True)
class Binned:
    """A column of N images in B bins.

    Attributes:
        codes: `(N,)` int, each image's bin.
        labels: `(B,)`: a value as text, or where a range of numbers begins.
        ordered: the bins are ranges, the first the lowest; a bin of images without a value is the last.
        moments: the numbers are days since 1970.
        values: `(N,)` the numbers, NaN where there is none; None where there are none at all.
        distinct: how many different values there are.
    """

    name: str
    codes: NDArray[np.intp]
    labels: tuple[str, ...]
    ordered: bool
    distinct: int
    moments: bool = False
    values: NDArray[np.float64] | None = None

    @property
    def identifies(self) -> bool:
        """Whether it names images rather than describes them: more than half of them have a value of their own."""
        return not self.ordered and self.distinct > max(2, len(self.codes) / 2)

    @property
    def names_values(self) -> bool:
        """Whether a value that was never seen is news: words, truth values, and codes that are written as numbers."""
        if self.identifies or self.moments:
            return False
        if self.values is None or self.distinct > FEW_VALUES:
            return not self.ordered
        return bool(np.all(np.mod(self.values[np.isfinite(self.values)], 1) == 0))

    def rows(self, rows: NDArray[Any]) -> Binned:
        """The same bins for some of the images."""
        values = None if self.values is None else self.values[rows]
        return Binned(
            name=self.name,
            codes=self.codes[rows],
            labels=self.labels,
            ordered=self.ordered,
            distinct=self.distinct,
            moments=self.moments,
            values=values,
        )


def binned(name: str, values: NDArray[Any], *, most: int = MOST_BINS) -> Binned:
    """A column in bins.

    Args:
        values: `(N,)` numbers, truth values, text, dates or times; None and NaN are no value.
        most: how many bins for numbers.

    >>> column = binned("camera", np.array(["b", "a", "b", None], dtype=object))
    >>> column.labels, column.codes.tolist()
    (('b', 'a', '(none)'), [0, 1, 0, 2])
    >>> binned("width", np.array([640, 640, 800])).codes.tolist()
    [0, 0, 1]
    """
    numbers, moments = _numbers(values)
    if numbers is not None:
        return _in_ranges(name, numbers, most, moments)
    return _by_value(name, values.tolist())


def coarser(column: Binned, most: int) -> Binned:
    """Ranges joined to at most `most`; a column of values as it is."""
    if not column.ordered or column.values is None or len(column.labels) <= most:
        return column
    return _in_ranges(column.name, column.values, most, column.moments)


def _numbers(values: NDArray[Any]) -> tuple[NDArray[np.float64] | None, bool]:
    """The column as numbers, and whether they are days since 1970; None where it is no column of numbers."""
    if values.dtype.kind in "iuf":
        return values.astype(np.float64), False
    if values.dtype.kind != "O":
        return None, False
    plain = values.tolist()
    kinds = {type(value) for value in plain} - {type(None)}
    if kinds and kinds <= {int, float}:
        return np.array([np.nan if value is None else value for value in plain], np.float64), False
    if kinds and kinds <= {datetime.date, datetime.datetime}:
        return np.array([_days(value) for value in plain], np.float64), True
    return None, False


def _days(value: datetime.date | None) -> float:
    if value is None:
        return float("nan")
    if isinstance(value, datetime.datetime):
        since = value.replace(tzinfo=None) - datetime.datetime(1970, 1, 1)
        return since.total_seconds() / 86400
    return float((value - datetime.date(1970, 1, 1)).days)


def _in_ranges(name: str, numbers: NDArray[np.float64], most: int, moments: bool) -> Binned:
    known = np.isfinite(numbers)
    finite = numbers[known]
    step = max(1, len(finite) // _EDGES_FROM)
    sample = np.sort(finite[::step])
    places = np.linspace(0, max(len(sample) - 1, 0), most + 1)[:-1].astype(np.intp)
    starts = np.unique(sample[places]) if len(sample) else np.zeros(0)
    distinct = np.unique(sample)
    if len(distinct) <= most:
        starts = distinct
    codes = np.maximum(np.searchsorted(starts, numbers, side="right") - 1, 0)
    labels = [written(start, moments) for start in starts]
    if not known.all() or not len(starts):
        codes[~known] = len(labels)
        labels.append(NO_VALUE)
    return Binned(
        name=name,
        codes=codes.astype(np.intp),
        labels=tuple(labels),
        ordered=True,
        distinct=len(distinct),
        moments=moments,
        values=np.where(known, numbers, np.nan),
    )


def written(number: float, moments: bool = False) -> str:
    """A number in four digits; of days since 1970 the moment.

    >>> written(0.123456), written(1234567.0), written(20000.5, moments=True)
    ('0.1235', '1,234,567', '2024-10-04 12:00')
    """
    if moments:
        moment = datetime.datetime(1970, 1, 1) + datetime.timedelta(days=float(number))
        return moment.isoformat(" ", "minutes").removesuffix(" 00:00")
    return f"{number:.4g}" if abs(number) < 1e4 else f"{number:,.0f}"


def _by_value(name: str, values: Sequence[Any]) -> Binned:
    counts = Counter(values)
    missing = [value for value in counts if value is None or value != value]
    for value in missing:
        counts.pop(value)
    ordered = sorted(counts, key=lambda value: (-counts[value], str(value)))
    kept = ordered if len(ordered) <= MOST_VALUES else ordered[: MOST_VALUES - 1]
    labels = [_text(value) for value in kept]
    code = {value: at for at, value in enumerate(kept)}
    if len(kept) < len(ordered):
        code |= dict.fromkeys(ordered[len(kept) :], len(labels))
        labels.append(OTHERS)
    if missing:
        code |= dict.fromkeys(missing, len(labels))
        labels.append(NO_VALUE)
    codes = np.fromiter((code[value] for value in values), np.intp, len(values))
    return Binned(name=name, codes=codes, labels=tuple(labels), ordered=False, distinct=len(ordered))


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def ranges(column: Binned, bins: NDArray[np.bool_]) -> list[str]:
    """Some of the bins in words, neighbours joined: `2 to 5`, `from 7 on`; the values, where they are no ranges.

    Args:
        bins: `(B,)`.

    >>> ranges(binned("x", np.arange(6)), np.array([True, True, False, False, True, True]))
    ['below 2', 'from 4 on']
    """
    if not column.ordered:
        return [column.labels[at] for at in np.flatnonzero(bins)]
    last = len(column.labels) - (column.labels[-1:] == (NO_VALUE,))
    chosen = np.flatnonzero(bins[:last])
    words = []
    for run in np.split(chosen, np.flatnonzero(np.diff(chosen) > 1) + 1):
        if not len(run):
            continue
        first, after = int(run[0]), int(run[-1]) + 1
        if first == 0 and after == last:
            words.append("any value")
        elif after == last:
            words.append(f"from {column.labels[first]} on")
        elif first == 0:
            words.append(f"below {column.labels[after]}")
        else:
            words.append(f"{column.labels[first]} to {column.labels[after]}")
    return [*words, *([NO_VALUE] if last < len(column.labels) and bins[last] else [])]
