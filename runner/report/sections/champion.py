"""Is it better than the champion, where, and is that more than luck?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.domain.evaluation import ChampionEvaluation, Difference
from runner.record.report import SprintReport
from runner.report.escape import code, markdown
from runner.report.sections.part import (
    FOLDED_ROWS,
    Part,
    Priority,
    folded,
    table,
    table_head,
    table_row,
    unbroken,
)
from runner.report.tables import SeedSpread, differences, optimizing, place_of, readable, seed_spread
from runner.report.wording import changed, count, label, number, percent

_NAMED_CLASSES = 10
MARKS = {"gained": "▲ gained", "lost": "▼ lost", "unclear": "· unclear"}


def parts(report: SprintReport) -> list[Part]:
    """The differences to the champion, and the spread over training seeds."""
    champion = report.evaluation.champion if report.evaluation else None
    compared = _compared(report, champion) if champion else _not_compared(report)
    return [*compared, *_seeds(report)]


def _not_compared(report: SprintReport) -> list[Part]:
    if report.champion is None:
        return []
    text = f"Not compared with {markdown(report.champion.name, 120)}: {markdown(report.champion.why_not)}."
    return [Part(title="differences", priority=Priority.CHAMPION, head=f"### Against the champion\n\n{text}")]


def _compared(report: SprintReport, champion: ChampionEvaluation) -> list[Part]:
    rows = differences(report)
    metric = label(optimizing(report))
    theirs = code(champion.target, 80)
    lines = [
        "### Against the champion",
        "",
        f"{code(report.primary_target, 80)} beside what the champion {markdown(champion.tag, 120)} ships "
        f"({theirs} of sprint {markdown(champion.sprint, 120)}), run anew on this test split: the same images, the same "
        "resamples.",
        *_never_learnt(champion),
    ]
    if not rows:
        return [Part(title="differences", priority=Priority.CHAMPION, head="\n".join(lines))]
    lines += ["", f"**{tally(rows)}**{_held(report, rows)}"]
    columns = ["", "Part of the test split", metric, "Champion", "Difference (interval)"]
    by_seeds = any(row.seed_deviation is not None for row in rows)
    head = table_head([*columns, *(["over seeds"] if by_seeds else [])], numbers=(2, 3, 4))
    priorities = (Priority.CHAMPION, Priority.MORE_CHAMPION)
    told = [row for row in rows if readable(row)]
    cells = [_row(row, by_seeds=by_seeds) for row in told]
    note = (
        "<sub>over seeds: the standard deviation over training seeds; it is part of the interval.</sub>"
        if by_seeds
        else ""
    )
    shown = table("differences", priorities, "\n".join(lines), head, cells, note)
    untold = [row for row in rows if row not in told][:FOLDED_ROWS]
    if not untold:
        return shown
    summary = f"{count(len(rows) - len(told), 'part')} of which too little is known (no interval, or one wider than 1)"
    further = [_row(row, by_seeds=by_seeds) for row in untold]
    return [*shown, folded("unsure differences", priorities[1], summary, head, further)]


def _never_learnt(champion: ChampionEvaluation) -> list[str]:
    """Classes that the champion cannot find: it is not compared on them."""
    unknown = champion.unknown_classes
    if not unknown:
        return []
    named = ", ".join(markdown(name, 80) for name in unknown[:_NAMED_CLASSES])
    more = f" and {len(unknown) - _NAMED_CLASSES:,} more" if len(unknown) > _NAMED_CLASSES else ""
    these = count(len(unknown), "class", "classes")
    return [
        "",
        f"The champion never learnt {these} of the project: {named}{more}. Objects of {'it' if len(unknown) == 1 else 'them'} do "
        "not count here: both are measured on the classes that both know.",
    ]


def tally(rows: Sequence[Difference]) -> str:
    """`lost in 1, gained in 2, unclear in 9 of 12 parts`; plain text."""
    counts = [
        (outcome, sum(row.outcome == outcome for row in rows)) for outcome in ("lost", "gained", "unclear")
    ]
    found = ", ".join(f"{outcome} in {n}" for outcome, n in counts if n)
    return f"{found[:1].upper()}{found[1:]} of {count(len(rows), 'part')}"


def _held(report: SprintReport, rows: Sequence[Difference]) -> str:
    resampling = report.evaluation.resampling if report.evaluation else None
    if resampling is None:
        return "."
    if len(rows) == 1:
        return f", by its {percent(resampling.level)} interval."
    return f", by intervals that hold together with {percent(resampling.level)} confidence."


def _row(row: Difference, *, by_seeds: bool) -> str:
    place = markdown(place_of(row), 200)
    whole = row.slice is None and row.class_name is None
    cells = [
        unbroken(MARKS[row.outcome]),
        f"**{place}**" if whole else place,
        number(row.value),
        number(row.reference),
        unbroken(changed(row.difference, row.interval) + ("" if row.interval else " (no interval)")),
    ]
    if by_seeds:
        cells.append(
            "–" if row.seed_deviation is None else f"±\N{NO-BREAK SPACE}{number(row.seed_deviation)}"
        )
    return table_row(cells)


def _seeds(report: SprintReport) -> list[Part]:
    seeds = seed_spread(report)
    if seeds is None:
        return []
    values = ", ".join(f"{markdown(seed, 20)}: {number(value)}" for seed, value in seeds.values.items())
    text = (
        f"Over {len(seeds.values)} training seeds, {label(optimizing(report))} of torch is {number(seeds.low)} to "
        f"{number(seeds.high)} (standard deviation {number(seeds.deviation)}; {values})."
    )
    within = gain_within(report, seeds)
    head = f"### Training seeds\n\n{f'**{within}** ' if within else ''}{text}"
    return [Part(title="training seeds", priority=Priority.CHAMPION, head=head)]


def gain_within(report: SprintReport, seeds: SeedSpread) -> str:
    """How much of the difference to the champion other seeds would explain; plain text, empty without a champion."""
    if seeds.share is None:
        return ""
    whole = next(row for row in differences(report) if row.slice is None and row.class_name is None)
    what = "gain" if whole.difference > 0 else "loss"
    if seeds.share >= 1:
        how_much = "All"
    else:
        how_much = f"{100 * seeds.share:.0f} %" if seeds.share >= 0.01 else "Less than 1 %"
    return f"{how_much} of the {what} lies within the spread of {len(seeds.values)} seeds."
