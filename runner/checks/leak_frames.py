"""The table that checks of leakage look at: images of val and test, and what an earlier split has of each."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from runner.adapters.tables.frames import frame_of
from runner.checks.data_rules import MAX_DISTANCE
from runner.dataset.leaks import Found, SelectedImages, copies, frames

if TYPE_CHECKING:
    import pandas as pd

    from runner.domain.leaking import LeakKind

# By kind, what its columns begin with, and what its last one says.
_COLUMNS: dict[LeakKind, tuple[str, str]] = {
    "near-duplicate": ("near", "distance"),
    "mirrored copy": ("mirrored", "mirrored_distance"),
    "neighbouring frame": ("frame", "frame_correlation"),
}


def leak_frame(folder: Path, distance: int) -> pd.DataFrame:
    """One row per selected image of val and test, sorted by path.

    `near_path`, `near_split`, `distance`: the nearest copy in an earlier split; `mirrored_…`: the nearest mirror image, of what has
    no copy; `altered_…`: the photograph that it is a part of, of what is no copy within `distance` bits; `frame_…`: the neighbouring frame that is most alike, and the correlation of their thumbnails. Null where there is
    none. The same file in two splits is another check's business.

    Raises:
        FlywheelError: the index or the manifest is missing or is not readable.
    """
    images = SelectedImages.read(folder)
    nearest = _nearest(images, [*copies(images, MAX_DISTANCE), *frames(images, -1.0)])
    for at in nearest["near-duplicate"]:
        nearest["mirrored copy"].pop(at, None)
    altered = {at: (near, how) for at, near, how in images.altered}
    for kind in ("near-duplicate", "mirrored copy"):
        for at, (_, bits) in nearest[kind].items():
            if bits <= distance:
                altered.pop(at, None)
    rows = [at for at, split in enumerate(images.splits.tolist()) if split != "train"]
    table: dict[str, list[object]] = {"path": [images.paths[at] for at in rows]}
    for kind, (name, value) in _COLUMNS.items():
        found = [nearest[kind].get(at) for at in rows]
        table[f"{name}_path"] = [images.paths[near[0]] if near else None for near in found]
        table[f"{name}_split"] = [images.splits[near[0]] if near else None for near in found]
        table[value] = [near[1] if near else float("nan") for near in found]
    copied = [altered.get(at) for at in rows]
    table["altered_path"] = [images.paths[copy[0]] if copy else None for copy in copied]
    table["altered_split"] = [images.splits[copy[0]] if copy else None for copy in copied]
    table["altered_how"] = [copy[1] if copy else None for copy in copied]
    return frame_of(table)


def _nearest(images: SelectedImages, found: Iterable[Found]) -> dict[LeakKind, dict[int, tuple[int, float]]]:
    """By kind and image the first that was found, unless it is the same file."""
    nearest: dict[LeakKind, dict[int, tuple[int, float]]] = {kind: {} for kind in _COLUMNS}
    for kind, at, near, value in found:
        if images.image_ids[at] != images.image_ids[near]:
            nearest[kind].setdefault(at, (near, float(value)))
    return nearest
