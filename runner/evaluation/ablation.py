"""What a choice of training images caused: twins trained on either choice, compared on the same test images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from runner.evaluation.sample import Sample, difference


def caused(pairs: Sequence[tuple[Sample, Sample]]) -> Sample:
    """The mean difference over pairs of twins, with what it may be off by: the test images, and the luck of each pair.

    Each pair has other images of the two choices and another training seed, so that the pairs' own scatter holds the luck
    of drawing images as well as that of training; all pairs share the test images, whose part is in the resamples of the
    mean. Both parts are put together as those of several training seeds are (`runner.evaluation.sample.Spread`).

    Args:
        pairs: `(with the choice, with the control's images)` of the same resamples; two or more, else there is no telling luck.

    Returns:
        Its `centre` is the mean over pairs; `runner.evaluation.intervals` makes intervals of it.

    Raises:
        ValueError: fewer than two pairs.

    Example:
        >>> twin = lambda value: Sample(estimate=value, replicates=np.array([value, value + 0.1]), groups=40)
        >>> found = caused([(twin(0.50), twin(0.46)), (twin(0.52), twin(0.50))])
        >>> round(found.centre, 3), [round(seed, 3) for seed in found.seeds]
        (0.03, [0.02])
    """
    if len(pairs) < 2:
        raise ValueError("one pair of twins cannot tell the choice from luck")
    differences = [difference(chosen, control) for chosen, control in pairs]
    replicates = np.mean([one.replicates for one in differences], axis=0)
    return replace(
        differences[0],
        replicates=replicates,
        seeds=tuple(one.estimate for one in differences[1:]),
        trials=False,  # a mean over pairs is no single trial of an image
        pair=None,
    )
