"""Samples are seeded, stable, and balanced if asked."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.selectors.candidates import Candidates
from runner.selectors.sample import Sample, equal_shares


def candidates(count: int, values: list[object] | None = None) -> Candidates:
    columns = {} if values is None else {"camera": np.array(values, dtype=object)}
    names = [f"{number}.jpg" for number in range(count)]
    return Candidates(paths=names, image_ids=names, columns=columns)


def kept(sample: Sample, given_candidates: Candidates) -> set[str]:
    drops = sample.drop(given_candidates)
    return {path for position, path in enumerate(given_candidates.paths) if position not in drops}


@pytest.mark.parametrize(("size", "expected"), [(1, 1), (7, 7), (20, 20), (50, 20)])
def test_size_is_the_most_that_is_kept(size: int, expected: int) -> None:
    assert len(kept(Sample(size=size), candidates(20))) == expected


def test_every_drop_says_why() -> None:
    assert set(Sample(size=3, seed=4).drop(candidates(9)).values()) == {"not in the sample of 3 (seed 4)"}


def test_same_seed_same_sample_other_seed_other_sample() -> None:
    first = kept(Sample(size=10), candidates(100))
    assert first == kept(Sample(size=10), candidates(100))
    assert first != kept(Sample(size=10, seed=1), candidates(100))


def test_smaller_sample_is_part_of_the_larger() -> None:
    assert kept(Sample(size=10), candidates(100)) < kept(Sample(size=20), candidates(100))


def test_growing_dataset_changes_little() -> None:
    before = kept(Sample(size=50), candidates(100))
    after = kept(Sample(size=50), candidates(102))
    assert len(before & after) >= 48


def test_balance_gives_equal_shares_and_shares_out_what_is_left() -> None:
    values = ["a"] * 60 + ["b"] * 3 + [None] * 37
    drops = Sample(size=23, balance="camera").drop(candidates(100, values))
    counts = Counter(str(value) for position, value in enumerate(values) if position not in drops)
    assert counts == {"a": 10, "None": 10, "b": 3}
    assert set(drops.values()) == {"not in the sample of 23 balanced over camera (seed 0)"}


def test_missing_numbers_are_one_value() -> None:
    values = [1.0, float("nan"), float("nan"), 1.0]
    drops = Sample(size=2, balance="camera").drop(candidates(4, values))
    assert len({position for position in (0, 3) if position not in drops}) == 1


def test_no_images_drop_nothing() -> None:
    assert Sample(size=3, balance="camera").drop(candidates(0, [])) == {}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 40), max_size=6), st.integers(1, 100))
def test_shares_fill_the_size_and_differ_only_where_a_value_ran_out(
    available: dict[str, int], size: int
) -> None:
    shares = equal_shares(available, size)
    assert sum(shares.values()) == min(size, sum(available.values()))
    assert all(0 <= shares[name] <= available[name] for name in available)
    unfilled = [shares[name] for name in available if shares[name] < available[name]]
    if unfilled:
        assert max(unfilled) - min(unfilled) <= 1
        assert max(shares.values()) <= max(unfilled) + 1
