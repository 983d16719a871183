"""Samples are seeded and stable, by equal shares, by those of the data, or by quota."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.domain.errors import FlywheelError
from runner.selectors.candidates import Candidates, Selector
from runner.selectors.quota import Quota
from runner.selectors.sample import Sample
from runner.selectors.shares import equal_shares, proportional_shares


def candidates(count: int, values: list[object] | None = None) -> Candidates:
    columns = {} if values is None else {"camera": np.array(values, dtype=object)}
    names = [f"{number}.jpg" for number in range(count)]
    return Candidates(paths=names, image_ids=names, columns=columns)


def kept(sample: Selector, given_candidates: Candidates) -> set[str]:
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


@pytest.mark.parametrize(
    ("sample", "taken"),
    [
        (Sample(size=6, seed=1), {2, 3, 7, 8, 11, 16}),
        (Sample(size=6, balance="camera"), {0, 2, 8, 9, 10, 17}),
    ],
)
def test_what_a_seed_takes_never_changes(sample: Sample, taken: set[int]) -> None:
    """Recorded before samples could be stratified: sprints that ran select the same images for ever."""
    values: list[object] = ["a", "b", None, "b"] * 5
    assert kept(sample, candidates(20, values)) == {f"{number}.jpg" for number in taken}


# --- stratified -----------------------------------------------------------------------------------


def counts_of(sample: Selector, values: list[object]) -> Counter[str]:
    drops = sample.drop(candidates(len(values), values))
    return Counter(str(value) for position, value in enumerate(values) if position not in drops)


def test_strata_keep_the_shares_of_the_data() -> None:
    values = ["day"] * 70 + ["dusk"] * 10 + [None] * 20
    sample = Sample(size=10, stratify="camera")
    assert counts_of(sample, values) == {"day": 7, "dusk": 1, "None": 2}
    assert set(sample.drop(candidates(100, values)).values()) == {
        "not in the sample of 10 stratified by camera (seed 0)"
    }


def test_largest_remainders_get_what_is_left() -> None:
    # exact parts of 4: 2.2, 1.4, 0.4; the two remainders of 0.4 are equal, so the first name gets it
    assert proportional_shares({"a": 11, "c": 2, "b": 7}, 4) == {"a": 2, "b": 2, "c": 0}


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 40), max_size=6), st.integers(1, 100))
def test_proportional_shares_fill_the_size_and_are_within_one_of_the_exact_part(
    available: dict[str, int], size: int
) -> None:
    total = sum(available.values())
    shares = proportional_shares(available, size)
    assert sum(shares.values()) == min(size, total)
    assert all(0 <= shares[name] <= available[name] for name in available)
    exact = {name: min(size, total) * count / total for name, count in available.items() if total}
    assert all(abs(shares[name] - part) < 1 for name, part in exact.items())


# --- quota ----------------------------------------------------------------------------------------


def test_quota_takes_at_most_so_many_of_each_value() -> None:
    values = ["a"] * 30 + ["b"] * 2 + [None] * 9
    quota = Quota(by="camera", max=5)
    assert counts_of(quota, values) == {"a": 5, "b": 2, "None": 5}
    drops = quota.drop(candidates(len(values), values))
    assert set(drops.values()) == {
        "camera = a: the 5 images of its quota are others (seed 0)",
        "camera = (none): the 5 images of its quota are others (seed 0)",
    }
    assert quota.describe() == "beyond the quota by camera (each: 5; seed 0)"


def test_quota_by_value_takes_nothing_else_unless_it_says_so() -> None:
    values = ["day"] * 30 + ["night"] * 20 + ["dusk"] * 5
    explicit = Quota(by="camera", images={"day": 3, "night": 10})
    assert counts_of(explicit, values) == {"day": 3, "night": 10}
    assert (
        "camera = dusk: the quota has no images of it (seed 0)"
        in explicit.drop(candidates(55, values)).values()
    )
    assert counts_of(Quota(by="camera", max=1, images={"day": 3}), values) == {
        "day": 3,
        "night": 1,
        "dusk": 1,
    }
    assert explicit.describe() == "beyond the quota by camera (day: 3, night: 10; seed 0)"


@pytest.mark.parametrize(
    ("values", "name"),
    [([True, False, True], "true"), ([1, 2, 1], "1"), ([0.5, None, 2.0], "2"), ([None], "(none)")],
)
def test_quota_names_values_as_slices_do(values: list[object], name: str) -> None:
    assert len(kept(Quota(by="camera", images={name: 9}), candidates(len(values), values))) >= 1


def test_quota_of_a_value_that_no_image_has_is_an_error() -> None:
    with pytest.raises(FlywheelError) as error:
        Quota(by="camera", images={"dya": 3}).drop(candidates(2, ["day", "night"]))
    assert str(error.value) == (
        'quota by camera: no image that is left has camera = dya; did you mean "day"?\n'
        "  hint: correct it in `images` of the quota, or take it out there"
    )


# --- whatever the way -----------------------------------------------------------------------------

WAYS: dict[str, Selector] = {
    "random": Sample(size=12, seed=3),
    "balanced": Sample(size=12, balance="camera"),
    "stratified": Sample(size=12, stratify="camera"),
    "quota": Quota(by="camera", max=4),
}
VALUES = st.lists(st.sampled_from(["a", "b", "c", None]), max_size=40)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=60, deadline=None)
@given(before=VALUES, added=st.lists(st.sampled_from(["a", "b", "c", "d", None]), max_size=4))
def test_images_that_are_added_push_few_out(way: str, before: list[object], added: list[object]) -> None:
    """Each added image pushes out one at most, and shares of another data move by a few."""
    first = kept(WAYS[way], candidates(len(before), before))
    second = kept(WAYS[way], candidates(len(before) + len(added), [*before, *added]))
    rounding = 5 if way in ("balanced", "stratified") and added else 0  # one for each value
    assert len(first - second) <= len(added) + rounding
    if way == "quota":
        assert all(len(named) <= 4 for named in by_value(second, [*before, *added]).values())
    else:
        assert len(second) == min(12, len(before) + len(added))


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=30, deadline=None)
@given(values=VALUES, shuffled=st.randoms(use_true_random=False))
def test_the_order_of_the_index_changes_nothing(way: str, values: list[object], shuffled: Any) -> None:
    rows = list(range(len(values)))
    shuffled.shuffle(rows)
    plain = candidates(len(values), values)
    mixed = Candidates(
        paths=[plain.paths[row] for row in rows],
        image_ids=[plain.image_ids[row] for row in rows],
        columns={"camera": plain.columns["camera"][rows]},
    )
    assert kept(WAYS[way], plain) == kept(WAYS[way], mixed)


@pytest.mark.parametrize("way", WAYS)
@settings(max_examples=30, deadline=None)
@given(values=VALUES)
def test_where_an_image_stands_agrees_with_what_is_dropped(way: str, values: list[object]) -> None:
    given_candidates = candidates(len(values), values)
    drops = WAYS[way].drop(given_candidates)
    for position in range(len(values)):
        facts = WAYS[way].standing(given_candidates, position).facts
        assert (int(facts["rank"]) > int(facts["taken"])) == (position in drops)


def by_value(paths: set[str], values: list[object]) -> dict[object, list[str]]:
    grouped: dict[object, list[str]] = {}
    for path in paths:
        grouped.setdefault(values[int(path.removesuffix(".jpg"))], []).append(path)
    return grouped


def test_files_of_one_content_are_drawn_by_path() -> None:
    twins = Candidates(paths=["b.jpg", "a.jpg", "c.jpg"], image_ids=["same", "same", "other"], columns={})
    taken = kept(Sample(size=2, seed=5), twins)
    assert taken in ({"a.jpg", "b.jpg"}, {"a.jpg", "c.jpg"})


def test_a_place_in_the_sample_is_said() -> None:
    values = ["a"] * 6 + ["b"] * 2
    sample = Sample(size=4, stratify="camera")
    said = {sample.standing(candidates(8, values), position).said for position in range(6)}
    assert "rank 4 of 6 with camera = a; the first 3 are taken stratified by camera (seed 0)" in said
    plain = Sample(size=4).standing(candidates(8), 0).said
    assert plain.endswith(" of 8; the first 4 are taken (seed 0)")
