"""The pure decision: planted evidence in, a recommendation out."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from runner.domain.evaluation import Interval
from runner.domain.verdict import Outcome
from runner.recommending.decide import SURE, recommend
from runner.recommending.known import CurvePoint, Known, Measure, OpenGate, Part, Prices, Suspected, Target
from runner.recommending.sources import sources
from runner.record.recommendation import Option, Recommendation

MEASURE = Measure(value=0.55, error=0.02)
PRICES = Prices(currency="EUR", label=0.04, review=0.01, run=0.1)
KNOWN = Known(
    sprint="0002-more",
    metric="map50_95",
    measure=MEASURE,
    outcome=Outcome.PASS,
    champion="0002-more",
    promoted=True,
    train=280,
    labels=1400,
    per_image=5.0,
    pool=120,
    prices=PRICES,
    augmented=False,
)
RISING = (
    CurvePoint(sprint="0001-first", images=70, measure=Measure(value=0.25, error=0.01)),
    CurvePoint(sprint="0002-more", images=280, measure=MEASURE),
)
FLAT = (
    CurvePoint(sprint="0001-first", images=70, measure=Measure(value=0.55, error=0.005)),
    CurvePoint(sprint="0002-more", images=280, measure=MEASURE),
)
DARK = Part(name="dark", measure=Measure(value=0.30, error=0.06), train=12, test=40, share=0.3, pool=48)
DAY = Part(name="day", measure=Measure(value=0.70, error=0.02), train=268, test=80, share=0.7, pool=72)


def gate(outcome: Outcome, value: float, low: float, high: float, **more: object) -> OpenGate:
    return OpenGate(
        words="recall ≥ 0.70 on slice dark",
        metric="recall",
        slice="dark",
        outcome=outcome,
        quality=True,
        value=value,
        level=value,
        limit=0.70,
        interval=Interval(low=low, high=high),
        **more,  # type: ignore[arg-type]
    )


def option(found: Recommendation, action: str) -> Option:
    return next(option for option in found.options if option.action == action)


def test_without_evidence_it_abstains_and_says_what_would_tell() -> None:
    once = CurvePoint(sprint=KNOWN.sprint, images=280, measure=MEASURE)
    found = recommend(replace(KNOWN, curve=(once,)))
    assert found.action is None
    assert "60% is asked for" in found.abstains
    assert any("half of the training images (140)" in line for line in found.separates)
    assert any("second annotator" in line for line in found.separates)


def test_a_curve_that_rises_and_a_model_that_fits_its_images_ask_for_labels() -> None:
    found = recommend(replace(KNOWN, curve=RISING, gap=0.9, rise=0.0, wrong=Measure(value=0.0, error=0.01)))
    assert found.action == "label"
    chosen = found.chosen
    assert chosen is not None
    assert chosen.gain is not None
    assert chosen.interval is not None
    assert chosen.images == 120  # half of the training images are 140; the pool has fewer
    assert 0 < chosen.interval.low < chosen.gain < chosen.interval.high < 0.45
    assert chosen.price == pytest.approx(120 * 5 * 0.04 + 0.1)
    assert any("0001-first (70 images, 0.250)" in said for said in found.options[0].rests) or found.sources


def test_many_wrong_labels_ask_for_cleaning() -> None:
    found = recommend(replace(KNOWN, curve=FLAT, gap=0.8, wrong=Measure(value=0.35, error=0.03)))
    assert found.action == "clean"
    assert any("35.0% of those looked at are wrong" in said for said in option(found, "clean").rests)


def test_suspected_labels_take_the_place_of_what_is_usual() -> None:
    usual = option(recommend(KNOWN), "clean")
    many = replace(
        KNOWN, suspected=Suspected(chances=[0.9] * 300 + [0.1] * 100, by="0002-more", reviewed=20, wrong=15)
    )
    found = option(recommend(many), "clean")
    assert "of 400 suspected training labels" in found.why
    assert any(
        "400 of 1400 are suspected by 0002-more, about 280 of them wrong (15 of 20 reviewed were)" in one
        for one in found.rests
    )
    assert found.labels == 400
    assert found.gain is not None
    assert usual.gain is not None
    assert found.gain > 1.5 * usual.gain
    few = option(recommend(replace(KNOWN, suspected=Suspected(chances=[0.5] * 4, by="0002-more"))), "clean")
    assert few.gain is not None
    assert few.gain < usual.gain
    none = recommend(replace(KNOWN, suspected=Suspected(chances=[], by="0002-more")))
    assert all(one.action != "clean" for one in none.options)


def test_a_model_that_fails_on_its_own_images_asks_for_tuning() -> None:
    found = recommend(replace(KNOWN, curve=FLAT, gap=0.0, rise=0.2, wrong=Measure(value=0.0, error=0.01)))
    assert found.action == "tune"
    assert option(found, "tune").why.startswith("longer training")


def test_a_sprint_that_passes_is_shipped_unless_it_is_surely_worse() -> None:
    passed = replace(
        KNOWN, promoted=False, champion="0001-first", gain=(0.03, Interval(low=-0.01, high=0.07))
    )
    found = recommend(passed)
    assert found.action == "ship"
    assert found.options[0].gain == 0.03
    assert found.options[0].command == "flywheel promote 0002-more"
    worse = replace(passed, gain=(-0.05, Interval(low=-0.08, high=-0.02)))
    assert recommend(worse).action != "ship"


def test_a_failed_gate_of_a_slice_asks_for_labels_of_that_slice() -> None:
    failed = gate(Outcome.FAIL, 0.30, 0.18, 0.42)
    known = replace(
        KNOWN, outcome=Outcome.FAIL, promoted=False, gates=(failed,), parts=(DARK, DAY), gap=0.9, rise=0.0
    )
    found = recommend(known)
    assert found.unit == "gates"
    assert found.open_distance == pytest.approx(0.52)
    label = option(found, "label")
    assert label.slice == "dark"
    assert label.images == 48  # all that the pool has of it
    assert label.gain is not None
    assert label.gain <= 0.52


def test_a_gate_that_probably_passes_asks_for_test_images_at_random() -> None:
    near = gate(Outcome.INCONCLUSIVE, 0.84, 0.66, 0.93, further=120, further_price=8.0)
    known = replace(KNOWN, outcome=Outcome.INCONCLUSIVE, promoted=False, gates=(near,), parts=(DARK, DAY))
    chosen = recommend(known).chosen
    assert chosen is not None
    assert chosen.action == "label_test"
    assert chosen.mix == {"random": 1.0}
    assert (chosen.slice, chosen.images, chosen.price) == ("dark", 120, 8.0)


def test_test_images_are_of_the_gates_slice_whatever_else_is_known_of_it() -> None:
    near = gate(Outcome.INCONCLUSIVE, 0.84, 0.66, 0.93, further=120, further_price=8.0)
    found = recommend(replace(KNOWN, outcome=Outcome.INCONCLUSIVE, promoted=False, gates=(near,)))
    assert option(found, "label_test").slice == "dark"


def test_further_test_images_close_nothing_where_the_number_is_likely_too_low() -> None:
    far = gate(Outcome.INCONCLUSIVE, 0.58, 0.44, 0.72, further=400, further_price=80.0)
    known = replace(KNOWN, outcome=Outcome.INCONCLUSIVE, promoted=False, gates=(far,), parts=(DARK, DAY))
    found = recommend(known)
    assert found.action != "label_test"
    assert (option(found, "label_test").gain or 0) < 0.02


def test_an_unlikely_gain_lies_in_its_interval() -> None:
    """Fewer than one draw in ten gain anything: the middle of the draws is nothing, and the mean is not."""
    undecided = gate(Outcome.INCONCLUSIVE, 0.60, 0.49, 0.71, further=60)
    found = option(recommend(replace(KNOWN, gates=(undecided,), parts=(DARK, DAY))), "label_test")
    assert found.gain is not None
    assert found.interval is not None
    assert 0 < found.gain < 0.02
    assert found.interval.low <= found.gain <= found.interval.high


def test_a_worn_test_split_is_to_be_renewed() -> None:
    found = option(recommend(replace(KNOWN, exhausted=True, test=120)), "label_test")
    assert (found.images, found.gain, found.mix) == (120, None, {"random": 1.0})
    assert "budget of decisions is spent" in found.why
    assert "budget of decisions is spent" in option(recommend(replace(KNOWN, exhausted=True)), "stop").why


def test_an_empty_pool_asks_for_images_instead_of_labels() -> None:
    steep = (CurvePoint(sprint="0001-first", images=70, measure=Measure(value=0.10, error=0.02)), *RISING[1:])
    found = recommend(
        replace(KNOWN, pool=0, curve=steep, gap=0.9, rise=0.0, wrong=Measure(value=0.0, error=0.01))
    )
    assert "label" not in {option.action for option in found.options}
    assert found.action == "collect"
    assert "what taking them costs is not in the price" in option(found, "collect").why


def test_it_stops_where_nothing_pays() -> None:
    near_one = replace(KNOWN, measure=Measure(value=0.997, error=0.002))
    assert recommend(near_one).action == "stop"
    worthless = replace(KNOWN, prices=replace(PRICES, point=0.001))
    assert recommend(worthless).action == "stop"
    agreed = replace(KNOWN, ceiling=0.55)
    assert recommend(agreed).action == "stop"


def test_a_gate_on_speed_is_no_matter_of_labels() -> None:
    slow = OpenGate(
        words="latency_p95_ms ≤ 12",
        metric="latency_p95_ms",
        slice=None,
        outcome=Outcome.FAIL,
        quality=False,
        value=20.0,
    )
    found = recommend(replace(KNOWN, outcome=Outcome.FAIL, promoted=False, gates=(slow,)))
    assert found.action == "tune"
    assert "no label changes latency_p95_ms ≤ 12" in option(found, "tune").why


def test_nothing_measured_asks_for_labels() -> None:
    fresh = replace(
        KNOWN, measure=None, outcome=Outcome.NOT_MEASURED, promoted=False, champion=None, train=0, labels=0
    )
    found = recommend(fresh)
    assert found.action == "label"
    assert found.options[0].mix == {"random": 0.2, "typicality": 0.8}


def test_the_same_evidence_gives_the_same_answer() -> None:
    assert recommend(replace(KNOWN, curve=RISING)) == recommend(replace(KNOWN, curve=RISING))


def test_what_is_recommended_is_at_least_as_sure_as_asked_for() -> None:
    found = recommend(replace(KNOWN, curve=RISING, gap=0.9, rise=0.0, wrong=Measure(value=0.0, error=0.01)))
    assert found.chosen is not None
    assert (found.chosen.best or 0) >= SURE


def test_evidence_moves_the_shares() -> None:
    before = sources(KNOWN)
    steep = (CurvePoint(sprint="0001-first", images=70, measure=Measure(value=0.05, error=0.01)), RISING[1])
    assert sources(replace(KNOWN, curve=steep)).labels.mean() > before.labels.mean() + 0.1
    assert sources(replace(KNOWN, curve=FLAT)).labels.mean() < before.labels.mean() - 0.1
    assert (
        sources(replace(KNOWN, wrong=Measure(value=0.3, error=0.02))).noise.mean() > before.noise.mean() + 0.2
    )
    assert sources(replace(KNOWN, gap=0.0)).model.mean() > before.model.mean() + 0.1
    hidden = sources(replace(KNOWN, gap=0.0, augmented=True)).model.mean()
    assert before.model.mean() < hidden < sources(replace(KNOWN, gap=0.0)).model.mean()
    otherwise = tuple(replace(point, otherwise=True) for point in FLAT)
    tells_less = sources(replace(KNOWN, curve=otherwise)).labels.mean()
    assert sources(replace(KNOWN, curve=FLAT)).labels.mean() < tells_less < before.labels.mean()


@pytest.mark.parametrize(
    ("phase", "more", "begins"),
    [
        ("feasibility", {}, "Yes: map50_95 is 0.550"),
        ("feasibility", {"measure": Measure(value=0.02, error=0.02), "train": 60}, "Not yet: "),
        ("feasibility", {"measure": Measure(value=0.02, error=0.02)}, "No: "),
        ("viability", {}, "The target is reached"),
        ("scale", {"parts": (DARK, DAY)}, "dark (0.300): few labels: it has 12 of 280"),
        ("maintenance", {"pool": 0}, "No: the pool is empty"),
        ("maintenance", {"shift": "nights are 40 % of it"}, "Yes: the pool has 120 images (43% of what"),
    ],
)
def test_each_phase_has_its_own_question(phase: str, more: dict[str, object], begins: str) -> None:
    found = recommend(replace(KNOWN, phase=phase, **more))  # type: ignore[arg-type]
    assert found.question
    assert found.answer.startswith(begins)


def test_viability_gives_images_and_money_with_an_interval_and_whether_they_pay() -> None:
    wanted = OpenGate(
        words="map50_95 ≥ 0.60",
        metric="map50_95",
        slice=None,
        outcome=Outcome.FAIL,
        quality=True,
        value=0.55,
        level=0.55,
        limit=0.60,
        interval=Interval(low=0.52, high=0.58),
    )
    known = replace(KNOWN, phase="viability", outcome=Outcome.FAIL, gates=(wanted,), curve=RISING)
    answer = recommend(known).answer
    assert " further training images, where labels can reach it at all: " in answer
    assert " EUR of labels." in answer
    assert "it pays" in recommend(replace(known, prices=replace(PRICES, point=1e6))).answer
    assert "it does not pay" in recommend(replace(known, prices=replace(PRICES, point=0.01))).answer


@pytest.mark.parametrize(
    ("value", "error", "ceiling", "begins"),
    [
        (0.60, 0.02, None, "map50_95 is 0.550, and the target 0.6: "),
        (0.54, 0.02, None, "The target is reached: map50_95 is 0.550, and the target 0.54, which is within"),
        (0.50, 0.02, None, "The target is reached: map50_95 is 0.550, and the target 0.5."),
        (0.60, 0.02, 0.58, "No label reaches it: map50_95 is 0.550, and the target 0.6, and by how far annotators agree 0.580"),
    ],
)  # fmt: skip
def test_viability_reads_the_projects_target(
    value: float, error: float, ceiling: float | None, begins: str
) -> None:
    target = Target(metric="map50_95", value=value, measure=Measure(value=0.55, error=error))
    known = replace(KNOWN, phase="viability", curve=RISING, target=target, ceiling=ceiling)
    answer = recommend(known).answer
    assert answer.startswith(begins)
    assert (" EUR of labels" in answer) == (value > 0.55 and ceiling is None)


def test_more_labels_are_asked_for_a_higher_target() -> None:
    def images(value: float) -> int:
        target = Target(metric="map50_95", value=value, measure=Measure(value=0.55, error=0.02))
        answer = recommend(replace(KNOWN, phase="viability", curve=RISING, target=target)).answer
        return int(re.findall(r"to ([0-9,]+) further", answer)[0].replace(",", ""))

    assert images(0.57) < images(0.62)


def test_from_four_points_on_the_fitted_curve_says_what_labels_give() -> None:
    points = tuple(
        CurvePoint(sprint=f"000{n}-x", images=images, measure=Measure(value=value, error=0.02))
        for n, (images, value) in enumerate([(35, 0.30), (70, 0.42), (140, 0.50), (280, 0.55)])
    )
    found = recommend(replace(KNOWN, curve=points))
    label = option(found, "label")
    assert label.gain is not None
    assert 0.005 < label.gain < 0.05
    assert any("several families" in reason for reason in label.rests)
    without = option(recommend(replace(KNOWN, curve=points[1:])), "label")
    assert not any("several families" in reason for reason in without.rests)
