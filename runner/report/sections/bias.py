"""What may bias the model or its verdict: shortcuts, shifts between splits, imbalance, new values?"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import UnsetType

from runner.adapters.pictures import plotting_bias
from runner.adapters.pictures.canvas import Picture
from runner.adapters.pictures.plotting_bias import DotRow
from runner.domain.bias import DataBias, Shift
from runner.domain.records import POOL, SPLITS
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.checks import FOLD
from runner.report.sections.part import PLOT_ROWS, ROWS, Part, folded, table_head, table_row
from runner.report.sections.section import Plot, Section, Shown
from runner.report.wording import count, number

_LABEL = 40  # characters
_UNEVEN = 50  # times as much: an axis of logarithms


def _bias(report: SprintReport) -> DataBias | None:
    found = report.checks.bias if report.checks else None
    return None if isinstance(found, UnsetType) else found


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    bias = _bias(report)
    if bias is None:
        return []
    lines = [_evenness(bias), _told(bias), _apart(bias), _new(bias)]
    head = "### Bias and balance\n\n" + "\n".join(f"- {markdown(line, 400)}" for line in lines if line)
    return [
        Part(title="bias and balance", head=head),
        *_shortcut_rows(bias),
        *shift_table(bias.shifts, of="Of", title="shifts", says="that differ more than by chance"),
    ]


def _evenness(bias: DataBias) -> str:
    trained = [share for share in bias.classes if share.train]
    if bias.effective_classes is None or len(trained) < 2:
        return ""
    most, least = trained[0], min(trained, key=lambda share: share.train)
    return (
        f"Train's labels are spread as evenly as over {number(bias.effective_classes, 1)} equally frequent classes of "
        f"{len(bias.classes):,}: {most.class_name} has {most.train:,}, {least.class_name} {least.train:,}."
    )


def _told(bias: DataBias) -> str:
    found = [shortcut for shortcut in bias.shortcuts if shortcut.excess > bias.max_shortcut]
    if not found:
        return "No single column tells which training images hold a class."
    columns = ", ".join(dict.fromkeys(shortcut.column for shortcut in found))
    return f"{columns} alone tells which training images hold a class: a model may learn that in its place."


def _apart(bias: DataBias) -> str:
    words = []
    for of in ("val", "test"):
        found = [shift.column for shift in bias.shifts if shift.of == of and shift.shift > bias.max_shift]
        if found:
            words.append(f"{of} beside train in {', '.join(found)}")
    if not words:
        return "Val and test look as train does."
    return f"More than chance explains differ {'; '.join(words)}."


def _new(bias: DataBias) -> str:
    unseen = len(bias.new_values)
    return f"Never seen before: {count(unseen, 'value')} of metadata in no training image." if unseen else ""


def _shortcut_rows(bias: DataBias) -> list[Part]:
    beyond = [shortcut for shortcut in bias.shortcuts if shortcut.excess > 0]
    if not beyond:
        return []
    head = table_head(
        ["Column", "Class", "J", "surely more than", "Where", "There", "Elsewhere"], numbers=(2, 3, 5, 6)
    )
    rows = [
        table_row(
            [
                code(each.column, _LABEL),
                markdown(each.class_name, _LABEL),
                number(each.score, 2),
                number(each.excess, 2),
                markdown(each.values, 120),
                f"{each.holding:,} of {each.inside:,}",
                f"{each.missed:,} of {each.outside:,}",
            ]
        )
        for each in beyond[:ROWS]
    ]
    return [
        folded(
            "columns that tell classes",
            f"{count(len(beyond), 'column and class', 'columns and classes')} that go together",
            head,
            rows,
        )
    ]


def shift_table(shifts: Sequence[Shift], *, of: str, title: str, says: str) -> list[Part]:
    """The shifts beyond chance, the clearest first, behind a click; none where there are none.

    Args:
        of: heads the column that names the split. `title`: of the part.
        says: what the columns do, after how many they are: a column counts once, whatever splits it is shifted in.
    """
    beyond = [shift for shift in shifts if shift.shift > 0]
    if not beyond:
        return []
    head = table_head([of, "Column", "Distance", "by chance up to", "What differs"], numbers=(2, 3))
    rows = [
        table_row(
            [
                markdown(each.of, 20),
                code(each.column, _LABEL),
                number(each.distance, 2),
                number(each.chance, 2),
                markdown(each.words, 160),
            ]
        )
        for each in beyond[:ROWS]
    ]
    return [folded(title, f"{count(len({each.column for each in beyond}), 'column')} {says}", head, rows)]


# --- plots -----------------------------------------------------------------------------------------


def _shortcuts_plot(report: SprintReport) -> Picture:
    bias = _of(report)
    rows = [
        DotRow(
            label=plain(f"{each.column} → {each.class_name}", _LABEL),
            values={"score": each.score},
            marks={"score": each.excess},
        )
        for each in sorted(bias.shortcuts, key=lambda each: (-each.excess, -each.score))[: PLOT_ROWS // 2]
    ]
    return plotting_bias.dots(
        "How well a column alone tells which training images hold a class",
        rows,
        "Youden's J on other groups (0: chance, 1: it tells all)",
        {"score": "column and class"},
        mark="surely more than",
        limit=("reported from here on", bias.max_shortcut),
    )


def _shifts_plot(report: SprintReport) -> Picture:
    bias = _of(report)
    by_column: dict[str, dict[str, Shift]] = {}
    for shift in bias.shifts:  # the clearest first
        by_column.setdefault(shift.column, {})[shift.of] = shift
    names = {"val": "val and train", "test": "test and train"}
    rows = [
        DotRow(
            label=plain(column, _LABEL),
            values={of: found[of].distance for of in names if of in found},
            marks={of: found[of].chance for of in names if of in found},
        )
        for column, found in by_column.items()
        if any(shift.distance for shift in found.values())
    ]
    rows = rows[:PLOT_ROWS]
    there = {of: words for of, words in names.items() if any(of in row.values for row in rows)}
    return plotting_bias.dots(
        "How far each column's distribution is from train's",
        rows,
        "distance (0: alike, 1: nothing in common)",
        there,
        mark="by chance up to here",
        from_zero=True,
        limit=("reported from here on", bias.max_shift),
    )


def _classes_plot(report: SprintReport) -> Picture:
    bias = _of(report)
    shares = bias.classes
    if len(shares) > PLOT_ROWS:  # the commonest, and the rarest
        shares = [*shares[: PLOT_ROWS // 2], *shares[-PLOT_ROWS // 2 :]]
    totals = {name: sum(getattr(each, name) or 0 for each in bias.classes) for name in SPLITS}
    rows = [
        DotRow(
            label=plain(each.class_name, _LABEL),
            values={
                name: 100 * (getattr(each, name) or 0) / total for name, total in totals.items() if total
            },
        )
        for each in shares
    ]
    legend = {name: name for name in totals if totals[name]}
    what = f"% of the split's {'labels' if bias.classes_counted == 'objects' else 'images'}"
    return _shares_plot("Share of each class by split", rows, what, legend)


def _slices_plot(report: SprintReport) -> Picture:
    rows = []
    splits = report.selection.splits if report.selection else {}
    for each in _of(report).slices[:PLOT_ROWS]:
        of = {name: counts.objects if each.objects else counts.images for name, counts in splits.items()}
        values = {name: 100 * getattr(each, name) / of[name] for name in SPLITS if of.get(name)}
        rows.append(DotRow(label=plain(each.slice, _LABEL), values=values))
    legend = {split: split for split in SPLITS}
    return _shares_plot("Share of each slice by split", rows, "% of the split's images, or objects", legend)


def _shares_plot(title: str, rows: Sequence[DotRow], what: str, legend: dict[str, str]) -> Picture:
    positive = [value for row in rows for value in row.values.values() if value > 0]
    uneven = bool(positive) and max(positive) > _UNEVEN * min(positive)
    return plotting_bias.dots(title, rows, what, legend, logarithmic=uneven)


def _new_values_plot(report: SprintReport) -> Picture:
    shown = _of(report).new_values[:PLOT_ROWS]
    rows = [
        DotRow(
            label=plain(f"{value.column} = {value.value}", _LABEL),
            values={name: value.images[name] for name in (*SPLITS, POOL) if name in value.images},
        )
        for value in shown
    ]
    legend = {name: name for name in (*SPLITS, POOL) if any(name in row.values for row in rows)}
    return plotting_bias.bars("Images with values that were never seen", rows, "images", legend)


def _of(report: SprintReport) -> DataBias:
    bias = _bias(report)
    if bias is None:
        raise ValueError("a plot is drawn only where there is data for it")
    return bias


def _plot(
    name: str,
    shows: str,
    data: Callable[[DataBias], Sequence[object]],
    draw: Callable[[SprintReport], Picture],
) -> Plot:
    def there(report: SprintReport) -> bool:
        bias = _bias(report)
        return bias is not None and bool(data(bias))

    return Plot(name=name, shows=shows, there=there, draw=draw)


BIAS = Section(
    parts=_parts,
    fold=FOLD,
    plots=(
        _plot(
            "bias_shortcuts",
            "How well single columns tell which training images hold a class",
            lambda bias: bias.shortcuts,
            _shortcuts_plot,
        ),
        _plot(
            "bias_shifts",
            "Distance of each column's distribution in val and test from train's",
            lambda bias: [shift for shift in bias.shifts if shift.distance],
            _shifts_plot,
        ),
        _plot(
            "bias_classes",
            "Share of each class in train, val and test",
            lambda bias: [share for share in bias.classes if share.train or share.val or share.test],
            _classes_plot,
        ),
        _plot(
            "bias_slices",
            "Share of each slice in train, val and test",
            lambda bias: bias.slices,
            _slices_plot,
        ),
        _plot(
            "bias_new_values",
            "Images with values that no training image has",
            lambda bias: bias.new_values,
            _new_values_plot,
        ),
    ),
    chapter="Data",
)
