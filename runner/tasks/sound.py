"""Predictions that cannot be measured are refused, by file and row, before anything is matched.

A score that is no number sorts anywhere, an infinite one before everything, a box of negative size has a negative area: each
would move a metric by as much as nobody can say, and none of them looks wrong in the result.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.task import BOX, TaskSpec
from runner.tasks.task import Table

CORNERS = 8
_SHOWN = 80

Rows = Iterator[tuple[int, str]]  # the first row that is wrong, counted from 0, and what is wrong with it


def require_sound(
    predictions: Table, spec: TaskSpec, images: Sequence[str] | None, *, file: str, hint: str
) -> None:
    """
    Args:
        predictions: the columns of a table of predictions; those that are not there are not looked at.
        spec: the classes and key points that predictions may be of.
        images: the paths that they may be of; None: any.
        file: where they are, for the message. `hint`: what to do, for the message.

    Raises:
        FlywheelError: a row is of an unknown image or class, its score is not in [0, 1], its box, corners or key points are no
            finite numbers, its box has a negative size, or it has no mask (exit code 3). The first such row is named.
    """
    looks: list[Callable[[], Rows]] = [
        lambda: _names(predictions, "class", spec.classes, "a class of the project"),
        lambda: _names(predictions, "path", images, "a test image"),
        lambda: _scores(predictions),
        lambda: _boxes(predictions),
        lambda: _lists(predictions, "keypoints", 3 * len(spec.keypoints.names) if spec.keypoints else None),
        lambda: _lists(predictions, "corners", CORNERS),
        lambda: _masks(predictions),
    ]
    found = sorted(wrong for look in looks for wrong in look())
    if not found:
        return
    row, what = found[0]
    paths = predictions["path"]
    image = f" ({_shown(paths[row])})" if isinstance(paths[row], str) else ""
    raise FlywheelError(
        f"row {row + 1:,} of {len(paths):,}{image}: {what}",
        where=Where(file),
        hint=hint,
        exit_code=ExitCode.STAGE_FAILED,
    )


def _names(table: Table, column: str, known: Sequence[str] | None, what: str) -> Rows:
    if column not in table or known is None:
        return
    names = set(known)
    for row, name in enumerate(table[column].tolist()):
        if name not in names:
            yield row, f"{column} {_shown(name)} is not {what}"
            return


def _scores(table: Table) -> Rows:
    if "score" not in table:
        return
    scores = _numbers(table["score"])
    with np.errstate(invalid="ignore"):
        outside = ~((scores >= 0) & (scores <= 1))  # NaN is neither
    for row in np.flatnonzero(outside)[:1].tolist():
        yield row, f"its score is {_number(scores[row])}, not a number from 0 to 1"


def _boxes(table: Table) -> Rows:
    if not all(name in table for name in BOX):
        return
    boxes = np.stack([_numbers(table[name]) for name in BOX], axis=1)
    for row in np.flatnonzero(~np.isfinite(boxes).all(axis=1))[:1].tolist():
        column = int(np.flatnonzero(~np.isfinite(boxes[row]))[0])
        yield row, f"its {BOX[column]} is {_number(boxes[row, column])}, not a finite number"
    with np.errstate(invalid="ignore"):
        sizes = boxes[:, 2:] - boxes[:, :2]
    for row in np.flatnonzero((sizes < 0).any(axis=1))[:1].tolist():
        width, height = sizes[row].tolist()
        yield row, f"its box has a negative size: {width:g} × {height:g} pixels"


def _lists(table: Table, column: str, count: int | None) -> Rows:
    """Lists of numbers, all of one length."""
    if column not in table or count is None:
        return
    for row, values in enumerate(table[column].tolist()):
        given = [] if values is None else list(values)
        if len(given) != count:
            yield row, f"its {column} are {len(given)} numbers, not {count}"
            return
        if not np.isfinite(_numbers(np.array(given, dtype=object))).all():
            yield row, f"its {column} are not all finite numbers"
            return


def _masks(table: Table) -> Rows:
    if "mask_rle" not in table:
        return
    for row, text in enumerate(table["mask_rle"].tolist()):
        if not isinstance(text, str):
            yield row, "it has no mask"
            return


def _numbers(values: NDArray[Any]) -> NDArray[np.float64]:
    """As numbers; what is none is NaN."""
    if values.dtype.kind in "fiu":
        return values.astype(np.float64)
    plain = [value if isinstance(value, int | float) else np.nan for value in values.tolist()]
    return np.array(plain, dtype=np.float64)


def _number(value: float) -> str:
    return "NaN" if np.isnan(value) else "infinite" if np.isinf(value) else f"{value:g}"


def _shown(name: object) -> str:
    text = repr(name) if isinstance(name, str) else "(nothing)" if name is None else str(name)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
