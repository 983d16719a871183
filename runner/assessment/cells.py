"""One artefact in every part of the test split, with intervals, from one pass of matching."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from types import MappingProxyType
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from runner.domain.evaluation import FoundSlice, Interval, LeftOut, Metrics, SliceMetrics, TargetEvaluation
from runner.evaluation.certainty import Certainty, certainty, grid_error
from runner.evaluation.counting import KINDS, Counts, GroupCounts, counts_of, group_counts
from runner.evaluation.intervals import Sample, interval
from runner.evaluation.judged import FEWEST_GROUPS, judged_classes, mean_over
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
        estimate: of a mean over classes, without those that are left out (`runner.evaluation.judged`).
        replicates: `(B,)` float64, NaN where a resample could not be measured.
        groups: how many groups hold something that the number counts.
        certainty: what else is known of its spread; None where that is all.
    """

    target: str
    slice: str | None
    class_name: str | None
    metric: str
    estimate: float
    groups: int
    replicates: NDArray[np.float64]
    certainty: Certainty | None = None

    @property
    def place(self) -> tuple[str | None, str | None, str]:
        """Slice, class and metric."""
        return self.slice, self.class_name, self.metric

    def sample(self, seeds: SeedDeviations = NO_SEEDS) -> Sample:
        """For statistics, with what the further training seeds would have reached in the same cell."""
        reached = tuple(self.estimate + deviation for deviation in seeds.get(self.place, ()))
        found = Sample(estimate=self.estimate, replicates=self.replicates, groups=self.groups, seeds=reached)
        return self.certainty.applied(found) if self.certainty is not None else found


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
    """One artefact's records, and the samples behind them.

    `left_out` is the same for every artefact: the labels decide.
    """

    evaluation: TargetEvaluation
    samples: list[CellSample]
    left_out: list[LeftOut]


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
    within: ObjectSlice | None = None,
    images: NDArray[np.bool_] | None = None,
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
        within: what counts at all, on all images and in every part: its `classes` narrow the slices too.
        images: `(I,)` which of them are measured on, in every part; all when None.
    """
    assessor = _Assessor(target=target, classes=classes, draws=draws, seeds=seeds)
    everywhere = np.ones(measurable.n_images, dtype=bool) if images is None else images
    counted = measurable if within is None else measurable.restricted(within)
    whole = assessor.measure(counted, everywhere, None)
    every = frozenset(classes)
    overall, per_class = whole.metrics(every, recorded=every)
    samples = list(whole.samples(every))
    measured, slices = [whole], []
    for part, found in parts:
        if isinstance(part, ImageSlice):
            cells = assessor.measure(counted, part.images & everywhere, part.name)
        else:
            narrowed = part if within is None else replace(part, classes=within.classes)
            cells = assessor.measure(measurable.restricted(narrowed), everywhere, part.name, of_objects=True)
        inside, inside_per_class = cells.metrics(judged_classes, recorded=slice_classes | judged_classes)
        samples += cells.samples(judged_classes)
        measured.append(cells)
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
    left_out = [cells.left_out for cells in measured if cells.left_out.classes]
    return AssessedTarget(evaluation=evaluation, samples=samples, left_out=left_out)


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
        counting = measurable.counting().on(inside)
        counts = {
            what: group_counts(counting.rows(what), self.draws.groups, measurable.n_classes) for what in KINDS
        }
        cells = _Cells(
            assessor=self,
            slice_name=slice_name,
            metric_names=measurable.metrics,
            means=measurable.means,
            inside=holding[-1] if of_objects else inside,
            holding=holding,
            counts=counts,
            values=measures.values,
            objects=measures.objects[0],
        )
        return cells.judging(measures.objects[:, :-1])


@dataclass(frozen=True, kw_only=True)
class _Cells:
    """One part of the split: all classes together (the last row), and each class.

    Attributes:
        inside: `(I,)` the part's images. `holding`: `(K + 1, I)` those with objects that count.
        means: the metrics that are means over classes in the last row.
        counts: the groups that hold objects, detections, or either.
        values: `(1 + B, K + 1, M)`, the estimate first. `objects`: `(K + 1,)`.
        judged: `(1 + B, M)` all classes together as judged; the last row of `values` where no class is left out.
    """

    assessor: _Assessor
    slice_name: str | None
    metric_names: tuple[str, ...]
    means: frozenset[str]
    inside: NDArray[np.bool_]
    holding: NDArray[np.bool_]
    counts: Mapping[Counts, GroupCounts]
    values: NDArray[np.float64]
    objects: NDArray[np.float64]
    judged: NDArray[np.float64] | None = None

    @property
    def left_out(self) -> LeftOut:
        """The classes with objects that judged means leave out."""
        classes = self.assessor.classes
        groups = self._class_groups
        few = np.flatnonzero((groups > 0) & ~judged_classes(groups))
        return LeftOut(
            slice=self.slice_name, classes={classes[row]: int(groups[row]) for row in few.tolist()}
        )

    def judging(self, objects: NDArray[np.float64]) -> _Cells:
        """The same with its judged means; `objects` are `(1 + B, K)` of each weighting."""
        judged = self.values[:, -1]
        if self.left_out.classes:
            of_means = [metric in self.means for metric in self.metric_names]
            known = judged_classes(self._class_groups)
            means = mean_over(self.values[:, :-1, of_means], objects, known)
            judged = judged.copy()
            judged[:, of_means] = means
        return replace(self, judged=judged)

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
        groups = {metric: self._groups(row, metric) for metric in self.metric_names}
        held = int(self.counts["objects"].groups[row])
        cells = self._together if class_name is None else list(self._samples(row, class_name))
        metrics = Metrics(
            images=int(np.count_nonzero(images)),
            objects=int(self.objects[row]),
            groups=held,
            groups_of={metric: number for metric, number in groups.items() if number != held},
            judged=self._judged(cells),
            **{name: value for name, value in estimates.items() if not np.isnan(value)},
        )
        if not intervals or len(self.values) == 1:
            return metrics
        level = self.assessor.draws.level
        found = {cell.metric: interval(cell.sample(self.assessor.seeds), level) for cell in cells}
        ends = {name: Interval(low=both[0], high=both[1]) for name, both in found.items() if both}
        return msgspec.structs.replace(metrics, intervals=ends)

    def samples(self, classes: frozenset[str]) -> Iterator[CellSample]:
        """What the numbers rest on, of all classes together and of those named."""
        yield from self._together
        for row, name in enumerate(self.assessor.classes):
            if name in classes:
                yield from self._samples(row, name)

    @cached_property
    def _together(self) -> list[CellSample]:
        return list(self._samples(-1, None))

    def _samples(self, row: int, class_name: str | None) -> Iterator[CellSample]:
        values = self.values[:, row] if class_name is not None or self.judged is None else self.judged
        for column, metric in enumerate(self.metric_names):
            estimate = float(values[0, column])
            if not np.isnan(estimate):
                yield CellSample(
                    target=self.assessor.target,
                    slice=self.slice_name,
                    class_name=class_name,
                    metric=metric,
                    estimate=estimate,
                    groups=self._groups(row, metric),
                    replicates=values[1:, column].copy(),
                    certainty=replace(self._certainty(row, metric), grid=grid_error(metric, estimate)),
                )

    def _judged(self, cells: Sequence[CellSample]) -> dict[str, float]:
        """Where it is not the number itself: what the interval of each metric is around."""
        seeds = self.assessor.seeds
        named = self.left_out.classes and cells and cells[0].class_name is None
        return {
            cell.metric: cell.sample(seeds).centre
            for cell in cells
            if seeds.get(cell.place) or (named and cell.metric in self.means)
        }

    @property
    def _class_groups(self) -> NDArray[np.int64]:
        """`(K,)` groups that hold objects of each class."""
        return self.counts["objects"].groups[:-1]

    def _groups(self, row: int, metric: str) -> int:
        """Those that the number rests on; a mean over classes that are all on few groups rests on no more than one of them."""
        of_classes = self._class_groups
        if row == -1 and metric in self.means and of_classes.max(initial=0) < FEWEST_GROUPS:
            return int(of_classes.max(initial=0))
        return int(self.counts[counts_of(metric)].groups[row])

    def _certainty(self, row: int, metric: str) -> Certainty:
        found = certainty(self.counts, row, metric)
        if row != -1 or metric not in self.means:
            return found
        column = self.metric_names.index(metric)
        return found.of_mean(
            self.values[:, :-1, column], self._class_groups, judged_classes(self._class_groups)
        )
