"""What `flywheel run` ends with."""

from __future__ import annotations

import re

from msgspec.structs import replace

from runner.record.report import SprintReport
from runner.report import terminal

STOPPED = """\
STAGE FAILED  0003-low-light: Label the dark-dock images the model misses
The stage check failed: 1 check found errors: 23 of 4,282 boxes lie outside their image.
at reports/0003-low-light/checks.json
hint: correct the label files named in the report, then run: flywheel run 0003-low-light

Checks with findings (2 of 4)
  error    every box lies inside its image: 23 of 4,282
           labels/train/000000.txt:3: x_max 1.31 is outside the image
           labels/train/000001.txt:3: x_max 1.31 is outside the image
           labels/train/000002.txt:3: x_max 1.31 is outside the image
           labels/train/000003.txt:3: x_max 1.31 is outside the image
           labels/train/000004.txt:3: x_max 1.31 is outside the image
           fix: correct the label files, or exclude the images with data.exclude
  warning  no image of test is a near-duplicate of one of train: 3 of 120

Slices: not measured

12 s of compute · 0.0003 EUR
"""

FAILING = """\
FAIL  0003-low-light: Label the dark-dock images the model misses
2 of 9 gates failed: recall ≥ 0.30 on dark, openvino-int8: 0.240 (0.17 to 0.29996); cost ≤ 0.001: 0.0056 EUR. Weakest: slice dark (mAP50-95 0.240), class zero (mAP50-95 0.544).

Gates: 3 of 9 met
  FAIL         recall ≥ 0.30 on dark, openvino-int8: 0.240 (0.17 to 0.29996)
  FAIL         cost ≤ 0.001: 0.0056 EUR
  NOT MEASURED map50_95 ≥ 0.40 on weather=fog, openvino-int8: not measured
  INCONCLUSIVE recall ≥ 0.50 on camera=dock, two, openvino-int8: 0.510 (0.41 to 0.62)
               to decide: 140 images (52 groups) of camera=dock, 39.20 EUR to label
  INCONCLUSIVE map50_95 drop ≤ 0.02 vs champion on small, openvino-int8: −0.013 (−0.053 to +0.027)
               to decide: no realistic number: the value lies too close to the threshold
  … and 4 more

Champion parcel-digits#prod#3: mAP50-95 +0.031 (+0.005 to +0.057), gained; lost in 1, gained in 4, unclear in 6 of 11 parts
  77 % of the gain lies within the spread of 3 seeds.

mAP50-95 by slice, the weakest 2 of 6
  all images                             0.594 (0.51 to 0.67)       120 images
  dark                                   0.240 (0.13 to 0.34)        22 images  −0.354  wide
  small                                  0.390 (0.33 to 0.44)        80 images  −0.204
  brightness < 0.31 AND camera = 'dock'  0.180 (0.08 to 0.27)        31 images  −0.414  found by the search

1 data check with findings
test split: 4 decisions so far; 0.15 of significance left
openvino-int8: 4.9 ms p95, 243.9 images/s, 3.2 MB · 4 min 14 s of compute · 0.0056 EUR
"""

UNDECIDED = """\
INCONCLUSIVE  0001-spare-parts: Tell 18 spare parts apart
1 of 2 gates is undecided: top1 ≥ 0.87 on light=night, onnx-fp32: 0.882 (0.81 to 0.94). Weakest: slice light=night (Top-1 0.882), class part-a (F1 0.873).

Gates: 1 of 2 met
  INCONCLUSIVE top1 ≥ 0.87 on light=night, onnx-fp32: 0.882 (0.81 to 0.94)
               to decide: 690 images of light=night, 13.80 EUR to label
  PASS         balanced_accuracy ≥ 0.90 on onnx-fp32: 0.925 (0.902 to 0.949)
  to accept 1 undecided gate, with a reason: flywheel promote 0001-spare-parts --dry-run names what to type

Top-1 by slice
  all images   0.938 (0.904 to 0.971)     720 images
  light=night  0.882 (0.81 to 0.94)       180 images  −0.055
  light=day    0.956 (0.917 to 0.994)     540 images  +0.018

1 data check with findings
test split: 10 decisions so far; its budget of significance is spent: a new one is required
onnx-fp32: 11.8 ms p95, 102.0 images/s, 9.9 MB · 4 min 14 s of compute · 0.0056 EUR
"""


def test_a_failed_stage_says_which_why_and_what_to_do(stopped: SprintReport) -> None:
    assert terminal.render(stopped, color=False) == STOPPED


def test_the_verdict_its_gates_and_the_champion_fit_one_screen(failing: SprintReport) -> None:
    assert terminal.render(failing, color=False) == FAILING
    assert FAILING.count("\n") <= 26


def test_an_undecided_gate_says_what_would_decide_it(classifying: SprintReport) -> None:
    assert terminal.render(classifying, color=False) == UNDECIDED


def test_a_sprint_for_which_no_stage_ran_says_why_it_has_no_cost(failing: SprintReport) -> None:
    cost = replace(failing.cost, seconds=None, compute=None, total=None, stages=[])
    text = terminal.render(replace(failing, cost=cost), color=False)
    assert text.endswith(
        "MB · time and cost not measured: no stage ran for this sprint, all are from earlier runs\n"
    )


def test_a_run_that_stopped_before_its_first_stage_has_no_cost(stopped: SprintReport) -> None:
    cost = replace(stopped.cost, seconds=None, compute=None, total=None, stages=[])
    assert terminal.render(replace(stopped, cost=cost), color=False).endswith(
        "\n\ntime and cost not measured\n"
    )


def test_colour_changes_nothing_but_the_colour(failing: SprintReport) -> None:
    coloured = terminal.render(failing, color=True)
    assert "\x1b[31mFAIL" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == FAILING


def test_no_control_character_of_a_spec_reaches_the_terminal(hostile: SprintReport) -> None:
    text = terminal.render(hostile, color=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    ours = re.sub("\x1b\\[\\d+m", "", terminal.render(hostile, color=True))
    assert ours == text
