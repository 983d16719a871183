"""Where does the learning curve lead; and where it fell although there were more labels, what else changed?"""

from __future__ import annotations

from runner.adapters.pictures import plotting_learning
from runner.adapters.pictures.canvas import Picture
from runner.adapters.pictures.plotting_learning import Fan, Measured
from runner.domain.worth import MIN_POINTS, REACH, Ahead, Curve, CurvePoint, Diagnosis, TargetNeeds, Worth
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import FOLDED_ROWS, Part, folded, table_head, table_row, unbroken
from runner.report.sections.section import Plot, Section, Shown
from runner.report.sections.worth import FOLD, worth_of
from runner.report.wording import change, count, label, money, number, percent, with_interval


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    worth = worth_of(report)
    if worth is None or len(worth.curve.points) < 2:
        return []
    curve = worth.curve
    head = f"### Learning curve\n\n{markdown(_said(worth), 900)}"
    rows: tuple[str, ...] = ()
    if curve.ahead:
        columns = ["Labels in all", label(curve.metric), "More than now"]
        head += f"\n\n{table_head(columns, numbers=(0, 1, 2))}"
        rows = tuple(_ahead_row(ahead) for ahead in curve.ahead)
    points = [_point_row(point) for point in reversed(curve.points)][:FOLDED_ROWS]
    table = table_head(["Sprint", "Labels", label(curve.metric), ""], numbers=(1, 2))
    return [
        Part(title="learning curve", head=head, rows=rows),
        folded("points of the learning curve", f"{count(len(curve.points), 'sprint')} on it", table, points),
    ]


def _said(worth: Worth) -> str:
    """What the curve says, what it rests on, and what limits it; plain text."""
    curve = worth.curve
    texts = [_basis(worth), *([_towards(curve.target, worth)] if curve.target else [])]
    if curve.ceiling is not None:
        texts.append(
            f"No further label can lead beyond {number(curve.ceiling)}, until annotators agree more: that is the noise ceiling."
        )
    return " ".join(texts)


def _basis(worth: Worth) -> str:
    curve = worth.curve
    fitted = sum(point.fitted for point in curve.points)
    if curve.missing:
        others = len(curve.points) - fitted
        besides = (
            f" {count(others, 'sprint')} beside them cannot be compared with this one." if others else ""
        )
        return (
            f"No curve yet: it takes {MIN_POINTS} sprints, each with another number of labels, judged on the same test split; "
            f"{count(curve.missing, 'sprint')} missing.{besides}"
        )
    best = max(curve.families, key=lambda family: family.share)
    return (
        f"By {count(len(curve.families), 'family', 'families')} of curves, each with the weight with which it explains "
        f"{count(fitted, 'sprint')} ({best.family} the most, {percent(round(best.share, 2))}); intervals at {percent(worth.level)}."
    )


def _towards(target: TargetNeeds, worth: Worth) -> str:
    metric = label(worth.curve.metric)
    far = f"beyond {REACH} times the labels there are"
    if target.labels is None:
        least = f" {target.low:,} labels at the very least." if target.low is not None else ""
        return f"The target {metric} {number(target.target)} is not within reach of labels alone ({percent(target.chance)} likely to be).{least}"
    ends = f"{target.low:,} to {f'{target.high:,}' if target.high is not None else far}"
    said = f"The target {metric} {number(target.target)} takes {target.labels:,} labels in all ({ends})"
    if target.cost is None:
        return f"{said}."
    currency = worth.effort.currency
    highest = money(target.cost_high, currency) if target.cost_high is not None else "no end"
    words = {True: "That is worth it", False: "That is not worth it", None: ""}[target.worth_it]
    judged = f" {words} by the project's value per point." if words else ""
    return f"{said}: {money(target.cost, currency)} more ({money(target.cost_low, currency)} to {highest}).{judged}"


def _ahead_row(ahead: Ahead) -> str:
    there = f"{number(ahead.value)} ({number(ahead.low)} to {number(ahead.high)})"
    rise = f"{change(ahead.rise)} ({change(ahead.rise_low)} to {change(ahead.rise_high)})"
    return table_row([f"{ahead.labels:,}", unbroken(there), unbroken(rise)])


def _point_row(point: CurvePoint) -> str:
    value = unbroken(with_interval(point.value, point.interval))
    return table_row([code(point.sprint, 80), f"{point.labels:,}", value, markdown(point.why_not, 120)])


def _falls(report: SprintReport, _: Shown) -> list[Part]:
    worth = worth_of(report)
    if worth is None or not worth.diagnoses:
        return []
    texts = [_diagnosed(diagnosis, worth) for diagnosis in reversed(worth.diagnoses)]
    return [Part(title="where the curve fell", head="### Where the curve fell\n\n" + "\n\n".join(texts))]


def _diagnosed(diagnosis: Diagnosis, worth: Worth) -> str:
    noise = {
        True: "by more than both intervals explain",
        False: "by no more than both intervals explain",
        None: "and nobody knows how much of that is noise",
    }[diagnosis.beyond_noise]
    said = (
        f"{diagnosis.before} → {diagnosis.after}: labels {diagnosis.labels_before:,} → {diagnosis.labels_after:,}, "
        f"{label(worth.optimizing)} {number(diagnosis.value_before)} → {number(diagnosis.value_after)}, {noise}."
    )
    if not diagnosis.changes:
        nothing = (
            "Nothing else that is recorded differs: the test split, the recipe, the classes and the checks are the same. That leaves "
            "the new labels themselves (gold images and agreement tell), and the luck of a training (several seeds tell)."
        )
        return f"{markdown(said, 300)} {nothing}"
    listed = "\n".join(f"- {markdown(change_.text, 300)}" for change_ in diagnosis.changes)
    return f"{markdown(said, 300)} What else changed:\n\n{listed}"


def _terminal(report: SprintReport) -> list[str]:
    worth = worth_of(report)
    if worth is None or worth.curve.missing or not worth.curve.ahead:
        return []
    ahead = worth.curve.ahead[1]
    rise = f"{change(ahead.rise)} ({change(ahead.rise_low)} to {change(ahead.rise_high)})"
    lines = [f"Learning curve: {label(worth.curve.metric)} {rise} with {ahead.labels:,} labels"]
    return [*lines, *([f"  {plain(_towards(worth.curve.target, worth), 200)}"] if worth.curve.target else [])]


def _there(report: SprintReport) -> bool:
    worth = worth_of(report)
    return worth is not None and len(worth.curve.points) >= 2


def _draw(report: SprintReport) -> Picture:
    worth = worth_of(report)
    assert worth is not None  # noqa: S101  `_there`
    curve = worth.curve
    points = [_measured(point, report.sprint) for point in curve.points]
    return plotting_learning.learning_curve(
        f"{label(curve.metric)} by the number of labels",
        points,
        _fan(curve, worth.level),
        axes_labels=("labels that the model was trained on", label(curve.metric)),
        target=curve.target.target if curve.target else None,
        ceiling=curve.ceiling,
    )


def _measured(point: CurvePoint, sprint: str) -> Measured:
    return Measured(
        label=plain(point.sprint, 24),
        labels=point.labels,
        value=point.value,
        low=point.interval.low if point.interval else None,
        high=point.interval.high if point.interval else None,
        fitted=point.fitted,
        own=point.sprint == sprint,
    )


def _fan(curve: Curve, level: float) -> Fan | None:
    if curve.missing or not curve.at:
        return None
    return Fan(
        interval=f"{percent(level)} interval",
        labels=curve.at,
        median=curve.median,
        low=curve.low,
        high=curve.high,
        families=[(family.family, family.share, family.values) for family in curve.families],
    )


CURVE = Section(
    parts=_parts,
    fold=FOLD,
    plots=(
        Plot(
            name="learning_curve",
            shows="The metric by the number of labels: sprints with intervals, and what several families of curves make of them",
            there=_there,
            draw=_draw,
        ),
    ),
    terminal=_terminal,
)
FALLS = Section(parts=_falls, fold=FOLD)
