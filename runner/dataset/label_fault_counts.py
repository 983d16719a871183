"""Wrong labels that were treated, counted: by kind, by what became of them, and by the split that they are in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from runner.dataset.manifest import Manifest
from runner.domain.label_faults import FAULT_KINDS
from runner.domain.records import LabelFaultCount, LabelFaults

EXAMPLES = 5
FAULT_COLUMNS = ("path", "kind", "treatment", "place", "message")


def count_faults(
    faults: Mapping[str, Sequence[Any]],
    manifest: Manifest,
    splits: Sequence[str],
    n_objects: Sequence[int],
) -> LabelFaults:
    """Counts the rows of label_faults.parquet.

    Args:
        faults: its columns.
        manifest: which image is used for what.
        splits: those that images are selected for.
        n_objects: of each image of the manifest, the objects that are left.
    """
    of_split = {manifest.paths[at]: split for split in splits for at in manifest.selected(split)}
    left = dict(zip(manifest.paths, n_objects, strict=True))
    rows: dict[tuple[str, str], list[int]] = defaultdict(list)
    for at, key in enumerate(zip(faults["kind"], faults["treatment"], strict=True)):
        rows[key].append(at)
    kinds = [
        LabelFaultCount(
            kind=kind,
            treatment=treatment,
            labels=len(found),
            splits=_per_split((of_split.get(faults["path"][at]) for at in found), splits),
            examples=[f"{faults['place'][at]}: {faults['message'][at]}" for at in found[:EXAMPLES]],
        )
        for (kind, treatment), found in sorted(rows.items(), key=lambda item: _place(*item[0]))
    ]
    dropped = {
        path
        for path, treatment in zip(faults["path"], faults["treatment"], strict=True)
        if treatment == "drop"
    }
    emptied = [path for path in sorted(filter(None, dropped)) if left.get(path) == 0]
    return LabelFaults(kinds=kinds, emptied=_per_split((of_split.get(path) for path in emptied), splits))


def _place(kind: str, treatment: str) -> tuple[int, str]:
    return [*map(str, FAULT_KINDS)].index(kind), treatment


def _per_split(owners: Iterable[str | None], splits: Sequence[str]) -> dict[str, int]:
    counts = Counter(owners)
    return {split: counts[split] for split in splits}
