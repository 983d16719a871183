"""What a decision about a suspected label makes of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runner.config.project import Project
from runner.dataset.class_names import class_ids, plain_name
from runner.domain.cleaning import ACCEPT, CLASS, DECISIONS, DELETE, KEEP
from runner.domain.label_issues import LabelIssue
from runner.tasks import TASKS

Box = tuple[float, float, float, float]


@dataclass(frozen=True, kw_only=True)
class Becomes:
    """What a label becomes.

    Attributes:
        class_name: as the project spells it; empty where nothing stays, or nothing changes.
        box: of a new shape, in fractions of the image's size; None where the shape stays. `polygons`: its outlines.
    """

    kind: Literal["kept", "removed", "changed", "added"]
    class_name: str = ""
    box: Box | None = None
    polygons: tuple[tuple[float, ...], ...] = ()


def plain_decision(text: str) -> str:
    """A decision as it is recorded: without spaces, words in small letters.

    >>> plain_decision(" Accept "), plain_decision("class = Traffic light"), plain_decision("")
    ('accept', 'class=Traffic light', '')
    """
    word, equals, name = text.partition("=")
    return f"{word.strip().lower()}{equals}{name.strip()}"


def becomes(issue: LabelIssue, decision: str, project: Project) -> Becomes | str:
    """What is done about an issue; or why the decision cannot be carried out, in words.

    Args:
        decision: as `plain_decision` gives it; not empty.
    """
    of_image = not TASKS[project.task].ranked
    if decision == KEEP:
        return Becomes(kind="kept")
    if decision == ACCEPT:
        return _accepted(issue, project)
    if decision == DELETE:
        if issue.kind == "missed":
            return f'there is no label to delete: "{KEEP}" says that none is missing'
        return "an image has one class: name another" if of_image else Becomes(kind="removed")
    if decision.startswith(CLASS):
        return _named(issue, decision.removeprefix(CLASS), project)
    return f'unknown decision "{decision}": {DECISIONS}'


def _accepted(issue: LabelIssue, project: Project) -> Becomes | str:
    if issue.kind == "spurious":
        return (
            "an image has one class: name another"
            if not TASKS[project.task].ranked
            else Becomes(kind="removed")
        )
    if issue.suggested is None:
        return f"nothing is suggested here: {CLASS}NAME, {DELETE} or {KEEP}"
    if issue.kind == "wrong_class":
        return _named(issue, issue.suggested, project)
    return _shaped(
        issue, issue.suggested if issue.kind == "missed" else issue.label or issue.suggested, project
    )


def _named(issue: LabelIssue, name: str, project: Project) -> Becomes | str:
    if issue.kind == "missed":
        return _shaped(issue, name, project)
    known = _class_of(name, project)
    return Becomes(kind="changed", class_name=known) if known else _unknown(name, project)


def _shaped(issue: LabelIssue, name: str, project: Project) -> Becomes | str:
    known = _class_of(name, project)
    if not known:
        return _unknown(name, project)
    box, shape = (
        issue.suggested_box or (issue.box if issue.kind == "missed" else None),
        TASKS[project.task].shape,
    )
    if box is None or shape not in (None, "mask_rle") or (shape == "mask_rle" and not issue.polygons):
        return "no shape is suggested: draw it in the tool that the labels were made with"
    inside = tuple(min(max(value, 0.0), 1.0) for value in box)
    if inside[2] - inside[0] <= 0 or inside[3] - inside[1] <= 0:
        return "the suggested box has no area within the image"
    return Becomes(
        kind="added" if issue.kind == "missed" else "changed",
        class_name=known,
        box=(inside[0], inside[1], inside[2], inside[3]),
        polygons=issue.polygons if shape == "mask_rle" else (),
    )


def _class_of(name: str, project: Project) -> str:
    at = class_ids(project.classes).get(plain_name(name))
    return "" if at is None else project.classes[at]


def _unknown(name: str, project: Project) -> str:
    return f'the project has no class "{name}": {", ".join(project.classes[:20])}'
