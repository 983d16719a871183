"""How good labels are: planted errors of annotators come out as the figures that they were planted with."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Literal

import msgspec
import pytest
from planted_answers import CLASSES, answer, drawn, task

from runner.annotators.simulated_errors import Rates, label
from runner.assessment.annotation_quality import Prices, Round, acceptance, quality
from runner.config.annotation import AgreementLimit, QualityOptions
from runner.domain.annotation_quality import AnnotationQuality, failures
from runner.domain.labelling import Answer, AnsweredObject, BatchImage, Proposal

NO_ERRORS = Rates(missed_of={}, taken_for={})


def truth(image: int) -> list[AnsweredObject]:
    dice = random.Random(image)
    return [
        drawn(0.05 + 0.3 * column, 0.05 + 0.3 * row, dice.choice(CLASSES))
        for column in range(3)
        for row in range(2)
    ]


def batch(images: int, arm: str = "random") -> list[BatchImage]:
    return [
        BatchImage(key=f"key-{n}", path=f"images/pool/{n}.jpg", image_id=f"id-{n}", arm=arm)
        for n in range(images)
    ]


def answers(images: int, **people: Rates) -> list[Answer]:
    return [
        answer(
            name,
            *label(truth(n), (), CLASSES, rates, random.Random(f"{name}{n}")).objects,
            image=str(n),
            seconds=10.0,
        )
        for name, rates in people.items()
        for n in range(images)
    ]


def rates(**errors: float) -> Rates:
    return Rates(missed_of={}, taken_for={}, **errors)  # type: ignore[arg-type]


def measured(
    given: list[Answer],
    images: int,
    gold: Mapping[str, list[AnsweredObject]] | None = None,
    options: QualityOptions | None = None,
) -> AnnotationQuality:
    round_ = Round(sprint="0002-x", task=task(), images=batch(images), answers=given, gold=gold or {})
    return quality(round_, options, Prices(label=0.04, review=0.01))


def test_who_makes_no_errors_agrees() -> None:
    found = measured(answers(12, anna=NO_ERRORS, bob=NO_ERRORS), 12)
    assert (found.double, found.answers, found.objects) == (12, 24, 144)
    assert found.iou.value == found.class_agreement.value == found.alpha.value == 1
    assert found.iou.low is not None
    assert 0.7 < found.iou.low < 1  # of twelve images
    assert found.review == []
    assert [ceiling.ceiling.value for ceiling in found.ceilings] == [1, 1]


def test_planted_errors_are_measured() -> None:
    given = answers(60, anna=NO_ERRORS, bob=rates(missed=0.2, jitter=0.05))
    known = {f"id-{n}": truth(n) for n in range(60)}
    found = measured(given, 60, known)
    anna, bob = found.annotators
    assert anna.gold_recall.value == anna.gold_precision.value == 1
    assert bob.gold_recall.value == pytest.approx(0.8, abs=0.06)
    assert bob.gold_recall.low is not None
    assert bob.gold_recall.low < 0.8 < (bob.gold_recall.high or 0)
    assert bob.gold_precision.value == 1
    assert found.found_by_both.value == pytest.approx(0.8, abs=0.06)
    assert found.matched_iou.value == pytest.approx(0.87, abs=0.04)
    assert found.iou.value == pytest.approx(found.matched_iou.value * found.found_by_both.value, abs=0.01)  # type: ignore[operator]


def test_the_class_that_is_confused_is_named() -> None:
    biased = Rates(missed_of={}, taken_for={"two": ("three", 0.5)})
    found = measured(answers(50, anna=NO_ERRORS, bob=biased), 50)
    by_name = {one.class_name: one for one in found.classes}
    assert by_name["two"].confused_with == "three"
    assert by_name["two"].class_agreement.value == pytest.approx(0.5, abs=0.12)
    assert by_name["one"].class_agreement.value == 1
    assert found.alpha.value is not None
    assert found.alpha.value < 0.9
    ceiling = found.ceilings[0]
    assert ceiling.against == "annotators"
    assert ceiling.limited_by in ("two", "three")
    assert ceiling.measured.value is not None
    assert ceiling.measured.value < ceiling.ceiling.value < 1  # type: ignore[operator]
    assert ceiling.without_limit is not None
    assert ceiling.without_limit > ceiling.ceiling.value  # type: ignore[operator]


def test_below_the_limit_the_check_fails_and_names_what_to_review() -> None:
    given = answers(20, anna=NO_ERRORS, bob=rates(missed=0.4))
    strict = QualityOptions(agreement=AgreementLimit(metric="iou", min=0.8))
    found = measured(given, 20, options=strict)
    assert found.limit == ("iou", 0.8)
    (why,) = found.failed
    assert why.startswith("mean overlap of what two annotators drew is 0.6")
    assert why.endswith("on 20 images, below 0.8")
    assert found.review_images == len(found.review) > 10
    assert found.review[0].annotators == ["anna", "bob"]
    assert "drawn by anna, not by bob" in found.review[0].why[0]
    assert (
        measured(given, 20, options=QualityOptions(agreement=AgreementLimit(metric="iou", min=0.3))).failed
        == []
    )
    assert failures(found, None) == []


def test_what_is_not_measured_does_not_fail() -> None:
    strict = QualityOptions(agreement=AgreementLimit(metric="alpha", min=1.0))
    found = measured(answers(5, anna=NO_ERRORS), 5, options=strict)
    assert found.alpha.value is None
    assert found.failed == []
    assert found.ceilings == []


def test_gold_images_that_were_not_seen_as_known_are_reviewed() -> None:
    given = [answer("anna", *truth(0)[:4], drawn(0.75, 0.75), image="0")]
    found = measured(given, 1, {"id-0": truth(0)})
    assert [one.why for one in found.review] == [
        ["anna: 2 of 6 known objects not found as such, 1 drawn that are not known"]
    ]


def test_what_became_of_pre_annotations() -> None:
    shown = [
        Proposal(class_name=name, box=drawn(left, 0.1).box, score=0.9)
        for left, name in ((0.0, "one"), (0.25, "one"), (0.5, "two"), (0.75, "three"))
    ]
    given = answer(
        "anna",
        drawn(0.0, 0.1, outcome="accepted", proposal=0),
        drawn(0.27, 0.1, outcome="moved", proposal=1),
        drawn(0.5, 0.1, "three", outcome="relabelled", proposal=2),
        drawn(0.5, 0.6, "two"),
        proposals=shown,
    )
    whole = acceptance([given])
    assert msgspec.structs.asdict(whole) == {
        "accepted": 1,
        "moved": 1,
        "relabelled": 1,
        "deleted": 1,
        "added": 1,
    }
    assert whole.shown == 4
    assert msgspec.structs.asdict(acceptance([given], "two")) == {
        "accepted": 0,
        "moved": 0,
        "relabelled": 1,
        "deleted": 0,
        "added": 1,
    }
    round_ = Round(
        sprint="0002-x",
        task=task(),
        images=[BatchImage(key="key-a", path="images/pool/a.jpg", image_id="id-a", arm="random")],
        answers=[given],
    )
    assert quality(round_, prices=Prices(label=0.04, review=0.01)).cost == pytest.approx(2 * 0.04 + 3 * 0.01)
    assert quality(round_).cost is None


def test_the_order_of_answers_changes_nothing() -> None:
    given = answers(8, anna=rates(missed=0.2, jitter=0.1), bob=rates(jitter=0.1), cem=rates(wrong_class=0.2))
    assert measured(given, 8) == measured(given[::-1], 8)


def test_answers_to_other_batches_and_older_ones_do_not_count() -> None:
    given = answers(3, anna=NO_ERRORS)
    again = msgspec.structs.replace(given[0], objects=[])
    found = measured([*given, again, answer("bob", image="elsewhere")], 3)
    assert (found.answers, found.objects) == (3, 12)
    assert [one.annotator for one in found.annotators] == ["anna"]


def test_skipped_images_are_counted_and_say_nothing() -> None:
    given = [*answers(2, anna=NO_ERRORS), answer("bob", image="0", skipped=True, seconds=4.0)]
    found = measured(given, 2)
    assert (found.skipped, found.double) == (1, 0)
    assert [(one.annotator, one.images, one.skipped) for one in found.annotators] == [
        ("anna", 2, 0),
        ("bob", 1, 1),
    ]
    assert found.seconds == 24
    assert found.seconds_per_label == pytest.approx(10 / 6, abs=0.01)


def test_no_answers_are_no_error() -> None:
    found = measured([], 4)
    assert (found.images, found.answered, found.iou.value, found.ceilings) == (4, 0, None, [])


def test_classes_of_images() -> None:
    def said(name: str, image: int, class_name: str) -> Answer:
        whole = AnsweredObject(class_name=class_name, box=(0.0, 0.0, 1.0, 1.0), outcome="added")
        return answer(name, whole, image=str(image))

    given = [said("anna", n, CLASSES[n % 3]) for n in range(30)]
    given += [said("bob", n, CLASSES[n % 3] if n % 5 else "one") for n in range(30)]
    round_ = Round(sprint="0002-x", task=task("classify"), images=batch(30), answers=given)
    found = quality(round_)
    assert found.class_agreement.value == pytest.approx(26 / 30)
    assert found.alpha.value == pytest.approx(0.8, abs=0.02)
    (ceiling,) = found.ceilings
    assert ceiling.metric == "top1"
    assert ceiling.measured.value == pytest.approx(26 / 30)
    assert found.review[0].why == ["two: anna says two, bob says one"]


SQUARE = [0.1, 0.1, 0.3, 0.1, 0.3, 0.3, 0.1, 0.3]
DIAMOND = [0.2, 0.1, 0.3, 0.2, 0.2, 0.3, 0.1, 0.2]  # half of the same box
SHAPES = {
    "segment": ({"polygons": [SQUARE]}, {"polygons": [DIAMOND]}, 0.5),
    "obb": ({"corners": SQUARE}, {"corners": DIAMOND}, 0.5),
    "pose": ({"keypoints": [0.2, 0.2, 2.0] * 17}, {"keypoints": [0.212, 0.2, 2.0] * 17}, None),
}


@pytest.mark.parametrize("name", SHAPES)
def test_shapes_are_compared_by_the_tasks_own_measure(name: Literal["segment", "obb", "pose"]) -> None:
    first, second, overlap = SHAPES[name]

    def found(other: dict[str, list[object]]) -> AnnotationQuality:
        given = [
            answer(who, drawn(0.1, 0.1, **shape), image=str(n))  # type: ignore[arg-type]
            for n in range(6)
            for who, shape in (("anna", first), ("bob", other))
        ]
        points = 17 if name == "pose" else 0
        round_ = Round(
            sprint="0002-x",
            task=task(name, points),
            images=batch(6),
            answers=given,
            sizes_hw={f"id-{n}": (200, 400) for n in range(6)},
        )
        return quality(round_)

    same, other = found(first), found(second)  # type: ignore[arg-type]
    assert same.iou.value == same.ceilings[0].ceiling.value == 1
    assert other.matched_iou.value is not None
    if overlap is not None:
        assert other.matched_iou.value == pytest.approx(overlap, abs=0.02)
    assert other.iou.value < 0.9  # type: ignore[operator]
    assert other.ceilings[0].ceiling.value < 0.9  # type: ignore[operator]
