"""How worn is the test split that all of this was decided on?"""

from __future__ import annotations

import math

from runner.domain.verdict import GateResult, Outcome, Wear
from runner.record.report import SprintReport
from runner.report.escape import code, plain
from runner.report.sections.part import Part
from runner.report.sections.section import UNSURE, Section, Shown
from runner.report.wording import count, percent


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    """How often the test split was used to decide, and what is left of the budget."""
    wear = report.verdict.wear if report.verdict else None
    if wear is None:
        return []
    text = f"{code(wear.split, 40)} {words(wear)}{repeated(wear, report.verdict.level if report.verdict else None)}"
    if wear.exhausted:
        text = f"⚠ {text}"
    return [
        Part(
            title="wear of the test split",
            head=f"### Wear of the test split\n\n{text}",
        )
    ]


def words(wear: Wear) -> str:
    """The sentences after the split's name; plain text."""
    used = f"has been used {count(wear.uses, 'time')} to decide"
    if wear.budget is None:
        return f"{used}; flywheel.yaml sets no budget for it (policy: holdout)."
    left = max(0.0, wear.left if wear.left is not None else wear.budget - wear.spent)
    used += f": {_number(wear.spent)} of a significance of {_number(wear.budget)} is spent, {_number(left)} is left"
    if wear.exhausted:
        required = {
            "required": "The budget is spent: a new test split is required before the champion can be beaten on it.",
            "advised": "The budget is spent: a new test split is advised; a winner may be one by luck.",
        }
        return f"{used}. {required[wear.refresh]}"
    each = wear.spent / wear.uses if wear.uses else 0.0
    more = math.floor(left / each + 1e-9) if each > 0 else None
    return f"{used}" + (
        f", enough for {count(more, 'further decision')} like these." if more is not None else "."
    )


def repeated(wear: Wear, level: float | None) -> str:
    """What it means that the question was asked before, with a space in front; empty for a first look."""
    if wear.look <= 1:
        return ""
    judged = f" Its gates are judged with {percent(level)} confidence:" if level is not None else ""
    return (
        f" This is look {wear.look} at the same question (this recipe beside this champion).{judged} each look spends half of "
        "the significance of the one before."
    )


def keeps_open(gate: GateResult, wear: Wear | None) -> bool:
    """Whether a gate is undecided for no other reason than that the test split's budget is spent."""
    if wear is None or not wear.exhausted or wear.refresh != "required":
        return False
    open_ = gate.outcome is Outcome.INCONCLUSIVE and gate.interval is None and gate.reference is not None
    return open_ and gate.gate.endswith(" vs champion")


def _glance(report: SprintReport) -> str:
    """One plain line for the terminal, empty where nothing is known."""
    wear = report.verdict.wear if report.verdict else None
    if wear is None:
        return ""
    text = f"{plain(wear.split, 40)} split: {count(wear.uses, 'decision')} so far"
    if wear.look > 1:
        text += f", look {wear.look} at this question"
    if wear.exhausted:
        return f"{text}; its budget of significance is spent: a new one is {wear.refresh}"
    return text if wear.left is None else f"{text}; {_number(wear.left)} of significance left"


def _number(significance: float) -> str:
    return f"{significance:.4g}"


HOLDOUT = Section(parts=_parts, fold=UNSURE, foot=_glance)
