"""How unsure a model is of an image: the measures of uncertainty sampling (Settles 2009), per image.

A model that ranks objects answers yes or no for each prediction, with its score as the probability of yes. An image is as unsure
as its most unsure prediction (the maximum of Brust et al. 2019); the sum over its predictions tells how much there is to learn
in all. A classifier answers once for an image, with a probability for each class. Scores are taken as they are: not calibrated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Uncertainty:
    """Per image `(N,)`; NaN where nothing was predicted.

    Attributes:
        least_confidence: 1 − the probability of the likelier answer.
        margin: the difference between the two likeliest answers, from 0 to 1; a small one is unsure.
        entropy: of the answer, from 0 to 1 (sure of nothing).
        entropy_sum: over all answers in the image.
    """

    least_confidence: Floats
    margin: Floats
    entropy: Floats
    entropy_sum: Floats


def of_objects(image: Ints, scores: Floats, n_images: int) -> Uncertainty:
    """Of predictions that are yes or no each.

    Args:
        image: the position of each prediction's image, `(P,)`.
        scores: of each prediction, from 0 to 1, `(P,)`.

    >>> of_objects(np.array([0, 0]), np.array([0.5, 0.99]), 2).margin.tolist()
    [0.0, nan]
    """
    likelier = np.maximum(scores, 1 - scores)
    entropies = _bits(scores) + _bits(1 - scores)
    most = np.full(n_images, np.nan)
    np.fmin.at(most, image, likelier)
    entropy = np.full(n_images, np.nan)
    np.fmax.at(entropy, image, entropies)
    counts = np.bincount(image, minlength=n_images)
    total = np.bincount(image, weights=entropies, minlength=n_images)
    return Uncertainty(
        least_confidence=1 - most,
        margin=2 * most - 1,
        entropy=entropy,
        entropy_sum=np.where(counts > 0, total, np.nan),
    )


def of_classes(image: Ints, probabilities: Floats, n_images: int, n_classes: int) -> Uncertainty:
    """Of one answer per image, whose classes have probabilities.

    Args:
        image: the position of each row's image, `(P,)`. Classes without a row have no probability worth the name.
        probabilities: of each row's class, from 0 to 1, `(P,)`.

    >>> of_classes(np.array([0, 0]), np.array([0.5, 0.5]), 1, 2).entropy.tolist()
    [1.0]
    """
    order = np.lexsort((-probabilities, image))
    image, probabilities = image[order], probabilities[order]
    rank = np.arange(len(image)) - np.searchsorted(image, image)  # 0: the likeliest of its image
    best, second = (np.full(n_images, fill) for fill in (np.nan, 0.0))
    best[image[rank == 0]] = probabilities[rank == 0]
    second[image[rank == 1]] = probabilities[rank == 1]
    most = np.log2(n_classes) if n_classes > 1 else 1.0
    total = np.bincount(image, weights=_bits(probabilities), minlength=n_images) / most
    entropy = np.where(np.isnan(best), np.nan, total)
    return Uncertainty(least_confidence=1 - best, margin=best - second, entropy=entropy, entropy_sum=entropy)


def _bits(probabilities: Floats) -> Floats:
    """−p log₂ p; 0 where p is 0."""
    held = np.clip(probabilities, np.finfo(np.float64).tiny, 1)
    return np.asarray(np.where(probabilities > 0, -held * np.log2(held), 0.0))


# Source: Yang et al., "Plug and Play Active Learning for Object Detection" (PPAL, arXiv 2211.11612): w = 1 + αβ log(1 + γd), with
# γ = e^(1/α) − 1, so that a class that is never found (d = 1) weighs 1 + β.
_ALPHA, _BETA = 0.3, 0.2


def class_weights(difficulty: Floats) -> Floats:
    """How much an unsure prediction of each class `(K,)` weighs, from 1 to 1.2; a class that was not measured as their mean.

    Args:
        difficulty: `(K,)`, 0 to 1; NaN where it was not measured.

    >>> class_weights(np.array([0.0, 1.0, np.nan])).round(3).tolist()
    [1.0, 1.2, 1.1]
    """
    weights = 1 + _ALPHA * _BETA * np.log1p((np.exp(1 / _ALPHA) - 1) * difficulty)
    known = weights[~np.isnan(weights)]
    return np.asarray(np.where(np.isnan(weights), known.mean() if len(known) else 1.0, weights))


def calibrated(
    image: Ints, class_id: Ints, scores: Floats, n_images: int, difficulty: Floats, *, ranked: bool = True
) -> Floats:
    """The entropies of each image's predictions, weighted by their classes and added: `(N,)`, NaN where nothing was predicted.

    Args:
        image, class_id: of each prediction, `(P,)`. `scores`: from 0 to 1, `(P,)`.
        difficulty: of each class, `(K,)`.
        ranked: predictions are yes or no each; else they are probabilities of an image's classes.

    Source: PPAL, as above, where difficulty is measured in training; here it is 1 − what the class was evaluated at.

    >>> calibrated(np.array([0, 0]), np.array([0, 1]), np.array([0.5, 0.5]), 2, np.array([0.0, 1.0])).round(3).tolist()
    [2.2, nan]
    """
    entropies = _bits(scores) + _bits(1 - scores) if ranked else _bits(scores)
    weights = class_weights(difficulty)[class_id]
    total = np.bincount(image, weights=entropies * weights, minlength=n_images)
    return np.asarray(np.where(np.bincount(image, minlength=n_images) > 0, total, np.nan))
