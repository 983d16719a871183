"""Regions of metadata and image properties: a value, an interval, or two of them together, with their conditions."""

from __future__ import annotations

import datetime
import itertools
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.slices import ImageSlice, value_slices, value_text

_MOST_VALUES = 40  # of one column; the rarer ones are no regions
_FEW_VALUES = 10  # numbers are cut between all values where there are so few
_COARSE, _FINE = 10, 20  # else at quantiles; the fine ones only bound what lies below or above them
_HOURS, _ARCS = range(0, 24, 3), (3, 6, 9, 12)
_LARGEST = 2 / 3  # of the images: what nearly all have is no slice
_MOST_PAIRS = 30_000


@dataclass(frozen=True, kw_only=True)
class Term:
    """A condition on one column.

    Attributes:
        name: as a slice's name shows it. `condition`: SQL that selects the same images.
        images: `(I,)` mask.
        crossed: it is combined with terms of other columns. Intervals in the middle are not: there are too many.
    """

    column: str
    name: str
    condition: str
    images: NDArray[np.bool_]
    crossed: bool = True


@dataclass(frozen=True, kw_only=True)
class Regions:
    """R regions, each of one term or two.

    Attributes:
        terms: A terms.
        pair: `(R, 2)` int64, the numbers of a region's terms, equal where it has one.
    """

    terms: tuple[Term, ...]
    pair: NDArray[np.int64]

    def slice_of(self, number: int) -> ImageSlice:
        """A region as a slice of the images."""
        terms = [self.terms[term] for term in dict.fromkeys(self.pair[number].tolist())]
        return ImageSlice(
            name=", ".join(term.name for term in terms),
            condition=" AND ".join(term.condition for term in terms),
            images=np.logical_and.reduce([term.images for term in terms]),
        )


def regions_of(columns: Mapping[str, NDArray[Any]], *, min_images: int) -> Regions:
    """All regions of at least `min_images` and at most two thirds of the images, and pairs of terms of two columns.

    Texts and truth values give a region per value, numbers give intervals between their deciles (and the
    ends at every 20th), times of day give
    arcs of 3 to 12 hours. Values that are rare, and columns where all values differ, give none.

    Args:
        columns: `(I,)` each: numbers (NaN: no value), texts, truth values, dates with times, or None.
        min_images: how large a region is at least.
    """
    terms = tuple(term for name, values in columns.items() for term in _terms(name, values, min_images))
    if not terms:
        return Regions(terms=(), pair=np.zeros((0, 2), dtype=np.int64))
    matrix = np.array([term.images for term in terms], dtype=np.float32)
    together = matrix @ matrix.T  # (A, A) images that satisfy both; exact below 2**24 images
    crossed = np.array([term.crossed for term in terms])
    number = {name: at for at, name in enumerate(columns)}
    column = np.array([number[term.column] for term in terms])
    size = np.diag(together)
    # a pair that is (nearly) one of its terms says nothing new
    new = together <= 0.98 * np.minimum(size[:, None], size[None, :])
    allowed = crossed[:, None] & crossed[None, :] & (column[:, None] < column[None, :]) & new
    np.fill_diagonal(allowed, val=True)
    allowed &= (together >= min_images) & (together <= _LARGEST * matrix.shape[1])
    pair = np.argwhere(allowed)
    if len(pair) > _MOST_PAIRS:  # the largest ones
        largest = np.argsort(-together[pair[:, 0], pair[:, 1]], kind="stable")[:_MOST_PAIRS]
        pair = pair[np.sort(largest)]
    return Regions(terms=terms, pair=pair)


def _terms(column: str, values: NDArray[Any], min_images: int) -> Iterator[Term]:
    kinds = {type(value) for value in values.tolist() if value is not None}
    if values.dtype.kind in "iuf" or (kinds and kinds <= {int, float}):
        found = _intervals(
            column, np.array([np.nan if v is None else v for v in values.tolist()], dtype=float)
        )
    elif kinds == {datetime.datetime}:
        found = _arcs(column, values)
    else:
        found = _values(column, values)
    yield from (term for term in found if term.images.sum() >= min_images)


def _values(column: str, values: NDArray[Any]) -> Iterator[Term]:
    texts = Counter(value_text(value) for value in values.tolist())
    if len(texts) < 2 or texts.most_common(1)[0][1] == 1:
        return
    for part in value_slices(column, values, maximum=_MOST_VALUES):
        yield Term(column=column, name=part.name, condition=part.condition, images=part.images)


def _intervals(column: str, values: NDArray[np.float64]) -> Iterator[Term]:
    known = values[np.isfinite(values)]
    quoted = _quoted(column)
    if len(known) < len(values):
        yield Term(
            column=column, name=f"{column}=(none)", condition=f"{quoted} IS NULL", images=np.isnan(values)
        )
    if not len(known):
        return
    whole = bool((known == np.floor(known)).all())
    for low, high, crossed in _bounds(known):
        single = whole and high - low == 1
        yield Term(
            column=column,
            name=f"{column}={_number(low)}" if single else _interval(column, low, high),
            condition=f"{quoted} = {_number(low)}" if single else _interval_sql(quoted, low, high),
            images=(values >= low) & (values < high) & np.isfinite(values),
            crossed=single or crossed,
        )


def _bounds(known: NDArray[np.float64]) -> Iterator[tuple[float, float, bool]]:
    """Low end, high end, and whether it is combined with other columns: at most half of the images, on one side."""
    coarse = {-math.inf, *_cut_points(known, _COARSE), math.inf}
    ends = sorted({*coarse, *_cut_points(known, _FINE)})
    half = float(np.median(known))
    for low, high in itertools.combinations(ends, 2):
        open_ends = math.isinf(low) + math.isinf(high)
        is_coarse = {low, high} <= coarse
        if open_ends == 1 or (open_ends == 0 and is_coarse):
            outer = high <= half if math.isinf(low) else low >= half
            yield low, high, open_ends == 1 and is_coarse and outer


def _cut_points(known: NDArray[np.float64], parts: int) -> list[float]:
    """Quantiles as people would write them: whole, or of three significant digits; ascending and distinct."""
    distinct = np.unique(known)
    if len(distinct) <= _FEW_VALUES:
        points = distinct[1:].tolist()
    else:
        points = np.quantile(known, np.arange(1, parts) / parts).tolist()
    if (known == np.floor(known)).all():
        rounded = {float(math.ceil(point)) for point in points}
    elif len(distinct) <= _FEW_VALUES:
        rounded = set(points)
    else:
        # relative to the spread: 1000.12 to 1000.19 must not all become 1000
        digits = 2 - math.floor(math.log10(float(distinct[-1] - distinct[0])))
        rounded = {round(point, digits) for point in points}
    return sorted(point for point in rounded if distinct[0] < point <= distinct[-1])


def _interval(column: str, low: float, high: float) -> str:
    if math.isinf(low):
        return f"{column}<{_number(high)}"
    return f"{column}>={_number(low)}" if math.isinf(high) else f"{_number(low)}<={column}<{_number(high)}"


def _interval_sql(quoted: str, low: float, high: float) -> str:
    parts = [] if math.isinf(low) else [f"{quoted} >= {_number(low)}"]
    parts += [] if math.isinf(high) else [f"{quoted} < {_number(high)}"]
    return " AND ".join(parts)


def _arcs(column: str, values: NDArray[Any]) -> Iterator[Term]:
    """Parts of the day, also across midnight."""
    hour = np.array([-1 if value is None else value.hour for value in values.tolist()])
    if len(np.unique(hour[hour >= 0])) < 2:
        return
    sql = f"hour({_quoted(column)})"
    for start in _HOURS:
        for length in _ARCS:
            end = (start + length) % 24
            inside = (hour >= start) & (hour < start + length) | (hour >= 0) & (hour < start + length - 24)
            if start + length <= 24:
                condition = f"{sql} >= {start}" + (f" AND {sql} < {end}" if end else "")
            else:
                condition = f"({sql} >= {start} OR {sql} < {end})"
            yield Term(
                column=column,
                name=f"{column} {start:02}:00–{end:02}:00",
                condition=condition,
                images=inside,
                crossed=length in (6, 12),
            )


def _number(value: float) -> str:
    """Without an exponent, which would make DuckDB's literal another type.

    >>> _number(3.0), _number(0.00025), _number(-1.5)
    ('3', '0.00025', '-1.5')
    """
    return np.format_float_positional(value, trim="-")


def _quoted(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'
