"""What was matched once and can be measured under any weights of the images.

A slice of the images is a weight of 0 or 1 per image, a bootstrap resample the number of times each image was drawn,
a slice of a resample their product. Nothing is matched again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.counting import Counting
from runner.evaluation.slices import ObjectSlice


@dataclass(frozen=True, kw_only=True)
class Measures:
    """L weightings of K classes, measured by M metrics.

    Attributes:
        values: `(L, K + 1, M)` float64 in [0, 1]; the last row along axis 1 is all classes together (a mean over
            the classes that have objects, or counted together, as the metric wants). NaN is not measured.
        objects: `(L, K + 1)` float64, weighted count of the objects that count.
    """

    values: NDArray[np.float64]
    objects: NDArray[np.float64]


class Measurable(Protocol):
    """One artefact on one set of images.

    Attributes:
        metrics: M names, those of `Measures.values`.
        means: those that are means over classes where all classes are meant.
    """

    @property
    def metrics(self) -> tuple[str, ...]: ...

    @property
    def means(self) -> frozenset[str]: ...

    @property
    def n_images(self) -> int: ...

    @property
    def n_classes(self) -> int: ...

    def measure(self, weights: NDArray[np.uint8]) -> Measures:
        """Measures under `(L, n_images)` weights: how many times each image counts."""
        ...

    def restricted(self, part: ObjectSlice) -> Measurable:
        """The same artefact where only the objects of the slice count (see `ObjectSlice`)."""
        ...

    def holding(self, weights: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """`(K + 1, n_images)` bool: which images of weight `(n_images,)` hold counting objects of each class, or of any."""
        ...

    def counting(self) -> Counting:
        """The objects and detections that count, on all images."""
        ...
