"""Which objects of several annotators are the same, and how far the annotators agree."""

from __future__ import annotations

import numpy as np
import pytest

from runner.adapters.system.krippendorff_alpha import nominal_alpha
from runner.evaluation.agreement import Pairs, alpha, pairs_of, same_objects, share


def pairs(*rows: tuple[int, int, float]) -> Pairs:
    one, other, similarity = zip(*rows, strict=True) if rows else ((), (), ())
    return Pairs(
        one=np.array(one, np.int64),
        other=np.array(other, np.int64),
        similarity=np.array(similarity, np.float64),
    )


def groups(found: Pairs, annotator: list[int], label: list[int] | None = None) -> list[int]:
    labels = np.zeros(len(annotator), np.int64) if label is None else np.array(label)
    return same_objects(found, np.array(annotator), labels).tolist()


def test_pairs_are_of_one_image_and_two_annotators() -> None:
    one, other = pairs_of(np.array([3, 1, 3, 3, 1]), np.array([0, 0, 1, 1, 0]))
    assert list(zip(one.tolist(), other.tolist(), strict=True)) == [(0, 2), (0, 3)]
    assert [len(side) for side in pairs_of(np.empty(0, np.int64), np.empty(0, np.int64))] == [0, 0]


def test_the_most_similar_pair_is_one_object() -> None:
    assert groups(pairs((0, 1, 0.6), (0, 2, 0.8)), [0, 1, 1]) == [0, 1, 0]


def test_an_object_of_another_place_stays_alone() -> None:
    assert groups(pairs((0, 1, 0.49)), [0, 1]) == [0, 1]
    assert groups(pairs(), [0, 1, 2]) == [0, 1, 2]


def test_three_annotators_see_one_object() -> None:
    assert groups(pairs((0, 1, 0.9), (0, 2, 0.8), (1, 2, 0.7)), [0, 1, 2]) == [0, 0, 0]


def test_a_chain_is_not_one_object() -> None:
    # 1 overlaps with 0 and with 2, which do not overlap at all: 0.6 and 0 on average
    assert groups(pairs((0, 1, 0.9), (1, 2, 0.6)), [0, 1, 2]) == [0, 0, 1]


def test_of_equally_similar_ones_the_class_decides() -> None:
    assert groups(pairs((0, 1, 0.7), (0, 2, 0.7)), [0, 1, 1], [5, 4, 5]) == [0, 1, 0]


def test_a_share_is_of_all_things_and_its_interval_of_images() -> None:
    part, image = np.array([1.0, 0, 1, 1] * 25), np.arange(100) // 2
    found = share(part, np.ones(100), image)
    assert found.value == 0.75
    assert found.of == 100
    assert found.ends is not None
    assert 0.6 < found.ends[0] < 0.75 < found.ends[1] < 0.9


def test_few_images_leave_it_open() -> None:
    ends = share(np.ones(3), np.ones(3), np.arange(3)).ends
    assert ends is not None
    assert ends[0] < 0.4  # three of three is little
    assert share(np.ones(5), np.ones(5), np.zeros(5, np.int64)).ends is None  # all of one image
    assert share(np.empty(0), np.empty(0), np.empty(0, np.int64)).value is None


def test_alpha_of_the_textbook() -> None:
    # Krippendorff's own example of four observers and twelve units, nominal
    said = np.array(
        [
            [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
            [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
            [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
            [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
        ]
    )
    counts = np.stack([(said == value).sum(axis=0) for value in range(1, 6)], axis=1)
    assert nominal_alpha(counts) == pytest.approx(0.743, abs=0.0005)


def test_alpha_needs_two_annotators_and_two_categories() -> None:
    assert alpha(np.array([[1, 0], [0, 1]]), np.arange(2)).value is None
    assert alpha(np.array([[2, 0], [2, 0]]), np.arange(2)).value is None
    agreed = alpha(np.array([[2, 0], [0, 2]] * 20), np.arange(40))
    assert agreed.value == 1
    assert agreed.ends is not None
    assert agreed.ends[0] < 1


def test_alpha_by_chance_is_none() -> None:
    said = np.random.default_rng(0).integers(0, 2, size=(400, 2))
    counts = np.stack([(said == value).sum(axis=1) for value in (0, 1)], axis=1)
    found = alpha(counts, np.arange(400))
    assert found.value == pytest.approx(0, abs=0.12)
    assert found.ends is not None
    assert found.ends[0] < 0 < found.ends[1]
