"""What is measured again without the test images that leaked from train or val."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from msgspec import UnsetType, structs

from runner.checks.data_rules import FRAME_CORRELATION
from runner.domain.evaluation import Leaks
from runner.stages.measuring import Measuring


def without_leaks(measuring: Measuring, outcomes: Path) -> Leaks | None:
    """Everything measured again on the test images that did not leak; None where none leaked.

    Args:
        measuring: of all test images.
        outcomes: where the pairs and the samples are written.
    """
    from runner.assessment.leaks import (
        PAIRS_FILE,
        SAMPLES_FILE,
        leaked_images,
        leaks_record,
        left_images,
        write_pairs,
    )
    from runner.assessment.samples import write_samples

    params = measuring.params
    told, distance = params.frame_correlation, params.near_duplicate_distance
    least = FRAME_CORRELATION if isinstance(told, UnsetType) else told
    leaked = leaked_images(measuring.folder, distance=distance, frame_correlation=least)
    if not leaked:
        return None
    write_pairs(outcomes / PAIRS_FILE, leaked)
    left = left_images(measuring.split, leaked)
    record = leaks_record(leaked, left, measuring.split.groups)
    if not left.any():
        return record
    others, names = replace(measuring, images=left), [*measuring.seeds, *params.targets]
    assessed, deviations = others.assessed(names, (), lambda: None)
    samples = [sample for each in assessed.values() for sample in each.samples]
    compared = others.compared(assessed, deviations, ()) if params.champion else None
    write_samples(outcomes / SAMPLES_FILE, [*samples, *(compared[1] if compared else [])])
    return structs.replace(
        record,
        targets=[assessed[name].evaluation for name in params.targets],
        champion=compared[0] if compared else None,
        left_out=assessed[params.primary_target].left_out,
    )
