"""What `flywheel run` ends with."""

from __future__ import annotations

import re

from runner.report import terminal
from runner.report.record import SprintReport

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

Artefacts: not measured

12 s of compute · 0.0003 EUR
"""

FAILING = """\
FAIL  0003-low-light: Label the dark-dock images the model misses
2 of 7 gates failed: recall ≥ 0.30 on dark, openvino-int8: 0.29996; cost ≤ 0.001: 0.0056 EUR.

Gates not met (4 of 7)
  FAIL         recall ≥ 0.30 on dark, openvino-int8: 0.29996
  FAIL         cost ≤ 0.001: 0.0056 EUR
  NOT MEASURED map50_95 ≥ 0.40 on weather=fog, openvino-int8: not measured
  INCONCLUSIVE recall ≥ 0.50 on camera=dock, two, openvino-int8: 0.510

Checks with findings (1 of 3)
  warning  no image of test is a near-duplicate of one of train: 3 of 120

mAP50-95 by slice
  all images   0.594 ▇▇▇▇▇▇▇▇▇▇▇▇             120 images
  dark         0.240 ▇▇▇▇▇                     22 images  −0.354  small sample
  small        0.390 ▇▇▇▇▇▇▇▇                  80 images  −0.204
  camera=dock  0.410 ▇▇▇▇▇▇▇▇                  45 images  −0.184
  bright       0.660 ▇▇▇▇▇▇▇▇▇▇▇▇▇             98 images  +0.066
  camera=gate  0.680 ▇▇▇▇▇▇▇▇▇▇▇▇▇▇            75 images  +0.086
  weather=fog  not measured                     0 images       –

Artefacts (* the one that gates judge)
                   mAP50-95  against torch  p50 ms  p95 ms  images/s   MB
  torch               0.602              –    21.3    25.6      46.9  5.4
  onnx-fp32           0.602         0.0000     9.8    11.8     102.0  9.9
  openvino-int8 *     0.594        −0.0080     4.1     4.9     243.9  3.2

3 of 7 gates met · 4 min 14 s of compute · 0.0056 EUR
"""


def test_a_failed_stage_says_which_why_and_what_to_do(stopped: SprintReport) -> None:
    assert terminal.render(stopped, color=False) == STOPPED


def test_unmet_gates_come_before_slices_and_artefacts(failing: SprintReport) -> None:
    assert terminal.render(failing, color=False) == FAILING


def test_colour_changes_nothing_but_the_colour(failing: SprintReport) -> None:
    coloured = terminal.render(failing, color=True)
    assert "\x1b[31mFAIL" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == FAILING


def test_no_control_character_of_a_spec_reaches_the_terminal(hostile: SprintReport) -> None:
    text = terminal.render(hostile, color=False)
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", text)
    ours = re.sub("\x1b\\[\\d+m", "", terminal.render(hostile, color=True))
    assert ours == text
