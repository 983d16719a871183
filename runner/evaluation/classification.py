"""Classes of whole images, measured under any weights of the images."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from runner.domain.evaluation import CLASSIFY_MEANS, CLASSIFY_METRICS
from runner.evaluation.counting import Counting, Rows
from runner.evaluation.measurable import Measures
from runner.evaluation.problem import Detections, GroundTruths
from runner.evaluation.slices import ObjectSlice

TOP = 5
_LANES_AT_ONCE = 128


@dataclass(frozen=True, kw_only=True)
class Ranking:
    """Where the classes of every image stand by probability.

    Classes of the same probability stand in the order of their numbers, that is of the project's class list.

    Attributes:
        first: `(I,)` int64, the most probable class; -1 for an image without predictions.
        truth: `(I,)` int64, the labelled class; -1 for an image that does not count.
        place: `(I,)` int64, how many classes stand before the labelled one; a class without a row stands
            nowhere, and its place is the number of classes.
    """

    first: NDArray[np.int64]
    truth: NDArray[np.int64]
    place: NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class ClassifiedMeasurable:
    """One artefact's classes of the images (a `Measurable`).

    An image counts when it has exactly one label: with none or several there is no right first class. An image
    that counts but has no predictions is wrong.

    Per class: `top1`, `top5`, `balanced_accuracy` and `recall` are over the images of that class (so that
    `top1`, `balanced_accuracy` and `recall` are one number); `precision` is not measured for a class that is
    never the first; recall, f1 and the others are not for one that no image shows.

    All classes: `top1` and `top5` are over images; `precision`, `recall` and `f1` are macro averages, and
    `balanced_accuracy` the mean recall, over the classes that images of weight above 0 show (the truth decides,
    not the predictions). A shown class that is never the first adds a precision of 0. With five classes or fewer
    `top5` is 1 wherever there are predictions.

    Attributes:
        truths: the labels, one row each.
        detections: one row per image and class; the score is the class's probability. Classes left out count as
            less probable than all others.
        n_images: I.
        n_classes: K.

    Source: scikit-learn's `precision_recall_fscore_support`, `balanced_accuracy_score` and
    `top_k_accuracy_score`, with `sample_weight`, `labels` those that occur, and `zero_division=0`.
    """

    truths: GroundTruths
    detections: Detections
    n_images: int
    n_classes: int

    @property
    def metrics(self) -> tuple[str, ...]:
        """See `records.Metrics`."""
        return CLASSIFY_METRICS

    @property
    def means(self) -> frozenset[str]:
        """See `Measurable`."""
        return CLASSIFY_MEANS

    @cached_property
    def ranking(self) -> Ranking:
        """The order of classes, found once."""
        found = self.detections
        order = np.lexsort((found.label, -found.score.astype(np.float64), found.image))
        image, label = found.image[order], found.label[order]
        images, start = np.unique(image, return_index=True)
        first = np.full(self.n_images, -1, dtype=np.int64)
        first[images] = label[start]
        truth = _only_label(self.truths, self.n_images)
        place = np.full(self.n_images, self.n_classes, dtype=np.int64)
        of_truth = np.flatnonzero(label == truth[image])[::-1]  # the first of several rows is written last
        begin = np.searchsorted(image, image[of_truth], side="left")
        place[image[of_truth]] = of_truth - begin
        return Ranking(first=first, truth=truth, place=place)

    def measure(self, weights: NDArray[np.uint8]) -> Measures:
        """Measures under `(L, n_images)` weights: how many times each image counts."""
        parts = [
            self._measure(weights[start : start + _LANES_AT_ONCE])
            for start in range(0, len(weights), _LANES_AT_ONCE)
        ]
        shape = (0, self.n_classes + 1)
        return Measures(
            values=np.concatenate([np.empty((*shape, len(self.metrics))), *(part.values for part in parts)]),
            objects=np.concatenate([np.empty(shape), *(part.objects for part in parts)]),
        )

    def restricted(self, part: ObjectSlice) -> ClassifiedMeasurable:
        """The same artefact on the images whose label lies inside the slice."""
        return replace(
            self, truths=replace(self.truths, ignored=self.truths.ignored | ~part.holds(self.truths.label))
        )

    def holding(self, weights: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """`(K + 1, n_images)` which images of weight `(n_images,)` show each class, or any."""
        truth = self.ranking.truth
        counts = (weights > 0) & (truth >= 0)
        each = (truth == np.arange(self.n_classes)[:, None]) & counts
        return np.concatenate([each, counts[None]])

    def counting(self) -> Counting:
        """Of the images that count: the labelled class, and the first one."""
        counts = self.ranking.truth >= 0
        named = counts & (self.ranking.first >= 0)
        return Counting(
            objects=Rows(label=self.ranking.truth[counts], image=np.flatnonzero(counts)),
            detections=Rows(label=self.ranking.first[named], image=np.flatnonzero(named)),
        )

    def _measure(self, weights: NDArray[np.uint8]) -> Measures:
        ranking = self.ranking
        counts = ranking.truth >= 0
        n = self.n_classes
        right = counts & (ranking.first == ranking.truth)
        among = counts & (ranking.place < min(TOP, n))
        shown = _sums(weights, ranking.truth, counts, n)
        named = _sums(weights, ranking.first, counts & (ranking.first >= 0), n)
        hits = _sums(weights, ranking.truth, right, n)
        top5 = _sums(weights, ranking.truth, among, n)
        recall = _ratio(hits, shown)
        precision = _ratio(hits, named)
        f1 = np.where(shown > 0, _ratio(2 * hits, shown + named), np.nan)
        each = np.stack([recall, _ratio(top5, shown), recall, precision, recall, f1], axis=-1)
        total = shown.sum(axis=1)
        together = np.stack(
            [
                _ratio(hits.sum(axis=1), total),
                _ratio(top5.sum(axis=1), total),
                _macro(recall, shown),
                _macro(precision, shown),
                _macro(recall, shown),
                _macro(f1, shown),
            ],
            axis=-1,
        )
        return Measures(
            values=np.concatenate([each, together[:, None]], axis=1),
            objects=np.concatenate([shown, total[:, None]], axis=1),
        )


def _only_label(truths: GroundTruths, n_images: int) -> NDArray[np.int64]:
    """`(I,)` the class of images with exactly one label, that counts; else -1."""
    labels = np.bincount(truths.image, minlength=n_images)
    chosen = (labels[truths.image] == 1) & ~truths.ignored & ~truths.crowd
    result = np.full(n_images, -1, dtype=np.int64)
    result[truths.image[chosen]] = truths.label[chosen]
    return result


def _sums(
    weights: NDArray[np.uint8], label: NDArray[np.int64], chosen: NDArray[np.bool_], n_classes: int
) -> NDArray[np.float64]:
    """`(L, K)` sums of the weights `(L, I)` of the chosen images, by their label `(I,)`."""
    images = np.flatnonzero(chosen)
    images = images[np.argsort(label[images], kind="stable")]
    result = np.zeros((len(weights), n_classes))
    if len(images):
        classes, start = np.unique(label[images], return_index=True)
        result[:, classes] = np.add.reduceat(weights[:, images], start, axis=1, dtype=np.int64)
    return result


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(part, whole, out=np.full_like(part, np.nan), where=whole > 0)


def _macro(values: NDArray[np.float64], shown: NDArray[np.float64]) -> NDArray[np.float64]:
    """`(L,)` means of `(L, K)` over the classes that occur; what such a class lacks is 0."""
    occurs = shown > 0
    return _ratio(np.where(occurs, np.nan_to_num(values), 0.0).sum(axis=1), occurs.sum(axis=1).astype(float))
