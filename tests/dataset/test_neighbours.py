"""Nearest neighbours are those that comparing everything with everything finds."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from runner.dataset import neighbours
from runner.dataset.neighbours import nearest, propose_pairs


def vectors(count: int, numbers: int = 6, seed: int = 0) -> NDArray[np.float32]:
    drawn = np.random.default_rng(seed).normal(size=(count, numbers))
    return (drawn / np.linalg.norm(drawn, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(("count", "k"), [(5, 3), (40, 7), (700, 4), (1003, 5)])
def test_they_are_those_of_all_comparisons(count: int, k: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "_BLOCK", 5000)  # several blocks of rows
    ours, theirs = vectors(33, seed=1), vectors(count)
    cosines = np.round(ours @ theirs.T, 6)
    expected = np.argsort(-cosines, axis=1, kind="stable")[:, :k]
    found = nearest(ours, theirs, k)
    assert np.array_equal(found.position, expected)
    np.testing.assert_allclose(found.cosine, np.take_along_axis(cosines, expected, axis=1), atol=2e-6)


def test_of_equals_the_first_comes_first_and_none_is_above_one() -> None:
    same = np.repeat(vectors(1), 300, axis=0)
    found = nearest(same[:1], same, 300)
    assert found.position[0].tolist() == list(range(300))
    assert found.cosine.max() <= 1


@pytest.mark.parametrize("count", [9, 900])
def test_of_equals_that_are_too_many_the_first_are_taken(count: int) -> None:
    one, other = vectors(2)
    found = nearest(one[None], np.stack([other] * 3 + [one] * count), 5)
    assert found.position[0].tolist() == [3, 4, 5, 6, 7]


def test_there_are_no_more_than_there_are() -> None:
    assert nearest(vectors(2), vectors(3), 10).position.shape == (2, 3)
    assert nearest(vectors(2), vectors(3)[:0], 10).position.shape == (2, 0)
    assert nearest(vectors(2)[:0], vectors(3), 2).position.shape == (0, 2)


def test_a_pair_is_proposed_once_the_nearest_first() -> None:
    planted = vectors(60)
    planted[50], planted[7] = planted[3], planted[8]
    pairs = propose_pairs(planted, 2, min_cosine=0.9999)
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == {(3, 50), (7, 8)}
    every = propose_pairs(planted, 2)
    assert (every.first < every.second).all()
    assert (np.diff(every.cosine) <= 0).all()
    assert len(set(zip(every.first.tolist(), every.second.tolist(), strict=True))) == len(every.first)


@pytest.mark.parametrize("count", [0, 1])
def test_alone_there_is_no_pair(count: int) -> None:
    assert len(propose_pairs(vectors(count), 3).first) == 0
