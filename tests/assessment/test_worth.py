"""What a sprint gained, per label and per money; the learning curve over all sprints; and what it takes to be told from zero."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from msgspec import UNSET
from planted_worth import champion_of, in_a_row, past

from runner.assessment.past_sprints import PastSprint
from runner.assessment.worth import Asked, Spent, worth
from runner.domain.cleaning import CleanedLabel
from runner.domain.evaluation import Interval
from runner.domain.verdict import GateResult, Outcome
from runner.domain.worth import Effort, Gain, Worth
from runner.evaluation.intervals import Sample
from runner.report.sections.worth import _cleaned

SPENT = Spent(unit="box", currency="EUR", price=0.04, compute=0.5)


def _worth(sprints: list[PastSprint], **asked: object) -> Worth:
    return worth(sprints[-1], sprints[:-1], Asked(**{"spent": SPENT, **asked}))  # type: ignore[arg-type]


def test_the_gain_is_the_champions_paired_one_and_is_told_per_label_and_per_money() -> None:
    found = _worth(in_a_row())
    assert (found.compared_with, found.as_champion) == ("0004-more", True)
    assert found.effort.labels_added == 1600
    assert found.effort.labelling == pytest.approx(64.0)
    assert found.effort.money == pytest.approx(64.5)
    gain, rate = found.gains[0], found.rate
    assert (gain.difference, gain.separable, gain.paired) == (0.04, True, True)
    assert rate.per_label == pytest.approx(0.04 / 1600)
    assert rate.per_label_interval == Interval(
        low=pytest.approx(0.025 / 1600), high=pytest.approx(0.055 / 1600)
    )
    assert rate.cost_per_point == pytest.approx(64.5 / 4)
    assert (rate.cost_per_point_low, rate.cost_per_point_high) == (
        pytest.approx(64.5 / 5.5),
        pytest.approx(64.5 / 2.5),
    )


def test_a_gain_that_may_be_none_has_a_price_per_point_without_end() -> None:
    sprints = in_a_row()
    unclear = champion_of(sprints[-2], 0.01, 0.03, 0.6)
    own = past("0005-more", 3200, 0.6, champion=unclear)
    found = _worth([*sprints[:-1], own])
    assert not found.gains[0].separable
    assert found.rate.cost_per_point_high is None
    assert found.rate.cost_per_point_low == pytest.approx(64.5 / 4)


def test_a_loss_has_no_price_per_point() -> None:
    sprints = in_a_row()
    own = past("0005-more", 3200, 0.5, champion=champion_of(sprints[-2], -0.05, 0.02, 0.5))
    rate = _worth([*sprints[:-1], own]).rate
    assert (rate.cost_per_point, rate.cost_per_point_low, rate.cost_per_point_high) == (None, None, None)
    assert rate.per_label is not None
    assert rate.per_label < 0


def test_a_sprint_that_added_no_label_has_no_rate_per_label() -> None:
    sprints = in_a_row()
    own = past("0005-more", sprints[-2].labels, 0.6, champion=champion_of(sprints[-2], 0.04, 0.01, 0.6))
    found = _worth([*sprints[:-1], own])
    assert found.rate.per_label is None
    assert found.effort.labelling == 0
    assert found.rate.per_money is not None  # compute was paid all the same


def test_without_a_price_no_money_is_told() -> None:
    found = _worth(in_a_row(), spent=Spent(unit="box", currency="EUR"))
    assert (found.effort.labelling, found.effort.money, found.rate.per_money, found.rate.cost_per_point) == (
        None,
    ) * 4


def test_answers_are_what_was_paid_for_those_of_images_labelled_twice_too() -> None:
    found = _worth(in_a_row(), spent=Spent(unit="box", currency="EUR", price=0.04, answered=2000))
    assert found.effort.labelling == pytest.approx(80.0)
    assert found.effort.labels_added == 1600


def test_without_a_champion_it_is_compared_with_the_one_before_unpaired_and_wider() -> None:
    first, second = past("0001-a", 200, 0.5, half=0.03), past("0002-b", 400, 0.56, half=0.04)
    found = _worth([first, second])
    gain = found.gains[0]
    assert (found.compared_with, found.as_champion, gain.paired) == ("0001-a", False, False)
    assert gain.interval == Interval(low=pytest.approx(0.06 - 0.05), high=pytest.approx(0.06 + 0.05))


def test_without_a_champion_numbers_of_two_test_splits_are_not_compared() -> None:
    found = _worth([past("0001-a", 200, 0.5, test="aa" * 32), past("0002-b", 400, 0.56)])
    assert found.gains == []
    assert found.rate.per_label is None


def test_the_champions_record_that_is_not_here_leaves_the_labels_unknown() -> None:
    gone = past("0009-gone", 100, 0.5)
    own = past("0010-own", 400, 0.56, champion=champion_of(gone, 0.04, 0.01, 0.56))
    found = worth(own, [], Asked(spent=SPENT))
    assert found.compared_with == "0009-gone"
    assert (found.effort.labels_added, found.effort.labelling, found.rate.per_label) == (None, None, None)
    assert found.gains[0].difference == 0.04


# --- open gates and paired samples ----------------------------------------------------------------


class _Samples:
    """One number of two models, whose errors on the resamples go together."""

    def __init__(self, gain: float, together: float = 0.9) -> None:
        draws = np.random.default_rng(0)
        common, own, other = draws.standard_normal((3, 1000)) * 0.03
        rest = np.sqrt(1 - together**2)
        self._ours = Sample(
            estimate=0.5 + gain, replicates=0.5 + gain + together * common + rest * own, groups=60
        )
        self._theirs = Sample(estimate=0.5, replicates=0.5 + together * common + rest * other, groups=60)

    def get(self, target: str, slice_name: str | None, class_name: str | None, metric: str) -> Sample | None:
        return self._theirs if target == "champion" else self._ours


def _with_gate(sprint: PastSprint) -> PastSprint:
    gate = GateResult(
        gate="recall ≥ 0.70 on slice dark",
        metric="recall",
        target="torch",
        slice="dark",
        outcome=Outcome.INCONCLUSIVE,
        value=0.6,
        threshold=0.7,
        explanation="",
    )
    passed = msgspec.structs.replace(gate, outcome=Outcome.PASS, slice="bright")
    verdict = msgspec.structs.replace(sprint.verdict, gates=[passed, gate])
    return PastSprint(**{**sprint.__dict__, "verdict": verdict})


def test_each_open_gate_has_its_paired_gain_and_those_that_passed_have_none() -> None:
    sprints = in_a_row()
    found = _worth([*sprints[:-1], _with_gate(sprints[-1])], samples=_Samples(0.1))
    assert [gain.gate for gain in found.gains] == [None, "recall ≥ 0.70 on slice dark"]
    of_gate = found.gains[1]
    assert of_gate.difference == pytest.approx(0.1)
    assert of_gate.separable


def test_what_the_test_split_does_to_both_models_is_no_scatter_of_the_curve() -> None:
    alone, paired = _worth(in_a_row()), _worth(in_a_row(), samples=_Samples(0.04))
    assert alone.curve.shared == 0
    assert 0.7 < paired.curve.shared < 0.9
    before, after = (found.curve.points[0].deviation or 0 for found in (alone, paired))
    assert after == pytest.approx(before * (1 - paired.curve.shared) ** 0.5, rel=1e-3)


# --- the learning curve ---------------------------------------------------------------------------


def test_three_sprints_have_points_and_no_curve() -> None:
    curve = _worth(in_a_row(3)).curve
    assert (len(curve.points), curve.missing, curve.at, curve.ahead, curve.target) == (3, 1, [], [], None)


def test_five_sprints_have_a_curve_that_says_what_more_labels_would_bring() -> None:
    curve = _worth(in_a_row(), target=0.7).curve
    assert (curve.missing, len(curve.at), len(curve.median), len(curve.families)) == (0, 24, 24, 5)
    assert [ahead.labels for ahead in curve.ahead] == [4800, 6400, 12800]
    truth = 0.75 - 3.0 * 12800**-0.42
    assert curve.ahead[2].low < truth < curve.ahead[2].high
    assert all(ahead.rise_low >= 0 for ahead in curve.ahead)


def test_the_target_has_a_price_and_is_weighed_against_what_a_point_is_worth() -> None:
    far = 0.72
    dear, cheap, unsaid = (
        _worth(in_a_row(), target=far, value_per_point=value, samples=_Samples(0.04)).curve.target
        for value in (0.01, 100_000.0, None)
    )
    assert dear is not None
    assert cheap is not None
    assert unsaid is not None
    assert dear.low is not None
    assert dear.low > 3200
    assert dear.cost_low == pytest.approx((dear.low - 3200) * 0.04, abs=0.01)
    assert (dear.worth_it, unsaid.worth_it) == (False, None)
    assert cheap.worth_it is None  # it may never be reached


def test_a_target_that_is_surely_near_is_worth_it() -> None:
    curve = _worth(in_a_row(), target=0.58, value_per_point=50.0).curve
    assert curve.target is not None
    assert (curve.target.cost_high, curve.target.worth_it) == (0.0, True)  # it was reached


def test_sprints_of_another_test_split_and_other_classes_are_shown_and_not_fitted() -> None:
    sprints = in_a_row()
    sprints[0] = past("0001-more", 200, 0.9, test="aa" * 32)
    other = {"train": {"trainer": {}, "task": {"classes": ["zero"]}}}
    sprints[1] = past("0002-more", 400, 0.9, **other)
    curve = _worth(sprints).curve
    assert [(point.fitted, point.why_not) for point in curve.points[:3]] == [
        (False, "another test split"),
        (False, "other classes"),
        (True, ""),
    ]
    assert curve.missing == 1


def test_another_recipe_is_left_out_where_enough_sprints_have_this_one() -> None:
    short = past("0000-first", 150, 0.2, trainer={"framework": "ultralytics", "epochs": 3})
    curve = _worth([short, *in_a_row()]).curve
    assert curve.points[0].why_not.startswith("another recipe: epochs 3 → 40")
    few = _worth([short, *in_a_row(4)[1:]]).curve
    assert few.points[0].fitted  # else there would be no curve


def test_a_ceiling_by_agreement_is_carried() -> None:
    assert _worth(in_a_row(), ceiling=0.81).curve.ceiling == 0.81


def test_the_metric_of_the_goal_is_the_curves() -> None:
    curve = _worth(in_a_row(), target_metric="recall", target=0.9).curve
    assert curve.metric == "recall"
    assert curve.points[-1].value == pytest.approx(min(1.0, 1.25 * (0.75 - 3.0 * 3200**-0.42)))


def test_the_same_records_give_the_same_record() -> None:
    once, again = (_worth(in_a_row(), target=0.7) for _ in range(2))
    assert msgspec.json.encode(once) == msgspec.json.encode(again)


def test_money_is_none_and_not_zero_where_labels_have_no_price() -> None:
    effort = Effort(unit="box", labels_before=1, labels_after=2, images_before=1, images_after=2, compute=3.0)
    assert effort.money is None
    assert not Gain(metric="map50", value=0.5, reference=0.4, difference=0.1).separable


def _reviewed(kind: str, before: str, after: str, decision: str = "accept") -> CleanedLabel:
    return CleanedLabel(
        issue=f"{kind}{before}{after}",
        found_by="0004-more",
        path="a.jpg",
        image_id="0",
        split="train",
        kind=kind,  # type: ignore[arg-type]
        suspicion=0.9,
        decision=decision,
        before=before,
        after=after,
        seconds=30.0,
    )


def test_clean_labels_are_told_with_what_they_gained_and_paid_for_as_reviews() -> None:
    sprints = in_a_row()
    rows = [
        _reviewed("wrong_class", "cat 0 0 1 1", "dog 0 0 1 1"),
        *(_reviewed("missed", "", f"cat 0 0 1 0.{number}") for number in range(3)),
        _reviewed("spurious", "cat 0 0 1 1", ""),
        *(
            _reviewed("spurious", f"cat 0 0 1 0.{number}", f"cat 0 0 1 0.{number}", "keep")
            for number in range(5)
        ),
    ]
    before = sprints[-2]
    own = replace(
        past("0005-clean", before.labels + 2, 0.6, champion=champion_of(before, 0.04, 0.015, 0.6)),
        cleaned=rows,
    )
    found = _worth([*sprints[:-1], own], spent=replace(SPENT, review=0.01))
    cleaned = found.cleaned
    assert cleaned is not UNSET
    assert (cleaned.reviewed, cleaned.kept, cleaned.net) == (10, 5, 2)
    assert cleaned.changed == {"missed": 3, "spurious": 1, "wrong_class": 1}
    assert cleaned.per_review == pytest.approx(0.004)
    assert cleaned.per_review_interval == Interval(low=pytest.approx(0.0025), high=pytest.approx(0.0055))
    assert found.effort.labelling == pytest.approx(0.1)
    assert "number of labels" not in cleaned.also
    [told] = _cleaned(found)
    assert told.startswith(
        "Labels cleaned: 5 of 10 reviewed (3 missed, 1 spurious, 1 wrong class); 5 were right; 0.1000 EUR of review, 5 minutes."
    )
    assert "+40.00 (+25.00 to +55.00) points per 100 reviewed labels." in told
    unclear = replace(
        own, evaluation=past("0005-clean", 2, 0.6, champion=champion_of(before, 0.01, 0.03, 0.6)).evaluation
    )
    assert "not separable from zero" in _cleaned(_worth([*sprints[:-1], unclear]))[0]
    assert _worth(sprints).cleaned is UNSET
