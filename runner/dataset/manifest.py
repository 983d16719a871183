"""The manifest: which image is used for what, and why."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct

from runner.dataset.columns import shape_names
from runner.domain.image_set import packed
from runner.domain.records import JUDGED, Selection, SelectionStep, SplitCounts
from runner.domain.task import BOX, TaskName

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

BOX_COLUMNS = ("path", "class", *BOX, "crowd")
PARTS, _PART_DIGITS = 128, 8
NONE = SELECTED = -1  # in no split; dropped by no rule
UNASSIGNED = "none"  # how images that belong to no split are called in `SelectionStep.split`


class Coded(Sequence[Any]):
    """Of each of N images one of few values.

    Attributes:
        codes: `(N,)` the place of its value in `values`; `NONE` is the last one.
    """

    def __init__(self, codes: NDArray[Any], values: Sequence[Any]) -> None:
        self.codes, self.values = codes, values

    def __len__(self) -> int:
        return len(self.codes)

    def __getitem__(self, at: Any) -> Any:
        if isinstance(at, slice):
            return [self.values[code] for code in self.codes[at].tolist()]
        return self.values[int(self.codes[at])]

    def equal(self, value: Any) -> NDArray[np.bool_]:
        """Which images have a value, `(N,)`."""
        import numpy as np

        found = np.zeros(len(self.codes), np.bool_)
        for code, known in enumerate(self.values):
            if known == value:
                found |= self.codes == (code if code < len(self.values) - 1 else NONE)
                if code == len(self.values) - 1:
                    found |= self.codes == code
        return found


class Manifest(Struct, frozen=True, kw_only=True):
    """One entry per image, in the index's order.

    Attributes:
        paths, image_ids: as in the index.
        assigned: the project's split, or None.
        rules: the rule that dropped the image, the same text for all it dropped; None where it is selected.
        reasons: why it is selected or dropped, for this image.
    """

    paths: Sequence[str]
    image_ids: Sequence[str]
    assigned: Coded
    rules: Coded
    reasons: Coded

    def pieces(self, rows: int) -> Iterator[dict[str, Any]]:
        """The columns of manifest.parquet, so many rows at a time."""
        paths, image_ids = iter(self.paths), iter(self.image_ids)
        for start in range(0, max(len(self.paths), 1), rows):
            piece = slice(start, start + rows)
            yield {
                "path": list(islice(paths, rows)),
                "image_id": list(islice(image_ids, rows)),
                "assigned": self.assigned[piece],
                "selected": self.rules.codes[piece] == SELECTED,
                "reason": self.reasons[piece],
            }

    def selected(self, split: str) -> NDArray[np.intp]:
        """The positions of a split's selected images, ascending."""
        chosen: NDArray[np.intp] = (self.assigned.equal(split) & (self.rules.codes == SELECTED)).nonzero()[0]
        return chosen


def label_columns(task: TaskName) -> tuple[str, ...]:
    """The columns of the objects table that say what was labelled; where labels have shapes, the area too."""
    shapes = shape_names(task)
    return (*BOX_COLUMNS, *shapes, *(("area_px",) if shapes else ()))


class LabelledRows(Protocol):
    """`label_columns` of the objects table, walked through piece by piece as often as is needed."""

    columns: tuple[str, ...]

    def pieces(self, columns: Sequence[str]) -> Iterator[tuple[int, Mapping[str, NDArray[Any]]]]:
        """Columns of rows that follow each other, and where they begin."""
        ...


def summarise(
    manifest: Manifest,
    objects: LabelledRows,
    owners: NDArray[np.int8],
    classes: Sequence[str],
    splits: Sequence[str],
    groups: Sequence[str] | None = None,
    metadata: Mapping[str, Sequence[Any]] | None = None,
) -> Selection:
    """Counts a manifest and gives it digests that change with its images or their labels.

    Args:
        manifest: what was selected.
        objects: in the order of their table.
        owners: of each object, the place in `splits` of the split that its image is selected for; -1 for none.
        classes: the project's classes.
        splits: the splits that images are selected for.
        groups: of each image of the manifest, the group that it belongs to; None where nothing groups them.
        metadata: what describes each image of the manifest, by column.
    """
    rows = {split: manifest.selected(split) for split in splits}
    digests, per_class = _of_labels(manifest, rows, objects, owners)
    listed = hashlib.sha256()
    for split in splits:
        for path, image_id in _images(manifest, rows[split]):
            listed.update(f"{path}\0{image_id}\0{split}\n".encode())
    described = {
        name: {split: _metadata_digest(manifest, rows[split], values) for split in splits}
        for name, values in sorted((metadata or {}).items())
    }
    return Selection(
        splits={
            split: SplitCounts(
                images=len(rows[split]),
                objects=sum(per_class[split].values()),
                per_class={name: per_class[split][name] for name in classes},
            )
            for split in splits
        },
        dropped=_dropped(manifest),
        digest=_short(listed),
        split_digests=digests,
        group_digests={split: _group_digest(manifest, rows[split], groups) for split in splits}
        if groups is not None
        else {},
        test_images=packed(_at(manifest.image_ids, manifest.selected(JUDGED))),
        group_parts={split: _group_parts(manifest, rows[split], groups) for split in splits}
        if groups is not None
        else {},
        metadata_digests={
            split: {name: of_split[split] for name, of_split in described.items()} for split in splits
        }
        if metadata
        else {},
    )


def owner_codes(manifest: Manifest, splits: Sequence[str]) -> NDArray[np.int8]:
    """Of each image the place in `splits` of the one that it is selected for; -1 for none."""
    import numpy as np

    codes = np.full(len(manifest.paths), NONE, np.int8)
    for code, split in enumerate(splits):
        codes[manifest.selected(split)] = code
    return codes


def _dropped(manifest: Manifest) -> list[SelectionStep]:
    """How many each rule dropped of each split, in the order of the first image of each."""
    import numpy as np

    first: dict[tuple[str, str], int] = {}
    counts: Counter[tuple[str, str]] = Counter()
    kinds = len(manifest.rules.values)
    pairs = manifest.assigned.codes.astype(np.int32) * kinds + manifest.rules.codes
    for pair in np.unique(pairs[manifest.rules.codes != SELECTED]).tolist():
        own = pairs == pair
        split = manifest.assigned.values[pair // kinds if pair >= 0 else NONE]
        key = (split or UNASSIGNED, manifest.rules.values[pair % kinds])
        counts[key] += int(own.sum())
        first[key] = min(first.get(key, len(pairs)), int(own.argmax()))
    return [
        SelectionStep(split=split, reason=rule, dropped=counts[split, rule])
        for split, rule in sorted(first, key=first.__getitem__)
    ]


def _at(column: Sequence[Any], rows: NDArray[np.intp]) -> Iterator[Any]:
    """Some rows of a column, which may lie in a file."""
    stored = getattr(column, "of", None)
    return iter(stored(rows)) if stored else (column[at] for at in rows.tolist())


def _images(manifest: Manifest, rows: NDArray[np.intp]) -> Iterator[tuple[str, str]]:
    return zip(_at(manifest.paths, rows), _at(manifest.image_ids, rows), strict=True)


def _group_digest(manifest: Manifest, rows: NDArray[np.intp], groups: Sequence[str]) -> str:
    lines = hashlib.sha256()
    for path, group in zip(_at(manifest.paths, rows), _at(groups, rows), strict=True):
        lines.update(f"{path}\0{group}\n".encode())
    return _short(lines)


def _group_parts(manifest: Manifest, rows: NDArray[np.intp], groups: Sequence[str]) -> list[str]:
    """Digests of the images and of the groups of each of `PARTS` parts; by content, so that a new name hides nothing."""
    parts: list[list[tuple[str, str]]] = [[] for _ in range(PARTS)]
    for image, group in zip(_at(manifest.image_ids, rows), _at(groups, rows), strict=True):
        parts[hashlib.sha256(image.encode()).digest()[0] % PARTS].append((image, group))
    return [_part(sorted(part)) if part else "" for part in parts]


def _part(members: Sequence[tuple[str, str]]) -> str:
    images, groups = ("\n".join(column) for column in zip(*members, strict=True))
    return f"{_digest(images.encode())[:_PART_DIGITS]} {_digest(groups.encode())[:_PART_DIGITS]}"


def _metadata_digest(manifest: Manifest, rows: NDArray[np.intp], values: Sequence[Any]) -> str:
    lines = hashlib.sha256()
    for path, value in zip(_at(manifest.paths, rows), _at(values, rows), strict=True):
        lines.update(f"{path}\0{_said(value)}\n".encode())
    return _short(lines)


def _said(value: Any) -> str:
    """A value as a table says it: a column that holds text since somebody added a row says of the others what it did.

    >>> _said(1) == _said(1.0) == _said("1.00"), _said(True), _said(None), _said(float("nan"))
    (True, 'true', '', '')
    """
    value = value.item() if hasattr(value, "item") else value
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    try:
        return f"{float(value):.12g}"
    except (TypeError, ValueError):
        return str(value)


def _of_labels(
    manifest: Manifest,
    rows: Mapping[str, NDArray[np.intp]],
    objects: LabelledRows,
    owners: NDArray[np.int8],
) -> tuple[dict[str, str], dict[str, Counter[str]]]:
    """Of each split a digest of its images and of what was labelled in them, and how many objects of each class."""
    splits = list(rows)
    digests = {split: hashlib.sha256() for split in splits}
    classes: dict[str, Counter[str]] = {split: Counter() for split in splits}
    for split, digest in digests.items():
        for path, image_id in _images(manifest, rows[split]):
            digest.update(f"{path}\0{image_id}\n".encode())
        digest.update(b"\0\0")
    for split, piece in _pieces(objects, ("path", "class", "crowd"), owners, splits):
        classes[split].update(piece["class"].tolist())
        named = zip(piece["path"], piece["class"], piece["crowd"], strict=True)
        digests[split].update(
            "".join(f"{path}\0{name}\0{int(crowd)}\n" for path, name, crowd in named).encode()
        )
    _update_boxes(digests, objects, owners)
    for name in sorted(set(objects.columns) - set(BOX_COLUMNS)):
        _update_shapes(digests, name, objects, owners)
    return {split: _short(digest) for split, digest in digests.items()}, classes


def _update_boxes(digests: Mapping[str, Any], objects: LabelledRows, owners: NDArray[np.int8]) -> None:
    import numpy as np

    for digest in digests.values():
        digest.update(b"\0\0")
    for split, piece in _pieces(objects, BOX, owners, list(digests)):
        digests[split].update(np.stack([piece[name] for name in BOX], axis=1).astype("<f8").tobytes())


def _update_shapes(
    digests: Mapping[str, Any], name: str, objects: LabelledRows, owners: NDArray[np.int8]
) -> None:
    """A column as the JSON text `["name", [value, …]]`, written piece by piece."""
    begun = dict.fromkeys(digests, False)
    for digest in digests.values():
        digest.update(f"\0\0[{json.dumps(name)}, [".encode())
    for split, piece in _pieces(objects, (name,), owners, list(digests)):
        if values := [_plain(value) for value in piece[name]]:
            digests[split].update(((", " if begun[split] else "") + json.dumps(values)[1:-1]).encode())
            begun[split] = True
    for digest in digests.values():
        digest.update(b"]]")


def _pieces(
    objects: LabelledRows, columns: Sequence[str], owners: NDArray[np.int8], splits: Sequence[str]
) -> Iterator[tuple[str, dict[str, NDArray[Any]]]]:
    """The objects of each split, piece by piece, in the order of their table."""
    for start, piece in objects.pieces(columns):
        own = owners[start : start + len(piece[columns[0]])]
        for code, split in enumerate(splits):
            chosen = own == code
            yield split, {name: values[chosen] for name, values in piece.items()}


def _plain(value: Any) -> Any:
    """A cell as JSON has it: text, a number, a list of numbers, or null."""
    return value.tolist() if hasattr(value, "tolist") else value


def _short(digest: Any) -> str:
    return str(digest.hexdigest())[:32]


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
