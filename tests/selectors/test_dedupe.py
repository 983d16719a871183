"""Near-duplicates are dropped in favour of the sharpest image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.adapters.pictures import hash_pairs
from runner.domain.errors import FlywheelError
from runner.selectors import dedupe
from runner.selectors.candidates import Candidates
from runner.selectors.dedupe import Dedupe


def candidates(hashes: list[int], sharpness: list[float] | None = None) -> Candidates:
    return Candidates(
        paths=[f"{number}.jpg" for number in range(len(hashes))],
        image_ids=["id"] * len(hashes),
        columns={
            "phash": np.array(hashes, dtype=np.uint64),
            "sharpness": np.array(sharpness or [1.0] * len(hashes)),
        },
    )


def test_of_equal_images_the_first_by_path_stays() -> None:
    assert Dedupe().drop(candidates([5, 5, 6])) == {1: "near-duplicate of 0.jpg (distance 0)"}


def test_the_sharpest_stays() -> None:
    assert Dedupe().drop(candidates([5, 5], [1.0, 2.0])) == {0: "near-duplicate of 1.jpg (distance 0)"}


@pytest.mark.parametrize(("distance", "dropped"), [(0, []), (2, [1]), (3, [1, 2]), (16, [1, 2])])
def test_distance_is_the_largest_that_counts(distance: int, dropped: list[int]) -> None:
    assert list(Dedupe(distance=distance).drop(candidates([0, 0b11, 0b11100]))) == dropped


def test_reason_names_the_nearest_kept_image() -> None:
    # 2 is nearer to 1 than to 0, and both are kept.
    drops = Dedupe(distance=3).drop(candidates([0, 0b11111, 0b00111], [3, 2, 1]))
    assert drops == {2: "near-duplicate of 1.jpg (distance 2)"}


def test_image_near_a_dropped_one_only_is_kept() -> None:
    drops = Dedupe(distance=2).drop(candidates([0, 0b11, 0b1111], [3, 2, 1]))
    assert drops == {1: "near-duplicate of 0.jpg (distance 2)"}


def test_kept_images_are_farther_apart_and_dropped_ones_are_near_one() -> None:
    rng = np.random.default_rng(0)
    hashes = (rng.integers(0, 2**16, 300, dtype=np.uint64)).tolist()
    drops = Dedupe(distance=3).drop(candidates(hashes, rng.random(300).tolist()))
    kept = [position for position in range(300) if position not in drops]
    assert 0 < len(kept) < 300
    pairs = [(a, b) for a in kept for b in kept if a < b]
    assert min((hashes[a] ^ hashes[b]).bit_count() for a, b in pairs) > 3
    assert all(min((hashes[a] ^ hashes[b]).bit_count() for b in kept) <= 3 for a in drops)


def test_no_images_drop_nothing() -> None:
    assert Dedupe(distance=4).drop(candidates([])) == {}


def test_exact_keeps_one_of_the_files_with_one_content() -> None:
    images = Candidates(
        paths=["b.jpg", "a.jpg", "c.jpg"],
        image_ids=["same", "same", "other"],
        columns={"sharpness": np.array([1.0, 1.0, 1.0])},
    )
    dedupe = Dedupe(method="exact")
    assert dedupe.drop(images) == {0: "the same file as a.jpg"}
    assert dedupe.needs == ("sharpness",)
    assert dedupe.describe() == "the same file as one that is kept"
    assert dedupe.standing(images, 0).said == (
        "the same file as a.jpg, which is as sharp, and first by path (1, this 1)"
    )
    assert dedupe.standing(images, 2).said == "no image that is kept is the same file"


def test_perceptual_is_what_is_meant_where_no_method_is_named() -> None:
    images = candidates([0, 0b11, 0b11100], [1.0, 2.0, 3.0])
    assert Dedupe(distance=2).drop(images) == Dedupe(method="perceptual", distance=2).drop(images)
    assert Dedupe(distance=2).standing(images, 0).said == (
        "near-duplicate of 1.jpg (distance 2), which is sharper (2, this 1)"
    )
    assert Dedupe(distance=2).standing(images, 0).facts == {"duplicate_of": "1.jpg", "distance": 2}
    assert Dedupe(distance=2).standing(images, 2).said == "no image that is kept is within 2 bits of it"


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), count=st.integers(0, 40), distance=st.integers(0, 16))
def test_the_same_are_dropped_as_by_comparing_each_with_each(seed: int, count: int, distance: int) -> None:
    random = np.random.default_rng(seed)
    hashes = random.choice(random.integers(0, 2**64, 5, dtype=np.uint64), count)
    for _ in range(8):
        hashes ^= np.uint64(1) << random.integers(0, 64, count, dtype=np.uint64)
    sharpness = random.integers(0, 4, count).astype(float)
    kept: list[int] = []
    expected = {}
    for position in sorted(range(count), key=lambda at: (-sharpness[at], f"{at}.jpg")):
        bits = [(int(hashes[position]) ^ int(hashes[other])).bit_count() for other in kept]
        if bits and min(bits) <= distance:
            expected[position] = f"near-duplicate of {kept[bits.index(min(bits))]}.jpg (distance {min(bits)})"
        else:
            kept.append(position)
    for few, most in ((0, 1 << 27), (5000, 1 << 27), (0, 1)):  # by pairs, one by one, and by too many pairs
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(dedupe, "FEW", few)
            patch.setattr(hash_pairs, "FEW", -1)
            patch.setattr(hash_pairs, "_MOST_PAIRS", most)
            found = Dedupe(distance=distance).drop(candidates(hashes.tolist(), sharpness.tolist()))
        assert found == expected


class Finder:
    """Remembers what it was asked, and tells what it was told."""

    def __init__(self, *pairs: tuple[str, str, str]) -> None:
        self.pairs_told = pairs
        self.asked: list[str] = []

    def pairs(self, paths: Sequence[str], image_ids: Sequence[str]) -> list[tuple[int, int, str]]:
        self.asked = list(image_ids)
        return [(image_ids.index(one), image_ids.index(other), said) for one, other, said in self.pairs_told]


def looked_at(finder: Finder | None, ids: str, pixels: Sequence[int] = (1, 1, 1, 1)) -> Candidates:
    return Candidates(
        paths=[f"{number}.jpg" for number in range(len(ids))],
        image_ids=list(ids),
        columns={
            "sharpness": np.arange(len(ids), dtype=float),
            "width": np.array(pixels[: len(ids)], dtype=np.int64),
            "height": np.ones(len(ids), dtype=np.int64),
        },
        finder=finder,
    )


def test_what_shows_the_same_pixels_is_dropped_and_the_largest_stays() -> None:
    finder = Finder(("a", "b", "flipped"), ("b", "c", ""))
    dedupe = Dedupe(method="embedding")
    images = looked_at(finder, "abcd", pixels=(1, 9, 1, 1))
    assert dedupe.drop(images) == {
        0: "shows the same pixels as 1.jpg (flipped)",
        2: "shows the same pixels as 1.jpg",
    }
    assert dedupe.standing(images, 0).said == (
        "shows the same pixels as 1.jpg (flipped), which is larger (9 px, this 1)"
    )
    assert dedupe.standing(images, 0).facts == {"duplicate_of": "1.jpg", "changes": "flipped"}
    assert dedupe.standing(images, 3).said == "no image that is kept shows the same pixels"
    assert dedupe.describe() == "shows the same pixels as one that is kept"


def test_an_image_that_shows_what_a_dropped_one_does_stays() -> None:
    # c is sharpest and drops b; a is like b only
    finder = Finder(("a", "b", ""), ("b", "c", "cropped"))
    assert Dedupe(method="embedding").drop(looked_at(finder, "abc")) == {
        1: "shows the same pixels as 2.jpg (cropped)"
    }


def test_a_content_is_looked_at_once_and_its_files_go_together() -> None:
    finder = Finder(("a", "b", "turned"))
    drops = Dedupe(method="embedding").drop(looked_at(finder, "abab"))
    assert finder.asked == ["a", "b"]
    assert drops == {
        0: "shows the same pixels as 3.jpg (turned)",
        1: "the same file as 3.jpg",
        2: "shows the same pixels as 3.jpg (turned)",
    }


def test_without_the_images_nobody_knows() -> None:
    with pytest.raises(FlywheelError) as error:
        Dedupe(method="embedding").drop(looked_at(None, "ab"))
    assert str(error.value) == (
        "`dedupe: {method: embedding}` looks at the images themselves, which a plan does not\n"
        "  hint: flywheel run, or flywheel select"
    )
