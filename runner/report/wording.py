"""Numbers and names as the report writes them, the same in every locale."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from runner.domain.evaluation import QUALITY_METRICS, Interval, Metrics
from runner.domain.verdict import Outcome
from runner.gates.text import UNITS, telling_decimals
from runner.gates.text import threshold as written

_METRIC = re.compile(r"[a-z0-9_]{1,60}")
NOT_MEASURED = "not measured"
CLAIMS = {
    Outcome.PASS: "confirmed",
    Outcome.FAIL: "refuted",
    Outcome.INCONCLUSIVE: "open: it may be so or not",
    Outcome.NOT_MEASURED: "not measured",
}  # what a test says of the sprint's own claim
FAILED = "✗"
ICONS = {Outcome.PASS: "✓", Outcome.FAIL: "✗", Outcome.INCONCLUSIVE: "◐", Outcome.NOT_MEASURED: "○"}
WORDS = {
    Outcome.PASS: "PASS",
    Outcome.FAIL: "FAIL",
    Outcome.INCONCLUSIVE: "INCONCLUSIVE",
    Outcome.NOT_MEASURED: "NOT MEASURED",
}
_LABELS = {
    "map50_95": "mAP50-95",
    "map50": "mAP50",
    "map75": "mAP75",
    "ar": "AR",
    "precision": "Precision",
    "recall": "Recall",
    "f1": "F1",
    "top1": "Top-1",
    "top5": "Top-5",
    "balanced_accuracy": "Balanced accuracy",
}


def label(metric: str) -> str:
    """The metric's name as the field writes it; a record may hold any text in its place, which is not shown.

    >>> label("map50_95"), label("latency_p99_ms"), label("[x](https://example.org)")
    ('mAP50-95', 'latency_p99_ms', 'an unknown metric')
    """
    return _LABELS.get(metric) or (metric if _METRIC.fullmatch(metric) else "an unknown metric")


def quality(metrics: Metrics | None, metric: str) -> float | None:
    """A quality metric by its name; `None` when there is no such value."""
    if metrics is None or metric not in QUALITY_METRICS:
        return None
    value = getattr(metrics, metric)
    return float(value) if value is not None and math.isfinite(value) else None


def number(value: float | None, decimals: int = 3, unit: str = "") -> str:
    """A fixed-point number, or "not measured".

    >>> number(0.61249), number(None), number(12.34, 1, " ms")
    ('0.612', 'not measured', '12.3 ms')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:.{decimals}f}{unit}"


def change(value: float | None, decimals: int = 3) -> str:
    """A difference with its sign; a dash when there is nothing to compare.

    >>> change(-0.0312), change(0.0), change(None)
    ('−0.031', '0.000', '–')
    """
    if value is None or not math.isfinite(value):
        return "–"
    text = f"{abs(value):.{decimals}f}"
    if not text.strip("0."):
        return text
    return f"{'−' if value < 0 else '+'}{text}"


def spread(interval: Interval, *, signed: bool = False, beside: float | None = None) -> str:
    """An interval's ends, with the decimals that its width deserves, or that tell it from a threshold.

    >>> spread(Interval(low=0.4123, high=0.6511)), spread(Interval(low=0.4123, high=0.4311))
    ('0.41 to 0.65', '0.412 to 0.431')
    >>> spread(Interval(low=-0.0312, high=0.004), signed=True)
    '−0.031 to +0.004'
    """
    least = 2 if interval.high - interval.low >= 0.1 and not signed else 3
    shown = []
    for end in (interval.low, interval.high):
        decimals = telling_decimals(abs(end), beside, at_least=least)
        shown.append(change(end, decimals) if signed else number(end, decimals))
    return " to ".join(shown)


def with_interval(value: float | None, interval: Interval | None) -> str:
    """A value and what it may be.

    >>> with_interval(0.529, Interval(low=0.41, high=0.65)), with_interval(0.529, None), with_interval(None, None)
    ('0.529 (0.41 to 0.65)', '0.529', 'not measured')
    """
    return number(value) if value is None or interval is None else f"{number(value)} ({spread(interval)})"


def changed(difference: float, interval: Interval | None, beside: float | None = None) -> str:
    """A difference and what it may be; `beside` is the amount that is allowed or wanted, without a sign.

    >>> changed(0.023, Interval(low=-0.002, high=0.047)), changed(-0.0204, None, 0.02)
    ('+0.023 (−0.002 to +0.047)', '−0.0204')
    """
    text = change(difference, telling_decimals(abs(difference), beside, at_least=3))
    return f"{text} ({spread(interval, signed=True, beside=beside)})" if interval else text


def percent(share: float) -> str:
    """A confidence level.

    >>> percent(0.95), percent(0.999)
    ('95 %', '99.9 %')
    """
    return f"{100 * share:.10g} %"


def p_value(value: float) -> str:
    """A p-value with the digits that count.

    >>> p_value(0.0321), p_value(0.00004)
    ('0.032', '< 0.001')
    """
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def measured(metric: str, value: float | None, threshold: float | None = None, currency: str = "") -> str:
    """A gate's value with its unit, and with as many decimals as tell it from the threshold.

    >>> measured("recall", 0.6996, 0.7), measured("latency_p95_ms", 8.24), measured("cost", 0.0056, 1, "EUR")
    ('0.6996', '8.24 ms', '0.0056 EUR')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    at_least = 3 if metric in QUALITY_METRICS else 4 if abs(value) < 1 else 2
    decimals = telling_decimals(value, threshold, at_least=at_least)
    return f"{value:.{decimals}f}{_unit(metric, currency)}"


def limit(metric: str, threshold: float, currency: str = "") -> str:
    """A gate's threshold as a person wrote it, with its unit.

    >>> limit("recall", 0.70), limit("latency_p95_ms", 12.0)
    ('0.70', '12 ms')
    """
    return f"{written(threshold)}{_unit(metric, currency)}"


def _unit(metric: str, currency: str) -> str:
    return f" {currency}" if metric == "cost" and currency else UNITS.get(metric, "")


def bar(value: float | None, width: int = 10) -> str:
    """A value in [0, 1] as blocks; a sliver for what is above 0 but less than half a block.

    >>> bar(0.62), bar(0.01), bar(0.0)
    ('▇▇▇▇▇▇', '▏', '')
    """
    if value is None or not math.isfinite(value):
        return ""
    blocks = math.floor(min(max(value, 0.0), 1.0) * width + 0.5)
    return "▇" * blocks if blocks or value <= 0 else "▏"


def duration(seconds: float | None) -> str:
    """A time span in the units that people would use for it.

    >>> duration(0.42), duration(42.4), duration(200), duration(3900)
    ('0.4 s', '42 s', '3 min 20 s', '1 h 05 min')
    """
    if seconds is None or not math.isfinite(seconds):
        return NOT_MEASURED
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = math.floor(seconds + 0.5)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def money(value: float | None, currency: str) -> str:
    """A price; four decimals below 1, where cents would hide it.

    >>> money(0.00312, "EUR"), money(12.5, "EUR"), money(0.0, "EUR")
    ('0.0031 EUR', '12.50 EUR', '0.00 EUR')
    """
    if value is None or not math.isfinite(value):
        return NOT_MEASURED
    return f"{value:.{2 if value >= 1 or value == 0 else 4}f} {currency}"


def count(n: int, noun: str, plural: str = "") -> str:
    """A number and its noun, in the singular or the plural.

    >>> count(1, "image"), count(1200, "image"), count(2, "class", "classes")
    ('1 image', '1,200 images', '2 classes')
    """
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def aligned(rows: Sequence[tuple[str, ...]], *, texts: int = 1) -> list[str]:
    """Rows of cells as lines for a terminal, each column as wide as its widest cell.

    Args:
        texts: how many columns, from the left, hold text; the others hold numbers, and end at the right.

    >>> aligned([("class", "images"), ("one", "12")])
    ['class  images', 'one        12']
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) if place < texts else cell.rjust(width)
            for place, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
