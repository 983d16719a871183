"""What may bias a sprint, measured from its index and manifest: a record for the report, and the tables that checks look at."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.frames import frame_of
from runner.checks.bias_rules import (
    CLASS_SHARES,
    SHORTCUTS,
    SLICE_SHARES,
    SPLIT_SHIFTS,
    UNSEEN_VALUES,
    BiasLimits,
)
from runner.checks.described_images import COUNTS, DescribedImages, Tables, described_images
from runner.dataset.binned import Binned, binned
from runner.dataset.shift import shifts
from runner.dataset.shortcuts import Labelled, shortcuts
from runner.domain.bias import ClassShare, DataBias, NewValue, Shift, Shortcut, SliceShare
from runner.domain.records import POOL, SPLITS
from runner.evaluation.slices import value_text

if TYPE_CHECKING:
    import pandas as pd

_SHIFTED = ("val", "test")
_KEPT = 200  # entries of a list in the record
_MOST_VALUES = 1000  # a column with more of them names things that are always new


@dataclass(frozen=True, kw_only=True)
class Values:
    """The values of metadata columns, and who has them.

    Attributes:
        rows: column, value, images of `SPLITS` and the pool that have it, the first such image's path.
        unseen: `(rows,)`: how many images have a value that nobody has seen.
    """

    rows: list[NewValue]
    unseen: list[int]


def measured_bias(
    tables: Tables,
    class_names: Sequence[str],
    group_by: str | None,
    counted: str,
    slices: Sequence[SliceShare],
    limits: BiasLimits,
) -> tuple[DataBias, dict[str, pd.DataFrame]]:
    """What may bias a sprint, and the tables of it.

    Args:
        counted: what there is one label for: `images` or `objects`.
        slices: of the project and the sprint.
        limits: for the record, which shows them.

    Raises:
        FlywheelError: a table is missing or is not readable.
    """
    images = described_images(tables, class_names, group_by)
    columns = [binned(name, values) for name, values in images.columns.items()]
    found = _shortcuts(images, columns, class_names)
    shifted = [shift for split in _SHIFTED for shift in _split_shifts(images, columns, split)]
    values = _unseen_in_train(images, columns)
    classes = _class_shares(images, class_names)
    unseen = [row for row, number in zip(values.rows, values.unseen, strict=True) if number]
    bias = DataBias(
        shortcuts=found,
        shifts=shifted,
        classes=classes,
        slices=list(slices),
        new_values=sorted(unseen, key=lambda value: -sum(value.images.values())),
        max_shortcut=limits.max_shortcut,
        max_shift=limits.max_shift,
        classes_counted=counted,
        effective_classes=_effective([share.train for share in classes]),
    )
    return _shortened(bias), _frames(bias, values)


def _shortcuts(
    images: DescribedImages, columns: Sequence[Binned], class_names: Sequence[str]
) -> list[Shortcut]:
    """In train: what a model can learn."""
    rows = np.flatnonzero(images.of("train"))
    position = np.full(len(images.paths), -1, np.intp)
    position[rows] = np.arange(len(rows))
    code = {name: at for at, name in enumerate(class_names)}
    label = np.array([code.get(name, -1) for name in images.label.tolist()], np.intp)
    image = position[images.image]
    kept = (image >= 0) & (label >= 0)
    number = max(len(class_names), 1)
    pairs = np.unique(image[kept] * number + label[kept])
    labelled = Labelled(
        groups=codes(images.group[rows]),
        image=pairs // number,
        label=pairs % number,
        classes=class_names,
    )
    return shortcuts([column.rows(rows) for column in columns if column.name != COUNTS], labelled)


def _split_shifts(images: DescribedImages, columns: Sequence[Binned], split: str) -> list[Shift]:
    rows = np.flatnonzero(images.of("train", split))
    other = images.split[rows] == split
    compared = [column.rows(rows) for column in columns]
    return shifts(compared, other, codes(images.group[rows]), of=split, comparisons=len(_SHIFTED))


def codes(values: NDArray[Any]) -> NDArray[np.intp]:
    """Each value's number, in the order in which they come."""
    known: dict[Any, int] = {}
    return np.fromiter(
        (known.setdefault(value, len(known)) for value in values.tolist()), np.intp, len(values)
    )


def _unseen_in_train(images: DescribedImages, columns: Sequence[Binned]) -> Values:
    rows, unseen = [], []
    for name in value_columns(images, columns):
        for value in values_of(images, name):
            rows.append(value)
            seen = value.images.get("train", 0)
            unseen.append(0 if seen else sum(value.images.values()))
    return Values(rows=rows, unseen=unseen)


def value_columns(images: DescribedImages, columns: Sequence[Binned]) -> list[str]:
    """The metadata columns whose values are told apart: those that name kinds, and not single images."""
    return [
        column.name
        for column in columns
        if column.name in images.metadata and column.names_values and column.distinct <= _MOST_VALUES
    ]


def values_of(images: DescribedImages, name: str) -> Iterator[NewValue]:
    """Every value of a column, with how many images of each split have it."""
    values = images.metadata[name].tolist()
    counts = Counter(zip(values, images.split.tolist(), strict=True))
    first = dict(zip(reversed(values), reversed(images.paths.tolist()), strict=True))
    for value in sorted((value for value in first if value is not None and value == value), key=str):
        per_split = {split: counts[value, split] for split in (*SPLITS, POOL) if counts[value, split]}
        yield NewValue(column=name, value=value_text(value), images=per_split, path=first[value])


def _class_shares(images: DescribedImages, class_names: Sequence[str]) -> list[ClassShare]:
    counts = Counter(zip(images.label.tolist(), images.split[images.image].tolist(), strict=True))
    return [
        ClassShare(
            class_name=name,
            train=counts[name, "train"],
            val=counts[name, "val"],
            test=counts[name, "test"],
        )
        for name in class_names
    ]


def _effective(counts: Sequence[int]) -> float | None:
    """The exponential of the entropy: Hill's number of equally frequent classes."""
    total = sum(counts)
    if not total:
        return None
    return round(math.exp(-sum(n / total * math.log(n / total) for n in counts if n)), 4)


def _frames(bias: DataBias, values: Values) -> dict[str, pd.DataFrame]:
    most = max((share.train for share in bias.classes), default=0)
    return {
        SHORTCUTS: _frame(bias.shortcuts, Shortcut),
        SPLIT_SHIFTS: _frame(bias.shifts, Shift),
        CLASS_SHARES: _frame(
            bias.classes,
            ClassShare,
            ratio=[most / share.train if share.train else None for share in bias.classes],
        ),
        SLICE_SHARES: _frame(
            bias.slices, SliceShare, untrained=[0 if each.train else each.test for each in bias.slices]
        ),
        UNSEEN_VALUES: _frame(values.rows, NewValue, unseen=values.unseen),
    }


def _frame(rows: Sequence[Any], kind: Any, **more: Sequence[Any]) -> pd.DataFrame:
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in kind.__struct_fields__}
    return frame_of(columns | {name: list(column) for name, column in more.items()})


def _shortened(bias: DataBias) -> DataBias:
    """With what matters most of each long list."""
    from msgspec.structs import replace

    classes = sorted(bias.classes, key=lambda share: -share.train)
    if len(classes) > _KEPT:
        classes = [*classes[: _KEPT // 2], *classes[-_KEPT // 2 :]]
    shifted = sorted(bias.shifts, key=lambda shift: (-shift.shift, -shift.distance))[:_KEPT]
    return replace(
        bias,
        shortcuts=bias.shortcuts[:_KEPT],
        shifts=shifted,
        classes=classes,
        slices=bias.slices[:_KEPT],
        new_values=bias.new_values[:_KEPT],
    )
