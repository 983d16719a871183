"""A gate, and the numbers it judges, as a reviewer reads them."""

from __future__ import annotations

from runner.domain.evaluation import QUALITY_METRICS
from runner.gates.gate import Gate

UNITS = {
    "latency_p50_ms": " ms",
    "latency_p95_ms": " ms",
    "latency_p99_ms": " ms",
    "throughput_ips": " images/s",
    "size_mb": " MB",
    "peak_memory_mb": " MB",
    "duration_min": " min",
}


def describe(gate: Gate) -> str:
    """The whole gate as one phrase: what it demands, and where.

    Example:
        >>> describe(Gate(metric="recall", min=0.7, slice="dark"))
        'recall ≥ 0.70 on slice dark'
        >>> describe(Gate(metric="map50_95", max_drop=0.02, against="champion"))
        'map50_95 drop ≤ 0.02 vs champion'
    """
    return " ".join([demand(gate), *_scope(gate)])


def demand(gate: Gate) -> str:
    """What the gate demands, without where.

    Example:
        >>> demand(Gate(metric="latency_p95_ms", max=12, target="onnx-fp32"))
        'latency_p95_ms ≤ 12'
    """
    sign, value, comparison = rule(gate)
    versus = f" vs {gate.against}" if comparison else ""
    return f"{gate.metric}{comparison} {sign} {threshold(value)}{versus}"


def rule(gate: Gate) -> tuple[str, float, str]:
    """The sign, the threshold, and " drop" or " gain" where the gate compares with a reference."""
    if gate.min is not None:
        return "≥", gate.min, ""
    if gate.max is not None:
        return "≤", gate.max, ""
    if gate.max_drop is not None:
        return "≤", gate.max_drop, " drop"
    if gate.min_gain is not None:
        return "≥", gate.min_gain, " gain"
    raise ValueError(f"a gate on {gate.metric} without a threshold: the schema refuses it")


def _scope(gate: Gate) -> list[str]:
    slices = {None: [], "*": ["on every slice"]}.get(gate.slice, [f"on slice {gate.slice}"])
    classes = {None: [], "*": ["for every class"]}.get(gate.class_name, [f"for class {gate.class_name}"])
    targets = {None: [], "*": ["for every target"]}.get(gate.target, [f"for {gate.target}"])
    return [*slices, *classes, *targets]


def threshold(value: float) -> str:
    """At least two decimals below 1, as many as were written otherwise.

    Example:
        >>> threshold(0.7), threshold(0.005), threshold(12.0)
        ('0.70', '0.005', '12')
    """
    short = f"{value:.15g}"
    return f"{value:.2f}" if value < 1 and len(short) < 4 and "e" not in short else short


def amount(metric: str, value: float, *, beside: float | None = None) -> str:
    """A measured value with its unit, with as many decimals as tell it from the threshold beside it.

    Example:
        >>> amount("recall", 0.41), amount("recall", 0.6996, beside=0.7), amount("latency_p95_ms", 8.0)
        ('0.410', '0.6996', '8.00 ms')
    """
    decimals = telling_decimals(value, beside, at_least=3 if metric in QUALITY_METRICS else 2)
    return f"{value:.{decimals}f}{UNITS.get(metric, '')}"


def telling_decimals(value: float, beside: float | None, *, at_least: int) -> int:
    """How many decimals, up to 9, tell a value from the one beside it.

    Example:
        >>> telling_decimals(0.6996, 0.7, at_least=3), telling_decimals(0.5, None, at_least=3)
        (4, 3)
    """
    decimals = at_least
    if beside is not None and value != beside:
        while decimals < 9 and f"{value:.{decimals}f}" == f"{beside:.{decimals}f}":
            decimals += 1
    return decimals
