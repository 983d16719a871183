"""A sprint's data beside the champion's, measured from the two indexes and manifests: a record, and the tables that checks look at."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from runner.checks.bias_tables import codes, value_columns, values_of
from runner.checks.champion_rules import CHAMPION_SHIFTS, CHAMPION_VALUES
from runner.checks.described_images import DescribedImages
from runner.dataset.binned import binned
from runner.dataset.shift import shifts
from runner.domain.bias import NewValue, Shift
from runner.domain.drift import SplitChange
from runner.domain.records import SPLITS
from runner.evaluation.slices import value_text

CLASS = "class"
_KEPT = 200  # entries of a list in the record


@dataclass(frozen=True, kw_only=True)
class Drifted:
    """What was measured.

    Attributes:
        tables: for the checks, columns by name.
    """

    images: list[SplitChange]
    shifts: list[Shift]
    new_values: list[NewValue]
    tables: Mapping[str, Mapping[str, Sequence[Any]]]


def measured_drift(ours: DescribedImages, theirs: DescribedImages, class_names: Sequence[str]) -> Drifted:
    """This sprint's images beside those that the champion was made and judged with."""
    found = [shift for split in SPLITS for shift in _shifts(ours, theirs, split)]
    rows = [*_values(ours, theirs), *_classes(ours, theirs, class_names)]
    new = [row for row, unseen in rows if unseen]
    return Drifted(
        images=[_change(ours, theirs, split) for split in SPLITS],
        shifts=sorted(found, key=lambda shift: (-shift.shift, -shift.distance))[:_KEPT],
        new_values=sorted(new, key=lambda value: -sum(value.images.values()))[:_KEPT],
        tables={
            CHAMPION_SHIFTS: _columns(found, Shift),
            CHAMPION_VALUES: {**_columns([row for row, _ in rows], NewValue), "unseen": [n for _, n in rows]},
        },
    )


def _change(ours: DescribedImages, theirs: DescribedImages, split: str) -> SplitChange:
    here, there = (set(images.ids[images.of(split)].tolist()) for images in (ours, theirs))
    return SplitChange(split=split, new=len(here - there), shared=len(here & there), gone=len(there - here))


def _shifts(ours: DescribedImages, theirs: DescribedImages, split: str) -> list[Shift]:
    """What is new of a split, beside all that the champion's has; weighed by the share that is new."""
    here, then = np.flatnonzero(ours.of(split)), np.flatnonzero(theirs.of(split))
    new = here[~np.isin(ours.ids[here].astype(str), theirs.ids[then].astype(str))]
    if not len(new) or not len(then):
        return []
    columns = [
        binned(name, np.concatenate([values[new].astype(object), theirs.columns[name][then].astype(object)]))
        for name, values in ours.columns.items()
        if name in theirs.columns
    ]
    other = np.arange(len(new) + len(then)) < len(new)
    groups = codes(np.concatenate([ours.group[new], theirs.group[then]]))
    weight = len(new) / len(here)
    return shifts(columns, other, groups, of=split, comparisons=len(SPLITS), weight=weight)


def _values(ours: DescribedImages, theirs: DescribedImages) -> Iterator[tuple[NewValue, int]]:
    """Every value of a metadata column that both have, and how many images have it where the champion's have not."""
    used = theirs.of(*SPLITS)
    columns = [binned(name, values) for name, values in ours.metadata.items()]
    for name in value_columns(ours, columns):
        if name not in theirs.metadata:
            continue
        known = {value_text(value) for value in set(theirs.metadata[name][used].tolist())}
        for value in values_of(ours, name):
            number = sum(count for split, count in value.images.items() if split in SPLITS)
            yield value, 0 if value.value in known else number


def _classes(
    ours: DescribedImages, theirs: DescribedImages, class_names: Sequence[str]
) -> Iterator[tuple[NewValue, int]]:
    known = set(theirs.label[theirs.of(*SPLITS)[theirs.image]].tolist())
    counts = Counter(zip(ours.label.tolist(), ours.split[ours.image].tolist(), strict=True))
    first = dict(zip(ours.label[::-1].tolist(), ours.paths[ours.image[::-1]].tolist(), strict=True))
    for name in class_names:
        labels = {split: counts[name, split] for split in SPLITS if counts[name, split]}
        value = NewValue(column=CLASS, value=name, images=labels, path=first.get(name, ""))
        yield value, 0 if name in known else sum(labels.values())


def _columns(rows: Sequence[Any], kind: Any) -> dict[str, list[Any]]:
    return {name: [getattr(row, name) for row in rows] for name in kind.__struct_fields__}
