"""Labels needed to reach a fixed mAP50, strategy by strategy, beside random: `flywheel simulate` on the demo and on the dice.

    python benchmarks/labels_needed.py demo --seconds 900       as many trainings as fit into a quarter of an hour; again: further ones
    python benchmarks/labels_needed.py dice --show              what was run so far, without training

The train split is the pool: 24 images are labelled at random, then batches are drawn, labelled by the simulated annotator (its usual
errors) and trained on, by each policy for itself; models are measured on val. Policies of one seed begin with the same images and model. All
of it is `flywheel simulate`'s own: this script lays out the project, shares the work out into slices of time, and prints. A slice ends
between two trainings; a seed is printed once all policies have all its rounds.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from runner.demo import Counts, generate
from runner.labelling.simulating.simulate import Asked, simulate
from runner.labelling.simulating.trainings import Trainings
from runner.report.simulated import render

SPRINT = "0001-simulated"
MIXES = (
    "uncertainty=0.5,diversity=0.3,random=0.2",  # the usual mix
    "uncertainty=1",
    "{uncertainty: {share: 1, spread: 4}}",
    "{disagreement: {share: 1, between: flips}}",
    "diversity=1",
    "typicality=1",
    "rare_classes=1",
)
PROJECTS = {
    "demo": """\
apiVersion: flywheel/v1
kind: Project
name: demo
task: detect
classes: [zero, one, two, three, four, five, six, seven, eight, nine]
dataset: {path: data, layout: yolo, metadata: data/metadata.csv, group_by: scene}
splits: {train: split = 'train', val: split = 'val', test: split = 'test'}
costs: {label: {box: 0.04}}
""",
    "dice": """\
apiVersion: flywheel/v1
kind: Project
name: dice
task: detect
classes: [one, two, three, four, five, six]
dataset: {path: data, layout: yolo}
splits:
  train: split = 'train' and group_fraction >= 0.25
  val: split = 'train' and group_fraction < 0.25
  test: split = 'test'
costs: {label: {box: 0.04}}
""",
}
SPEC = """\
apiVersion: flywheel/v1
kind: Sprint
title: The recipe of simulated rounds
train:
  framework: ultralytics
  model: yolov8n.yaml
  imgsz: 160
  epochs: 28
  batch: 16
  nbs: 16
  optimizer: SGD
  lr0: 0.01
  lrf: 0.05
  cos_lr: true
  warmup_epochs: 1
  augment: {fliplr: 0, mosaic: 1.0, close_mosaic: 6}
export:
  - {format: onnx}
gates:
  - {metric: map50, min: 0.5}
"""


class SliceOverError(Exception):
    """The time of this call is used up."""


def project(name: str, folder: Path, dice: Path) -> Path:
    """The project of a dataset, laid out once."""
    if (folder / "specs" / f"{SPRINT}.yaml").is_file():
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if name == "demo":
        generate(folder / "data", counts=Counts())
    else:
        for kind in ("images", "labels"):
            shutil.copytree(dice / kind, folder / "data" / kind)
        shutil.copyfile(dice / "data.yaml", folder / "data" / "data.yaml")
    (folder / "flywheel.yaml").write_text(PROJECTS[name])
    (folder / ".gitignore").write_text("/.flywheel/\n")
    dvc = (sys.executable, "-m", "dvc")
    for command in (
        ("git", "init", "-q"),
        (*dvc, "init", "-q"),
        (*dvc, "config", "core.analytics", "false"),
        (*dvc, "add", "-q", "data"),
    ):
        subprocess.run(command, cwd=folder, check=True)
    (folder / "specs").mkdir()
    (folder / "specs" / f"{SPRINT}.yaml").write_text(SPEC)
    return folder


def run(root: Path, asked: Asked, goes_on: Callable[[], bool]) -> str | None:
    """What is printed of all seeds that are through; None where none is."""
    train = Trainings._train

    def or_stop(self: Trainings, *arguments: object) -> None:
        if not goes_on():
            raise SliceOverError
        train(self, *arguments)  # type: ignore[arg-type]

    Trainings._train = or_stop  # type: ignore[method-assign]
    printed = None
    for seeds in range(1, asked.seeds + 1):
        try:
            found = simulate(
                root, SPRINT, replace(asked, seeds=seeds), lambda line: print(line, file=sys.stderr)
            )
        except SliceOverError:
            break
        printed = render(found.simulation, found.folder)
    return printed


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("data", choices=tuple(PROJECTS))
    parser.add_argument("--mix", action="append", help="in place of the seven usual ones")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=24)
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--imgsz", type=int)
    parser.add_argument("--target", type=float, help="mAP50 (what random reached in its weakest seed)")
    parser.add_argument("--seconds", type=float, default=600, help="no training is begun after so long")
    parser.add_argument("--show", action="store_true", help="begin no training")
    parser.add_argument("--work", type=Path, default=Path(".flywheel/labels-needed"))
    parser.add_argument("--dice", type=Path, default=Path("../shared/datasets/dice"))
    options = parser.parse_args()
    if options.data == "dice" and not options.dice.is_dir():
        sys.exit(f"{options.dice} is not here: --dice FOLDER")
    root = project(options.data, (options.work / options.data).resolve(), options.dice.resolve())
    asked = Asked(
        mixes=options.mix or MIXES,
        rounds=options.rounds,
        size=options.size,
        seeds=options.seeds,
        epochs=options.epochs,
        imgsz=options.imgsz,
        metric="map50",
        target=options.target,
    )
    end = time.monotonic() + options.seconds
    printed = run(root, asked, lambda: not options.show and time.monotonic() < end)
    print(printed or "no seed is through yet: not measured (the same command goes on)")


if __name__ == "__main__":
    main()
