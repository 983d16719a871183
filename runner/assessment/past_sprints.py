"""A sprint as another one looks at it: what it measured, on what, with which recipe; and what two of them differ in."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.domain.cleaning import CleanedLabel
from runner.domain.evaluation import Evaluation, Interval, Metrics
from runner.domain.image_set import unpacked
from runner.domain.records import JUDGED, Checks, Selection
from runner.domain.verdict import Verdict
from runner.domain.worth import Change
from runner.tasks import TASKS

TRAIN = "train"
_SHOWN = 6  # changes of one kind that are named
_SHARE = 0.05  # of the training labels: a class whose share changed by less is not named
_DENSITY = 0.2  # the same of the labels per image, relative


@dataclass(frozen=True, kw_only=True)
class PastSprint:
    """What a sprint's record in git says.

    Attributes:
        params: the sections of params.yaml.
        cleaned: what was decided about suspected labels for it.
        files: of its record, that were read, by their names → SHA-256.
    """

    name: str
    evaluation: Evaluation
    selection: Selection
    verdict: Verdict
    params: Mapping[str, Any]
    checks: Checks | None = None
    cleaned: Sequence[CleanedLabel] = ()
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def labels(self) -> int:
        """Of the images selected for training; images where each has one class."""
        counts = self.selection.splits.get(TRAIN)
        if counts is None:
            return 0
        return counts.objects if TASKS[self.evaluation.task].ranked else counts.images

    @property
    def images(self) -> int:
        """Selected for training."""
        return self.selection.splits[TRAIN].images if TRAIN in self.selection.splits else 0

    @property
    def classes(self) -> list[str]:
        return list(self._told("train", "task", "classes") or [])

    @property
    def target(self) -> str:
        """The artefact that was judged."""
        return str(self._told("evaluate", "primary_target") or "torch")

    @property
    def recipe(self) -> dict[str, Any]:
        """How it was trained: every option of the trainer, and the sprint whose model it started from."""
        told = _flat(self._told("train", "trainer") or {})
        ancestor = self._told("train", "ancestor", "sprint")
        return {**told, **({"from": ancestor} if ancestor else {})}

    @property
    def rules(self) -> dict[str, Any]:
        """Which images of the splits it took."""
        return _flat({**(self._told("select", "data") or {}), "splits": self._told("select", "splits") or {}})

    def measured(self, metric: str) -> tuple[float, Interval | None] | None:
        """A metric of the judged artefact on all test images: the mean of its seeds where it is the one to push."""
        if metric == self.verdict.optimizing and self.verdict.optimizing_value is not None:
            return self.verdict.optimizing_value, self.verdict.optimizing_interval
        found = next((one.overall for one in self.evaluation.targets if one.target == self.target), None)
        value = _value(found, metric)
        return None if found is None or value is None else (value, found.intervals.get(metric))

    def deviation(self, metric: str) -> float | None:
        """The standard error behind the interval; None where there is none."""
        from scipy.special import ndtri

        measured = self.measured(metric)
        if measured is None or measured[1] is None or self.evaluation.resampling is None:
            return None
        wide = measured[1].high - measured[1].low
        return float(wide / 2 / ndtri((1 + self.evaluation.resampling.level) / 2))

    def same_test(self, other: PastSprint) -> bool:
        """Whether both were judged on the same images with the same labels."""
        return self.evaluation.split_digest == other.evaluation.split_digest

    def _told(self, *keys: str) -> Any:
        found: Any = self.params
        for key in keys:
            found = found.get(key) if isinstance(found, Mapping) else None
        return found


def changes(before: PastSprint, after: PastSprint) -> list[Change]:
    """What differs between two sprints beside the number of labels, what bears most on a comparison first."""
    return [
        *_test_changes(before, after),
        *_measuring_changes(before, after),
        *_class_changes(before.classes, after.classes),
        *_listed("recipe", "The recipe", differing(before.recipe, after.recipe)),
        *_listed("selection", "The rules that select images", differing(before.rules, after.rules)),
        *_label_changes(before.selection, after.selection),
        *_check_changes(before.checks, after.checks),
    ]


def differing(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    """What two sets of options differ in, a piece of text each, by name.

    >>> differing({"epochs": 40, "seeds": [0]}, {"epochs": 20, "seeds": [0], "freeze": 3})
    ['epochs 40 → 20', 'freeze – → 3']
    """
    names = sorted({*before, *after})
    return [
        f"{name} {_text(before.get(name))} → {_text(after.get(name))}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def _test_changes(before: PastSprint, after: PastSprint) -> Iterator[Change]:
    if before.same_test(after):
        return
    then, now = (sprint.selection.splits.get(JUDGED) for sprint in (before, after))
    counts = f"{then.images if then else 0:,} images then, {now.images if now else 0:,} now"
    shared = _shared(before.selection.test_images, after.selection.test_images)
    if shared is not None and shared == (now.images if now else 0) == (then.images if then else 0):
        text = "The labels of the test split are others, on the same images: the two numbers are not of the same thing."
        yield Change(kind="test labels", text=text)
        return
    common = f", {shared:,} of them the same" if shared is not None else ""
    text = f"The test split is another one ({counts}{common}): the two numbers are not of the same images."
    yield Change(kind="test split", text=text)


def _shared(before: str, after: str) -> int | None:
    """Test images that both have; None where a record does not say."""
    try:
        return len(unpacked(before) & unpacked(after)) if before and after else None
    except ValueError:
        return None


def _measuring_changes(before: PastSprint, after: PastSprint) -> Iterator[Change]:
    then, now = before.evaluation, after.evaluation
    if then.optimizing != now.optimizing:
        text = f"The sprint pushed another metric: {then.optimizing} then, {now.optimizing} now."
        yield Change(kind="metric", text=text)
    if before.target != after.target:
        text = f"Another artefact was judged: {before.target} then, {after.target} now."
        yield Change(kind="artefact", text=text)
    if then.evaluator != now.evaluator:
        text = f"It was measured otherwise: {then.evaluator} then, {now.evaluator} now."
        yield Change(kind="evaluator", text=text)


def _class_changes(before: Sequence[str], after: Sequence[str]) -> Iterator[Change]:
    new, gone = (
        [name for name in one if name not in other] for one, other in ((after, before), (before, after))
    )
    if new or gone:
        told = [
            f"{words} {', '.join(names[:_SHOWN])}"
            for words, names in (("new:", new), ("gone:", gone))
            if names
        ]
        text = f"The classes are others ({'; '.join(told)}): the mean over classes is another mean."
        yield Change(kind="classes", text=text)


def _listed(kind: Any, what: str, found: Sequence[str]) -> Iterator[Change]:
    if found:
        more = f", and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        yield Change(kind=kind, text=f"{what} changed: {', '.join(found[:_SHOWN])}{more}.")


def _label_changes(before: Selection, after: Selection) -> Iterator[Change]:
    """How the labels that training saw are spread over classes and images, and what of them was wrong."""
    then, now = before.splits.get(TRAIN), after.splits.get(TRAIN)
    if then is None or now is None:
        return
    names = sorted({*then.per_class, *now.per_class})
    shares = {
        name: tuple(one.per_class.get(name, 0) / max(1, one.objects) for one in (then, now)) for name in names
    }
    moved = sorted(names, key=lambda name: (-abs(shares[name][1] - shares[name][0]), name))
    told = [
        f"{name} {shares[name][0]:.0%} → {shares[name][1]:.0%}"
        for name in moved
        if abs(shares[name][1] - shares[name][0]) >= _SHARE
    ]
    yield from _listed("training labels", "The mix of classes in training", told)
    density = [one.objects / max(1, one.images) for one in (then, now)]
    if abs(density[1] - density[0]) > _DENSITY * max(density):
        text = f"Training images hold {density[1]:.1f} labels each, {density[0]:.1f} before: other scenes, or labels left out."
        yield Change(kind="training labels", text=text)
    wrong = [_wrong(one) for one in (before, after)]
    if wrong[0] != wrong[1]:
        text = (
            f"{wrong[1]:,} labels of the training images were wrong and left out or cut, {wrong[0]:,} before."
        )
        yield Change(kind="training labels", text=text)


def _wrong(selection: Selection) -> int:
    faults = selection.label_faults
    kinds = getattr(faults, "kinds", [])
    return sum(kind.splits.get(TRAIN, 0) for kind in kinds)


def _check_changes(before: Checks | None, after: Checks | None) -> Iterator[Change]:
    if before is None or after is None:
        return
    failed = {result.id for result in before.results if not result.success}
    new = [
        f"{result.id} ({result.unexpected:,} of {result.checked:,})"
        for result in after.results
        if not result.success and result.id not in failed
    ]
    yield from _listed("checks", "Data checks that passed before fail now; this", sorted(new))


def _flat(options: Mapping[str, Any], above: str = "") -> dict[str, Any]:
    """Options of options, by names with dots; lists as they are."""
    found: dict[str, Any] = {}
    for name, value in options.items():
        path = f"{above}{name}"
        found |= _flat(value, f"{path}.") if isinstance(value, Mapping) else {path: value}
    return {name: value for name, value in found.items() if value is not None}


def _text(value: Any) -> str:
    text = "–" if value is None else str(value)
    return text if len(text) <= 40 else f"{text[:39]}…"


def _value(metrics: Metrics | None, metric: str) -> float | None:
    if metrics is None:
        return None
    value = metrics.judged.get(metric, getattr(metrics, metric, None))
    return float(value) if value is not None and math.isfinite(value) else None
