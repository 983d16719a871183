"""Two sprints side by side, from their reports: each number of the one beside that of the other. Nothing is judged.

Only where the later sprint was compared with the earlier one's model, on the same images and resamples, is there an interval
of the difference. Elsewhere two numbers stand beside one another, and it is said when they are not of the same test images.
"""

from __future__ import annotations

from collections.abc import Iterator

from runner.domain.evaluation import CLASSIFY_METRICS, RANKED_METRICS, Interval
from runner.domain.records import Record
from runner.record.report import SprintReport
from runner.report.escape import plain
from runner.report.sections.part import table_head, table_row
from runner.report.tables import class_rows, differences, judged, optimizing, slice_rows, target_rows
from runner.report.wording import NOT_MEASURED, aligned, change, label, number, quality, spread

_SPEEDS = ("latency_p95_ms", "throughput_ips", "size_mb")


class ComparedRow(Record, frozen=True, kw_only=True):
    """One number of both sprints; None where it was not measured.

    Attributes:
        part: `all images`, `slice dark`, `class three`, or `judged artefact` and `sprint` for what is no quality.
        difference: `after` − `before`. `interval`: of the difference, where it is paired; it holds with all others at once.
    """

    part: str
    metric: str
    before: float | None
    after: float | None
    difference: float | None = None
    interval: Interval | None = None


class SprintComparison(Record, frozen=True, kw_only=True):
    """Two sprints, and what they have in common.

    Attributes:
        same_test: whether both were measured on the same images with the same labels.
        paired: whether intervals of differences are known.
        verdicts: of the two, as their reports have them.
    """

    before: str
    after: str
    verdicts: tuple[str | None, str | None]
    same_test: bool
    paired: bool
    notes: list[str]
    rows: list[ComparedRow]


def compare(before: SprintReport, after: SprintReport) -> SprintComparison:
    """Everything that both reports measured, in one list: all images, slices, classes, speed, effort."""
    paired = _paired(before, after)
    same_test = _test(before) is not None and _test(before) == _test(after)
    notes = []
    if not same_test:
        notes.append("the test images or their labels are not the same: the numbers cannot be compared")
    elif not paired:
        notes.append(
            f"{after.sprint} was not compared with {before.sprint} on the same resamples: how sure a difference is, is not known"
        )
    if before.primary_target != after.primary_target:
        notes.append(f"the judged artefacts are {before.primary_target} and {after.primary_target}")
    rows = [*_overall(before, after), *_parts(before, after), *_speed(before, after), *_effort(before, after)]
    return SprintComparison(
        before=before.sprint,
        after=after.sprint,
        verdicts=(_verdict(before), _verdict(after)),
        same_test=same_test,
        paired=paired,
        notes=notes,
        rows=[_with_difference(row, after, paired=paired) for row in rows],
    )


def _paired(before: SprintReport, after: SprintReport) -> bool:
    """Whether `after` was compared with the very model that `before` tells of."""
    champion, own = after.evaluation.champion if after.evaluation else None, judged(before)
    return (
        champion is not None
        and own is not None
        and champion.sprint == before.sprint
        and champion.evaluation.overall == own.overall
    )


def _test(report: SprintReport) -> str | None:
    return report.evaluation.split_digest if report.evaluation else None


def _verdict(report: SprintReport) -> str | None:
    return report.verdict.outcome.value if report.verdict else None


def _overall(before: SprintReport, after: SprintReport) -> Iterator[ComparedRow]:
    one, other = judged(before), judged(after)
    for metric in dict.fromkeys([optimizing(after), *RANKED_METRICS, *CLASSIFY_METRICS]):
        values = [quality(measured.overall if measured else None, metric) for measured in (one, other)]
        if any(value is not None for value in values):
            yield ComparedRow(part="all images", metric=metric, before=values[0], after=values[1])


def _parts(before: SprintReport, after: SprintReport) -> Iterator[ComparedRow]:
    """Slices and classes that either has, by their names, in the later sprint's order."""
    for word, rows in (("slice", slice_rows), ("class", class_rows)):
        old, new = ({row.name: row for row in rows(report)} for report in (before, after))
        for name in [*new, *(each for each in old if each not in new)]:
            row = new.get(name) or old[name]
            values = [
                quality(found.metrics, row.metric) if found is not None else None
                for found in (old.get(name), new.get(name))
            ]
            yield ComparedRow(part=f"{word} {name}", metric=row.metric, before=values[0], after=values[1])


def _speed(before: SprintReport, after: SprintReport) -> Iterator[ComparedRow]:
    found = [next((row for row in target_rows(report) if row.judged), None) for report in (before, after)]
    for metric in _SPEEDS:
        values = [
            None if row is None else row.size_mb if metric == "size_mb" else getattr(row.speed, metric, None)
            for row in found
        ]
        if any(value is not None for value in values):
            yield ComparedRow(part="judged artefact", metric=metric, before=values[0], after=values[1])


def _effort(before: SprintReport, after: SprintReport) -> Iterator[ComparedRow]:
    minutes = [report.cost.seconds / 60 if report.cost.seconds else None for report in (before, after)]
    yield ComparedRow(part="sprint", metric="duration_min", before=minutes[0], after=minutes[1])
    if before.cost.currency == after.cost.currency:
        yield ComparedRow(part="sprint", metric="cost", before=before.cost.total, after=after.cost.total)


def _with_difference(row: ComparedRow, after: SprintReport, *, paired: bool) -> ComparedRow:
    if row.before is None or row.after is None:
        return row
    interval = None
    if paired:
        cells = {
            (_part(each.slice, each.class_name), each.metric): each.interval for each in differences(after)
        }
        interval = cells.get((row.part, row.metric))
    return ComparedRow(
        part=row.part,
        metric=row.metric,
        before=row.before,
        after=row.after,
        difference=row.after - row.before,
        interval=interval,
    )


def _part(slice_name: str | None, class_name: str | None) -> str:
    if slice_name is not None:
        return f"slice {slice_name}"
    return f"class {class_name}" if class_name is not None else "all images"


# --- renderings -----------------------------------------------------------------------------------


def render(comparison: SprintComparison) -> str:
    """For a terminal."""
    rows = [("", "", comparison.before, comparison.after, "difference"), *map(_cells, comparison.rows)]
    verdicts = "  ".join(
        f"{name}: {verdict or NOT_MEASURED}"
        for name, verdict in zip((comparison.before, comparison.after), comparison.verdicts, strict=True)
    )
    return "\n".join(
        [*(f"note: {plain(note, 300)}" for note in comparison.notes), verdicts, "", *aligned(rows, texts=2)]
    )


def render_markdown(comparison: SprintComparison) -> str:
    """A table for an issue or a pull request; every text of a report is escaped."""
    from runner.report.escape import code, markdown

    head = table_head(
        ["Of", "Metric", code(comparison.before, 80), code(comparison.after, 80), "Difference"],
        numbers=(2, 3, 4),
    )
    rows = [table_row([markdown(cell, 120) for cell in _cells(row)]) for row in comparison.rows]
    notes = [f"> {markdown(note, 300)}" for note in comparison.notes]
    return "\n".join([*notes, *([""] if notes else []), head, *rows]) + "\n"


def _cells(row: ComparedRow) -> tuple[str, str, str, str, str]:
    decimals = 3 if label(row.metric) != row.metric else 2
    difference = "" if row.difference is None else change(row.difference, decimals)
    if row.interval is not None:
        difference += f" ({spread(row.interval, signed=True)})"
    before, after = (number(value, decimals) for value in (row.before, row.after))
    return plain(row.part, 60), label(row.metric), before, after, difference
