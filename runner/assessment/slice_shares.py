"""How many images of each slice train, val and test have: what a slice's figure rests on, before anything is trained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables import duckdb
from runner.adapters.tables.parquet import column_names, read_table
from runner.config.sprint import MOST_VALUES, SliceSpec
from runner.domain.bias import SliceShare
from runner.domain.records import SPLITS
from runner.evaluation.slices import value_text
from runner.record.catalogue import INDEX_FOLDER, SELECTION_FOLDER


def slice_shares(folder: Path, specs: Sequence[SliceSpec]) -> list[SliceShare]:
    """Each slice that somebody named, in the order of the specs; those of `auto` are found after training.

    Args:
        folder: a sprint's, with `index` and `selection`.

    Raises:
        FlywheelError: a condition is refused, or a table is missing.
    """
    index = folder / INDEX_FOLDER.name
    images, objects = index / "images.parquet", index / "objects.parquet"
    manifest = read_table(
        folder / SELECTION_FOLDER.name / "manifest.parquet", ["path", "assigned", "selected"]
    )
    chosen = zip(*(manifest[name].tolist() for name in ("path", "assigned", "selected")), strict=True)
    split_of = {path: assigned for path, assigned, selected in chosen if selected and assigned in SPLITS}
    names = {name.lower(): name for name in column_names(images)}
    columns = dict.fromkeys(names[name.lower()] for spec in specs for name in spec.columns)
    values, masks = duckdb.load(
        images,
        list(dict.fromkeys(["path", *columns])),
        [spec.where for spec in specs if spec.where is not None],
    )
    of_image = _split(values["path"], split_of)
    of_object, object_masks = _objects(objects, specs, split_of)
    found: list[SliceShare] = []
    for spec in specs:
        if spec.where is not None:
            found.append(_share(spec.name or spec.where, of_image[masks.pop(0)]))
        if spec.columns:
            chosen_columns = {name: values[names[name.lower()]] for name in spec.columns}
            found += _by_values(chosen_columns, of_image, spec.max or MOST_VALUES)
        if spec.objects is not None:
            found.append(_share(spec.name or spec.objects, of_object[object_masks.pop(0)], objects=True))
    return found


def _objects(
    objects: Path, specs: Sequence[SliceSpec], split_of: dict[str, str]
) -> tuple[NDArray[Any], list[NDArray[np.bool_]]]:
    conditions = [spec.objects for spec in specs if spec.objects is not None]
    if not conditions:
        return np.zeros(0, dtype=str), []
    table, masks = duckdb.load(objects, ["path"], conditions)
    return _split(table["path"], split_of), masks


def _split(paths: NDArray[Any], split_of: dict[str, str]) -> NDArray[Any]:
    """`(N,)` text, empty where an image is not used."""
    return np.array([split_of.get(path, "") for path in paths.tolist()], dtype=str)


def _share(name: str, splits: NDArray[Any], *, objects: bool = False) -> SliceShare:
    counts = Counter(splits.tolist())
    return SliceShare(
        slice=name, train=counts["train"], val=counts["val"], test=counts["test"], objects=objects
    )


def _by_values(columns: dict[str, NDArray[Any]], splits: NDArray[Any], maximum: int) -> Iterator[SliceShare]:
    """One slice per combination of values, those with the most images first."""
    combined = zip(*(values.tolist() for values in columns.values()), splits.tolist(), strict=True)
    counts: Counter[tuple[tuple[str, ...], str]] = Counter()
    for (*values, split), number in Counter(combined).items():
        if split:
            counts[tuple(value_text(value) for value in values), split] += number
    totals: Counter[tuple[str, ...]] = Counter()
    for (texts, _), number in counts.items():
        totals[texts] += number
    for texts, _ in sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:maximum]:
        name = ", ".join(f"{column}={text}" for column, text in zip(columns, texts, strict=True))
        train, val, test = (counts[texts, split] for split in SPLITS)
        yield SliceShare(slice=name, train=train, val=val, test=test)
