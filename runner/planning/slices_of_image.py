"""The slices that one image belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from runner.adapters.tables import duckdb
from runner.config.sprint import MOST_VALUES, SliceSpec
from runner.domain.records import Record

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SliceOfImage(Record, frozen=True, kw_only=True):
    """A slice that an image is in; of a slice of objects, how many of its objects are."""

    name: str
    objects: int | UnsetType = UNSET


def slices_of_image(
    images: Path, objects: Path, specs: Sequence[SliceSpec], row: int, judged: Sequence[int] | None
) -> list[SliceOfImage]:
    """The slices of the specs that an image is in, in their order; what `auto` finds is known after an evaluation only.

    Args:
        judged: the rows of the images among which the most frequent values of a column are slices; None where the image is
            none of them: then each value is one.

    Raises:
        FlywheelError: a condition is refused, or there is no such column.
    """
    where = [spec.where for spec in specs if spec.where is not None]
    spelled = _spelled(images, {name for spec in specs for name in spec.columns})
    table, masks = duckdb.load(images, ["path", *dict.fromkeys(spelled.values())], where)
    table |= {name: table[own] for name, own in spelled.items()}
    inside = {condition: bool(mask[row]) for condition, mask in zip(where, masks, strict=True)}
    holding = _holding(objects, specs, str(table["path"][row]))
    found = []
    for spec in specs:
        if spec.where is not None and inside[spec.where]:
            found.append(SliceOfImage(name=spec.name or spec.where))
        if spec.objects is not None and holding[spec.objects]:
            found.append(SliceOfImage(name=spec.name or spec.objects, objects=holding[spec.objects]))
        if spec.columns and (name := _by_value(spec, table, row, judged)):
            found.append(SliceOfImage(name=name))
    return found


def _spelled(images: Path, names: Iterable[str]) -> dict[str, str]:
    """Columns as the table has them; a name is written as SQL does, in any case."""
    known = {name.casefold(): name for name in duckdb.column_names(images)}
    return {name: known.get(name.casefold(), name) for name in sorted(names)}


def _holding(objects: Path, specs: Sequence[SliceSpec], path: str) -> dict[str, int]:
    """By condition over objects, how many of an image's satisfy it."""
    conditions = [spec.objects for spec in specs if spec.objects is not None]
    if not conditions:
        return {}
    table, masks = duckdb.load(objects, ["path"], conditions)
    own = table["path"] == path
    return {condition: int((mask & own).sum()) for condition, mask in zip(conditions, masks, strict=True)}


def _by_value(
    spec: SliceSpec, table: Mapping[str, NDArray[Any]], row: int, judged: Sequence[int] | None
) -> str | None:
    from runner.assessment.slices import crossed_slices

    rows = [row] if judged is None else list(judged)
    values = {name: table[name][rows] for name in spec.columns}
    for part in crossed_slices(values, maximum=spec.max or MOST_VALUES):
        if part.images[rows.index(row)]:
            return part.name
    return None
