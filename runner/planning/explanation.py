"""Why an image is in a sprint or is not: its split, each rule in order with the value that decided, its slices, its labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.adapters.tables import duckdb
from runner.assessment.split_rules import Applied, Step, apply_rules, candidates, split_rules
from runner.config.sprint import SliceSpec
from runner.dataset.columns import place_column
from runner.domain.records import JUDGED, Record
from runner.planning.decided import ConditionPart, decided_parts
from runner.planning.lookalikes import Lookalike, lookalike
from runner.planning.recorded_index import IndexFiles
from runner.planning.slices_of_image import SliceOfImage, slices_of_image
from runner.selectors.candidates import PairFinder
from runner.stages.select import SelectParams, images_and_masks

if TYPE_CHECKING:
    pass


class ExplainedCondition(Record, frozen=True, kw_only=True):
    """A split's condition, and what the image's values make of it."""

    split: str
    condition: str
    holds: bool
    parts: list[ConditionPart]


class ExplainedRule(Record, frozen=True, kw_only=True):
    """One rule of the image's split.

    Attributes:
        text: its condition, or the rule in words.
        keeps: None where an earlier rule dropped the image.
        said: what decided, in words; empty for a condition, whose parts say it.
        facts: the same as values, as a rank in the sample.
    """

    rule: str
    text: str
    keeps: bool | None
    said: str = ""
    parts: list[ConditionPart] = []
    facts: dict[str, int | str] = {}


class Explanation(Record, frozen=True, kw_only=True):
    """Why an image is in or out.

    Attributes:
        split: the project's split, whether it is selected for it or not; None where no condition holds.
        reason: as the manifest says it.
        conditions: its split's; where it is in none, all of them.
        lookalike: the nearest image that shows nearly the same, in any split; None where there is none.
        lookalike_unknown: why that is not known; empty where it is.
        label_problems: of the image, then of its objects, each with its place.
    """

    path: str
    image_id: str
    split: str | None
    selected: bool
    reason: str
    conditions: list[ExplainedCondition]
    rules: list[ExplainedRule]
    lookalike: Lookalike | None
    lookalike_unknown: str
    slices: list[SliceOfImage]
    label_problems: list[str]


def explain(
    files: IndexFiles,
    params: SelectParams,
    specs: Sequence[SliceSpec],
    row: int,
    finder: PairFinder | None = None,
) -> Explanation:
    """Explains one image of an index.

    Args:
        params: of the stage `select`.
        specs: the slices that the sprint is judged on.
        row: of the image in the table of images.
        finder: looks at the images, where a rule asks.

    Raises:
        FlywheelError: a condition is refused, an image belongs to two splits, or a rule cannot be applied.
    """
    rules = split_rules(params.splits, params.data)
    images, masks = images_and_masks(files.images, rules, ["label_problem"])
    applied = apply_rules(images, masks, rules, params.splits_chosen, finder)
    manifest = applied.manifest
    split = manifest.assigned[row]
    shown = [rule for rule in rules if split is None or rule.name == split]
    parts = decided_parts(files.images, [text for rule in shown for text in rule.conditions], row)
    near, unknown = lookalike(files.images, files.thumbnails, manifest, row)
    return Explanation(
        path=manifest.paths[row],
        image_id=manifest.image_ids[row],
        split=split,
        selected=manifest.rules[row] is None,
        reason=manifest.reasons[row],
        conditions=[
            ExplainedCondition(
                split=rule.name,
                condition=rule.where,
                holds=bool(masks[rule.where][row]),
                parts=parts[rule.where],
            )
            for rule in shown
        ],
        rules=[
            _explained(step, applied, images, parts, row, finder)
            for step in applied.steps
            if step.split == split
        ],
        lookalike=near,
        lookalike_unknown=unknown,
        slices=slices_of_image(files.images, files.objects, specs, row, _judged(applied, row)),
        label_problems=_label_problems(files.objects, manifest.paths[row], images["label_problem"][row]),
    )


def _judged(applied: Applied, row: int) -> list[int] | None:
    """The images among which a column's most frequent values are slices, where this is one of them."""
    judged = applied.manifest.selected(JUDGED)
    return judged.tolist() if row in judged else None


def _explained(
    step: Step,
    applied: Applied,
    images: Mapping[str, Any],
    parts: Mapping[str, list[ConditionPart]],
    row: int,
    finder: PairFinder | None,
) -> ExplainedRule:
    before = applied.before(step)
    at = before.searchsorted(row)
    if at == len(before) or before[at] != row:
        return ExplainedRule(rule=step.rule, text=step.text, keeps=None)
    keeps = applied.keeps(step, row)
    if step.selector is None:
        said = "" if step.text in parts else _said(step, images, row)
        return ExplainedRule(
            rule=step.rule, text=step.text, keeps=keeps, said=said, parts=parts.get(step.text, [])
        )
    standing = step.selector.standing(candidates(images, before, step.selector, finder), int(at))
    return ExplainedRule(
        rule=step.rule, text=step.text, keeps=keeps, said=standing.said, facts=dict(standing.facts)
    )


def _said(step: Step, images: Mapping[str, Any], row: int) -> str:
    match step.rule:
        case "readable":
            return str(images["problem"][row] or "the file can be read")
        case "labelled":
            return "it has labels" if images["labelled"][row] else "there is no label for it"
        case _:
            return f"images of {step.split} are not asked for here"


def _label_problems(objects: Path, path: str, of_image: str | None) -> list[str]:
    place = place_column(duckdb.column_names(objects))
    table, _ = duckdb.load(objects, ["path", "class", "problem", place], [])
    found = [of_image] if of_image else []
    for at in (table["path"] == path).nonzero()[0].tolist():
        if problem := table["problem"][at]:
            found.append(f"{table[place][at]}: {table['class'][at]}: {problem}")
    return found
