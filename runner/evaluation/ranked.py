"""Detections ranked by score: matched once, measured under any weights of the images."""

from __future__ import annotations

import os
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runner.domain.evaluation import RANKED_MEANS, RANKED_METRICS
from runner.evaluation.average_precision import Curves, accumulate
from runner.evaluation.candidates import MatchCandidates, candidate_pairs
from runner.evaluation.counting import Counting, Rows
from runner.evaluation.lanes import Walk, measure_lanes
from runner.evaluation.matching import EVERY_THRESHOLD, Matches, at_threshold, match
from runner.evaluation.measurable import Measures
from runner.evaluation.problem import Problem
from runner.evaluation.slices import ObjectSlice


class RankedMeasurable:
    """One artefact of a ranked task (detect, segment, pose, obb); a `Measurable`.

    `map50_95`, `map50`, `map75` and `ar` of all classes together are means over the classes that have objects;
    `precision`, `recall` and `f1` of all classes count them together, at similarity 0.5.

    Attributes:
        problem: what was labelled and predicted.
        operating_confidence: score in [0, 1] from which on a detection counts for precision, recall and f1,
            compared in the scores' own precision (a score stored as float32(0.7) reaches 0.7).
        candidates: the pairs that could match.
        matches: what was matched, at all thresholds.
    """

    metrics: tuple[str, ...] = RANKED_METRICS
    means: frozenset[str] = RANKED_MEANS

    def __init__(
        self,
        problem: Problem,
        operating_confidence: float,
        *,
        candidates: MatchCandidates | None = None,
        matches: Matches | None = None,
    ) -> None:
        self.problem = problem
        self.operating_confidence = operating_confidence
        self.candidates = candidate_pairs(problem) if candidates is None else candidates
        self.matches = match(self.candidates) if matches is None else matches

    @property
    def n_images(self) -> int:
        return self.problem.n_images

    @property
    def n_classes(self) -> int:
        return self.problem.n_classes

    def measure(self, weights: NDArray[np.uint8], *, threads: int | None = None) -> Measures:
        """Measures under `(L, I)` weights: how many times each image counts.

        Args:
            weights: `(L, I)` uint8. Cost grows with L in steps of 64, and with the detections on images that
                have a weight in any lane.
            threads: as many as the machine lends by default; the result is the same.

        Raises:
            ValueError: the weights are not `(L, I)`, or not uint8.
        """
        if weights.dtype != np.uint8 or weights.ndim != 2 or weights.shape[1] != self.n_images:
            raise ValueError(f"weights are {weights.dtype} {weights.shape}, not uint8 (L, {self.n_images})")
        values, objects = measure_lanes(self._walk, weights, threads=threads or _processors())
        return Measures(values=values, objects=objects)

    def restricted(self, part: ObjectSlice) -> RankedMeasurable:
        """The same artefact where only the objects of the slice count; the others are ignored.

        The slice is one of all objects, also where this is a restriction already.
        """
        inside = part.holds(self.problem.truths.label)
        matches = match(self.candidates, ignored_truths=~inside, ignored_detections=self._outside(part))
        return RankedMeasurable(
            self.problem, self.operating_confidence, candidates=self.candidates, matches=matches
        )

    def holding(self, weights: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """`(I,)` weights -> `(K + 1, I)` bool: which weighted images hold counting objects of each class, or of any."""
        counted = self.matches.counted
        label, image = self.problem.truths.label[counted], self.problem.truths.image[counted]
        held = np.zeros((self.n_classes + 1, self.n_images), dtype=bool)
        held[label, image] = True
        held[-1] = held[:-1].any(axis=0)
        return held & (weights > 0)

    def counting(self) -> Counting:
        """The objects that count, and the detections that precision counts: at similarity 0.5."""
        candidates, counted = self.candidates, self.matches.counted
        truths = self.problem.truths
        score = candidates.score
        confident = score >= score.dtype.type(self.operating_confidence)
        confident &= ~at_threshold(self.matches.ignored, 0)
        return Counting(
            objects=Rows(label=truths.label[counted], image=truths.image[counted]),
            detections=Rows(label=candidates.label[confident], image=candidates.image[confident]),
        )

    def curves(self, weights: NDArray[np.uint8]) -> Curves:
        """Precision over recall of every class and threshold under `(I,)` weights."""
        return accumulate(self.matches, n_classes=self.n_classes, weights=weights)

    def _outside(self, part: ObjectSlice) -> NDArray[np.bool_]:
        """`(M,)` which detections are ignored when they match nothing; see `ObjectSlice`."""
        truths, detections = self.problem.truths, self.problem.detections
        if part.detections is not None:
            outside = ~part.detections
        else:
            holds = np.zeros(self.n_images, dtype=bool)
            holds[truths.image[part.holds(truths.label) & ~truths.crowd & ~truths.ignored]] = True
            outside = ~holds[detections.image]
        return outside if part.classes is None else outside | ~part.classes[detections.label]

    @cached_property
    def _walk(self) -> Walk:
        candidates, matches, truths = self.candidates, self.matches, self.problem.truths
        # what is ignored at every threshold changes nothing: most detections, in a slice of objects
        rows = np.flatnonzero(matches.ignored != EVERY_THRESHOLD)
        start = np.searchsorted(rows, candidates.class_start)
        score = candidates.score[rows]
        confident = np.append(0, np.cumsum(score >= score.dtype.type(self.operating_confidence)))
        counted = np.flatnonzero(matches.counted)
        counted = counted[np.argsort(truths.label[counted], kind="stable")]
        return Walk(
            image=candidates.image[rows],
            true_positive=matches.true_positive[rows],
            ignored=matches.ignored[rows],
            class_start=start,
            confident=start[:-1] + confident[start[1:]] - confident[start[:-1]],
            truth_image=np.ascontiguousarray(truths.image[counted], dtype=np.int64),
            truth_start=np.searchsorted(truths.label[counted], np.arange(self.n_classes + 1)),
        )


def _processors() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
