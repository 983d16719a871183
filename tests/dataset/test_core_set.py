"""k-center greedy beside the plain algorithm, and clusters of what is plainly in clusters."""

from __future__ import annotations

from itertools import islice
from typing import Any

import numpy as np
import pytest

from runner.dataset import core_set
from runner.dataset.core_set import clusters, farthest, k_center


def unit(count: int, dimensions: int, seed: int) -> Any:
    vectors = np.random.default_rng(seed).normal(size=(count, dimensions))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def plainly(vectors: Any, centres: Any, count: int) -> list[int]:
    """The algorithm as it is written down: every distance, every time."""
    chosen: list[int] = []
    for _ in range(count):
        known = np.concatenate([centres, vectors[chosen]])
        nearest = 1 - np.round((vectors @ known.T).astype(np.float64), 6).max(axis=1)
        nearest[chosen] = -1
        chosen.append(int(nearest.argmax()))
    return chosen


@pytest.mark.parametrize("looked_at", [1, 7, 512])
@pytest.mark.parametrize("seed", range(4))
def test_the_lazy_search_chooses_what_the_plain_one_does(
    monkeypatch: pytest.MonkeyPatch, looked_at: int, seed: int
) -> None:
    monkeypatch.setattr(core_set, "_LOOKED_AT", looked_at)
    vectors, centres = unit(300, 6, seed), unit(5, 6, seed + 100)
    found = list(islice(k_center(vectors, centres), 60))
    assert [at for at, _ in found] == plainly(vectors, centres, 60)
    distances = [distance for _, distance in found]
    assert distances == sorted(distances, reverse=True)


def test_all_vectors_come_once_with_and_without_centres_and_copies_among_them() -> None:
    vectors = np.concatenate([unit(20, 4, 0), unit(20, 4, 0)])
    for centres in (unit(3, 4, 1), np.zeros((0, 4), np.float32)):
        assert sorted(at for at, _ in k_center(vectors, centres)) == list(range(40))
    assert list(k_center(np.zeros((0, 4), np.float32), unit(3, 4, 1))) == []


def test_the_distance_to_no_centre_is_the_largest_there_is() -> None:
    assert farthest(unit(3, 4, 0), np.zeros((0, 4), np.float32)).tolist() == [2, 2, 2]


@pytest.mark.parametrize("learnt", [50, 20_000])
def test_clusters_are_those_that_are_there(monkeypatch: pytest.MonkeyPatch, learnt: int) -> None:
    monkeypatch.setattr(core_set, "_MOST_LEARNT", learnt)
    truth = np.arange(200) % 2
    vectors = unit(200, 8, 0) * 0.1 + np.eye(8, dtype=np.float32)[truth]
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = clusters(vectors, 2, seed=3)
    assert sorted(found.sizes.tolist()) == [100, 100]
    assert len(set(zip(truth.tolist(), found.of.tolist(), strict=True))) == 2
    again = clusters(vectors, 2, seed=3)
    assert found.of.tolist() == again.of.tolist()


def test_more_clusters_than_vectors_are_as_many_as_there_are() -> None:
    assert clusters(unit(3, 4, 0), 10, 0).sizes.tolist() == [1, 1, 1]
