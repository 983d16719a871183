"""Splits are proposed by whole clusters, near the shares that were asked for, and the same each time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.dataset.splitting import IMAGES, Proposal, Stratum, chains, joined, propose

SHARES = (0.7, 0.15, 0.15)
OPEN = (False, False, False)


def strata(count: int, *amounts: np.ndarray) -> list[Stratum]:
    every = Stratum(name=IMAGES, amount=np.ones(count))
    return [
        every,
        *(Stratum(name=f"s{at}", amount=amount.astype(float)) for at, amount in enumerate(amounts)),
    ]


def proposed(
    clusters: np.ndarray,
    *amounts: np.ndarray,
    fixed: np.ndarray | None = None,
    closed: tuple[bool, ...] = OPEN,
    seed: int = 0,
) -> Proposal:
    free = np.full(len(clusters), -1, np.intp) if fixed is None else fixed
    return propose(clusters, strata(len(clusters), *amounts), SHARES, fixed=free, closed=closed, seed=seed)


def straddling(clusters: np.ndarray, split: np.ndarray) -> int:
    return sum(len(set(split[clusters == cluster]) - {-1}) > 1 for cluster in np.unique(clusters))


@settings(max_examples=25, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=60, max_size=120),
    seed=st.integers(0, 10**6),
)
def test_no_cluster_straddles_and_shares_are_near(sizes: list[int], seed: int) -> None:
    clusters = np.repeat(np.arange(len(sizes)), sizes)
    generator = np.random.default_rng(seed)
    half = generator.random(len(clusters)) < 0.5
    rare = generator.random(len(sizes))[clusters] < 0.2
    found = proposed(clusters, half, rare, seed=seed)
    assert straddling(clusters, found.split) == 0
    assert (found.split >= 0).all()
    images = found.spreads[0].shares
    assert np.abs(images - SHARES).max() <= 3 / len(clusters) + 0.01
    assert np.abs(found.spreads[1].shares - SHARES).max() < 0.05
    again = proposed(clusters, half, rare, seed=seed)
    assert np.array_equal(found.split, again.split)


def test_a_rare_class_is_in_every_split() -> None:
    """Random splits of 7 of 700 have none in val or test in 54 of 100 cases."""
    rare = np.zeros(700)
    rare[::100] = 1
    spread = proposed(np.arange(700), rare).spreads[1]
    assert spread.clusters == 7
    assert (spread.shares * 7).round().tolist() == [5, 1, 1]


def test_what_stays_where_it_is_counts() -> None:
    """Train has its images already: the others go to val and test."""
    fixed = np.full(100, -1, np.intp)
    fixed[:70] = 0
    found = proposed(np.arange(100), fixed=fixed)
    assert np.bincount(found.split).tolist() == [70, 15, 15]
    assert (found.split[:70] == 0).all()


def test_a_cluster_goes_where_its_fixed_images_are() -> None:
    clusters = np.repeat(np.arange(40), 2)
    fixed = np.full(80, -1, np.intp)
    fixed[0] = 1
    assert proposed(clusters, fixed=fixed).split[:2].tolist() == [1, 1]


def test_a_closed_split_keeps_its_images_and_gets_no_other() -> None:
    """A test split that was judged: what nearly repeats it is in no split, the rest is shared by train and val."""
    clusters = np.repeat(np.arange(50), 2)
    fixed = np.full(100, -1, np.intp)
    fixed[:20:2] = 2  # one of each pair of ten clusters
    found = proposed(clusters, fixed=fixed, closed=(False, False, True))
    assert np.flatnonzero(found.split == 2).tolist() == list(range(0, 20, 2))
    assert (found.split[1:20:2] == -1).all()
    train, val = (int((found.split == at).sum()) for at in (0, 1))
    assert train + val == 80
    assert val / 80 == pytest.approx(0.15 / 0.85, abs=0.03)


def test_one_cluster_alone_cannot_be_split() -> None:
    assert len(set(proposed(np.zeros(10, np.intp)).split.tolist())) == 1


def test_pairs_and_equal_values_join() -> None:
    groups = chains(["a", "b", "a", None, None, "b"])
    assert joined(6, [groups, (np.array([1]), np.array([3]))]).tolist() == [0, 1, 0, 1, 2, 1]
    assert joined(2, []).tolist() == [0, 1]


def test_many_clusters_come_out_as_asked() -> None:
    clusters = np.arange(20_000) // 2
    labels = [np.arange(20_000) % 7 == at for at in range(7)]
    found = proposed(clusters, *labels)
    assert max(np.abs(spread.shares - SHARES).max() for spread in found.spreads) < 0.002
