"""The manifest: which image is used for what, and why."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from runner.dataset.columns import shape_names
from runner.domain.image_set import packed
from runner.domain.records import JUDGED, Selection, SelectionStep, SplitCounts
from runner.domain.task import BOX, TaskName

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOX_COLUMNS = ("path", "class", *BOX, "crowd")
PARTS, _PART_DIGITS = 128, 8
UNASSIGNED = "none"  # how images that belong to no split are called in `SelectionStep.split`


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
    assigned: Sequence[str | None]
    rules: Sequence[str | None]
    reasons: Sequence[str]

    def columns(self) -> dict[str, Any]:
        """The columns of manifest.parquet."""
        import numpy as np

        return {
            "path": list(self.paths),
            "image_id": list(self.image_ids),
            "assigned": list(self.assigned),
            "selected": np.array([rule is None for rule in self.rules], dtype=np.bool_),
            "reason": list(self.reasons),
        }

    def selected(self, split: str) -> list[int]:
        """The positions of a split's selected images."""
        pairs = zip(self.assigned, self.rules, strict=True)
        return [
            position for position, (assigned, rule) in enumerate(pairs) if rule is None and assigned == split
        ]


def label_columns(task: TaskName) -> tuple[str, ...]:
    """The columns of the objects table that say what was labelled; where labels have shapes, the area too."""
    shapes = shape_names(task)
    return (*BOX_COLUMNS, *shapes, *(("area_px",) if shapes else ()))


def summarise(
    manifest: Manifest,
    objects: Mapping[str, NDArray[Any]],
    classes: Sequence[str],
    splits: Sequence[str],
    groups: Sequence[str] | None = None,
    metadata: Mapping[str, Sequence[Any]] | None = None,
) -> Selection:
    """Counts a manifest and gives it digests that change with its images or their labels.

    Args:
        manifest: what was selected.
        objects: `label_columns` of the objects table, in its order.
        classes: the project's classes.
        splits: the splits that images are selected for.
        groups: of each image of the manifest, the group that it belongs to; None where nothing groups them.
        metadata: what describes each image of the manifest, by column.
    """
    steps = Counter(
        (assigned or UNASSIGNED, rule)
        for assigned, rule in zip(manifest.assigned, manifest.rules, strict=True)
        if rule is not None
    )
    of_split = {manifest.paths[position]: split for split in splits for position in manifest.selected(split)}
    owners = [of_split.get(path) for path in objects["path"]]
    rows = {split: [row for row, owner in enumerate(owners) if owner == split] for split in splits}
    counts = {}
    for split in splits:
        counts[split] = _counts(manifest.selected(split), objects["class"][rows[split]].tolist(), classes)
    listed = [
        f"{manifest.paths[position]}\0{manifest.image_ids[position]}\0{split}\n"
        for split in splits
        for position in manifest.selected(split)
    ]
    return Selection(
        splits=counts,
        dropped=[
            SelectionStep(split=split, reason=rule, dropped=number) for (split, rule), number in steps.items()
        ],
        digest=_digest("".join(listed).encode()),
        split_digests={split: _split_digest(manifest, split, objects, rows[split]) for split in splits},
        group_digests={split: _group_digest(manifest, split, groups) for split in splits} if groups else {},
        test_images=packed(manifest.image_ids[position] for position in manifest.selected(JUDGED)),
        group_parts={split: _group_parts(manifest, split, groups) for split in splits} if groups else {},
        metadata_digests={split: _metadata_digests(manifest, split, metadata) for split in splits}
        if metadata
        else {},
    )


def _counts(images: Sequence[int], objects: Sequence[str], classes: Sequence[str]) -> SplitCounts:
    per_class = Counter(objects)
    return SplitCounts(
        images=len(images), objects=len(objects), per_class={name: per_class[name] for name in classes}
    )


def _group_digest(manifest: Manifest, split: str, groups: Sequence[str]) -> str:
    lines = [f"{manifest.paths[at]}\0{groups[at]}\n" for at in manifest.selected(split)]
    return _digest("".join(lines).encode())


def _group_parts(manifest: Manifest, split: str, groups: Sequence[str]) -> list[str]:
    """Digests of the images and of the groups of each of `PARTS` parts; by content, so that a new name hides nothing."""
    parts: list[list[tuple[str, str]]] = [[] for _ in range(PARTS)]
    for at in manifest.selected(split):
        image = manifest.image_ids[at]
        parts[hashlib.sha256(image.encode()).digest()[0] % PARTS].append((image, groups[at]))
    return [_part(sorted(part)) if part else "" for part in parts]


def _part(members: Sequence[tuple[str, str]]) -> str:
    images, groups = ("\n".join(column) for column in zip(*members, strict=True))
    return f"{_digest(images.encode())[:_PART_DIGITS]} {_digest(groups.encode())[:_PART_DIGITS]}"


def _metadata_digests(
    manifest: Manifest, split: str, metadata: Mapping[str, Sequence[Any]]
) -> dict[str, str]:
    rows = manifest.selected(split)
    return {
        name: _digest("".join(f"{manifest.paths[at]}\0{_said(values[at])}\n" for at in rows).encode())
        for name, values in sorted(metadata.items())
    }


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


def _split_digest(
    manifest: Manifest, split: str, objects: Mapping[str, NDArray[Any]], rows: Sequence[int]
) -> str:
    import numpy as np

    images = [f"{manifest.paths[at]}\0{manifest.image_ids[at]}\n" for at in manifest.selected(split)]
    labels = zip(objects["path"][rows], objects["class"][rows], objects["crowd"][rows], strict=True)
    names = [f"{path}\0{name}\0{int(crowd)}\n" for path, name, crowd in labels]
    boxes = np.stack([objects[name][rows] for name in BOX], axis=1)
    content = ["".join(images).encode(), "".join(names).encode(), boxes.astype("<f8").tobytes()]
    for name in sorted(objects.keys() - set(BOX_COLUMNS)):
        content.append(json.dumps([name, [_plain(objects[name][row]) for row in rows]]).encode())
    return _digest(b"\0\0".join(content))


def _plain(value: Any) -> Any:
    """A cell as JSON has it: text, a number, a list of numbers, or null."""
    return value.tolist() if hasattr(value, "tolist") else value


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:32]
