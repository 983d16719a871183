"""Where a curve falls although labels were added, what else changed is named: one sentence for each public question that had no answer."""

from __future__ import annotations

import msgspec
import pytest
from planted_report import DUPLICATES
from planted_worth import TEST, TRAINER, in_a_row, past, selection

from runner.assessment.past_sprints import PastSprint, changes
from runner.assessment.worth import Asked, Spent, worth
from runner.domain.records import Checks, LabelFaultCount, LabelFaults, SplitCounts

BEFORE = past("0001-small", 6000, 0.888)


def _kinds(after: PastSprint) -> list[str]:
    return [change.kind for change in changes(BEFORE, after)]


def test_nothing_but_labels_is_no_change() -> None:
    assert changes(BEFORE, past("0002-large", 12_000, 0.6)) == []


def test_another_test_split_is_named_with_how_many_images_both_have() -> None:
    other = past(
        "0002-large",
        12_000,
        0.6,
        selected=selection(12_000, test="ab" * 32, test_images=[*TEST[:50], "x", "y"]),
        test="ab" * 32,
    )
    (change,) = changes(BEFORE, other)
    assert change.kind == "test split"
    assert change.text == (
        "The test split is another one (120 images then, 52 now, 50 of them the same): the two numbers are not of the same images."
    )


def test_the_same_test_images_with_other_labels() -> None:
    other = past("0002-large", 12_000, 0.6, selected=selection(12_000, test="ab" * 32), test="ab" * 32)
    assert _kinds(other) == ["test labels"]


def test_the_recipe_is_named_option_by_option() -> None:
    trainer = {**TRAINER, "epochs": 20, "model": "yolo11s.yaml"}
    (change,) = changes(BEFORE, past("0002-large", 12_000, 0.6, trainer=trainer))
    assert change.text == "The recipe changed: epochs 40 → 20, model yolo11n.yaml → yolo11s.yaml."


def test_fine_tuning_is_another_recipe() -> None:
    train = {"trainer": TRAINER, "task": BEFORE.params["train"]["task"], "ancestor": {"sprint": "0001-small"}}
    (change,) = changes(BEFORE, past("0002-large", 12_000, 0.6, train=train))
    assert change.text == "The recipe changed: from – → 0001-small."


def test_other_classes_make_another_mean() -> None:
    train = {"trainer": TRAINER, "task": {"classes": ["zero", "one", "two", "nine"]}}
    (change,) = changes(BEFORE, past("0002-large", 12_000, 0.6, train=train))
    assert (
        change.text
        == "The classes are others (new: nine; gone: three): the mean over classes is another mean."
    )


def test_the_rules_of_the_selection() -> None:
    rules = {"select": {"data": {"train": {"where": "camera = 'dock'"}}}}
    (change,) = changes(BEFORE, past("0002-large", 12_000, 0.6, **rules))
    assert change.text == "The rules that select images changed: train.where – → camera = 'dock'."


def test_another_artefact_and_another_evaluator() -> None:
    assert _kinds(past("0002-large", 12_000, 0.6, evaluate={"primary_target": "openvino-int8"})) == [
        "artefact"
    ]


def test_another_mix_of_classes_and_images_with_fewer_labels() -> None:
    base = selection(12_000)
    train = SplitCounts(
        images=6000, objects=12_000, per_class={"zero": 9000, "one": 1000, "two": 1000, "three": 1000}
    )
    mixed = msgspec.structs.replace(base, splits={**base.splits, "train": train})
    first, second = changes(BEFORE, past("0002-large", 12_000, 0.6, selected=mixed))
    assert first.text.startswith("The mix of classes in training changed: zero 25% → 75%, one 25% → 8%")
    assert (
        second.text == "Training images hold 2.0 labels each, 7.0 before: other scenes, or labels left out."
    )


def test_wrong_labels_that_were_left_out() -> None:
    fault = LabelFaultCount(
        kind="outside", treatment="drop", labels=40, splits={"train": 31, "test": 9}, examples=[]
    )
    dropped = msgspec.structs.replace(selection(12_000), label_faults=LabelFaults(kinds=[fault], emptied={}))
    (change,) = changes(BEFORE, past("0002-large", 12_000, 0.6, selected=dropped))
    assert change.text == "31 labels of the training images were wrong and left out or cut, 0 before."


def test_checks_that_fail_now() -> None:
    check = msgspec.structs.replace(DUPLICATES, success=True, checked=900, unexpected=0, rows=[])
    before = past("0001-small", 6000, 0.888, checks=Checks(results=[check]))
    failed = msgspec.structs.replace(check, success=False, unexpected=140)
    (change,) = changes(before, past("0002-large", 12_000, 0.6, checks=Checks(results=[failed])))
    assert (
        change.text
        == "Data checks that passed before fail now; this changed: detection/near-duplicates (140 of 900)."
    )


def _diagnoses(sprints: list[PastSprint]) -> list[tuple[str, str, bool | None]]:
    found = worth(sprints[-1], sprints[:-1], Asked(spent=Spent(unit="box", currency="EUR"))).diagnoses
    return [(one.before, one.after, one.beyond_noise) for one in found]


def test_a_fall_is_found_wherever_it_is_and_told_from_noise() -> None:
    sprints = in_a_row()
    sprints[1] = past("0002-more", 400, sprints[0].verdict.optimizing_value - 0.2)  # type: ignore[operator]
    sprints[3] = past("0004-more", 1600, sprints[2].verdict.optimizing_value - 0.005)  # type: ignore[operator]
    sprints[4] = past("0005-more", 3200, 0.7)
    assert _diagnoses(sprints) == [("0001-more", "0002-more", True), ("0003-more", "0004-more", False)]


@pytest.mark.parametrize(("labels", "value"), [(12_000, 0.9), (6000, 0.6), (3000, 0.5)])
def test_a_rise_the_same_labels_and_fewer_labels_are_no_fall(labels: int, value: float) -> None:
    assert _diagnoses([BEFORE, past("0002-large", labels, value)]) == []


def test_a_fall_without_intervals_says_that_nobody_knows() -> None:
    sprints = [past("0001-small", 6000, 0.888, half=None), past("0002-large", 12_000, 0.6, half=None)]
    assert _diagnoses(sprints) == [("0001-small", "0002-large", None)]
