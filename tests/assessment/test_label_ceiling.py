"""The ceiling: what the truth would score against labels as annotators make them, from gold and from two annotators alike."""

from __future__ import annotations

import random

import pytest
from planted_answers import CLASSES, drawn, task

from runner.annotators.simulated_errors import Rates, label
from runner.assessment.answered import LabelSet
from runner.assessment.label_ceiling import annotators_ceilings, gold_ceilings
from runner.domain.annotation_quality import LabelCeiling
from runner.domain.labelling import AnsweredObject

IMAGES = 80


def truth(image: int) -> list[AnsweredObject]:
    dice = random.Random(image)
    return [drawn(0.05 + 0.3 * (n % 3), 0.05 + 0.3 * (n // 3), dice.choice(CLASSES)) for n in range(6)]


def sets(name: str, rates: Rates) -> list[LabelSet]:
    return [
        LabelSet(
            image=f"{n:03d}",
            source=name,
            objects=label(truth(n), (), CLASSES, rates, random.Random(f"{name}{n}")).objects,
        )
        for n in range(IMAGES)
    ]


def known() -> list[LabelSet]:
    return [LabelSet(image=f"{n:03d}", source="", objects=truth(n)) for n in range(IMAGES)]


def both(rates: Rates) -> tuple[LabelCeiling, LabelCeiling]:
    """From gold, and from two annotators."""
    anna, bob = sets("anna", rates), sets("bob", rates)
    of_gold = gold_ceilings(list(zip(anna, known(), strict=True)), task())[0]
    return of_gold, annotators_ceilings([*anna, *bob], task())[0]


@pytest.mark.parametrize(
    "errors",
    [
        {"missed": 0.15},
        {"wrong_class": 0.1},
        {"spurious": 0.6},
        {"jitter": 0.06},
        {"missed": 0.1, "wrong_class": 0.05, "spurious": 0.2, "jitter": 0.06},
    ],
    ids=["missed", "wrong class", "spurious", "jitter", "all"],
)
def test_two_annotators_tell_what_gold_tells(errors: dict[str, float]) -> None:
    of_gold, of_two = both(Rates(missed_of={}, taken_for={}, **errors))  # type: ignore[arg-type]
    assert of_gold.ceiling.value is not None
    assert of_gold.ceiling == of_gold.measured
    assert of_gold.ceiling.value < 0.95
    assert of_two.measured.value is not None
    assert of_two.measured.value < of_gold.ceiling.value - 0.03  # both sides' errors
    assert of_two.ceiling.value == pytest.approx(of_gold.ceiling.value, abs=0.05)


def test_without_errors_there_is_no_ceiling() -> None:
    of_gold, of_two = both(Rates(missed_of={}, taken_for={}))
    assert of_gold.ceiling.value == of_two.ceiling.value == 1
    assert of_gold.limited_by is None
    assert of_gold.ceiling.low is not None
    assert of_gold.ceiling.low < 1


def test_a_class_that_is_overlooked_holds_it_down() -> None:
    for found in both(Rates(missed_of={"two": 0.5}, taken_for={})):
        assert found.limited_by == "two"
        assert found.without_limit == pytest.approx(1, abs=0.01)
        assert found.limited_value.value is not None
        assert found.limited_value.value < 0.75


def test_one_image_is_too_little() -> None:
    (one, *_), (other, *_) = sets("anna", Rates(missed_of={}, taken_for={})), known()
    assert gold_ceilings([(one, other)], task()) == []
    assert annotators_ceilings([one], task()) == []


def test_a_class_that_both_never_call_the_same() -> None:
    pairs = [
        LabelSet(image=f"{n}", source=name, objects=[drawn(0.1, 0.1, class_name)])
        for n in range(4)
        for name, class_name in (("anna", "one"), ("bob", "two"))
    ]
    found = annotators_ceilings(pairs, task())[0]
    assert found.measured.value == found.ceiling.value == 0
