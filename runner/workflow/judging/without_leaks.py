"""The same gates, asked of the test images that did not leak: would the verdict be another?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from msgspec import UNSET, UnsetType, structs

from runner.domain.evaluation import Interval
from runner.domain.verdict import WithoutLeaks
from runner.gates.evidence import Cell, Evidence, sample
from runner.gates.judge import WrittenGate, judge
from runner.record.catalogue import OUTCOMES_FOLDER


def without_leaks(folder: Path, gates: Sequence[WrittenGate], evidence: Evidence) -> WithoutLeaks | UnsetType:
    """What the gates say of the other test images; unset where none leaked, and where all did.

    Args:
        folder: the sprint's, with what each resample gave on those images.
        gates: as they judged.
        evidence: what they judged.

    Raises:
        FlywheelError: the samples cannot be read.
    """
    from runner.assessment.leaks import SAMPLES_FILE
    from runner.assessment.samples import read_samples

    leaks = evidence.evaluation.leaks
    if isinstance(leaks, UnsetType) or not leaks.targets:
        return UNSET
    others = structs.replace(
        evidence.evaluation, targets=leaks.targets, champion=leaks.champion, left_out=leaks.left_out
    )
    samples = read_samples(folder / OUTCOMES_FOLDER.name / SAMPLES_FILE)
    beside = structs.replace(evidence, evaluation=others, samples=samples)
    verdict = judge(gates, beside)
    inflation, ends = _inflation(evidence, beside)
    return WithoutLeaks(
        outcome=verdict.outcome,
        gates=verdict.gates,
        optimizing_value=verdict.optimizing_value,
        optimizing_interval=verdict.optimizing_interval,
        inflation=inflation,
        inflation_interval=ends,
    )


def _inflation(evidence: Evidence, others: Evidence) -> tuple[float | None, Interval | None]:
    """By how much the optimizing metric is higher with the leaked images; its interval, of this number alone."""
    from runner.evaluation.inflation import inflated
    from runner.evaluation.intervals import interval

    metric, cell = evidence.evaluation.optimizing, Cell(target=evidence.primary_target)
    every, left = sample(evidence, metric, cell), sample(others, metric, cell)
    if every is None or left is None:
        return None, None
    leaks = evidence.evaluation.leaks
    leaked = 0 if isinstance(leaks, UnsetType) else leaks.groups
    higher = inflated(every, left, leaked)
    resampling = evidence.evaluation.resampling
    ends = interval(higher, resampling.level) if resampling is not None else None
    return higher.estimate, Interval(low=ends[0], high=ends[1]) if ends else None
