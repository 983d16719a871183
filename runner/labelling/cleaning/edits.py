"""Decisions as edits of the labels that the dataset has now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.config.project import Project
from runner.dataset.class_names import class_ids, plain_name
from runner.dataset.entries import ImageEntry, LabelledObject
from runner.dataset.object_ids import object_ids
from runner.domain.cleaning import CleanedLabel
from runner.domain.errors import FlywheelError, Where
from runner.domain.label_issues import LabelIssue
from runner.labelling.cleaning.decisions import Becomes, Box
from runner.labelling.cleaning.review_file import Reviewed
from runner.labelling.data_now import DataNow, ImageNow
from runner.labelling.insertion.inserter import Edit, EditedImage
from runner.tasks import TASKS

SAME = 0.5  # IoU from which on a label is the one that was missing
_NEAR = 1e-4  # of the image's side: what a layout's digits may change
_TEST = "test"


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A decision that can be carried out."""

    reviewed: Reviewed
    issue: LabelIssue
    becomes: Becomes


@dataclass(kw_only=True)
class ImageEdits:
    """What is decided about one image.

    Attributes:
        at: the places of labels among the image's objects → what they become; None: removed.
        added: labels that it gets.
        lines: of the list, that decided about them.
        decided: each decision, with the place of its label and what that was; None where there is none.
    """

    now: ImageNow
    entry: ImageEntry
    size: tuple[int, int]
    at: dict[int, LabelledObject | None] = field(default_factory=dict)
    reshaped: set[int] = field(default_factory=set)
    lines: dict[int, int] = field(default_factory=dict)
    added: list[LabelledObject] = field(default_factory=list)
    decided: list[tuple[Decided, int | None, LabelledObject | None]] = field(default_factory=list)

    @property
    def edited(self) -> EditedImage:
        """As an inserter takes it."""
        objects = self.entry.objects
        edits = [
            Edit(place=objects[at].place, label=label, reshaped=at in self.reshaped)
            for at, label in sorted(self.at.items())
        ]
        return EditedImage(
            path=self.now.path,
            split=self.now.split,
            width=self.size[0],
            height=self.size[1],
            edits=(*edits, *(Edit(place=None, label=label) for label in self.added)),
        )

    def is_in(self, entry: ImageEntry) -> bool:
        """Whether an image says what was decided, and nothing else of it changed."""
        before, after = object_ids("", self.entry.objects), object_ids("", entry.objects)
        kept = [name.partition("-")[0] for at, name in enumerate(before) if at not in self.at]
        rest = dict(enumerate(entry.objects))
        for name in kept:
            found = next((at for at in rest if after[at].partition("-")[0] == name), None)
            if found is None:
                return False
            del rest[found]
        for label in (*(label for label in self.at.values() if label is not None), *self.added):
            found = next((at for at, item in rest.items() if self._alike(item, label)), None)
            if found is None:
                return False
            del rest[found]
        return not rest

    def _alike(self, one: LabelledObject, other: LabelledObject) -> bool:
        near = zip(box_of(one, self.size), box_of(other, self.size), strict=True)
        return one.class_name == other.class_name and all(abs(a - b) <= _NEAR for a, b in near)

    def rows(self, found_by: str, reviewer: str, project: Project) -> list[CleanedLabel]:
        """As they are recorded before anything is written."""
        made = []
        for decided, at, before in self.decided:
            after = self.at.get(at, before) if at is not None else _added(decided, project)
            issue, row = decided.issue, decided.reviewed.row
            made.append(
                CleanedLabel(
                    issue=issue.issue,
                    found_by=found_by,
                    path=self.now.path,
                    image_id=self.now.image_id,
                    split=self.now.assigned or "",
                    kind=issue.kind,
                    object_id=issue.object_id,
                    suspicion=issue.suspicion,
                    decision=decided.reviewed.decision,
                    reviewer=row.reviewer or reviewer,
                    seconds=row.seconds,
                    note=row.note,
                    before=said(before, self.size),
                    after=said(after, self.size),
                    labels_before=self.now.labels or "",
                )
            )
        return made


def _added(decided: Decided, project: Project) -> LabelledObject | None:
    return _label(decided.becomes, None, project) if decided.becomes.kind == "added" else None


def edits_of(
    decided: Sequence[Decided], data: DataNow, project: Project, shown: str, *, test: bool
) -> tuple[list[ImageEdits], list[FlywheelError]]:
    """What is to be done, by image; and what cannot be, each with its line of the list.

    Args:
        shown: the list's name in messages.
        test: labels of the test split may change.
    """
    images: dict[str, ImageEdits] = {}
    errors = []
    for one in decided:
        problem = _placed(one, data, project, images, test=test)
        if problem:
            message, hint = problem
            errors.append(FlywheelError(message, where=Where(shown, one.reviewed.line), hint=hint))
    return [images[path] for path in sorted(images)], errors


def _placed(
    one: Decided, data: DataNow, project: Project, images: dict[str, ImageEdits], *, test: bool
) -> tuple[str, str] | None:
    """Adds one decision to those about its image; what is wrong and what to do, where it cannot be."""
    issue = one.issue
    image = data.find(issue.image_id, issue.path)
    again = "empty this decision, or look for wrong labels again: flywheel run"
    if image is None:
        return f"the image {issue.path} is nowhere in the dataset, or another picture now", again
    if image.assigned == _TEST and one.becomes.kind != "kept" and not test:
        return (
            f"{image.path} is in the test split: its labels decide every verdict",
            "empty this decision; or, where the label is plainly wrong whatever a model says: --include-test, "
            "which the policy asks to have approved",
        )
    entry = data.entries[image.path]
    known = images.get(image.path)
    mine = known or ImageEdits(
        now=image, entry=entry, size=entry.declared_size or (image.width, image.height)
    )
    at = _object_at(issue, entry, project)
    if at is None and issue.kind != "missed":
        return f"this label of {image.path} was edited, or removed, since it was suspected", again
    if one.becomes.kind == "added" and _is_there(one.becomes, mine):
        return f"{image.path} has a label there by now", again
    if one.becomes.kind != "kept" and (problem := _decide(mine, at, one, project)):
        return problem
    mine.decided.append((one, at, entry.objects[at] if at is not None else None))
    images[image.path] = mine
    return None


def _object_at(issue: LabelIssue, entry: ImageEntry, project: Project) -> int | None:
    """Which of the image's labels it is about; None where that is not there any more, or there is none."""
    if issue.kind == "missed":
        return None
    if not TASKS[project.task].ranked:
        return 0 if len(entry.objects) == 1 and entry.objects[0].class_name == issue.label else None
    name = (issue.object_id or "").rpartition("#")[2]
    names = [found.rpartition("#")[2] for found in object_ids("", entry.objects)]
    return names.index(name) if name in names else None


def _decide(image: ImageEdits, at: int | None, one: Decided, project: Project) -> tuple[str, str] | None:
    """Notes what becomes of a label; of one label one thing is decided at a time."""
    new = one.becomes
    if at is None:
        image.added.append(_label(new, None, project))
        return None
    if at in image.at:
        return (
            f"line {image.lines[at]} decides about the same label",
            "empty one of the two; what is left is found again once the first is done",
        )
    image.lines[at] = one.reviewed.line
    image.at[at] = None if new.kind == "removed" else _label(new, image.entry.objects[at], project)
    if new.box is not None:
        image.reshaped.add(at)
    return None


def _label(new: Becomes, before: LabelledObject | None, project: Project) -> LabelledObject:
    """What a label becomes; what else is said of it stays."""
    number = class_ids(project.classes)[plain_name(new.class_name)]
    if before is None:
        before = LabelledObject("", new.class_name, number, new.box or (0, 0, 1, 1), normalised=True)
    named = before._replace(class_name=new.class_name, class_id=number)
    if new.box is None:
        return named
    return named._replace(
        box_xyxy=_hull(new.polygons) if new.polygons else new.box,
        normalised=True,
        area_px=None,
        polygons=new.polygons,
        mask=None,
    )


def _hull(polygons: Sequence[Sequence[float]]) -> Box:
    across, down = [x for one in polygons for x in one[::2]], [y for one in polygons for y in one[1::2]]
    return min(across), min(down), max(across), max(down)


def _is_there(new: Becomes, image: ImageEdits) -> bool:
    """Whether a label of the class lies there already."""
    box = new.box or (0, 0, 1, 1)
    return any(
        item.class_name == new.class_name and overlap(box, box_of(item, image.size)) >= SAME
        for item in (*image.entry.objects, *image.added)
    )


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes.

    >>> overlap((0, 0, 0.5, 1), (0.25, 0, 0.75, 1))
    0.3333333333333333
    """
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(width, 0.0) * max(height, 0.0)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both / (areas - both) if areas > both else 0.0


def box_of(item: LabelledObject, size: tuple[int, int]) -> Box:
    """A label's box in fractions of the image's (width, height)."""
    left, top, right, bottom = item.box_xyxy
    across, down = (1, 1) if item.normalised else size
    return left / across, top / down, right / across, bottom / down


def said(item: LabelledObject | None, size: tuple[int, int]) -> str:
    """A label in words: its class, and its box in fractions."""
    return (
        "" if item is None else " ".join([item.class_name, *(f"{value:.4f}" for value in box_of(item, size))])
    )
