"""How does this sprint's data differ from what the champion was made and judged with?"""

from __future__ import annotations

from runner.adapters.pictures import plotting_bias
from runner.adapters.pictures.canvas import Picture
from runner.adapters.pictures.plotting_bias import DotRow
from runner.domain.bias import Shift
from runner.domain.drift import Drift
from runner.domain.records import SPLITS
from runner.record.catalogue import DRIFT
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.bias import shift_table
from runner.report.sections.checks import FOLD
from runner.report.sections.part import PLOT_ROWS, ROWS, Part, folded, table_head, table_row
from runner.report.sections.section import Plot, Section, Shown
from runner.report.wording import count, number

_LABEL = 40  # characters


def _drift(report: SprintReport) -> Drift | None:
    return report.record(DRIFT)


def sentence(report: SprintReport) -> str:
    """What differs, or why that is not known; plain text, empty where there is no champion."""
    drift = _drift(report)
    if drift is None:
        return ""
    if drift.not_measured:
        return f"Beside the data of {drift.champion}: not measured: {drift.not_measured}."
    told = [
        f"{each.new:,} of {count(each.new + each.shared, 'image')} of {each.split}" for each in drift.images
    ]
    gone = sum(each.gone for each in drift.images)
    words = [
        f"Beside the data of {drift.champion}, new are {', '.join(told)}{f'; {gone:,} of its images are gone' if gone else ''}",
        _shifts(drift),
    ]
    if drift.new_values:
        words.append(f"{count(len(drift.new_values), 'value or class', 'values and classes')} it never met")
    return f"{'; '.join(words)}."


def _shifts(drift: Drift) -> str:
    """Which columns what is new shifts: beyond the limit, or else beyond chance."""
    beyond = [shift for shift in drift.shifts if shift.shift > drift.max_shift]
    some = beyond or [shift for shift in drift.shifts if shift.shift > 0]
    columns = ", ".join(dict.fromkeys(shift.column for shift in some))
    if beyond:
        return f"what is new shifts {columns}"
    if some:
        return f"what is new shifts {columns} by more than chance, and none by more than {number(drift.max_shift, 2)}"
    return "what is new looks as the champion's data does"


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    drift, said = _drift(report), sentence(report)
    if drift is None or not said:
        return []
    head = f"### Data beside the champion's\n\n{markdown(said, 900)}"
    shifts = shift_table(
        drift.shifts,
        of="New in",
        title="shifts from the champion's data",
        says="that new images shift by more than chance",
    )
    return [Part(title="data beside the champion's", head=head), *shifts, *_value_rows(drift)]


def _value_rows(drift: Drift) -> list[Part]:
    shown = drift.new_values[:ROWS]
    if not shown:
        return []
    head = table_head(["Column", "Value", "Images", "first of them"])
    rows = [
        table_row(
            [
                code(each.column, _LABEL),
                code(each.value, _LABEL),
                ", ".join(f"{each.images[name]:,} of {name}" for name in SPLITS if name in each.images),
                code(each.path, 80),
            ]
        )
        for each in shown
    ]
    said = f"{count(len(drift.new_values), 'value or class', 'values and classes')} new to the champion"
    return [folded("new to the champion", said, head, rows)]


# --- plots -----------------------------------------------------------------------------------------


def _plotted(report: SprintReport) -> list[DotRow]:
    drift = _drift(report)
    by_column: dict[str, dict[str, Shift]] = {}
    for shift in drift.shifts if drift else []:  # the clearest first
        if shift.distance:
            by_column.setdefault(shift.column, {})[shift.of] = shift
    return [
        DotRow(
            label=plain(column, _LABEL),
            values={of: found[of].distance for of in SPLITS if of in found},
            marks={of: found[of].chance for of in SPLITS if of in found},
        )
        for column, found in by_column.items()
    ][:PLOT_ROWS]


def _plot(report: SprintReport) -> Picture:
    drift, rows = _drift(report), _plotted(report)
    if drift is None:
        raise ValueError("a plot is drawn only where there is data for it")
    return plotting_bias.dots(
        "How far new images move each column's distribution from the champion's",
        rows,
        "distance (0: alike, 1: nothing in common)",
        {of: of for of in SPLITS if any(of in row.values for row in rows)},
        mark="by chance up to here",
        from_zero=True,
        limit=("reported from here on", drift.max_shift),
    )


SECTION = Section(
    parts=_parts,
    fold=FOLD,
    plots=(
        Plot(
            name="drift",
            shows="Distance of what is new in each split from the champion's data, by column",
            there=lambda report: bool(_plotted(report)),
            draw=_plot,
        ),
    ),
    chapter="Data",
)
