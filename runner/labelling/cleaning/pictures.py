"""What a person sees of each suspected label: the place enlarged, and the whole image, with all labels and the suggestion."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.config.project import Project
from runner.dataset.entries import ImageEntry
from runner.dataset.object_ids import object_ids
from runner.domain.cleaning import ReviewRow
from runner.domain.errors import FlywheelError
from runner.domain.label_issues import LabelIssue
from runner.labelling.cleaning.decisions import Box
from runner.labelling.cleaning.edits import box_of
from runner.report.review_page import Kind, Outline, ShownIssue, View
from runner.stages import index

_NEAR_PX, _WHOLE_PX = 520, 300
_AROUND = 1.0  # of the longer side, on every side
_LEAST = 0.08  # of the image's side: a tiny object needs its surroundings


def shown_issues(
    root: Path, project: Project, rows: Sequence[tuple[ReviewRow, LabelIssue]]
) -> list[ShownIssue]:
    """In the order of the list.

    Raises:
        FlywheelError: the dataset is not here, or cannot be read.
    """
    folder = root / project.dataset.path
    if not rows:
        return []
    content = index.read_dataset(folder, index.resolve(project))
    entries = {entry.path: entry for entry in content.entries}
    return [_shown(folder, row, issue, entries.get(issue.path)) for row, issue in rows]


def _shown(folder: Path, row: ReviewRow, issue: LabelIssue, entry: ImageEntry | None) -> ShownIssue:
    from runner.adapters.pictures.windows import read_windows

    boxes = [box for box in (issue.box, issue.suggested_box) if box is not None]
    windows = [*([_around(boxes)] if boxes else []), (0.0, 0.0, 1.0, 1.0)]
    try:
        size, pictures = read_windows(folder / issue.path, windows, _NEAR_PX)
    except FlywheelError as error:
        return ShownIssue(row=row, both_wrong=issue.both_wrong, views=[], problem=error.message)
    outlines = _outlines(issue, entry, size)
    views = [
        View(window=window, picture=picture, outlines=outlines, size=size)
        for window, picture in zip(windows, pictures, strict=True)
    ]
    return ShownIssue(row=row, both_wrong=issue.both_wrong, views=views)


def _around(boxes: Sequence[Box]) -> Box:
    """A window around what is to be looked at."""
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[2] for box in boxes), max(box[3] for box in boxes)
    reach = max(_AROUND * max(right - left, bottom - top), _LEAST)
    return max(0.0, left - reach), max(0.0, top - reach), min(1.0, right + reach), min(1.0, bottom + reach)


def _outlines(issue: LabelIssue, entry: ImageEntry | None, size: tuple[int, int]) -> list[Outline]:
    """The image's other labels, then the one in question, then what is suggested."""
    found = []
    mine = (issue.object_id or "").rpartition("#")[2]
    if entry is not None and issue.box is not None:
        names = [name.rpartition("#")[2] for name in object_ids("", entry.objects)]
        for name, item in zip(names, entry.objects, strict=True):
            kind: Kind = "label" if mine and name == mine else "other"
            polygons = [
                _fractions(one, item.normalised, entry.declared_size or size) for one in item.polygons
            ]
            found.append(
                Outline(
                    kind=kind,
                    name=item.class_name,
                    box=box_of(item, entry.declared_size or size),
                    polygons=polygons,
                )
            )
    if not any(one.kind == "label" for one in found) and issue.kind != "missed" and issue.box is not None:
        found.append(Outline(kind="label", name=issue.label or "", box=issue.box))
    if issue.suggested_box is not None or issue.polygons:
        box = issue.suggested_box or issue.box or (0.0, 0.0, 1.0, 1.0)
        polygons = [list(one) for one in issue.polygons]
        found.append(Outline(kind="suggestion", name=issue.suggested or "", box=box, polygons=polygons))
    return sorted(found, key=lambda one: ("other", "label", "suggestion").index(one.kind))


def _fractions(points: Sequence[float], normalised: bool, size: tuple[int, int]) -> list[float]:
    return [value / (1 if normalised else size[at % 2]) for at, value in enumerate(points)]
