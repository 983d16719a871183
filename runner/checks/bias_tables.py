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
    CHAMPION_SHIFTS,
    CHAMPION_VALUES,
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
from runner.domain.bias import CHAMPION, ClassShare, DataBias, NewValue, Shift, Shortcut, SliceShare
from runner.domain.records import POOL, SPLITS
from runner.evaluation.slices import value_text

if TYPE_CHECKING:
    import pandas as pd

CLASS = "class"
_SHIFTED = ("val", "test")
_KEPT = 200  # entries of a list in the record
_MOST_VALUES = 1000  # a column with more of them names things that are always new


@dataclass(frozen=True, kw_only=True)
class ChampionData:
    """What the champion was made and judged with.

    Attributes:
        tables: None where they are not here; `reason` says why then.
        classes: of its project.
        group_by: its metadata column that groups images.
    """

    sprint: str
    tables: Tables | None
    reason: str = ""
    classes: tuple[str, ...] = ()
    group_by: str | None = None


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
    champion: ChampionData | None,
    limits: BiasLimits,
) -> tuple[DataBias, dict[str, pd.DataFrame]]:
    """What may bias a sprint, and the tables of it.

    Args:
        counted: what there is one label for: `images` or `objects`.
        slices: of the project and the sprint.
        champion: None where there is none.
        limits: for the record, which shows them.

    Raises:
        FlywheelError: a table is missing or is not readable.
    """
    images = described_images(tables, class_names, group_by)
    theirs = (
        described_images(champion.tables, champion.classes, champion.group_by)
        if champion is not None and champion.tables is not None
        else None
    )
    columns = [binned(name, values) for name, values in images.columns.items()]
    found = _shortcuts(images, columns, class_names)
    comparisons = len(_SHIFTED) + (theirs is not None)
    shifted = [shift for split in _SHIFTED for shift in _split_shifts(images, columns, split, comparisons)]
    values = _unseen_in_train(images, columns)
    new = Values(rows=[], unseen=[])
    if theirs is not None:
        shifted += _champion_shifts(images, theirs, comparisons)
        new = _new_to_champion(images, theirs, columns, class_names)
    classes = _class_shares(images, theirs, class_names)
    unseen = [
        row for part in (values, new) for row, number in zip(part.rows, part.unseen, strict=True) if number
    ]
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
        champion=champion.sprint if champion else "",
        not_measured=champion.reason if champion and champion.tables is None else "",
    )
    return _shortened(bias), _frames(bias, values, new)


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
        groups=_codes(images.group[rows]),
        image=pairs // number,
        label=pairs % number,
        classes=class_names,
    )
    return shortcuts([column.rows(rows) for column in columns if column.name != COUNTS], labelled)


def _split_shifts(
    images: DescribedImages, columns: Sequence[Binned], split: str, comparisons: int
) -> list[Shift]:
    rows = np.flatnonzero(images.of("train", split))
    other = images.split[rows] == split
    compared = [column.rows(rows) for column in columns]
    return shifts(compared, other, _codes(images.group[rows]), of=split, comparisons=comparisons)


def _champion_shifts(images: DescribedImages, theirs: DescribedImages, comparisons: int) -> list[Shift]:
    """What is new of train, val and test, beside all that the champion had; weighed by the share that is new."""
    ours = np.flatnonzero(images.of(*SPLITS))
    then = np.flatnonzero(theirs.of(*SPLITS))
    new = ours[~np.isin(images.ids[ours].astype(str), theirs.ids[then].astype(str))]
    if not len(new) or not len(then):
        return []
    here, there = images.columns, theirs.columns
    columns = [
        binned(name, np.concatenate([here[name][new].astype(object), there[name][then].astype(object)]))
        for name in here
        if name in there
    ]
    other = np.arange(len(new) + len(then)) < len(new)
    groups = _codes(np.concatenate([images.group[new], theirs.group[then]]))
    weight = len(new) / len(ours)
    return shifts(columns, other, groups, of=CHAMPION, comparisons=comparisons, weight=weight)


def _codes(values: NDArray[Any]) -> NDArray[np.intp]:
    codes: dict[Any, int] = {}
    return np.fromiter(
        (codes.setdefault(value, len(codes)) for value in values.tolist()), np.intp, len(values)
    )


def _unseen_in_train(images: DescribedImages, columns: Sequence[Binned]) -> Values:
    rows, unseen = [], []
    for name in _value_columns(images, columns):
        for value in _values(images, name, "train"):
            rows.append(value)
            seen = value.images.get("train", 0)
            unseen.append(0 if seen else sum(value.images.values()))
    return Values(rows=rows, unseen=unseen)


def _new_to_champion(
    images: DescribedImages,
    theirs: DescribedImages,
    columns: Sequence[Binned],
    class_names: Sequence[str],
) -> Values:
    """Values and classes of train, val and test that no image of the champion's has."""
    rows, unseen = [], []
    used = theirs.of(*SPLITS)
    for name in _value_columns(images, columns):
        if name not in theirs.metadata:
            continue
        known = {value_text(value) for value in set(theirs.metadata[name][used].tolist())}
        for value in _values(images, name, CHAMPION):
            number = sum(count for split, count in value.images.items() if split in SPLITS)
            rows.append(value)
            unseen.append(0 if value.value in known else number)
    known = set(theirs.label[used[theirs.image]].tolist())
    counts = Counter(zip(images.label.tolist(), images.split[images.image].tolist(), strict=True))
    first = dict(zip(images.label[::-1].tolist(), images.paths[images.image[::-1]].tolist(), strict=True))
    for name in class_names:
        per_split = {split: counts[name, split] for split in SPLITS if counts[name, split]}
        rows.append(
            NewValue(seen_by=CHAMPION, column=CLASS, value=name, images=per_split, path=first.get(name, ""))
        )
        unseen.append(0 if name in known else sum(per_split.values()))
    return Values(rows=rows, unseen=unseen)


def _value_columns(images: DescribedImages, columns: Sequence[Binned]) -> list[str]:
    return [
        column.name
        for column in columns
        if column.name in images.metadata and column.names_values and column.distinct <= _MOST_VALUES
    ]


def _values(images: DescribedImages, name: str, seen_by: str) -> Iterator[NewValue]:
    """Every value of a column, with how many images of each split have it."""
    values = images.metadata[name].tolist()
    counts = Counter(zip(values, images.split.tolist(), strict=True))
    first = dict(zip(reversed(values), reversed(images.paths.tolist()), strict=True))
    for value in sorted((value for value in first if value is not None and value == value), key=str):
        per_split = {split: counts[value, split] for split in (*SPLITS, POOL) if counts[value, split]}
        yield NewValue(
            seen_by=seen_by, column=name, value=value_text(value), images=per_split, path=first[value]
        )


def _class_shares(
    images: DescribedImages, theirs: DescribedImages | None, class_names: Sequence[str]
) -> list[ClassShare]:
    counts = Counter(zip(images.label.tolist(), images.split[images.image].tolist(), strict=True))
    before = Counter(theirs.label[theirs.of(*SPLITS)[theirs.image]].tolist()) if theirs is not None else None
    return [
        ClassShare(
            class_name=name,
            train=counts[name, "train"],
            val=counts[name, "val"],
            test=counts[name, "test"],
            champion=None if before is None else before[name],
        )
        for name in class_names
    ]


def _effective(counts: Sequence[int]) -> float | None:
    """The exponential of the entropy: Hill's number of equally frequent classes."""
    total = sum(counts)
    if not total:
        return None
    return round(math.exp(-sum(n / total * math.log(n / total) for n in counts if n)), 4)


def _frames(bias: DataBias, values: Values, new: Values) -> dict[str, pd.DataFrame]:
    most = max((share.train for share in bias.classes), default=0)
    return {
        SHORTCUTS: _frame(bias.shortcuts, Shortcut),
        SPLIT_SHIFTS: _frame([shift for shift in bias.shifts if shift.of != CHAMPION], Shift),
        CHAMPION_SHIFTS: _frame([shift for shift in bias.shifts if shift.of == CHAMPION], Shift),
        CLASS_SHARES: _frame(
            bias.classes,
            ClassShare,
            ratio=[most / share.train if share.train else None for share in bias.classes],
        ),
        SLICE_SHARES: _frame(
            bias.slices, SliceShare, untrained=[0 if each.train else each.test for each in bias.slices]
        ),
        UNSEEN_VALUES: _frame(values.rows, NewValue, unseen=values.unseen),
        CHAMPION_VALUES: _frame(new.rows, NewValue, unseen=new.unseen),
    }


def _frame(rows: Sequence[Any], kind: Any, **more: Sequence[Any]) -> pd.DataFrame:
    names = [name for name in kind.__struct_fields__ if name != "champion"]
    columns: dict[str, Any] = {name: [getattr(row, name) for row in rows] for name in names}
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
