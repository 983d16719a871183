"""Several annotators' answers to one image become one."""

from __future__ import annotations

import numpy as np
import pytest
from planted_answers import answer, drawn, noisy, task

from runner.assessment.consensus import consensus, merged
from runner.domain.labelling import AnsweredObject


def boxes(objects: list[AnsweredObject]) -> list[tuple[str, tuple[float, ...]]]:
    return [(item.class_name, tuple(round(side, 3) for side in item.box)) for item in objects]


def test_one_answer_is_taken_as_it_is() -> None:
    only = answer("anna", drawn(0.1, 0.1), drawn(0.5, 0.5, "two"))
    assert consensus([only], task()) == only.objects
    assert consensus([only, answer("bob", skipped=True)], task()) == only.objects
    assert consensus([answer("bob", skipped=True)], task()) == []
    assert consensus([], task()) == []


def test_two_answers_are_met_in_the_middle() -> None:
    both = [answer("anna", drawn(0.1, 0.1)), answer("bob", drawn(0.12, 0.1))]
    assert boxes(consensus(both, task())) == [("one", (0.11, 0.1, 0.31, 0.3))]
    assert merged(both, task()).disputed == []
    weighted = consensus(both, task(), weights={"anna": 3.0})
    assert boxes(weighted) == [("one", (0.105, 0.1, 0.305, 0.3))]


def test_the_order_of_the_answers_changes_nothing() -> None:
    rng = np.random.default_rng(3)
    truth = [drawn(0.1, 0.1), drawn(0.4, 0.4, "two"), drawn(0.7, 0.1, "three")]
    answers = [answer(name, *noisy(rng, truth, missed=0.2)) for name in ("anna", "bob", "cem")]
    assert merged(answers, task()) == merged(answers[::-1], task())


def test_of_two_one_is_enough_and_it_is_disputed() -> None:
    found = merged(
        [answer("anna", drawn(0.1, 0.1), drawn(0.6, 0.6, "two")), answer("bob", drawn(0.1, 0.1))], task()
    )
    assert [item.class_name for item in found.objects] == ["one", "two"]
    assert [(one.why, one.kept) for one in found.disputed] == [("drawn by anna, not by bob", True)]


def test_of_three_two_decide() -> None:
    found = merged(
        [
            answer("anna", drawn(0.1, 0.1, "two"), drawn(0.6, 0.6)),
            answer("bob", drawn(0.1, 0.1, "two")),
            answer("cem", drawn(0.1, 0.1, "three")),
        ],
        task(),
    )
    assert boxes(found.objects) == [("two", (0.1, 0.1, 0.3, 0.3))]
    assert found.disputed == []


def test_whoever_is_trusted_less_is_outvoted() -> None:
    answers = [
        answer("anna", drawn(0.1, 0.1, "two")),
        answer("bob", drawn(0.1, 0.1, "three"), drawn(0.6, 0.6)),
    ]
    equal = merged(answers, task())
    assert [one.why for one in equal.disputed] == [
        "anna says two, bob says three",
        "drawn by bob, not by anna",
    ]
    sure = merged(answers, task(), weights={"anna": 0.9, "bob": 0.3})
    assert boxes(sure.objects) == [("two", (0.1, 0.1, 0.3, 0.3))]
    assert sure.disputed == []


def test_one_outlier_moves_a_box_little() -> None:
    answers = [
        answer("anna", drawn(0.10, 0.1)),
        answer("bob", drawn(0.11, 0.1)),
        answer("cem", drawn(0.15, 0.1)),
    ]
    (item,) = consensus(answers, task())
    assert item.box[0] == pytest.approx(0.11, abs=0.006)  # the mean is 0.12


def test_outlines_are_the_most_typical_annotators() -> None:
    def square(left: float) -> AnsweredObject:
        outline = [left, 0.1, left + 0.2, 0.1, left + 0.2, 0.3, left, 0.3]
        return drawn(left, 0.1, polygons=[outline])

    answers = [answer("anna", square(0.1)), answer("bob", square(0.11)), answer("cem", square(0.16))]
    (item,) = consensus(answers, task("segment"))
    assert item == square(0.11)


def test_corners_are_averaged_from_the_same_corner_on() -> None:
    first = [0.1, 0.1, 0.3, 0.1, 0.3, 0.2, 0.1, 0.2]
    second = [0.32, 0.1, 0.32, 0.2, 0.12, 0.2, 0.12, 0.1]  # the same way round, from another corner on
    answers = [answer("anna", drawn(0.1, 0.1, corners=first)), answer("bob", drawn(0.1, 0.1, corners=second))]
    (item,) = consensus(answers, task("obb"))
    assert item.corners == pytest.approx([0.11, 0.1, 0.31, 0.1, 0.31, 0.2, 0.11, 0.2])


def test_key_points_are_averaged_over_those_who_labelled_them() -> None:
    def posed(*points: float) -> AnsweredObject:
        return drawn(0.1, 0.1, keypoints=list(points))

    answers = [
        answer("anna", posed(0.15, 0.15, 2, 0.25, 0.25, 2)),
        answer("bob", posed(0.17, 0.15, 2, 0, 0, 0)),
        answer("cem", posed(0.16, 0.15, 1, 0, 0, 0)),
    ]
    (item,) = consensus(answers, task("pose", points=2))
    assert item.keypoints == pytest.approx([0.16, 0.15, 2, 0, 0, 0])


def test_classes_of_images_are_voted_on() -> None:
    def said(name: str, class_name: str) -> object:
        whole = AnsweredObject(class_name=class_name, box=(0, 0, 1, 1), outcome="added")
        return answer(name, whole)

    answers = [said("anna", "two"), said("bob", "one"), said("cem", "two")]
    assert [item.class_name for item in consensus(answers, task("classify"))] == ["two"]  # type: ignore[arg-type]


def test_three_make_fewer_errors_than_one() -> None:
    rng = np.random.default_rng(0)
    truth = [drawn(0.1 + 0.3 * (n % 3), 0.1 + 0.3 * (n // 3)) for n in range(9)]
    apart, missing = {"one": [], "three": []}, {"one": 0, "three": 0}  # type: ignore[var-annotated]
    for _ in range(40):
        answers = [answer(name, *noisy(rng, truth, jitter=0.06, missed=0.15)) for name in ("a", "b", "c")]
        for who, said in (("one", answers[:1]), ("three", answers)):
            found = consensus(said, task())
            missing[who] += len(truth) - len(found)
            for item in found:
                nearest = min(abs(np.array(item.box) - np.array(true.box)).max() for true in truth)
                apart[who].append(nearest)
    assert missing["three"] < 0.6 * missing["one"]
    assert np.mean(apart["three"]) < 0.75 * np.mean(apart["one"])


def test_who_agrees_is_not_changed() -> None:
    objects = [drawn(0.1, 0.1), drawn(0.5, 0.5, "two"), drawn(0.1, 0.6, "three")]
    for people in (2, 3, 5):
        found = merged([answer(f"p{n}", *objects) for n in range(people)], task())
        assert boxes(found.objects) == boxes(objects)
        assert found.disputed == []
