"""Test images that the model may know from training: which they are, and how good it is on the others."""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np

from runner.assessment.cells import Draws, SeedDeviations, assess_target
from runner.assessment.split import TestSplit
from runner.dataset.near_duplicates import THUMBNAILS, leaks
from runner.domain.evaluation import NearDuplicates, NearPair
from runner.domain.records import JUDGED
from runner.evaluation.measurable import Measurable
from runner.evaluation.slices import ImageSlice
from runner.record.catalogue import INDEX_FOLDER

NAME = "without near-duplicates"
MOST_PAIRS = 50


def near_duplicates(
    sprint: Path, split: TestSplit, distance: int
) -> tuple[NearDuplicates | None, ImageSlice | None]:
    """The test images that nearly repeat one of train or val, and the others as a slice, where there are both.

    None where an earlier version made the index: it kept no thumbnails.

    Args:
        sprint: its folder, with `index` and `selection`.
        split: the test images.
        distance: largest number of bits in which hashes may differ.
    """
    if not (sprint / INDEX_FOLDER.name / THUMBNAILS).is_file():
        return None, None
    pairs = [
        NearPair(path=leak.path, near_path=leak.near_path, near_split=leak.near_split, distance=leak.distance)
        for leak in leaks(sprint, distance=distance)
        if leak.split == JUDGED
    ]
    record = NearDuplicates(distance=distance, images=len(pairs), pairs=pairs[:MOST_PAIRS])
    known = {pair.path for pair in pairs}
    others = np.array([path not in known for path in split.images["path"].tolist()], np.bool_)
    if not pairs or not others.any():
        return record, None
    return record, ImageSlice(name=NAME, condition=f"no near-duplicate within {distance} bits", images=others)


def measured_on_others(
    record: NearDuplicates,
    others: ImageSlice,
    target: str,
    measurable: Measurable,
    draws: Draws,
    classes: list[str],
    seeds: SeedDeviations,
) -> NearDuplicates:
    """The record with the quality of one artefact on the images that nothing is known of."""
    assessed = assess_target(
        target, measurable, [(others, None)], draws, classes=classes, slice_classes=frozenset(), seeds=seeds
    )
    return msgspec.structs.replace(record, without=assessed.evaluation.slices[0].overall)
