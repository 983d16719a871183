"""What a choice of training images caused, told from the luck of test images, of training, and of drawing the images."""

from __future__ import annotations

import numpy as np
import pytest

from runner.evaluation.ablation import caused
from runner.evaluation.intervals import interval
from runner.evaluation.sample import Sample


def _twin(value: float, common: np.ndarray, seed: int, own: float = 0.004) -> Sample:
    draws = np.random.default_rng(seed)
    return Sample(
        estimate=value, replicates=value + common + own * draws.standard_normal(len(common)), groups=200
    )


def _pairs(gains: list[float]) -> list[tuple[Sample, Sample]]:
    common = 0.03 * np.random.default_rng(0).standard_normal(800)
    return [
        (_twin(0.6 + gain, common, 2 * at + 1), _twin(0.6, common, 2 * at + 2))
        for at, gain in enumerate(gains)
    ]


def test_pairs_that_agree_tell_a_gain_that_both_models_scatter_more_than() -> None:
    found = caused(_pairs([0.030, 0.034, 0.032]))
    ends = interval(found, 0.95)
    assert found.centre == pytest.approx(0.032)
    assert ends is not None
    assert 0 < ends[0] < 0.032 < ends[1] < 0.06


def test_pairs_that_disagree_tell_nothing() -> None:
    ends = interval(caused(_pairs([0.08, -0.02, 0.036])), 0.95)
    assert ends is not None
    assert ends[0] < 0 < ends[1]


def test_more_pairs_make_it_surer() -> None:
    widths = []
    for number in (2, 3, 6):
        ends = interval(caused(_pairs([0.03, 0.05] * (number // 2) + [0.04] * (number % 2))), 0.95)
        assert ends is not None
        widths.append(ends[1] - ends[0])
    assert widths == sorted(widths, reverse=True)


def test_the_luck_of_the_test_images_is_not_taken_for_less_by_repeating_on_them() -> None:
    """Ten pairs that agree to the digit still were compared on the same images."""
    few, many = (caused(_pairs([0.03] * number)) for number in (2, 10))
    assert few.spread is not None
    assert many.spread is not None
    common = 0.01 * np.random.default_rng(3).standard_normal(800)
    shared = [
        (
            Sample(estimate=0.63, replicates=0.63 + common, groups=200),
            Sample(estimate=0.6, replicates=np.full(800, 0.6), groups=200),
        )
    ] * 10
    spread = caused(shared).spread
    assert spread is not None
    assert spread.images == pytest.approx(0.01, rel=0.1)


def test_one_pair_is_refused() -> None:
    with pytest.raises(ValueError):
        caused(_pairs([0.03]))
