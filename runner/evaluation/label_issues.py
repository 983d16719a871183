"""Which labels are likely wrong, by predictions of models that never saw them in training; arrays in, arrays out.

Four kinds: another class, badly placed, a label of nothing, and an object without a label. How likely each is, is told by the data
(`two_groups`): what a sure prediction is, by the scores of those that match labels of its class and fold (`label_evidence`);

- wrong class: the models see another class there, more clearly than they are usually wrong. Models err the less, the clearer they see;
  labels err whatever the models see (after Northcutt, Jiang, Chuang, "Confident Learning", 2021, by class and pair of classes);
- missed: predictions on no label that are as sure as those on labels; false ones grow rarer the surer, objects that nobody
  labelled do not;
- badly placed: the prediction that belongs to a label overlaps it by less than others of its sureness and size do, beyond how much
  some overlap by more. A label that covers two objects, or a part of one, is such;
- spurious: nothing is predicted at a label of a class and size that is nearly always found.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.error_types import FOREGROUND, TRUE_POSITIVE, assign
from runner.evaluation.label_evidence import (
    Floats,
    Ints,
    Pairs,
    Sureness,
    overlap_weight,
    overlapping,
    precision_at,
)
from runner.evaluation.problem import Detections, GroundTruths, Problem, Similarity
from runner.evaluation.two_groups import beyond, noise_among, ranks_among, usual_noise

WRONG_CLASS, MISSED, BADLY_PLACED, SPURIOUS = range(4)

_STRATUM = 30  # labels that are needed to say how often such are found, or how well they are placed
_PAIRS_KNOWN = 100.0  # labels of a class that tell what it is confused with as much as all classes do
_ALIKE = 0.03  # of the area: what differs by no more is the same place
_FAINT = 0.05  # of predictions that are right no more often, there is as good as none


@dataclass(frozen=True, kw_only=True)
class Suspects:
    """S suspected faults, likeliest first. A label has one, of the likeliest kind.

    Attributes:
        kind: `(S,)` int8, index into `domain.label_issues.ISSUE_KINDS`.
        truth: `(S,)` row of the label; -1 for missed. `detection`: `(S,)` row of what is seen there; -1 where nothing is.
        suspicion: `(S,)` in [0, 1].
        similarity: `(S,)` of the two; NaN where there is one alone. `usual`: `(S,)` what such predictions overlap their labels by.
        sureness: `(S,)` of what is seen there, among matched predictions of its class and fold; 0 where nothing is.
        believed: `(S,)` how often predictions of such scores are right.
        evidence: `(S,)` in [0, 1], orders what is equally suspected.
        parts: `(S,)` predictions that lie on the label and are sure: of one that covers several objects, more than 1.
    """

    kind: NDArray[np.int8]
    truth: Ints
    detection: Ints
    suspicion: Floats
    similarity: Floats
    usual: Floats
    sureness: Floats
    believed: Floats
    evidence: Floats
    parts: Ints

    @property
    def both_wrong(self) -> NDArray[np.bool_]:
        """`(S,)` something is wrong there, and what the models see instead is more often wrong than right."""
        placed = (self.kind == WRONG_CLASS) | (self.kind == BADLY_PLACED)
        return np.asarray(placed & (self.believed < 0.5))

    def rows(self, rows: Ints) -> Suspects:
        """Some of them, in that order."""
        return Suspects(**{name: values[rows] for name, values in vars(self).items()})


def label_issues(
    problem: Problem,
    *,
    fold: Ints | None = None,
    area: Floats | None = None,
    among_detections: Similarity | None = None,
) -> Suspects:
    """Ranks the labels of images, and places without a label, by how likely they are wrong.

    Args:
        problem: labels and out-of-fold predictions; similarity is IoU of boxes or masks (or OKS).
        fold: `(I,)` int, whose model predicted on each image; one model where None.
        area: `(N,)` of the labels, in any unit: small ones are placed less well. Not looked at where None.
        among_detections: similarity of two predictions, to tell one object that is seen as two classes from two objects.
    """
    looked = _Looked.of(problem, fold)
    missed = _missed(looked, among_detections)
    parts = [_wrong_class(looked), _badly_placed(looked, area), _spurious(looked, area)]
    of_labels = _with_parts(_likeliest(_joined(parts)), looked, among_detections)
    found = _joined([of_labels, _without_parts(missed, of_labels, looked)])
    order = np.lexsort((found.detection, found.truth, -found.evidence, -found.suspicion))
    return found.rows(order)


def image_class_issues(
    truths: GroundTruths, detections: Detections, n_images: int, n_classes: int, fold: Ints | None = None
) -> Suspects:
    """The same of classes of whole images: the one kind is a wrong class. Images with several labels are not looked at.

    Args:
        truths, detections: as `classification_errors` takes them.
    """
    several = np.bincount(truths.image, minlength=n_images)[truths.image] > 1
    problem = Problem(
        n_images=n_images,
        n_classes=n_classes,
        truths=replace(truths, ignored=truths.ignored | several),
        detections=detections,
        similarity=lambda truth, _: np.ones(len(truth)),
    )
    found = _wrong_class(_Looked.of(problem, fold))
    return found.rows(np.lexsort((found.truth, -found.evidence, -found.suspicion)))


@dataclass(frozen=True, kw_only=True)
class _Looked:
    """What all kinds rest on.

    Attributes:
        counted: `(N,)` labels that are looked at.
        fold: `(I,)`.
        matched: `(M,)` predictions that match a label of their class.
        sureness, strength, believed: `(M,)` of predictions. `placed`: how often such lie on a label of whatever class.
        owner: `(N,)` the prediction that belongs to each label; -1 where none does. `overlap`: `(N,)` by how much.
        seen: `(N,)` how often something is there, of whatever class, where so much is predicted; in [0, 1].
    """

    problem: Problem
    counted: NDArray[np.bool_]
    fold: Ints
    pairs: Pairs
    matched: NDArray[np.bool_]
    sureness: Floats
    strength: Floats
    believed: Floats
    placed: Floats
    owner: Ints
    overlap: Floats
    seen: Floats

    @classmethod
    def of(cls, problem: Problem, fold: Ints | None) -> _Looked:
        truths, found = problem.truths, problem.detections
        folds = np.zeros(problem.n_images, np.int64) if fold is None else fold
        counted = ~(truths.crowd | truths.ignored)
        pairs = overlapping(problem, counted)
        score = found.score.astype(np.float64)
        matched = assign(problem).outcome == TRUE_POSITIVE
        levels = Sureness(score=score[matched], label=found.label[matched], fold=folds[found.image[matched]])
        sureness = levels.of(score, found.label, folds[found.image])
        strength = levels.strength(score, found.label, folds[found.image])
        believed = precision_at(score, matched, score)
        nearest = np.zeros(len(score))
        np.maximum.at(nearest, pairs.detection, pairs.similarity)
        placed = precision_at(score, nearest >= FOREGROUND, score)
        close = overlap_weight(pairs.similarity) * pairs.own
        owner, overlap = _owners(problem, pairs, strength[pairs.detection] * close)
        seen = np.zeros(len(truths.label))
        np.maximum.at(seen, pairs.truth, placed[pairs.detection] * close)
        return cls(
            problem=problem,
            counted=counted,
            fold=folds,
            pairs=pairs,
            matched=matched,
            sureness=sureness,
            strength=strength,
            believed=believed,
            placed=placed,
            owner=owner,
            overlap=overlap,
            seen=seen,
        )

    def suspects(
        self,
        kind: int,
        truth: Ints,
        detection: Ints,
        suspicion: Floats,
        evidence: Floats,
        usual: Floats | None = None,
    ) -> Suspects:
        """Rows of one kind; those that are not suspected at all are left out."""
        rows = np.flatnonzero(suspicion > 0)
        truth, detection = truth[rows], detection[rows]
        seen, labelled = detection >= 0, truth >= 0
        known = np.full(len(rows), np.nan)
        at = seen & labelled
        known[at] = self.problem.similarity(truth[at], detection[at])
        return Suspects(
            kind=np.full(len(rows), kind, np.int8),
            truth=truth,
            detection=detection,
            suspicion=suspicion[rows],
            similarity=known,
            usual=np.full(len(rows), np.nan) if usual is None else usual[rows],
            sureness=_of_seen(self.sureness, detection),
            believed=_of_seen(self.believed, detection),
            evidence=evidence[rows],
            parts=np.zeros(len(rows), np.int64),
        )


def _of_seen(values: Floats, detection: Ints) -> Floats:
    """`(S,)` what holds of each prediction; 0 where there is none."""
    found = np.zeros(len(detection))
    found[detection >= 0] = values[detection[detection >= 0]]
    return found


def _owners(problem: Problem, pairs: Pairs, value: Floats) -> tuple[Ints, Floats]:
    """To each label one prediction and to each prediction one label: the surest and most alike pairs first."""
    owner = np.full(len(problem.truths.label), -1, np.int64)
    overlap = np.zeros(len(owner))
    taken = np.zeros(len(problem.detections.label), bool)
    same = problem.truths.label[pairs.truth] == problem.detections.label[pairs.detection]
    order = np.lexsort((pairs.detection, pairs.truth, -same.astype(np.int8), -value))
    for at in order[value[order] > 0].tolist():
        truth, detection = int(pairs.truth[at]), int(pairs.detection[at])
        if owner[truth] < 0 and not taken[detection]:
            owner[truth], overlap[truth] = detection, pairs.similarity[at]
            taken[detection] = True
    return owner, overlap


def _wrong_class(looked: _Looked) -> Suspects:
    """Labels at which another class is seen, by how clearly: the margin of the two classes' strength."""
    problem, pairs = looked.problem, looked.pairs
    other = problem.detections.label[pairs.detection] != problem.truths.label[pairs.truth]
    value = looked.strength[pairs.detection] * overlap_weight(pairs.similarity) * pairs.own
    n = len(looked.counted)
    best = np.full(n, -1, np.int64)
    theirs, ours = np.zeros(n), np.zeros(n)
    order = np.flatnonzero(other)
    order = order[np.lexsort((pairs.detection[order], value[order]))]
    best[pairs.truth[order]] = pairs.detection[order]  # the last written is the surest
    theirs[pairs.truth[order]] = value[order]
    np.maximum.at(ours, pairs.truth[~other], value[~other])
    labels = np.flatnonzero(looked.counted & (looked.owner >= 0))
    apart = theirs[labels] > ours[labels]
    clear = np.abs(theirs[labels] - ours[labels])
    chance = noise_among(clear, apart)
    rows = np.flatnonzero(apart)
    wrong = labels[rows]
    chance = np.minimum(1.0, chance[rows] * _unlike(problem, labels, wrong, best[wrong]))
    return looked.suspects(WRONG_CLASS, wrong, best[wrong], chance, clear[rows])


def _unlike(problem: Problem, labels: Ints, wrong: Ints, seen: Ints) -> Floats:
    """How much rarer each pair of a label's class and the seen one is than pairs are on average: classes that are alike are confused."""
    n = problem.n_classes
    named, called = problem.truths.label[wrong], problem.detections.label[seen]
    pairs = np.zeros((n, n))
    np.add.at(pairs, (named, called), 1.0)
    count = np.maximum(np.bincount(problem.truths.label[labels], minlength=n), 1.0)
    average = len(wrong) / max(len(labels) * max(n - 1, 1), 1)
    rate = (pairs + _PAIRS_KNOWN * average) / (count[:, None] + _PAIRS_KNOWN)
    return np.asarray(average / np.maximum(rate[named, called], 1e-9))


def _badly_placed(looked: _Looked, area: Floats | None) -> Suspects:
    """Labels that their prediction overlaps by less than others of its sureness and the label's size."""
    labels = np.flatnonzero(looked.counted & (looked.owner >= 0))
    if not len(labels):
        return looked.suspects(BADLY_PLACED, labels, labels, np.zeros(0), np.zeros(0))
    owner = looked.owner[labels]
    alike = np.log(np.clip(1 - looked.overlap[labels], _ALIKE, 1.0))  # the larger, the worse
    sure = looked.sureness[owner]
    stratum = _strata(sure, None if area is None else area[labels])
    apart, usual = _standard(alike, stratum)
    chance = beyond(apart) * _credible(looked, owner)
    # Good overlaps scatter further to the worse side than to the better: some of what lies beyond is theirs.
    most = float(chance.mean())
    chance *= _expected_below(most) / most if most > 0 else 1.0
    worse = 1 - 1 / (1 + np.maximum(apart, 0.0))
    return looked.suspects(BADLY_PLACED, labels, owner, chance, worse, 1 - np.exp(usual))


def _credible(looked: _Looked, detection: Ints) -> Floats:
    """How often a prediction of such a score is right, and so a judge of where a label should be."""
    return looked.placed[detection]


def _strata(sure: Floats, area: Floats | None) -> Ints:
    """Labels of like sureness and size: as many parts as leave enough labels in each."""
    parts = int(np.clip(np.sqrt(len(sure) / (2 * _STRATUM)), 1, 4))
    first = np.minimum((ranks_among(sure, sure) * parts).astype(np.int64), parts - 1)
    if area is None:
        return first
    second = np.minimum((ranks_among(area, area) * parts).astype(np.int64), parts - 1)
    return first * parts + second


def _standard(values: Floats, stratum: Ints) -> tuple[Floats, Floats]:
    """Each value's distance to the median of its stratum, in deviations of the better half; and that median."""
    apart, usual = np.zeros(len(values)), np.zeros(len(values))
    for part in np.unique(stratum).tolist():
        rows = stratum == part
        sample = values if rows.sum() < _STRATUM else values[rows]
        middle, good = np.quantile(sample, [0.5, 0.16])
        apart[rows] = (values[rows] - middle) / max(float(middle - good), 1e-3)
        usual[rows] = middle
    return apart, usual


def _spurious(looked: _Looked, area: Floats | None) -> Suspects:
    """Labels at which hardly anything is seen, where such labels nearly always are."""
    labels = np.flatnonzero(looked.counted)
    if not len(labels):
        return looked.suspects(SPURIOUS, labels, labels, np.zeros(0), np.zeros(0))
    names = looked.problem.truths.label[labels]
    faint = looked.seen[labels] < _FAINT
    rate = _unseen_rate(faint, names, None if area is None else area[labels])
    limit = float(rate.min())
    chance = _expected_below(limit) / np.maximum(rate, 1e-9) * np.exp(-looked.seen[labels] / _FAINT)
    nothing = np.full(len(labels), -1, np.int64)
    return looked.suspects(SPURIOUS, labels, nothing, np.clip(chance, 0.0, 1.0), 1 - looked.seen[labels])


def _unseen_rate(faint: NDArray[np.bool_], names: Ints, area: Floats | None) -> Floats:
    """`(N,)` how often labels like each are not seen: by class, and by size within it where there are enough."""
    overall = (faint.sum() + 1) / (len(faint) + 2)
    rate = np.full(len(faint), overall)
    for name in np.unique(names).tolist():
        rows = np.flatnonzero(names == name)
        parts = [rows]
        if area is not None and len(rows) >= 3 * _STRATUM:
            parts = list(np.array_split(rows[np.argsort(area[rows], kind="stable")], 3))
        for part in parts:
            rate[part] = (faint[part].sum() + _STRATUM * overall) / (len(part) + _STRATUM)
    return rate


def _expected_below(limit: float) -> float:
    """The expected share of such faults, if it is no more than `limit`: what is easiest to see is missed as often at most."""
    share, weight = usual_noise()
    kept = share <= limit
    return float(np.average(share[kept], weights=weight[kept])) if kept.any() else limit


def _missed(looked: _Looked, among: Similarity | None) -> Suspects:
    """Predictions on no label; of those that are of one place the surest."""
    problem, pairs = looked.problem, looked.pairs
    nearest = np.zeros(len(problem.detections.label))
    np.maximum.at(nearest, pairs.detection, pairs.similarity)
    owned = np.zeros(len(nearest), bool)
    owned[looked.owner[looked.owner >= 0]] = True
    free = ~owned & ~looked.matched & (nearest < FOREGROUND) & ~_on_crowd(problem)
    rows = np.flatnonzero(free)
    rows = rows[_distinct(problem, rows, looked.sureness[rows], among)]
    sure = np.concatenate([looked.sureness[looked.matched], looked.sureness[rows]])
    alone = np.arange(len(sure)) >= int(looked.matched.sum())
    chance = noise_among(sure, alone)[alone]
    # What overlaps a label may be a part of its object, or the object and its neighbour.
    chance = chance * (1 - overlap_weight(nearest[rows]))
    return looked.suspects(MISSED, np.full(len(rows), -1, np.int64), rows, chance, looked.sureness[rows])


def _on_crowd(problem: Problem) -> NDArray[np.bool_]:
    """`(M,)` predictions inside a region that stands for many objects, or on a label that is not to be judged."""
    aside = problem.truths.crowd | problem.truths.ignored
    on = np.zeros(len(problem.detections.label), bool)
    if aside.any():
        on[overlapping(problem, aside).detection] = True
    return on


def _distinct(problem: Problem, rows: Ints, sure: Floats, among: Similarity | None) -> NDArray[np.bool_]:
    """Which of `rows` no surer one lies upon."""
    kept = np.ones(len(rows), bool)
    if among is None or not len(rows):
        return kept
    image = problem.detections.image[rows]
    for start, stop in _runs_of(image, sure):
        order = start[np.lexsort((rows[start], -sure[start]))] if stop else start
        for at, row in enumerate(order.tolist()):
            if not kept[row]:
                continue
            rest = order[at + 1 :]
            rest = rest[kept[rest]]
            if len(rest):
                alike = among(np.full(len(rest), rows[row]), rows[rest])
                kept[rest[alike >= FOREGROUND]] = False
    return kept


def _runs_of(image: Ints, sure: Floats) -> list[tuple[Ints, bool]]:
    """Positions of each image's predictions that are not faint: only they can be suspected."""
    some = np.flatnonzero(sure > 0)
    order = some[np.argsort(image[some], kind="stable")]
    cuts = np.flatnonzero(np.diff(image[order])) + 1
    return [(part, len(part) > 1) for part in np.split(order, cuts) if len(part)]


def _with_parts(found: Suspects, looked: _Looked, among: Similarity | None) -> Suspects:
    """The same with how many objects are seen on each label: predictions that are no more like another one, by how often such are right."""
    pairs = looked.pairs
    part = (pairs.own == 1) & (pairs.similarity <= FOREGROUND)  # two halves of one
    part |= looked.owner[pairs.truth] == pairs.detection
    rows = np.unique(pairs.detection[part])
    rows = rows[_distinct(looked.problem, rows, looked.sureness[rows], among)]
    part &= np.isin(pairs.detection, rows)
    seen = np.bincount(
        pairs.truth[part], looked.believed[pairs.detection[part]], minlength=len(looked.counted)
    )
    return replace(found, parts=np.round(seen[found.truth]).astype(np.int64))


def _likeliest(found: Suspects) -> Suspects:
    """Of each label the likeliest kind."""
    order = np.lexsort((found.kind, -found.suspicion, found.truth))
    first = order[np.unique(found.truth[order], return_index=True)[1]]
    return found.rows(first)


def _without_parts(missed: Suspects, labels: Suspects, looked: _Looked) -> Suspects:
    """Missed objects but those that lie on a label which is badly placed itself: they are why."""
    suspected = np.zeros(len(looked.counted))
    placed = labels.kind == BADLY_PLACED
    suspected[labels.truth[placed]] = labels.suspicion[placed]
    doubt = np.zeros(len(looked.sureness))
    np.maximum.at(doubt, looked.pairs.detection, suspected[looked.pairs.truth])
    return missed.rows(np.flatnonzero(doubt[missed.detection] < missed.suspicion))


def _joined(parts: list[Suspects]) -> Suspects:
    names = list(vars(parts[0]))
    return Suspects(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
