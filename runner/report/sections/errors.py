"""What does it get wrong, what with what, and how far can its confidence be believed?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.adapters.pictures import plotting, plotting_errors
from runner.adapters.pictures.canvas import SERIES, Picture
from runner.adapters.pictures.plotting import Curve, CurveMark
from runner.adapters.pictures.plotting_errors import ConfidenceBin
from runner.domain.error_analysis import Calibration, ErrorType, RecommendedPoint
from runner.domain.evaluation import Metrics
from runner.record.report import SprintReport
from runner.report.confusion import SHOWN_CLASSES, Confusion, background_index, most_confused, top_confusions
from runner.report.escape import code, markdown, plain
from runner.report.sections.part import FOLDED_ROWS, Part, folded, table_head, table_row
from runner.report.sections.section import Fold, Plot, Section, Shown
from runner.report.tables import evaluated, task_of
from runner.report.wording import NOT_MEASURED, bar, count, number, quality

_MEANINGS: Mapping[str, str] = {
    "classification": "the right place, the wrong class",
    "localisation": "the right class, but placed badly",
    "both": "the wrong class, and placed badly",
    "duplicate": "a second detection of the same object",
    "background": "a detection where nothing is",
    "missed": "an object without a detection",
}
_MOST_CURVES = 6
_ECE_WORDS = ((0.02, "can be taken at its word"), (0.05, "is close to the truth"), (0.1, "is a rough guide"))

_OPTIMISTIC = "Found on the test split itself, so a little optimistic: confirm it on val before shipping it."
_AGAINST_THE_REST = (
    "For answers that may be none or several classes: each class against the rest, given from this probability on. Gates "
    "and the metrics above take the most probable class, whatever its probability. "
)


def _types(report: SprintReport, _: Shown) -> list[Part]:
    errors = report.errors
    if errors is None:
        return [Part(title="errors", head=f"### Errors\n\n{NOT_MEASURED}")]
    at = number(report.evaluation.operating_confidence, 2) if report.evaluation else NOT_MEASURED
    priced = any(kind.ap_cost is not None for kind in errors.types)
    task = task_of(report)
    ranked = task is None or task.ranked
    where = f" at confidence ≥ {at}" if ranked else ""
    heading = f"### Errors\n\nOf {code(errors.target, 80)} on the test split{where}."
    if priced:
        heading += (
            " Cost: by how much mAP50, which counts every confidence, would rise if errors of "
            "this kind, and no others, were mended."
        )
    head = table_head(["Error", "What it is", "Count", *(["Costs mAP50"] if priced else [])], numbers=(2,))
    most = max((kind.ap_cost or 0.0 for kind in errors.types), default=0.0)
    rows = tuple(_type_row(kind, most, priced=priced, ranked=ranked) for kind in errors.types)
    return [Part(title="errors", head=f"{heading}\n\n{head}", rows=rows)]


def _type_row(kind: ErrorType, most: float, *, priced: bool, ranked: bool) -> str:
    meaning = _MEANINGS[kind.name] if ranked or kind.name != "classification" else "another class came first"
    cells = [kind.name, meaning, f"{kind.count:,}"]
    if priced:
        share = bar(kind.ap_cost / most if kind.ap_cost is not None and most > 0 else None)
        cells.append(f"{number(kind.ap_cost)} {share}".rstrip())
    return table_row(cells)


def _confusions(report: SprintReport, _: Shown) -> list[Part]:
    if report.errors is None:
        return []
    pairs = top_confusions(report.errors.confusion)
    if not pairs:
        return [Part(title="confusion", head="### Confusion\n\nNothing is confused.")]
    head = table_head(["Truth", "Prediction", "Count", "Share of the truth"], numbers=(2, 3))
    rows = tuple(_confusion_row(pair) for pair in pairs)
    heading = "### Confusion\n\nWhat is most often taken for what."
    return [Part(title="confusion", head=f"{heading}\n\n{head}", rows=rows)]


def _confusion_row(pair: Confusion) -> str:
    # A false detection has no truth that it could be a share of.
    share = "–" if pair.truth_is_background else f"{number(100 * pair.share, 0, ' %')} of {pair.total:,}"
    truth = "*background*" if pair.truth_is_background else markdown(pair.truth, 80)
    prediction = "*missed*" if pair.prediction_is_background else markdown(pair.prediction, 80)
    return table_row([truth, prediction, f"{pair.count:,}", share])


def _operating(report: SprintReport, _: Shown) -> list[Part]:
    errors = report.errors
    if errors is None:
        return []
    point, task = errors.recommended, task_of(report)
    if point is None:
        if task is not None and not task.ranked:
            return []  # its first class counts, whatever the confidence
        head = f"### Operating point\n\n{NOT_MEASURED}"
        return [Part(title="operating point", head=head)]
    head = table_head(["", "Confidence ≥", "Precision", "Recall", "F1"], numbers=(1, 2, 3, 4))
    rows = [_point_row("**recommended** (highest F1)", point)]
    measured = evaluated(report, errors.target)
    ranked = task is not None and task.ranked
    if report.evaluation is not None and measured is not None and ranked:
        rows.append(
            _point_row("the spec's", _current(measured.overall, report.evaluation.operating_confidence))
        )
    note = f"<sub>{'' if ranked else _AGAINST_THE_REST}{_OPTIMISTIC}</sub>"
    whole = Part(
        title="operating point",
        head=f"### Operating point\n\n{head}",
        rows=tuple(rows),
        tail=note,
    )
    return [whole, *_points_per_class(errors.recommended_per_class)]


def _current(metrics: Metrics, confidence: float) -> RecommendedPoint:
    return RecommendedPoint(
        confidence=confidence,
        precision=quality(metrics, "precision"),
        recall=quality(metrics, "recall"),
        f1=quality(metrics, "f1"),
    )


def _point_row(name: str, point: RecommendedPoint) -> str:
    values = [number(value) for value in (point.precision, point.recall, point.f1)]
    return table_row([name, number(point.confidence, 2), *values])


def _points_per_class(points: Mapping[str, RecommendedPoint]) -> list[Part]:
    if not points:
        return []
    rows = [_point_row(markdown(name, 120), point) for name, point in sorted(points.items())]
    cut = len(rows) - FOLDED_ROWS
    more = f" ({cut:,} more in report.json)" if cut > 0 else ""
    head = table_head(["Class", "Confidence ≥", "Precision", "Recall", "F1"], numbers=(1, 2, 3, 4))
    summary = f"The recommended confidence of {count(min(len(rows), FOLDED_ROWS), 'class', 'classes')}{more}"
    title = "operating points per class"
    return [folded(title, summary, head, rows[:FOLDED_ROWS])]


def _calibration(report: SprintReport, _: Shown) -> list[Part]:
    if report.errors is None:
        return []
    text = calibration_words(report.errors.calibration)
    return [Part(title="calibration", head=f"### Calibration\n\n{text}")]


def calibration_words(calibration: Calibration) -> str:
    """The expected calibration error in words; plain text."""
    if calibration.ece is None:
        return NOT_MEASURED
    judged = next(
        (words for limit, words in _ECE_WORDS if calibration.ece < limit), "is not to be believed as it is"
    )
    text = (
        f"Expected calibration error {number(calibration.ece)}: confidence and the share that is right differ by "
        f"{number(100 * calibration.ece, 1)} points on average. Confidence {judged}"
    )
    tendency = _tendency(calibration)
    if calibration.ece < _ECE_WORDS[0][0] or not tendency:
        return f"{text}."
    much = "too high: overconfident" if tendency > 0 else "too low: underconfident"
    return f"{text}, and mostly {much}."


def _tendency(calibration: Calibration) -> float:
    """Mean confidence minus the share that is right."""
    bins = [part for part in calibration.bins if part.confidence is not None and part.accuracy is not None]
    return sum(part.count * ((part.confidence or 0.0) - (part.accuracy or 0.0)) for part in bins)


def _draw_confusion(report: SprintReport) -> Picture:
    if report.errors is None:
        raise ValueError("nothing was analysed")
    whole = report.errors.confusion
    matrix = most_confused(whole)
    background = background_index(matrix)
    classes = len(whole.labels) - (background is not None)
    which = f", the {SHOWN_CLASSES} most confused of {classes} classes" if classes > SHOWN_CLASSES else ""
    return plotting_errors.confusion(
        f"Confusion matrix{which}",
        [plain(name, 18) for name in matrix.labels],
        matrix.counts,
        [row != background for row in range(len(matrix.labels))],
    )


def _draw_f1_confidence(report: SprintReport) -> Picture:
    curves = [curve for curve in report.confidence_curves if curve.confidence][:_MOST_CURVES]
    lines = [
        Curve(label=plain(curve.name, 32), x=curve.confidence, y=curve.f1, color=i)
        for i, curve in enumerate(curves)
    ]
    marks = []
    if report.errors is not None and report.errors.recommended is not None:
        best = report.errors.recommended.confidence
        marks.append(CurveMark(label=f"recommended {best:.2f}", x=best))
    task = task_of(report)
    if report.evaluation is not None and task is not None and task.ranked:
        current = report.evaluation.operating_confidence
        marks.append(CurveMark(label=f"the spec's {current:.2f}", x=current, faint=True))
    return plotting.unit_square("F1 over confidence", lines, "confidence", "F1", marks)


def _draw_precision_recall(report: SprintReport) -> Picture:
    curves = [curve for curve in report.precision_recall if curve.recall]
    lines: Sequence[Curve] = [
        Curve(
            label=plain(curve.name, 32),
            x=curve.recall,
            y=curve.precision,
            color=i,
            dashed=i >= len(SERIES),
        )
        for i, curve in enumerate(curves[:_MOST_CURVES])
    ]
    task = task_of(report)
    at = " at similarity 0.5" if task is None or task.ranked else ""
    return plotting.unit_square(f"Precision over recall{at}", lines, "recall", "precision")


def _draw_calibration(report: SprintReport) -> Picture:
    if report.errors is None:
        raise ValueError("nothing was analysed")
    calibration = report.errors.calibration
    bins = [
        ConfidenceBin(
            low=part.low, high=part.high, count=part.count, confidence=part.confidence, accuracy=part.accuracy
        )
        for part in calibration.bins
        if part.count and part.confidence is not None and part.accuracy is not None
    ]
    error = f" (expected calibration error {calibration.ece:.3f})" if calibration.ece is not None else ""
    return plotting_errors.reliability(f"Reliability{error}", bins)


FOLD = Fold(line=lambda report: "Errors, confusion, operating point, calibration")
ERRORS = Section(parts=_types, fold=FOLD)
CONFUSION = Section(
    parts=_confusions,
    fold=FOLD,
    plots=(
        Plot(
            name="confusion",
            shows="Confusion matrix",
            there=lambda report: (
                report.errors is not None and any(any(row) for row in report.errors.confusion.counts)
            ),
            draw=_draw_confusion,
        ),
    ),
)
OPERATING = Section(
    parts=_operating,
    fold=FOLD,
    plots=(
        Plot(
            name="f1_confidence",
            shows="F1 over confidence",
            there=lambda report: any(curve.confidence for curve in report.confidence_curves),
            draw=_draw_f1_confidence,
        ),
        Plot(
            name="precision_recall",
            shows="Precision over recall",
            there=lambda report: any(curve.recall for curve in report.precision_recall),
            draw=_draw_precision_recall,
        ),
    ),
)
CALIBRATION = Section(
    parts=_calibration,
    fold=FOLD,
    plots=(
        Plot(
            name="calibration",
            shows="Reliability: how often each confidence is right",
            there=lambda report: (
                report.errors is not None and any(part.count for part in report.errors.calibration.bins)
            ),
            draw=_draw_calibration,
        ),
    ),
)
