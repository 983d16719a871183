"""One artefact in every part of the test split, with intervals, from one pass of matching."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.domain.evaluation import FoundSlice, Interval, Metrics, SliceMetrics, TargetEvaluation
from runner.evaluation.intervals import Sample, interval
from runner.evaluation.measurable import Measurable
from runner.evaluation.slices import ImageSlice, ObjectSlice

Part: TypeAlias = ImageSlice | ObjectSlice
SeedDeviations: TypeAlias = Mapping[tuple[str | None, str | None, str], tuple[float, ...]]
"""By slice, class and metric: how far each further training seed's torch model is from the first's."""

NO_SEEDS: SeedDeviations = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Draws:
    """What intervals rest on.

    Attributes:
        groups: `(I,)` int, the group of each image.
        multiplicities: `(B, I)` uint8, how often each image is in each bootstrap resample; B may be 0.
        level: the confidence level of a single interval.
    """

    groups: NDArray[np.int64]
    multiplicities: NDArray[np.uint8]
    level: float

    def none(self) -> Draws:
        """The same without resamples: for what is shown as points."""
        return replace(self, multiplicities=self.multiplicities[:0])


@dataclass(frozen=True, kw_only=True)
class CellSample:
    """One number with what its resamples gave: a row of outcomes/resamples.parquet.

    Attributes:
        slice: None for all images. `class_name`: None for all classes.
        replicates: `(B,)` float64, NaN where a resample could not be measured.
        groups: how many groups the number rests on.
    """

    target: str
    slice: str | None
    class_name: str | None
    metric: str
    estimate: float
    groups: int
    replicates: NDArray[np.float64]

    @property
    def place(self) -> tuple[str | None, str | None, str]:
        """Slice, class and metric."""
        return self.slice, self.class_name, self.metric

    def sample(self, seeds: SeedDeviations = NO_SEEDS) -> Sample:
        """For statistics, with what the further training seeds would have reached in the same cell."""
        reached = tuple(self.estimate + deviation for deviation in seeds.get(self.place, ()))
        return Sample(estimate=self.estimate, replicates=self.replicates, groups=self.groups, seeds=reached)


def seed_deviations(seeds: Iterable[CellSample], reference: Iterable[CellSample]) -> SeedDeviations:
    """From the samples of the further seeds' torch models, and of the first's.

    A seed that measured a cell which the first could not is left out there.
    """
    first = {sample.place: sample.estimate for sample in reference}
    found: dict[tuple[str | None, str | None, str], tuple[float, ...]] = {}
    for sample in seeds:
        if sample.place in first:
            deviation = sample.estimate - first[sample.place]
            found[sample.place] = (*found.get(sample.place, ()), deviation)
    return found


@dataclass(frozen=True, kw_only=True)
class AssessedTarget:
    """One artefact's records, and the samples behind them."""

    evaluation: TargetEvaluation
    samples: list[CellSample]


def assess_target(
    target: str,
    measurable: Measurable,
    parts: Sequence[tuple[Part, FoundSlice | None]],
    draws: Draws,
    *,
    classes: Sequence[str],
    slice_classes: frozenset[str],
    judged_classes: frozenset[str] = frozenset(),
    seeds: SeedDeviations = NO_SEEDS,
) -> AssessedTarget:
    """Measures one artefact on all images and on every slice.

    Samples are kept of every metric of all images and of every slice; of single classes on all images, and within
    slices for `judged_classes` only: with many classes and slices there would be more of them than anyone judges.
    The spread over training seeds is part of the intervals.

    Args:
        target: the artefact's name.
        measurable: its predictions, matched.
        parts: slices; found ones with what the search said of them.
        draws: resamples.
        classes: the project's, in order.
        slice_classes: which of them are recorded within slices as well.
        judged_classes: which of them gates name within slices.
        seeds: how far the further training seeds are from the first.
    """
    assessor = _Assessor(target=target, classes=classes, draws=draws, seeds=seeds)
    everywhere = np.ones(measurable.n_images, dtype=bool)
    whole = assessor.measure(measurable, everywhere, None)
    every = frozenset(classes)
    overall, per_class = whole.metrics(every, recorded=every)
    samples = list(whole.samples(every))
    slices = []
    for part, found in parts:
        if isinstance(part, ImageSlice):
            cells = assessor.measure(measurable, part.images, part.name)
        else:
            cells = assessor.measure(measurable.restricted(part), everywhere, part.name, of_objects=True)
        inside, inside_per_class = cells.metrics(judged_classes, recorded=slice_classes | judged_classes)
        samples += cells.samples(judged_classes)
        slices.append(
            SliceMetrics(
                name=part.name,
                kind="images" if isinstance(part, ImageSlice) else "objects",
                condition=part.condition,
                overall=inside,
                per_class=inside_per_class,
                found=found,
            )
        )
    evaluation = TargetEvaluation(target=target, overall=overall, per_class=per_class, slices=slices)
    return AssessedTarget(evaluation=evaluation, samples=samples)


@dataclass(frozen=True, kw_only=True)
class _Assessor:
    """What stays the same over all parts of one artefact."""

    target: str
    classes: Sequence[str]
    draws: Draws
    seeds: SeedDeviations

    def measure(
        self,
        measurable: Measurable,
        inside: NDArray[np.bool_],
        slice_name: str | None,
        *,
        of_objects: bool = False,
    ) -> _Cells:
        """The estimate and every resample of one part, measured together.

        The images of a part `of_objects` are those that hold such objects.
        """
        mask = inside.astype(np.uint8)
        measures = measurable.measure(np.concatenate([mask[None], self.draws.multiplicities * mask]))
        holding = measurable.holding(mask)
        return _Cells(
            assessor=self,
            slice_name=slice_name,
            metric_names=measurable.metrics,
            inside=holding[-1] if of_objects else inside,
            holding=holding,
            values=measures.values,
            objects=measures.objects[0],
        )


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """One part of the split: all classes together (the last row), and each class.

    Attributes:
        inside: `(I,)` the part's images. `holding`: `(K + 1, I)` those with objects that count.
        values: `(1 + B, K + 1, M)`, the estimate first. `objects`: `(K + 1,)`.
    """

    assessor: _Assessor
    slice_name: str | None
    metric_names: tuple[str, ...]
    inside: NDArray[np.bool_]
    holding: NDArray[np.bool_]
    values: NDArray[np.float64]
    objects: NDArray[np.float64]

    def metrics(
        self, with_intervals: frozenset[str], *, recorded: frozenset[str]
    ) -> tuple[Metrics, dict[str, Metrics]]:
        """The records, of all classes together and of those `recorded`; a class's images are those that hold it."""
        return self._metrics(-1, self.inside, None), {
            name: self._metrics(row, self.holding[row], name, intervals=name in with_intervals)
            for row, name in enumerate(self.assessor.classes)
            if name in recorded
        }

    def _metrics(
        self, row: int, images: NDArray[np.bool_], class_name: str | None, *, intervals: bool = True
    ) -> Metrics:
        estimates = dict(zip(self.metric_names, self.values[0, row].tolist(), strict=True))
        metrics = Metrics(
            images=int(np.count_nonzero(images)),
            objects=int(self.objects[row]),
            groups=self._groups(images),
            **{name: value for name, value in estimates.items() if not np.isnan(value)},
        )
        if not intervals or len(self.values) == 1:
            return metrics
        level = self.assessor.draws.level
        found = {
            cell.metric: interval(cell.sample(self.assessor.seeds), level)
            for cell in self._samples(row, images, class_name)
        }
        ends = {name: Interval(low=both[0], high=both[1]) for name, both in found.items() if both}
        return msgspec.structs.replace(metrics, intervals=ends)

    def samples(self, classes: frozenset[str]) -> Iterator[CellSample]:
        """What the numbers rest on, of all classes together and of those named."""
        yield from self._samples(-1, self.inside, None)
        for row, name in enumerate(self.assessor.classes):
            if name in classes:
                yield from self._samples(row, self.holding[row], name)

    def _samples(self, row: int, images: NDArray[np.bool_], class_name: str | None) -> Iterator[CellSample]:
        groups = self._groups(images)
        for column, metric in enumerate(self.metric_names):
            estimate = float(self.values[0, row, column])
            if not np.isnan(estimate):
                yield CellSample(
                    target=self.assessor.target,
                    slice=self.slice_name,
                    class_name=class_name,
                    metric=metric,
                    estimate=estimate,
                    groups=groups,
                    replicates=self.values[1:, row, column].copy(),
                )

    def _groups(self, images: NDArray[np.bool_]) -> int:
        return len(np.unique(self.assessor.draws.groups[images]))
