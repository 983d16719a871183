"""Is it better than the champion, where, and is that more than luck?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.adapters.pictures import plotting_intervals
from runner.adapters.pictures.canvas import Picture
from runner.adapters.pictures.plotting_intervals import OUTCOME_COLORS, Estimate
from runner.domain.evaluation import ChampionEvaluation, Difference
from runner.record.report import SprintReport
from runner.report.ansi import BOLD, END, GREEN, RED, YELLOW
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import (
    FOLDED_ROWS,
    PLOT_ROWS,
    Part,
    folded,
    table,
    table_head,
    table_row,
    unbroken,
)
from runner.report.sections.section import Fold, Plot, Section, Shown
from runner.report.tables import SeedSpread, differences, optimizing, place_of, readable, seed_spread
from runner.report.wording import NOT_MEASURED, changed, count, label, number, percent

_NAMED_CLASSES = 10
MARKS = {"gained": "▲ gained", "lost": "▼ lost", "unclear": "· unclear"}


def _differences(report: SprintReport, _: Shown) -> list[Part]:
    champion = report.evaluation.champion if report.evaluation else None
    return _compared(report, champion) if champion else _not_compared(report)


def _not_compared(report: SprintReport) -> list[Part]:
    if report.champion is None:
        return []
    text = f"Not compared with {markdown(report.champion.name, 120)}: {markdown(report.champion.why_not)}."
    return [Part(title="differences", head=f"### Against the champion\n\n{text}")]


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
        return [Part(title="differences", head="\n".join(lines))]
    lines += ["", f"**{tally(rows)}**{_held(report, rows)}"]
    columns = ["", "Part of the test split", metric, "Champion", "Difference (interval)"]
    by_seeds = any(row.seed_deviation is not None for row in rows)
    head = table_head([*columns, *(["over seeds"] if by_seeds else [])], numbers=(2, 3, 4))
    told = [row for row in rows if readable(row)]
    cells = [_row(row, by_seeds=by_seeds) for row in told]
    note = (
        "<sub>over seeds: the standard deviation over training seeds; it is part of the interval.</sub>"
        if by_seeds
        else ""
    )
    shown = table("differences", "\n".join(lines), head, cells, note)
    untold = [row for row in rows if row not in told][:FOLDED_ROWS]
    if not untold:
        return shown
    summary = f"{count(len(rows) - len(told), 'part')} of which too little is known (no interval, or one wider than 1)"
    further = [_row(row, by_seeds=by_seeds) for row in untold]
    return [*shown, folded("unsure differences", summary, head, further)]


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


def _seeds(report: SprintReport, _: Shown) -> list[Part]:
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
    return [Part(title="training seeds", head=head)]


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


def _against(report: SprintReport) -> str:
    rows = differences(report)
    if rows:
        return f"Against the champion: {tally(rows).lower()}"
    return "Training seeds" if report.champion is None else "Against the champion"


def _terminal(report: SprintReport) -> list[str]:
    """Whether it is better than the champion, in a line or two."""
    if report.champion is None:
        return []
    name = f"{BOLD}Champion{END} {plain(report.champion.name, 80)}"
    rows = differences(report)
    whole = next((row for row in rows if row.slice is None and row.class_name is None), None)
    if whole is None:
        return [f"{name}: not compared: {plain(report.champion.why_not) or NOT_MEASURED}"]
    tint = {"gained": GREEN, "lost": RED}.get(whole.outcome, YELLOW)
    metric = label(optimizing(report))
    lines = [
        f"{name}: {metric} {changed(whole.difference, whole.interval)}, {tint}{whole.outcome}{END}; {tally(rows).lower()}"
    ]
    seeds = seed_spread(report)
    return [*lines, f"  {within}"] if seeds is not None and (within := gain_within(report, seeds)) else lines


def _draw_differences(report: SprintReport) -> Picture:
    rows = differences(report)
    shown = [
        Estimate(
            label=plain(place_of(row), 40),
            value=row.difference,
            low=row.interval.low if row.interval else None,
            high=row.interval.high if row.interval else None,
            color=OUTCOME_COLORS[row.outcome],
            text=changed(row.difference, row.interval),
        )
        for row in rows[:PLOT_ROWS]
    ]
    which = f", {PLOT_ROWS} of {len(rows)} parts" if len(rows) > PLOT_ROWS else ""
    name = plain(report.champion.name, 40) if report.champion else ""
    return plotting_intervals.differences(
        f"{label(optimizing(report))} against champion {name}{which}",
        shown,
        ("worse", "better than the champion"),
        {color: outcome for outcome, color in OUTCOME_COLORS.items()},
    )


def _draw_seeds(report: SprintReport) -> Picture:
    seeds = seed_spread(report)
    if seeds is None:
        raise ValueError("one seed has no spread")
    rows = [
        Estimate(label=f"seed {plain(seed, 20)}", value=value, low=value)
        for seed, value in seeds.values.items()
    ]
    champion = next(
        (row for row in differences(report) if row.slice is None and row.class_name is None), None
    )
    metric = label(optimizing(report))
    return plotting_intervals.points(
        f"{metric} of torch per training seed",
        rows,
        metric,
        ("champion", champion.reference) if champion else None,
    )


FOLD = Fold(line=_against)
DIFFERENCES = Section(
    parts=_differences,
    fold=FOLD,
    plots=(
        Plot(
            name="champion",
            shows="Differences to the champion, with intervals",
            there=lambda report: bool(differences(report)),
            draw=_draw_differences,
        ),
    ),
    terminal=_terminal,
)
SEEDS = Section(
    parts=_seeds,
    fold=FOLD,
    plots=(
        Plot(
            name="seeds",
            shows="The optimizing metric per training seed",
            there=lambda report: seed_spread(report) is not None,
            draw=_draw_seeds,
        ),
    ),
)
