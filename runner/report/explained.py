"""A sprint's selection for a terminal: what each rule leaves, and why one image is in or out."""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import UnsetType

from runner.planning.decided import ConditionPart
from runner.planning.explanation import ExplainedRule, Explanation
from runner.planning.slices_of_image import SliceOfImage
from runner.planning.split_steps import SplitSteps, StepCount
from runner.report.escape import plain
from runner.report.wording import aligned, count

_YES_NO = {True: "yes", False: "no", None: "unknown"}
_ORDER = ("split", "readable", "labelled", "where", "exclude", "dedupe", "quota", "sample")
_KEEPS = {"split": "keeps", "where": "keeps"}
_PLAIN = ("readable", "labelled", "asked for")  # rules that say all there is to say by their names
_TEXT = 400
_SHOWN_PROBLEMS = 10


def render_steps(selected: SplitSteps) -> str:
    """A table: the rules in their order, what each leaves of each split, and what it drops."""
    head = f"{selected.sprint}: {count(selected.images, 'image')} of {selected.index}"
    head += f", {selected.unassigned:,} in no split" if selected.unassigned else ""
    splits = selected.splits
    rows = [("rule", *splits)]
    for rule in _ORDER:
        by_split = {step.split: step for step in selected.steps if step.rule == rule}
        if by_split:
            rows.append((rule, *(_cell(by_split.get(split)) for split in splits)))
    said = [
        (step.split, step.rule, f"{_KEEPS.get(step.rule, 'drops')}  {plain(step.text, _TEXT)}")
        for step in selected.steps
        if step.rule not in _PLAIN
    ]
    return "\n".join([head, "", *aligned(rows), "", *(line.rstrip() for line in aligned(said, texts=3))])


def _cell(step: StepCount | None) -> str:
    if step is None:
        return ""
    return f"{step.left:,} (−{step.dropped:,})" if step.dropped else f"{step.left:,}"


def render_explanation(explained: Explanation) -> str:
    """In or out and why; then split, rules, what looks alike, slices and labels."""
    used = explained.split or "no split"
    verdict = (
        f"in {used}" if explained.selected else f"left out of {used}" if explained.split else "in no split"
    )
    lines = [
        f"{plain(explained.path, _TEXT)}  ({plain(explained.image_id, 40)})",
        f"  {verdict}: {plain(explained.reason, _TEXT)}" if not explained.selected else f"  {verdict}",
        "",
        *_conditions(explained),
        *_rules(explained),
        f"looks as    {_lookalike(explained)}",
        f"slices      {', '.join(map(_slice, explained.slices)) or 'none'}",
    ]
    problems = [plain(text, _TEXT) for text in explained.label_problems]
    lines.append(f"labels      {problems[0] if problems else 'no problem'}")
    lines += [f"            {text}" for text in problems[1:_SHOWN_PROBLEMS]]
    if len(problems) > _SHOWN_PROBLEMS:
        lines.append(f"            and {len(problems) - _SHOWN_PROBLEMS} more")
    return "\n".join(lines)


def _conditions(explained: Explanation) -> Iterator[str]:
    for number, found in enumerate(explained.conditions):
        head = "split" if number == 0 else ""
        inline = _inline(found.parts)
        yield f"{head:<12}{plain(found.split, 20)}: {plain(found.condition, _TEXT)}: {_YES_NO[found.holds]}{inline}"
        yield from _parts(found.parts)


def _rules(explained: Explanation) -> Iterator[str]:
    for number, rule in enumerate(rule for rule in explained.rules if rule.rule != "asked for"):
        head = "rules" if number == 0 else ""
        yield f"{head:<12}{rule.rule:<10}{_decision(rule)}"
        yield from _parts(rule.parts)


def _decision(rule: ExplainedRule) -> str:
    if rule.keeps is None:
        return "not reached"
    word = "keeps" if rule.keeps else "drops"
    held = f": {_YES_NO[rule.parts[0].holds]}" if len(rule.parts) == 1 else ""
    return f"{word}  {plain(rule.said or rule.text, _TEXT)}{held}{_inline(rule.parts)}"


def _inline(parts: list[ConditionPart]) -> str:
    """The values of a condition that has one part; several have a line each."""
    return _values(parts[0]) if len(parts) == 1 else ""


def _parts(parts: list[ConditionPart]) -> Iterator[str]:
    for part in parts if len(parts) > 1 else ():
        yield f"{'':<29}{plain(part.condition, _TEXT)}: {_YES_NO[part.holds]}{_values(part)}"


def _values(part: ConditionPart) -> str:
    values = ", ".join(f"{plain(name, 80)} = {shown(value)}" for name, value in part.values.items())
    return f"  ({values})" if values else ""


def shown(value: object) -> str:
    """A value as a person reads it, with four digits.

    >>> shown(0.123456), shown(None), shown(True), shown(12345)
    ('0.1235', '(none)', 'true', '12345')
    """
    match value:
        case None:
            return "(none)"
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.4g}" if abs(value) < 1e4 else f"{value:,.0f}"
        case _:
            return plain(str(value), 80)


def _lookalike(explained: Explanation) -> str:
    near = explained.lookalike
    if near is None:
        return (
            f"not known: {explained.lookalike_unknown}" if explained.lookalike_unknown else "no other image"
        )
    how = "the same file" if near.identical else f"{count(near.distance, 'bit')} apart"
    where = (
        f"in {near.split}" if near.selected else f"left out of {near.split}" if near.split else "in no split"
    )
    return f"{plain(near.path, _TEXT)}  ({how}; {where})"


def _slice(found: SliceOfImage) -> str:
    name = plain(found.name, 80)
    return name if isinstance(found.objects, UnsetType) else f"{name} ({count(found.objects, 'object')})"
