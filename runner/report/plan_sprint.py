"""One sprint of a proposal, for the plan comment: what runs and why, what changes, and who judges."""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum, auto
from urllib.parse import quote

from runner.domain.policy import SpecChange
from runner.planning.proposal import CountDelta, PlannedGate, SplitDelta, SprintProposal
from runner.planning.records import Plan
from runner.record.catalogue import BATCH_SHEET, REPORTS
from runner.report.escape import code, markdown
from runner.report.plan_words import (
    ALONE,
    EFFECTS,
    FREE_TEXTS,
    NOT_KNOWN,
    awaited,
    batch_words,
    change_words,
    changed_stages,
    compared,
    data_words,
    difference,
    lineage,
    roughly,
    signed,
    unchanged,
    variant_words,
    what_runs,
    why_it_runs,
    worn,
)
from runner.report.sections.part import FOLDED_ROWS, Part, folded, table_head, table_row, unbroken
from runner.report.wording import count

_SHOWN_CHANGES = 10


class Kept(IntEnum):
    """What stays longest when the plan comment must fit: what is named first."""

    HEAD = auto()
    STOPPED = auto()
    PROBLEMS = auto()
    SPRINT = auto()
    APPROVALS = auto()
    DATA = auto()
    PROJECT = auto()
    CHANGES = auto()
    GATES = auto()
    STAGES = auto()
    COUNTS = auto()
    MORE_PROJECT = auto()


def summary(sprint: SprintProposal, *, would: bool, head: str = "") -> Part:
    """The sprint in 30 seconds: a few lines, the most telling first.

    Args:
        head: the proposed commit, where links to its files lead.
        would: it is not run as part of this pull request.
    """
    title = f": {markdown(sprint.plan.title, 160)}" if sprint.plan else ""
    lines = _lines(sprint.plan, sprint, would=would, head=head) if sprint.plan else _unplanned(sprint)
    return Part(
        title="sprints",
        priority=Kept.SPRINT,
        head=f"### {code(sprint.sprint, 80)}{title}\n",
        rows=tuple(f"- {line}" for line in lines),
    )


def _unplanned(sprint: SprintProposal) -> list[str]:
    if sprint.status == "removed":
        return ["**Removed**: its spec is gone; its record stays in the history."]
    lines = [f"**Not planned**: {markdown(sprint.not_planned or 'it is not valid', 300)}"]
    return [*lines, *([_changes_line(sprint)] if sprint.changes or sprint.data else [])]


def _lines(plan: Plan, sprint: SprintProposal, *, would: bool, head: str) -> list[str]:
    without = f" ({awaited(plan)})" if awaited(plan) else ""
    lines = [f"**{'Would ' * would}{markdown(what_runs(plan))}**{without}"]
    lines += [f"**Variant** {markdown(text, 300)}" for text in variant_words(plan)]
    if changed_stages(plan):
        lines.append(f"**Why**: {'; '.join(markdown(reason, 200) for reason in why_it_runs(plan))}")
    if plan.round:
        labels = f"{plan.round.words} ({plan.round.detail(plan.sprint)})"
        lines.append(f"**Labels**: {markdown(labels, 300)}")
    if plan.batch:
        drawn = "; ".join(markdown(words, 600) for words in batch_words(plan.batch))
        lines.append(f"**Batch**: {drawn}{_pictures(plan, head)}")
    if isinstance(plan.pool, int):
        lines.append(f"**Pool**: {count(plan.pool, 'image')} that nobody labelled")
    lines.append(_changes_line(sprint))
    kept = [gate for gate in sprint.gates if gate.finding]
    if kept:
        listed = ", ".join(
            f"{markdown(gate.text, 160)} ({code(gate.finding)})" for gate in kept[:_SHOWN_CHANGES]
        )
        more = len(kept) - _SHOWN_CHANGES
        listed += f", and {more:,} more" if more > 0 else ""
        lines.append(f"**Kept from the base, until approved**: {listed}")
    if not sprint.gates:
        lines.append("⚠ **No gate judges**: the verdict will be PASS whatever the model does")
    if plan.wear is not None:
        icon = "⚠ " if plan.wear.exhausted else ""
        lines.append(f"{icon}**{markdown(plan.wear.split, 40)} split**: {markdown(worn(plan.wear))}")
    lines += [f"⚠ **No longer inherited**: {markdown(each, 1000)}" for each in plan.dropped]
    if plan.ancestors:
        lines.append(f"**Training starts from** {markdown(lineage(plan.ancestors), 300)}")
    if plan.champion is not None:
        lines.append(f"**Champion** to compare with: {code(plan.champion, 80)}")
    return lines


def _pictures(plan: Plan, head: str) -> str:
    """A link to the contact sheet in the proposed commit, from a pull request's page: what it shows is the proposal's own."""
    if not plan.batch or not plan.batch.sheet or not head:
        return ""
    return f" ([pictures](../blob/{quote(head, safe='')}/{REPORTS}/{quote(plan.sprint, safe='')}/{BATCH_SHEET.name}))"


def _changes_line(sprint: SprintProposal) -> str:
    if sprint.reference is None:
        return f"**New**: {ALONE}"
    head = f"**Changes** {markdown(compared(sprint), 160)}"
    phrases = _data_phrases(sprint)
    if not phrases and not sprint.changes:
        return f"{head}: {markdown(unchanged(sprint))}"
    return f"{head}: {changes_in_words(sprint.changes, phrases)}"


def _data_phrases(sprint: SprintProposal) -> list[str]:
    return [markdown(phrase) for phrase in data_words(sprint.data)]


def changes_in_words(changes: Sequence[SpecChange], before: Sequence[str] = ()) -> str:
    """Markdown: `before`'s phrases, then each change; what weakens a verdict first of them."""
    # Free texts are said in the table; the words are for what is done.
    telling = [change for change in changes if change.path not in FREE_TEXTS] or changes
    ordered = sorted(telling, key=lambda change: (*EFFECTS, change.effect).index(change.effect))
    phrases = [*before, *(_in_words(change) for change in ordered)]
    more = len(phrases) - _SHOWN_CHANGES
    return ", ".join(phrases[:_SHOWN_CHANGES]) + (f", and {more:,} more" if more > 0 else "")


def _in_words(change: SpecChange) -> str:
    if change.effect not in EFFECTS:
        return markdown(change_words(change), 160)
    return f"{markdown(change.text.removesuffix(f' {change.effect}'), 160)} **{change.effect}**"


# --- behind the summary ---------------------------------------------------------------------------


def details(sprint: SprintProposal, *, several: bool) -> list[Part]:
    """The tables: data, changes, gates, stages."""
    of = f" of {markdown(sprint.sprint, 80)}" if several else ""
    return [
        *_data(sprint, of),
        *_changes(sprint, of),
        *_gates(sprint, of),
        *(_stages(sprint.plan, of) if sprint.plan else []),
    ]


def _data(sprint: SprintProposal, of: str) -> list[Part]:
    if not sprint.data:
        if not sprint.data_note:
            return []
        text = f"### Data{of}\n\n{markdown(sprint.data_note, 400)}"
        return [Part(title="data", priority=Kept.DATA, head=text)]
    head = f"### Data{of}\n\n" + table_head(["Split", "Images", "Objects"], numbers=(1, 2))
    rows = tuple(
        table_row([code(split.split, 40), _delta(split.images), _delta(split.objects)])
        for split in sprint.data
    )
    note = f"<sub>{markdown(sprint.data_note, 400)}</sub>" if sprint.data_note else ""
    first = Part(title="data", priority=Kept.DATA, head=head, rows=rows, tail=note)
    return [first, *_counts(sprint.data, of)]


def _delta(delta: CountDelta) -> str:
    """`280 → 580 (+300)`; alone where there is nothing to compare with, or nothing changed."""
    after = NOT_KNOWN if delta.after is None else f"{delta.after:,}"
    if delta.before is None or delta.before == delta.after:
        return unbroken(after)
    by = difference(delta)
    change = f" (**{signed(by)}**)" if by else ""
    return (
        f"{unbroken(f'{delta.before:,} → {after}')}{change}"
        if by is None
        else unbroken(f"{delta.before:,} → {after}{change}")
    )


def _counts(splits: Sequence[SplitDelta], of: str) -> list[Part]:
    """Classes and slices behind a click, those that change first and the largest change before others."""
    cells = [
        (split.split, kind, delta)
        for split in splits
        for kind, deltas in (("class", split.classes), ("slice", split.slices))
        for delta in deltas
    ]
    ordered = sorted(cells, key=lambda cell: -abs(difference(cell[2]) or 0))
    if not ordered:
        return []
    shown = ordered[:FOLDED_ROWS]
    cut = f", {len(ordered) - len(shown):,} of them in plan.json only" if len(ordered) > len(shown) else ""
    told = _changing([delta for _, _, delta in ordered])
    summary_ = f"Classes and slices: {count(len(ordered), 'count')}{told}{cut}"
    head = table_head(["Split", "", "Name", "Objects of a class, images of a slice"], numbers=(3,))
    rows = [
        table_row([code(split, 40), kind, markdown(delta.name, 80), _delta(delta)])
        for split, kind, delta in shown
    ]
    return [folded("classes and slices", summary_, head, rows, Kept.COUNTS)]


def _changing(deltas: Sequence[CountDelta]) -> str:
    """How many of the counts change, as far as that is known: ", 3 change"."""
    if all(delta.before is None for delta in deltas):
        return ""
    known = [by for by in map(difference, deltas) if by is not None]
    unknown = len(deltas) - len(known)
    told = f", {sum(bool(by) for by in known):,} change" if known else ""
    rest = f"{unknown:,} of them " if known else ""
    return f"{told}, {rest}{NOT_KNOWN}" if unknown else told


def _changes(sprint: SprintProposal, of: str) -> list[Part]:
    if not sprint.changes:
        return []
    head, rows = changes_table(sprint.changes)
    summary_ = f"{count(len(sprint.changes), 'change')} of the spec{of}, one by one"
    return [folded("changes of the spec", summary_, head, rows, Kept.CHANGES)]


def changes_table(changes: Sequence[SpecChange]) -> tuple[str, list[str]]:
    """A table's head and its rows: option, before, after."""
    head = table_head(["Option", "Before", "After", "", "Where"])
    return head, [
        table_row(
            [
                code(change.path, 120),
                "–" if change.before is None else code(change.before, 160),
                "–" if change.after is None else code(change.after, 160),
                f"**{change.effect}**" if change.effect in EFFECTS else change.effect,
                code(change.where, 120) if change.where else "–",
            ]
        )
        for change in changes
    ]


def _gates(sprint: SprintProposal, of: str) -> list[Part]:
    if not sprint.gates:
        return []
    kept = sum(bool(gate.finding) for gate in sprint.gates)
    summary_ = f"{count(len(sprint.gates), 'gate')}{of} will judge" + (
        f", {kept} kept from the base" if kept else ""
    )
    rows = [table_row([markdown(gate.text, 160), _origin(gate)]) for gate in sprint.gates]
    return [folded("gates", summary_, table_head(["Gate", "Whose"]), rows, Kept.GATES)]


def _origin(gate: PlannedGate) -> str:
    match gate.origin:
        case "sprint":
            return "spec"
        case "policy":
            return "project policy"
        case "reference":
            return f"kept from the base until {code(gate.finding)} is approved"


def _stages(plan: Plan, of: str) -> list[Part]:
    runs = len(plan.runs)
    summary_ = f"{count(len(plan.stages), 'stage')}{of}: {runs} RUN, {len(plan.stages) - runs} CACHED"
    rows = [
        table_row(
            [
                code(stage.stage, 40),
                f"**{stage.action}**" if stage.stage in plan.runs else stage.action.value,
                "; ".join(markdown(reason, 200) for reason in stage.reasons[:8]),
                unbroken(roughly(stage.forecast_s)) if stage.forecast_s and stage.stage in plan.runs else "–",
            ]
        )
        for stage in plan.stages
    ]
    head = table_head(["Stage", "", "Why", "About"], numbers=(3,))
    return [folded("stages", summary_, head, rows, Kept.STAGES)]
