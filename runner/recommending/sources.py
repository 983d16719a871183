"""Of what an error consists: too few labels, wrong labels, or the model. A small Bayesian model over what a record has.

What a metric lacks to 1 is the sum of three shares. What labels would mend falls with the number of training images as
n^-α; what wrong labels and the model cost does not. Nothing in one sprint's record measures a share alone, so each piece
of evidence only makes some shares likelier than others, and without evidence all are equally likely.

Source:
    learning curves as power laws: Hestness et al. (2017), Deep Learning Scaling is Predictable, Empirically; bias and
    variance told apart by train's and val's loss: Ng (2018), Machine Learning Yearning, chapters 20 to 32.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from runner.domain.evaluation import Interval
from runner.recommending.known import CurvePoint, Known, Part
from runner.record.recommendation import Source

Floats = NDArray[np.float64]

DRAWS = 8000
WRONG, WRONG_SPREAD = 0.034, 1.0
"""The share of labels that is wrong, before anything is known of it: its median, and the standard deviation of its
logarithm. 3.4 % of the labels of ten public test sets were, from 0.2 % to 10 %: Northcutt et al. (2021), Pervasive Label Errors."""
PER_WRONG = (0.5, 1.5)
"""What a share of wrong labels costs, as so many times itself: the test split's are as wrong as train's."""
BEFORE = (1.5, 1.0)
"""Parameters of the Beta distribution of what labels would mend, of all that wrong ones do not cost: more often the most of
it than not, and possibly all or nothing."""
LEVEL = 0.8
EXPONENT = (0.1, 1.0)
"""What α may be before anything is known of it: from the slowest to the fastest curves of the literature."""
LUCK = 0.015
"""The standard deviation of a training's luck, where there is one seed only."""
OTHERWISE = 0.03  # added to it where the recipe or the test images differ
_UNLIKE = 0.6  # of the logarithms of two slices' errors, where both have as many images: slices differ in difficulty
_FEW, _FACTOR = (
    0.002,
    0.5,
)  # of suspected labels: shares below the first are alike; the spread of the logarithm
_GAP, _RISE = 0.3, 0.12  # how far a training curve's signs are from the shares


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Equally likely answers, `(DRAWS,)` each.

    Attributes:
        labels, noise, model: shares of the error; they sum to 1. `exponent`: α. `wrong`: the share of labels that is wrong.
        excess: in [0, 1]: how much of what a slice lacks beyond the rest labels of it would mend, see `goals.Lacks`.
        hidden: in [0, 1]: how much of the gap between train and val augmentation hides.
        rests: the evidence that moved them, in words.
    """

    labels: Floats
    noise: Floats
    model: Floats
    exponent: Floats
    wrong: Floats
    excess: Floats
    hidden: Floats
    rests: tuple[str, ...] = ()

    def interval(self, source: Source) -> Interval:
        """The middle 80 % of a share."""
        return middle(getattr(self, source))

    @property
    def middles(self) -> dict[Source, Interval]:
        """Of all shares."""
        return {source: self.interval(source) for source in ("labels", "noise", "model")}


def sources(known: Known, seed: int = 0) -> Sources:
    """Draws from the prior, drawn again by how likely each piece of evidence makes them; the same for the same input."""
    chance = np.random.default_rng(seed)
    wrong = np.minimum(chance.lognormal(np.log(WRONG), WRONG_SPREAD, size=DRAWS), 0.5)
    noise = np.minimum(wrong * chance.uniform(*PER_WRONG, size=DRAWS) / max(known.lacks, 1e-6), 0.95)
    labels = (1 - noise) * chance.beta(*BEFORE, size=DRAWS)
    exponent = chance.uniform(*EXPONENT, size=DRAWS)
    prior = Sources(
        labels=labels,
        noise=noise,
        model=1 - noise - labels,
        exponent=exponent,
        wrong=wrong,
        excess=chance.uniform(size=DRAWS),
        hidden=chance.uniform(size=DRAWS),
    )
    rests: list[str] = []
    weights = np.zeros(DRAWS)
    for said, log_likelihood in _evidence(prior, known):
        rests.append(said)
        weights += log_likelihood
    kept = systematic(np.exp(weights - weights.max()))
    return Sources(
        labels=prior.labels[kept],
        noise=prior.noise[kept],
        model=prior.model[kept],
        exponent=exponent[kept],
        wrong=wrong[kept],
        excess=prior.excess[kept],
        hidden=prior.hidden[kept],
        rests=tuple(rests),
    )


def systematic(weights: Floats) -> NDArray[np.int64]:
    """`(DRAWS,)` positions, each as often as its weight asks: no chance in it, so that more evidence never adds noise."""
    reached = np.cumsum(weights) / weights.sum()
    places = np.searchsorted(reached, (np.arange(DRAWS) + 0.5) / DRAWS)
    return np.minimum(places, len(weights) - 1).astype(np.int64)


def middle(values: Floats, level: float = LEVEL) -> Interval:
    """The middle part of draws, to four digits: what is printed is the same on every machine."""
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=rounded(low), high=rounded(high))


def rounded(value: float) -> float:
    """To four decimals."""
    return round(float(value), 4) + 0.0  # no −0.0


def _evidence(prior: Sources, known: Known) -> list[tuple[str, Floats]]:
    """What is known, in words, with how likely it is under each draw (logarithm)."""
    found = [
        _curve(prior, known),
        _slices(prior, known.parts),
        _gap(prior, known),
        _rise(prior, known),
        _wrong(prior, known),
        _suspected(prior, known),
        _localisation(prior, known),
    ]
    return [one for one in found if one is not None]


def _normal(seen: float, expected: Floats, deviation: Floats | float) -> Floats:
    return -0.5 * np.square((seen - expected) / deviation) - np.log(deviation)


def _curve(prior: Sources, known: Known) -> tuple[str, Floats] | None:
    """Earlier sprints with fewer, or more, training images: by how much the error differs from today's."""
    others = [point for point in known.curve if point.images != known.train and point.images > 0]
    if known.measure is None or not others or known.train <= 0:
        return None
    total = np.zeros(DRAWS)
    for point in others:
        total += _point(prior, known, point)
    named = ", ".join(
        f"{point.sprint} ({point.images} images, {point.measure.value:.3f})" for point in others
    )
    return f"learning curve: {known.train} images gave {known.measure.value:.3f}, beside {named}", total


def _point(prior: Sources, known: Known, point: CurvePoint) -> Floats:
    times = point.images / known.train
    expected = known.lacks * prior.labels * (times**-prior.exponent - 1)  # what it lacked more than today
    seen = (1 - point.measure.value) - known.lacks
    own = known.measure.error if known.measure else None
    # The same test images are hard for both models: half of the variance of each cancels.
    sampling = 0.5 * ((own or LUCK) ** 2 + (point.measure.error or LUCK) ** 2)
    luck = 2 * (known.seed_deviation if known.seed_deviation is not None else LUCK) ** 2
    return _normal(seen, expected, float(np.sqrt(sampling + luck + (OTHERWISE**2 if point.otherwise else 0))))


def _slices(prior: Sources, parts: Sequence[Part]) -> tuple[str, Floats] | None:
    """Whether slices with fewer training images do worse: by how much their errors' logarithms fall with those of the counts."""
    usable = [part for part in parts if part.train > 0 and part.test >= 10 and part.measure.value < 1]
    counts = np.log([float(part.train) for part in usable])
    if len(usable) < 2 or np.ptp(counts) < 0.5:
        return None
    errors = np.log([max(1 - part.measure.value, 0.01) for part in usable])
    spread = counts - counts.mean()
    slope = float((spread * errors).sum() / np.square(spread).sum())
    # Slices overlap: no more than four of them are taken for independent.
    least = _UNLIKE / (spread.std() * np.sqrt(min(len(usable), 4)))
    fewest = min(usable, key=lambda part: (part.train, part.name))
    said = f"slices: {fewest.name} has {fewest.train} training images and {fewest.measure.value:.3f}"
    expected = -prior.exponent * prior.labels
    return said, _normal(slope, expected, float(least))


def _gap(prior: Sources, known: Known) -> tuple[str, Floats] | None:
    """A model that does hardly better on what it was trained on is held back by itself, and not by its data."""
    if known.gap is None:
        return None
    gap = max(0.0, min(1.0, known.gap))
    # Augmentation makes train's loss higher, by nobody knows how much: then a gap tells something, and none tells little.
    seen = 1 - prior.hidden if known.augmented else 1.0
    said = f"training: the loss on train is {gap:.0%} below that on val"
    return said, _normal(gap, seen * (1 - prior.model), _GAP)


def _rise(prior: Sources, known: Known) -> tuple[str, Floats] | None:
    """A metric that still rises when training ends, and one that had peaked long before."""
    if known.rise is None:
        return None
    if known.peaked:
        return "training: val was best before the last third of the epochs", _normal(0.0, prior.model, 0.5)
    said = (
        f"training: val rose by {max(known.rise, 0.0):.1%} of what it lacked in the last tenth of the epochs"
    )
    return said, _normal(min(max(known.rise, 0.0), 0.3), 0.2 * prior.model, _RISE)


def _wrong(prior: Sources, known: Known) -> tuple[str, Floats] | None:
    if known.wrong is None:
        return None
    said = f"labels: {known.wrong.value:.1%} of those looked at are wrong"
    return said, _normal(known.wrong.value, prior.wrong, max(known.wrong.error or 0.02, 0.005))


def _suspected(prior: Sources, known: Known) -> tuple[str, Floats] | None:
    """Labels that are suspected one by one. Models overlook errors and doubt what is right, so it tells a share within a factor."""
    found = known.suspected
    if found is None or known.labels <= 0:
        return None
    number, share = len(found.chances), found.expected / known.labels
    said = f"labels: {number} of {known.labels} are suspected by {found.by}, about {found.expected:.0f} of them wrong"
    if found.reviewed:
        said += f" ({found.wrong} of {found.reviewed} reviewed were)"
    return said, _normal(np.log(share + _FEW), np.log(prior.wrong + _FEW), _FACTOR)


def _localisation(prior: Sources, known: Known) -> tuple[str, Floats] | None:
    """Boxes that are drawn loosely show as badly located detections; so do small inputs, so it tells little."""
    total = sum(known.costs.values())
    if not total or "localisation" not in known.costs:
        return None
    share = known.costs["localisation"] / total
    return f"errors: {share:.0%} of what they cost is localisation", _normal(
        share, 0.15 + 0.5 * prior.noise, 0.35
    )
