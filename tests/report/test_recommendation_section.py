"""The section *what next*: whole text, and nothing of a record that is not made harmless."""

from __future__ import annotations

import msgspec
import planted_report

from runner.domain.evaluation import Interval
from runner.record.catalogue import RECOMMENDATION
from runner.record.recommendation import Hindsight, Option, Recommendation
from runner.record.report import SprintReport
from runner.report.build import build
from runner.report.sections.catalogue import parts_of
from runner.report.sections.recommendation import RECOMMENDED, lines
from runner.report.sections.section import Shown

LABEL = Option(
    action="label",
    slice="dark",
    images=48,
    gain=0.075,
    interval=Interval(low=0.037, high=0.117),
    labels=186.0,
    price=7.44,
    per_price=0.01,
    best=0.7,
    why="48 images of dark beside the 6 there are",
    rests=["slice dark: 0.469 on 35 test images"],
    command="flywheel next 0001-first --write --option label",
)
FOUND = Recommendation(
    sprint="0001-first",
    metric="map50_95",
    value=0.657,
    unit="gates",
    currency="EUR",
    action="label",
    options=[LABEL, Option(action="stop", gain=0.0, interval=Interval(low=0.0, high=0.0), price=0.0)],
    phase="viability",
    question="What would reaching the target cost?",
    answer="230 to 28,000 images.",
    sources={"labels": Interval(low=0.2, high=0.8)},
)


def report_with(found: Recommendation) -> SprintReport:
    return build(planted_report.sprint_inputs(records={RECOMMENDATION.name: msgspec.to_builtins(found)}))


def text(found: Recommendation) -> str:
    return "\n\n".join(part.text() for part in parts_of(RECOMMENDED, report_with(found), Shown()))


def test_it_says_what_and_why_and_what_the_others_give() -> None:
    shown = text(FOUND).replace("\N{NO-BREAK SPACE}", " ")
    assert shown == (
        "### What next?\n\n"
        "**Label 48 images of slice dark: +0.075 (+0.037 to +0.117) distance of the open gates expected, for 7.44 EUR.**\n\n"
        "48 images of dark beside the 6 there are.\n\n"
        "*What would reaching the target cost?* 230 to 28,000 images.\n\n"
        "`$` `flywheel next 0001-first --write --option label`\n\n"
        "| Option | Gain (distance of the open gates, 80 %) | Labels | Cost | Gain per EUR | Best |\n"
        "| --- | ---: | ---: | ---: | ---: | ---: |\n"
        "| label 48 images of slice dark | +0.075 (+0.037 to +0.117) | 186 | 7.44 EUR | 0.0100 | 70 % |\n"
        "| stop | 0.000 (0.000 to 0.000) | – | 0.00 EUR | – | – |\n\n"
        "Of what mAP50-95 lacks, too few labels 20 % to 80 %. It rests on: slice dark: 0.469 on 35 test images."
    )


def test_it_says_that_it_abstains_and_what_would_tell() -> None:
    found = msgspec.structs.replace(
        FOUND, action=None, abstains="tuning is best with a chance of 50%", separates=["three training seeds"]
    )
    shown = text(found)
    assert "**No recommendation.**" in shown
    assert "The evidence does not separate the options: tuning is best with a chance of 50%." in shown
    assert "- three training seeds" in shown
    assert lines(found)[0] == "next: No recommendation."


def test_past_recommendations_are_scored() -> None:
    past = [
        Hindsight(
            sprint="0001-first",
            next="0002-second",
            action="label",
            done=["label"],
            followed=True,
            gain=0.04,
            interval=Interval(low=0.0, high=0.08),
            measured=0.05,
            inside=True,
        ),
        Hindsight(sprint="0002-second", next="0003-third", action="clean", done=["tune"], followed=False),
    ]
    shown = text(msgspec.structs.replace(FOUND, past=past)).replace("\N{NO-BREAK SPACE}", " ")
    assert "1 of 2 were followed; the measured gain lay inside the expected interval 1 of 1 times" in shown
    rows = [line for line in shown.splitlines() if line.startswith("| `000")]
    assert rows == [
        "| `0002-second` | clean the labels | tune (`0003-third`) | – | – | – |",
        "| `0001-first` | label | label (`0002-second`) | +0.040 (0.000 to +0.080) | +0.050 | yes |",
    ]


def test_text_of_a_record_is_harmless() -> None:
    hostile = "<img src=x> @team | `x` https://example.org"
    option = msgspec.structs.replace(LABEL, slice=hostile, why=hostile, rests=[hostile], command=hostile)
    shown = text(msgspec.structs.replace(FOUND, options=[option], answer=hostile, question=hostile))
    assert "<img" not in shown
    assert "@team" not in shown
    assert "https://example" not in shown
    assert "\x1b" not in "".join(lines(msgspec.structs.replace(FOUND, abstains="\x1b[31m")))


def test_a_report_without_one_says_nothing() -> None:
    report = build(planted_report.sprint_inputs())
    assert parts_of(RECOMMENDED, report, Shown()) == []
