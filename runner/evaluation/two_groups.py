"""Which of many observations belong to a small group among a large one, as probabilities that the data itself calibrates.

No threshold is chosen: the one group is known by a sample of its own, or the large one by its better half.

Source:
    shares of a mixture: Blanchard, Lee, Scott (2010), Semi-Supervised Novelty Detection; the empirical null: Efron (2004),
    Large-Scale Simultaneous Hypothesis Testing; monotone smoothing: Ayer et al. (1955).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

_BINS = 20
_LEAST_TAIL = 0.1  # of the known group's sample: a tail of fewer tells no share
_PSEUDO = 0.5  # observations added to each count: of a handful nothing is certain


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


def membership(values: Floats, known: Floats, *, fading: bool = True) -> Floats:
    """`(N,)` the probability that each value comes from the group of which `known` is a sample, and not from the others'.

    The group's share of `values` is the largest that no tail of them contradicts.

    Args:
        values: `(N,)` in [0, 1]; the higher, the more like the known group.
        known: `(M,)` in [0, 1].
        fading: the others grow rarer towards 1, so that how many are left there can be read from the lower half.
    """
    if not len(values) or not len(known):
        return np.zeros(len(values))
    edges = np.linspace(0, 1, _BINS + 1)
    seen = np.histogram(values, edges)[0].astype(np.float64)
    sample = np.histogram(known, edges)[0] / len(known)
    tail_seen, tail_sample = seen[::-1].cumsum()[::-1], sample[::-1].cumsum()[::-1]
    enough = tail_sample >= min(_LEAST_TAIL, float(tail_sample.max()))
    most = (tail_seen + np.sqrt(tail_seen))[enough] / tail_sample[enough]
    size = min(float(most.min()), float(tail_seen[0]))  # expected members among the values
    mass = seen + _PSEUDO
    rate = np.minimum(isotonic(size * sample / mass, mass), 1.0)
    if fading:
        rate = np.minimum(rate, np.clip(isotonic((seen - _others(seen)) / mass, mass), 0.0, 1.0))
    centres = (edges[1:] + edges[:-1]) / 2
    return np.asarray(np.interp(values, centres, rate))


def _others(seen: Floats) -> Floats:
    """How many of the other group each bin holds, if they go on falling as in the lower half: a line through the logarithms."""
    half = _BINS // 2
    at = np.arange(half)
    lower = seen[:half] + 0.5
    if seen[:half].sum() < half:
        return np.zeros(_BINS)
    slope, start = np.polyfit(at, np.log(lower), 1, w=np.sqrt(lower))
    return np.asarray(np.exp(start + min(slope, 0.0) * np.arange(_BINS)))


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
