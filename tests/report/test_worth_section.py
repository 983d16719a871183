"""Was it worth it, and the learning curve, as every rendering shows them; and that a first sprint's report is as it was."""

from __future__ import annotations

import msgspec
import pytest
from planted_report import failing_inputs, sprint_inputs
from planted_worth import TRAINER, champion_of, in_a_row, past

from runner.assessment.past_sprints import PastSprint
from runner.assessment.worth import Asked, Spent, worth
from runner.domain.evaluation import Interval
from runner.domain.worth import CausedGain, Worth
from runner.record.catalogue import WORTH
from runner.record.report import SprintReport
from runner.report import html, markdown, plots, terminal
from runner.report.build import build

ARMS = {"random": 10, "uncertainty": 38}


def _worth(sprints: list[PastSprint], **asked: object) -> Worth:
    spent = Spent(unit="box", currency="EUR", price=0.04, compute=0.31)
    return worth(sprints[-1], sprints[:-1], Asked(**{"spent": spent, **asked}))  # type: ignore[arg-type]


def _report(made: Worth) -> SprintReport:
    inputs = msgspec.structs.replace(failing_inputs(), records={WORTH.name: msgspec.to_builtins(made)})
    return build(inputs)


def _text(made: Worth) -> str:
    text = markdown.render(_report(made), plots="plots")
    return text[text.index("### Was it worth it?") : text.index("### Slices")]


def test_a_report_without_the_record_has_no_such_section_and_no_such_picture() -> None:
    report = build(sprint_inputs())
    assert "worth it" not in markdown.render(report, plots="plots").lower()
    assert not [name for name, _ in plots.render(report) if name.startswith("learning")]


def test_the_gain_with_its_price_and_what_more_labels_would_bring() -> None:
    text = _text(_worth(in_a_row(), target=0.7, value_per_point=30.0, ceiling=0.81, arms=ARMS))
    assert (
        "**mAP50-95 +0.040 (+0.025 to +0.055) beside the champion 0004-more.** 1,600 further labels on 229 further training images"
        in text
    )
    assert "64.00 EUR for labels and 0.3100 EUR of compute." in text
    assert (
        "+0.25 (+0.16 to +0.34) per 100 labels, +0.62 (+0.39 to +0.86) per 10 EUR. A point cost 16.08 EUR (11.69 EUR to 25.72 EUR)."
        in text
    )
    assert (
        "What the strategy caused was not measured: the gain is of all labels, its 38 images and the 10 of the control arm."
        in text
    )
    assert "`flywheel ablate 0003-low-light` trains twins" in text
    assert "By 5 families of curves, each with the weight with which it explains 5 sprints" in text
    assert (
        "No further label can lead beyond 0.810, until annotators agree more: that is the noise ceiling."
        in text
    )
    assert "| 6,400 | " in text
    assert "![The metric by the number of labels" in text


def test_a_gain_that_may_be_none_says_so_and_has_no_highest_price() -> None:
    sprints = in_a_row()
    own = past("0005-more", 3200, 0.6, champion=champion_of(sprints[-2], 0.01, 0.03, 0.6))
    text = _text(_worth([*sprints[:-1], own]))
    assert "beside the champion 0004-more, not separable from zero." in text
    assert "A point cost at least 16.08 EUR; there may have been none." in text


def test_points_that_were_lost_have_no_price() -> None:
    sprints = in_a_row()
    own = past("0005-more", 3200, 0.5, champion=champion_of(sprints[-2], -0.05, 0.02, 0.5))
    text = _text(_worth([*sprints[:-1], own]))
    assert "Points were lost." in text
    assert "### Where the curve fell" in text
    assert "Nothing else that is recorded differs" in text


def test_too_few_sprints_say_how_many_are_missing() -> None:
    text = _text(_worth(in_a_row(3)))
    assert (
        "No curve yet: it takes 4 sprints, each with another number of labels, judged on the same test split; 1 sprint missing."
        in text
    )


def test_without_a_price_money_is_not_counted_and_says_where_it_is_written() -> None:
    text = _text(_worth(in_a_row(), spent=Spent(unit="box", currency="EUR")))
    assert "Money is not counted: costs.label.box in flywheel.yaml is the price of a label." in text


def test_what_a_strategy_caused_is_told_with_its_interval() -> None:
    caused = CausedGain(
        metric="map50_95", images=12, pairs=3, difference=0.021, interval=Interval(low=0.004, high=0.038)
    )
    text = _text(_worth(in_a_row(), caused=[caused], arms=ARMS))
    assert (
        "mAP50-95: the strategy caused +0.021 (+0.004 to +0.038), by 12 images in place of as many of the control arm (3 pairs of twins)."
        in text
    )


def test_a_batch_without_a_control_arm_says_that_nothing_caused_can_be_told() -> None:
    text = _text(_worth(in_a_row(), arms={"uncertainty": 40}))
    assert "cannot be told: its batch has no control arm" in text


def test_where_the_curve_fell_each_change_is_a_sentence() -> None:
    sprints = in_a_row()
    sprints[1] = past("0002-more", 400, 0.3, trainer={**TRAINER, "epochs": 20})
    text = _text(_worth(sprints))
    assert "0001-more → 0002-more: labels 200 → 400" in text
    assert (
        "by more than both intervals explain. What else changed:\n\n- The recipe changed: epochs 40 → 20."
        in text
    )


@pytest.mark.parametrize("number", [2, 5])
def test_every_rendering_shows_it(number: int) -> None:
    report = _report(_worth(in_a_row(number), target=0.7, arms=ARMS))
    assert "Was it worth it?" in html.render(report, [], {})
    assert "Worth it?" in terminal.render(report, color=False)
    pictures = {name for name, _ in plots.render(report) if name.startswith("learning_curve")}
    assert pictures == {"learning_curve.svg", "learning_curve.png"}


def test_names_that_a_pull_request_chose_are_harmless() -> None:
    sprints = in_a_row()
    sprints[1] = past("0002-more", 400, 0.3, trainer={**TRAINER, "model": "<b>x</b>|`y`"})
    text = _text(_worth(sprints))
    assert "<b>" not in text
    assert "&lt;b&gt;" in text


def test_labels_beside_its_own_older_model_and_beside_a_record_that_is_not_here_are_not_known() -> None:
    own = past(
        "0003-low-light", 400, 0.56, champion=champion_of(past("0003-low-light", 1, 0.5), 0.04, 0.01, 0.56)
    )
    other = past(
        "0003-low-light", 400, 0.56, champion=champion_of(past("0001-gone", 1, 0.5), 0.04, 0.01, 0.56)
    )
    assert "Labels added: not known, since it is its own older model." in _text(_worth([own]))
    assert "Labels added: not known, since the record of 0001-gone is not here." in _text(_worth([other]))
