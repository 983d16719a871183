"""Which of many observations belong to a small group among a large one, as probabilities that the data itself calibrates.

No threshold is chosen: the small group is as frequent everywhere and the large one fades, or the large one is known by its better half.

Source:
    the empirical null: Efron (2004), Large-Scale Simultaneous Hypothesis Testing; monotone smoothing: Ayer et al. (1955).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_STRATUM = 30  # values that are needed to say how often two disagree
_USUAL, _USUAL_SPREAD = 0.034, 1.0
"""The share of wrong labels before anything is known: its median, and its logarithm's deviation. 3.4 % of the labels of ten public
test sets were, from 0.2 % to 10 %: Northcutt, Athalye, Mueller (2021), Pervasive Label Errors."""
_PSEUDO = 0.5  # observations added to each count: of a handful nothing is certain
# What odds may fall with, per unit of distance to the power of the shape.
_FALL = np.array([0.0, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 20.0])
_SHAPE = np.array([0.33, 0.5, 1.0])
_TOLD = 100.0  # observations that a part tells by at most


def isotonic(values: Floats, weights: Floats) -> Floats:
    """`(N,)` the nearest rising sequence, by weighted squares (pool adjacent violators).

    >>> isotonic(np.array([1.0, 3.0, 2.0]), np.ones(3)).tolist()
    [1.0, 2.5, 2.5]
    """
    means: list[float] = []
    masses: list[float] = []
    counts: list[int] = []
    for value, weight in zip(values.tolist(), weights.tolist(), strict=True):
        means.append(value)
        masses.append(weight)
        counts.append(1)
        while len(means) > 1 and means[-2] >= means[-1]:
            mass = masses[-2] + masses[-1]
            mean = (means[-2] * masses[-2] + means[-1] * masses[-1]) / mass if mass else means[-1]
            count = counts[-2] + counts[-1]
            del means[-1], masses[-1], counts[-1]
            means[-1], masses[-1], counts[-1] = mean, mass, count
    return np.repeat(means, counts)


def ranks_among(values: Floats, sample: Floats) -> Floats:
    """`(N,)` in [0, 1]: the share of a sample that is not above each value; equal ones count half.

    >>> ranks_among(np.array([0.5, 2.0]), np.array([0.0, 1.0])).tolist()
    [0.5, 1.0]
    """
    ordered = np.sort(sample)
    below, upto = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    return np.asarray((below + upto) / (2 * max(1, len(ordered))))


def beyond(values: Floats) -> Floats:
    """`(N,)` the probability of each value that it is not one of the bulk, which lies as far above 0 as below.

    Args:
        values: `(N,)` centred at the bulk's median; only those above 0 can be beyond it.
    """
    if not len(values):
        return np.zeros(0)
    order = np.argsort(np.abs(values), kind="stable")
    above = (values[order] > 0).astype(np.float64)
    # From the far end inwards: how many lie above among those at least so far out.
    share = isotonic(above, np.ones(len(above)))
    count = np.arange(len(above), 0, -1, dtype=np.float64)
    tail = (above[::-1].cumsum()[::-1] + 0.0) / (count + _PSEUDO)
    share = np.minimum(share, np.maximum.accumulate(tail) if len(tail) else tail)
    chance = np.zeros(len(values))
    chance[order] = np.clip((2 * share - 1) / np.maximum(share, 1e-9), 0.0, 1.0)
    return np.where(values > 0, chance, 0.0)


def noise_among(distance: Floats, disagrees: NDArray[np.bool_]) -> Floats:
    """`(N,)` the probability that, where two disagree at such a distance, it is the one that is wrong everywhere as often.

    One of the two (a label) is wrong in a share ε, whatever the distance; the other (a model) in a share that falls with it,
    at odds of a·exp(-b·distanceᶜ). Which shares are likely is told by how often they disagree at each distance, and before that by how often labels are
    wrong elsewhere.

    Args:
        distance: `(N,)` in [0, 1]: how clearly the one that is asked decides. `disagrees`: `(N,)`.
    """
    if not len(distance):
        return np.zeros(0)
    parts = int(np.clip(len(distance) // _STRATUM, 1, 12))
    order = np.argsort(distance, kind="stable")
    groups = np.array_split(order, parts)
    at = np.array([distance[group].mean() for group in groups])
    count = np.array([len(group) for group in groups], np.float64)
    apart = np.array([disagrees[group].sum() for group in groups], np.float64)
    told = np.minimum(1.0, _TOLD / count)  # odds that fall otherwise than any here shall not be read as noise
    count, apart = count * told, apart * told
    noise, prior = usual_noise()
    wrong = (noise / (1 - noise))[:, None, None, None, None]  # odds
    reach = at ** _SHAPE[:, None]  # (shapes, parts)
    fall = np.exp(-_FALL[:, None, None] * reach)  # (falls, shapes, parts)
    model = np.geomspace(1e-3, 1e5, 33)[:, None, None, None] * fall
    rate = np.clip((wrong + model) / (1 + wrong + model), 1e-6, 1 - 1e-6)
    likely = (apart * np.log(rate) + (count - apart) * np.log1p(-rate)).sum(axis=-1)
    likely += np.log(prior)[:, None, None, None]
    weight = np.exp(likely - likely.max())
    weight /= weight.sum()
    share = (weight[..., None] * (wrong / (wrong + model))).sum(axis=(0, 1, 2, 3))
    return np.asarray(np.interp(distance, at, share))


def usual_noise() -> tuple[Floats, Floats]:
    """Shares of wrong labels, `(41,)`, and how likely each is before anything is known of a dataset."""
    deviations = np.linspace(-2, 2, 41)
    return np.minimum(_USUAL * np.exp(_USUAL_SPREAD * deviations), 0.5), np.exp(-0.5 * np.square(deviations))
