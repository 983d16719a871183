"""A sprint's selected images as bias is looked for in them: who they belong to, what describes them, which classes they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import column_names, read_table
from runner.dataset.columns import IMAGE_COLUMNS, own_image_columns
from runner.domain.records import POOL, SPLITS

SUFFIX = "file suffix"  # of sources that differ, the file's kind is the commonest trace
_NO_PROPERTY = frozenset(("path", "image_id", "phash", "readable", "problem"))
COUNTS = "n_objects"  # says what labels say: it tells splits apart, but is no shortcut to a label


@dataclass(frozen=True, kw_only=True)
class DescribedImages:
    """N images: those selected for train, val and test, and those of the pool.

    Attributes:
        paths: `(N,)` text. `ids`: of their contents, where they were asked for.
        split: `(N,)` text: train, val, test or pool.
        group: `(N,)` text.
        properties: of each column of file and pixels its values, `(N,)`.
        metadata: the same of the columns that somebody wrote down, without the one that groups images.
        image, label: `(P,)` each: an image's position, and the name of the class of one of its labels; crowds do not count.
    """

    paths: NDArray[Any]
    ids: NDArray[Any]
    split: NDArray[Any]
    group: NDArray[Any]
    properties: Mapping[str, NDArray[Any]]
    metadata: Mapping[str, NDArray[Any]]
    image: NDArray[np.intp]
    label: NDArray[Any]

    def of(self, *splits: str) -> NDArray[np.bool_]:
        """`(N,)`: which are of some splits."""
        return np.isin(self.split, splits)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """All that describes the images."""
        return {**self.properties, **self.metadata}


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Where an index and the manifest that belongs to it lie."""

    images: Path
    objects: Path
    manifest: Path


def sprint_tables(folder: Path) -> Tables:
    """Those of a sprint's folder."""
    return Tables(
        images=folder / "index" / "images.parquet",
        objects=folder / "index" / "objects.parquet",
        manifest=folder / "selection" / "manifest.parquet",
    )


def described_images(
    tables: Tables, class_names: Sequence[str], group_by: str | None, *, ids: bool = False
) -> DescribedImages:
    """The images of a sprint.

    Args:
        class_names: of the index's project; columns that count a class are no metadata.
        group_by: the metadata column that groups images.
        ids: those of the contents are asked for.

    Raises:
        FlywheelError: a table is missing or is not readable.
    """
    names = column_names(tables.images)
    own = own_image_columns(class_names)
    metadata = [name for name in names if name not in own and name != group_by]
    properties = [name for name in names if name in _properties()]
    grouped = ["group"] if "group" in names else []
    images = read_table(
        tables.images, ["path", *(["image_id"] if ids else []), *grouped, *properties, *metadata]
    )
    split = _splits(tables.manifest, images["path"])
    rows = np.flatnonzero(split != "")
    paths = images["path"][rows]
    image, label = _labels(tables.objects, paths)
    return DescribedImages(
        paths=paths,
        ids=images["image_id"][rows] if ids else np.empty(0, object),
        split=split[rows],
        group=images["group"][rows] if grouped else paths,
        properties={name: images[name][rows] for name in properties} | {SUFFIX: _suffixes(paths)},
        metadata={name: images[name][rows] for name in metadata},
        image=image,
        label=label,
    )


def _properties() -> set[str]:
    found = {column.name for column in IMAGE_COLUMNS.values() if column.source in ("file", "pixels")}
    return (found - _NO_PROPERTY) | {COUNTS}


def _splits(manifest: Path, paths: NDArray[Any]) -> NDArray[Any]:
    """`(N,)` text: what each image of the index is used for; empty for nothing."""
    table = read_table(manifest, ["path", "assigned", "selected"])
    used = zip(table["path"].tolist(), table["assigned"].tolist(), table["selected"].tolist(), strict=True)
    split_of = {
        path: assigned
        for path, assigned, selected in used
        if assigned == POOL or (selected and assigned in SPLITS)
    }
    return np.array([split_of.get(path, "") for path in paths.tolist()], dtype=str)


def _suffixes(paths: NDArray[Any]) -> NDArray[Any]:
    found = np.empty(len(paths), dtype=object)
    found[:] = [_suffix(path) for path in paths.tolist()]
    return found


def _suffix(path: str) -> str | None:
    """As pathlib has it, which takes ten times as long.

    >>> _suffix("images/a.b.JPG"), _suffix("images.d/.hidden")
    ('.jpg', None)
    """
    stem, dot, end = path.rpartition("/")[2].rpartition(".")
    return f".{end.lower()}" if stem and dot and end else None


def _labels(objects: Path, paths: NDArray[Any]) -> tuple[NDArray[np.intp], NDArray[Any]]:
    table = read_table(objects, ["path", "class", "crowd"])
    position = {path: at for at, path in enumerate(paths.tolist())}
    image = np.array([position.get(path, -1) for path in table["path"].tolist()], np.intp)
    crowd = np.array([bool(value) for value in table["crowd"].tolist()], np.bool_)
    named = np.array([value is not None for value in table["class"].tolist()], np.bool_)
    kept = np.flatnonzero((image >= 0) & ~crowd & named)
    return image[kept], table["class"][kept]
