"""Where is it weak: in the slices that somebody named, in those that were found, in which classes?"""

from __future__ import annotations

from collections.abc import Sequence

from runner.adapters.pictures import plotting_intervals
from runner.adapters.pictures.canvas import BLUE, GREY, VERMILION, Picture
from runner.adapters.pictures.plotting_intervals import Estimate
from runner.domain.evaluation import Evaluation
from runner.record.report import SprintReport
from runner.report.ansi import BOLD, END, YELLOW
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
from runner.report.tables import (
    OVERALL,
    UNREADABLE,
    WIDE,
    CellRow,
    class_rows,
    found_rows,
    judged,
    optimizing,
    overall_row,
    slice_rows,
    task_of,
)
from runner.report.wording import (
    NOT_MEASURED,
    change,
    count,
    label,
    number,
    p_value,
    percent,
    quality,
    with_interval,
)
from runner.tasks import TASKS

_BESIDE = ("recall", "precision")  # beside the metric that rows are ranked by
_BESIDE_CLASSIFY = ("balanced_accuracy", "f1")

_MOST_LEFT_OUT = 12
_TERMINAL_ROWS = 2


def _slices(report: SprintReport, _: Shown) -> list[Part]:
    everything = overall_row(report)
    rows = slice_rows(report)
    if everything is None:
        return [Part(title="slices", head=f"### Slices\n\n{NOT_MEASURED}")]
    heading = f"### Slices, weakest first\n\n{_judged_on(report)}"
    if not rows:
        heading = f"### Slices\n\n{_judged_on(report)}\n\nflywheel.yaml and the spec name no slice."
    beside = _BESIDE_CLASSIFY if _classifies(report) else _BESIDE
    return _cells(report, "slices", heading, [everything, *rows], beside)


def _classes(report: SprintReport, _: Shown) -> list[Part]:
    rows = class_rows(report)
    if not rows:
        return [Part(title="classes", head=f"### Classes\n\n{NOT_MEASURED}")]
    heading = "### Classes, weakest first"
    return _cells(report, "classes", heading, rows, ("precision", "recall"))


def _classifies(report: SprintReport) -> bool:
    task = task_of(report)
    return task is not None and not task.ranked


def _cells(
    report: SprintReport,
    title: str,
    heading: str,
    rows: Sequence[CellRow],
    beside: Sequence[str],
) -> list[Part]:
    """The weakest, and the others behind a click; last what rests on too little to be read."""
    metric = rows[0].metric
    readable = [row for row in rows if row.readable or row.name == OVERALL]
    unreadable = [row for row in rows if row not in readable]
    f1 = title == "classes" and metric != "f1"
    columns = ["Slice" if title == "slices" else "Class", f"{label(metric)}{_level(report)}", "against all"]
    columns += [*(label(name) for name in beside), *(["F1"] if f1 else [])]
    # An image has one class: counting objects beside images would say everything twice.
    counted = [*_groups(report), "Images", *([] if _classifies(report) else ["Objects"])]
    numbers = range(2, len(columns) + len(counted))
    unsure = [""] if any(row.unsure for row in rows) else []
    head = table_head([*columns, *counted, *unsure], numbers=list(numbers))
    names = [*beside, *(["f1"] if f1 else [])]
    cells = [_cell_row(row, names, counted, unsure=bool(unsure)) for row in readable]
    further = [_cell_row(row, names, counted, unsure=bool(unsure)) for row in unreadable[:FOLDED_ROWS]]
    if not cells and not further:
        return []
    shown = table(title, heading, head, cells, _unsure_note(readable)) if cells else []
    if not shown:
        shown = [Part(title=title, head=heading)]
    if not further:
        return shown
    return [*shown, folded(f"unsure {title}", _too_little(title, unreadable), head, further)]


def _too_little(title: str, rows: Sequence[CellRow]) -> str:
    cut = len(rows) - FOLDED_ROWS
    more = f", {cut:,} of them in report.json only" if cut > 0 else ""
    nouns = ("class", "classes") if title == "classes" else ("slice", "slices")
    return (
        f"{count(len(rows), *nouns)} of which the test split tells too little (no interval, or one wider than "
        f"{UNREADABLE:.1f}){more}"
    )


def _groups(report: SprintReport) -> list[str]:
    """A column of their own only where images come in groups."""
    resampling = report.evaluation.resampling if report.evaluation else None
    return ["Groups"] if resampling and resampling.unit != "image" else []


def _level(report: SprintReport) -> str:
    resampling = report.evaluation.resampling if report.evaluation else None
    return f" ({percent(resampling.level)} interval)" if resampling else ""


def _judged_on(report: SprintReport) -> str:
    """What the tables compare with, on what, by which evaluator."""
    evaluation, measured = report.evaluation, judged(report)
    if evaluation is None or measured is None:
        return NOT_MEASURED
    task = TASKS[evaluation.task]
    values = ", ".join(f"{label(name)} {number(quality(measured.overall, name))}" for name in task.further)
    what = (
        f"precision, recall and F1 at similarity 0.5 and confidence ≥ {number(evaluation.operating_confidence, 2)}"
        if task.ranked
        else "precision, recall and F1 are of the most probable class, and means over classes (macro) where more than one is meant"
    )
    return (
        f"{code(measured.target, 80)} on {code(evaluation.split, 40)}: {values}. "
        f"Evaluator: {markdown(evaluation.evaluator, 160)}; {what}.{_left_out(evaluation)}"
    )


def _left_out(evaluation: Evaluation) -> str:
    """The classes that the means of the tables are without."""
    if not evaluation.left_out:
        return ""
    everywhere = [item for part in evaluation.left_out if part.slice is None for item in part.classes.items()]
    names = ", ".join(f"{markdown(name, 60)} ({groups})" for name, groups in everywhere[:_MOST_LEFT_OUT])
    more = f" and {len(everywhere) - _MOST_LEFT_OUT} more" if len(everywhere) > _MOST_LEFT_OUT else ""
    slices = "; on slices it may be others" if len(evaluation.left_out) > 1 or not everywhere else ""
    return (
        " Means over classes in the tables, and their intervals, are without the classes that fewer than 5 groups hold"
        f"{': ' if names else ''}{names}{more}{slices}. The values above are of all classes."
    )


def _cell_row(row: CellRow, beside: Sequence[str], counted: Sequence[str], *, unsure: bool) -> str:
    counts = {"Groups": row.metrics.groups, "Images": row.metrics.images, "Objects": row.metrics.objects}
    found = [counts[name] for name in counted]
    return table_row(
        [
            f"**{OVERALL}**" if row.name == OVERALL else _named(row),
            unbroken(with_interval(row.value, row.interval)),
            change(row.delta),
            *(number(quality(row.metrics, name)) for name in beside),
            *("–" if n is None else f"{n:,}" for n in found),
            *([unbroken(row.unsure)] if unsure else []),
        ]
    )


def _named(row: CellRow) -> str:
    # A condition in DuckDB's SQL goes in brackets after the name that people use for it.
    name = markdown(row.name, 120)
    return (
        name
        if not row.condition or row.condition == row.name
        else f"{name} <sub>{code(row.condition, 120)}</sub>"
    )


def _unsure_note(rows: Sequence[CellRow]) -> str:
    words = {row.unsure for row in rows}
    notes = ["no interval: too few groups to say how sure the number is"] if "no interval" in words else []
    notes += (
        [f"wide: the interval spans more than {WIDE:.1f}; do not lean on the number"]
        if "wide" in words
        else []
    )
    return f"<sub>{'; '.join(notes)}.</sub>" if notes else ""


def _regions(report: SprintReport, _: Shown) -> list[Part]:
    rows = found_rows(report)
    searched = report.evaluation.searched_regions if report.evaluation else None
    if not rows and searched is None:
        return []
    regions = max([searched or 0, *(row.found.searched for row in rows if row.found)])
    heading = "### Weak regions nobody named"
    if not rows:
        text = (
            f"None with {label(optimizing(report))} below that of all images was found among {count(regions, 'region')} of "
            "metadata and image properties."
            if regions
            else "None was looked for: no region of metadata and image properties has enough images."
        )
        return [Part(title="weak regions", head=f"{heading}\n\n{text}")]
    text = (
        f"Searched among {count(regions, 'region')} of metadata and image properties; each does worse than the rest even "
        "after correction for having looked at all of them. They were chosen for it, so their own numbers are a little "
        'pessimistic; no gate with `slice: "*"` judges them.'
    )
    metric = f"{label(optimizing(report))}{_level(report)}"
    columns = ["Region", metric, "against all", "Groups", "Images", "Loss inside / elsewhere", "Corrected p"]
    head = table_head(columns, numbers=(2, 3, 4, 6))
    cells = [_found_row(row) for row in rows]
    return table("weak regions", f"{heading}\n\n{text}", head, cells)


def _found_row(row: CellRow) -> str:
    found = row.found
    if found is None:
        raise ValueError(f"{row.name} was named, not found")
    groups = row.metrics.groups
    return table_row(
        [
            code(row.condition or row.name, 160),
            unbroken(with_interval(row.value, row.interval)),
            change(row.delta),
            "–" if groups is None else f"{groups:,}",
            f"{row.metrics.images:,}",
            f"{number(found.loss, 2)} / {number(found.loss_elsewhere, 2)}",
            markdown(p_value(found.p_value)),
        ]
    )


def _weakest(report: SprintReport) -> str:
    """The fold's line names the weakest slice."""
    row = next((row for row in slice_rows(report) if row.value is not None), None)
    if row is None:
        return "Slices and classes"
    metric = label(optimizing(report))
    return f"Slices and classes: weakest is {markdown(row.name, 80)}, {metric} {number(row.value)}"


def _terminal(report: SprintReport) -> list[str]:
    everything = overall_row(report)
    if everything is None:
        return [f"{BOLD}Slices{END}: {NOT_MEASURED}"]
    slices = [row for row in slice_rows(report) if row.readable]
    regions = found_rows(report)
    of = f", the weakest {_TERMINAL_ROWS} of {len(slices)}" if len(slices) > _TERMINAL_ROWS else ""
    rows = [(plain(row.name, 40), row) for row in [everything, *slices[:_TERMINAL_ROWS], *regions[:1]]]
    wide = max(len(name) for name, _ in rows)
    lines = [f"{BOLD}{label(optimizing(report))} by slice{END}{of}"]
    for name, row in rows:
        value = with_interval(row.value, row.interval)
        delta = "" if row is everything else change(row.delta)
        notes = [f"{YELLOW}{row.unsure}{END}"] if row.unsure else []
        notes += ["found by the search"] if row.found is not None else []
        images = f"{row.metrics.images:>6,} {'image' if row.metrics.images == 1 else 'images':<6}"
        lines.append(f"  {name:<{wide}}  {value:<22}  {images}  {delta:>6}  {', '.join(notes)}".rstrip())
    return lines


def _draw(report: SprintReport) -> Picture:
    metric = label(optimizing(report))
    everything = overall_row(report)
    measured = [row for row in slice_rows(report) if row.value is not None]
    regions = [row for row in found_rows(report) if row.value is not None]
    rows = [*measured[: PLOT_ROWS - min(5, len(regions))], *regions[:5]]
    overall = everything.value if everything else None
    which = (
        f", the {len(rows) - len(regions[:5])} weakest of {len(measured)}"
        if len(rows) < len(measured)
        else ""
    )
    resampling = report.evaluation.resampling if report.evaluation else None
    sure = f" with {percent(resampling.level)} intervals" if resampling else ""
    champion = report.champion.name if report.champion else ""
    return plotting_intervals.values(
        f"{metric} by slice{sure}{which or ', weakest first'}",
        [_estimate(row, overall) for row in rows],
        overall=_estimate(everything, None) if everything and everything.value is not None else None,
        reference_label=f"champion {plain(champion, 40)}",
    )


def _estimate(row: CellRow, overall: float | None) -> Estimate:
    """Vermilion: worse than the whole split, and its interval says so."""
    value = row.value or 0.0
    weak = overall is not None and row.interval is not None and row.interval.high < overall
    images = f" ({count(row.metrics.images, 'image')})" if row.name != OVERALL else ""
    found = "found: " if row.found is not None else ""
    return Estimate(
        label=f"{found}{plain(row.name, 36 - len(found))}{images}",
        value=value,
        low=row.interval.low if row.interval else None,
        high=row.interval.high if row.interval else None,
        reference=row.against.reference if row.against else None,
        color=VERMILION if weak else GREY if row.unsure else BLUE,
    )


FOLD = Fold(line=_weakest)
SLICES = Section(
    parts=_slices,
    fold=FOLD,
    plots=(
        Plot(
            name="slices",
            shows="Slices, weakest first, with intervals",
            there=lambda report: any(row.value is not None for row in slice_rows(report)),
            draw=_draw,
        ),
    ),
    chapter="Evaluation",
    terminal=_terminal,
)
REGIONS = Section(parts=_regions, fold=FOLD, chapter="Evaluation")
CLASSES = Section(parts=_classes, fold=FOLD, chapter="Evaluation")
