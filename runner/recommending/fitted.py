"""What the learning curve over all sprints says of further images, where there are points enough to fit one."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from runner.evaluation.learning_curve import Point, fit, missing_points
from runner.recommending.known import Known
from runner.recommending.sources import DRAWS, systematic

Floats = NDArray[np.float64]


def curve_rises(known: Known, images: int) -> Floats | None:
    """`(DRAWS,)` by how much so many further images raise the metric, by curves of several families; None below four points.

    Only sprints of the same recipe on the same test images are points.
    """
    points = [
        Point(labels=float(point.images), value=point.measure.value, deviation=known.seed_deviation)
        for point in known.curve
        if not point.otherwise and point.images > 0
    ]
    if not points or missing_points(points) or known.train <= 0:
        return None
    rises, weights = fit(points).rises(float(known.train), float(images))
    order = np.argsort(rises, kind="stable")
    drawn = rises[order][systematic(weights[order])]
    return np.random.default_rng(4).permutation(drawn) if len(drawn) == DRAWS else None
