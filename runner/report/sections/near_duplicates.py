"""What is the number worth without near-duplicates? In records of before there was `leakage`, which tells of more."""

from __future__ import annotations

from msgspec import UnsetType

from runner.domain.evaluation import Metrics, NearDuplicates
from runner.domain.verdict import GateResult, Outcome
from runner.record.report import SprintReport
from runner.report.escape import code, markdown, plain
from runner.report.sections.leakage import leaks_of
from runner.report.sections.part import Part, table_head, table_row
from runner.report.sections.section import UNSURE, Section, Shown
from runner.report.tables import judged, optimizing
from runner.report.wording import count, label, number, quality, spread


def sentence(report: SprintReport) -> str:
    """How many test images nearly repeat others, and the optimizing metric without them; plain text, empty where none does."""
    near = _near(report)
    measured = judged(report)
    if leaks_of(report) is not None:  # `leakage` tells of these too
        return ""
    if report.failure is not None or near is None or not near.images or measured is None:
        return ""
    repeat = "nearly repeats an image" if near.images == 1 else "nearly repeat images"
    of = f"{near.images:,} of {count(measured.overall.images, 'test image')} {repeat} of train or val"
    metric = optimizing(report)
    value = quality(near.without, metric)
    if near.without is None or value is None:
        return f"{of}: nothing can be measured without them."
    interval = near.without.intervals.get(metric)
    sure = f" ({spread(interval)})" if interval else ""
    return f"{of}; without them {label(metric)} is {number(value)}{sure}{_verdict(report, near.without)}."


def _near(report: SprintReport) -> NearDuplicates | None:
    found = report.evaluation.near_duplicates if report.evaluation else None
    return None if isinstance(found, UnsetType) else found


def _parts(report: SprintReport, _: Shown) -> list[Part]:
    """The pairs, and every metric on all test images beside those without near-duplicates."""
    near = _near(report)
    said, measured = sentence(report), judged(report)
    if near is None or measured is None or not said:
        return []
    head = f"### Near-duplicates across splits\n\n{markdown(said, 700)}\n\n{table_head(['test image', 'nearly the same', 'split', 'bits'], numbers=[3])}"
    rows = tuple(
        table_row(
            [code(pair.path, 80), code(pair.near_path, 80), markdown(pair.near_split, 20), str(pair.distance)]
        )
        for pair in near.pairs
    )
    return [Part(title="near-duplicates", head=head, rows=rows)]


def _verdict(report: SprintReport, without: Metrics) -> str:
    """Which gates that pass on all images would not, by the interval of their metric on the others alone."""
    passed = [gate for gate in report.verdict.gates if gate.outcome is Outcome.PASS] if report.verdict else []
    open_ = [plain(gate.gate, 120) for gate in passed if _is_open(gate, without, report.primary_target)]
    return f", and {', '.join(open_)} would not pass on those alone" if open_ else ""


def _is_open(gate: GateResult, without: Metrics, target: str) -> bool:
    interval = without.intervals.get(gate.metric)
    everywhere = gate.slice is None and gate.class_name is None and gate.reference is None
    if not everywhere or gate.target != target or interval is None or gate.decided_by != "interval":
        return False
    return "≥" in gate.gate and interval.low < gate.threshold


NEAR_DUPLICATES = Section(parts=_parts, fold=UNSURE)
