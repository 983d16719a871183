"""What the checks of bias find where nothing is wrong, and where something is planted; and what data checks cost.

`python benchmarks/data_checks.py` prints, per kind of dataset, the share of datasets with any alarm of shortcuts or shifts at the
default thresholds, and the share of planted faults that are found. `--rows 1000000` times the tables of the checks and Great
Expectations over an index of so many images. `--sprint reports/0001-first-model` (a sprint that has run) times the stage check in
process, with and without what it measures of bias, and says which share of the sprint's recorded time it is.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import write_table
from runner.checks.bias_rules import BiasLimits, bias_rules
from runner.checks.bias_tables import measured_bias
from runner.checks.described_images import sprint_tables
from runner.checks.expectations import check_rules, parse_check
from runner.checks.rule import run_rules
from runner.checks.tables import check_frames
from runner.dataset.binned import Binned, binned
from runner.dataset.shift import shifts
from runner.dataset.shortcuts import Labelled, shortcuts

LIMITS = BiasLimits()
NUMBERS, WORDS = 6, 4  # columns


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A kind of dataset: how many groups of how many images, and how many classes."""

    name: str
    groups: int
    frames: int
    classes: int


KINDS = (
    Kind(name="300 images, 3 classes", groups=300, frames=1, classes=3),
    Kind(name="3,000 images, 10 classes", groups=3000, frames=1, classes=10),
    Kind(name="80 scenes of 5, 3 classes", groups=80, frames=5, classes=3),
    Kind(name="30 scenes of 20, 3 classes", groups=30, frames=20, classes=3),
    Kind(name="16 scenes of 50, 2 classes", groups=16, frames=50, classes=2),
    Kind(name="400 scenes of 1 to 60, 5 classes", groups=400, frames=0, classes=5),
)


@dataclass(frozen=True, kw_only=True)
class Made:
    """A dataset: its columns, and of each image group, class and whether it is of test."""

    columns: dict[str, NDArray[Any]]
    group: NDArray[np.intp]
    label: NDArray[np.intp]
    test: NDArray[np.bool_]


def made(kind: Kind, seed: int) -> Made:
    """A dataset in which nothing is wrong: columns and classes are drawn by group, and vary a little within it."""
    generator = np.random.default_rng([seed, kind.groups, kind.frames])
    sizes = (
        np.full(kind.groups, kind.frames)
        if kind.frames
        else np.ceil(np.exp(generator.uniform(0, np.log(60), kind.groups))).astype(int)
    )
    group = np.repeat(np.arange(kind.groups), sizes)
    columns: dict[str, NDArray[Any]] = {}
    for number in range(NUMBERS):
        own = generator.normal(size=kind.groups)[group]
        columns[f"number{number}"] = own + 0.3 * generator.normal(size=len(group))
    for number in range(WORDS):
        values = np.array([f"v{at}" for at in range(2 + 3 * number)], dtype=object)
        columns[f"word{number}"] = values[generator.integers(0, len(values), kind.groups)][group]
    label = generator.integers(0, kind.classes, kind.groups)[group]
    stray = generator.random(len(group)) < 0.2
    label = np.where(stray, generator.integers(0, kind.classes, len(group)), label)
    test = (generator.permutation(kind.groups) < kind.groups // 4)[group]
    return Made(columns=columns, group=group.astype(np.intp), label=label.astype(np.intp), test=test)


def _told(data: Made, classes: int) -> set[str]:
    """The columns that are reported: `shortcut number0`, `shift word1`."""
    columns: list[Binned] = [binned(name, values) for name, values in data.columns.items()]
    rows = np.flatnonzero(~data.test)
    labelled = Labelled(
        groups=data.group[rows],
        image=np.arange(len(rows)),
        label=data.label[rows],
        classes=[str(at) for at in range(classes)],
    )
    found = shortcuts([column.rows(rows) for column in columns], labelled)
    told = {f"shortcut {each.column}" for each in found if each.excess > LIMITS.max_shortcut}
    apart = shifts(columns, data.test, data.group, of="test", comparisons=2)
    return told | {f"shift {each.column}" for each in apart if each.shift > LIMITS.max_shift}


def _plant_shortcut(data: Made, share: float) -> None:
    """A value of a column belongs to class 0, but for some images."""
    generator = np.random.default_rng(0)
    first = data.label == 0
    values = np.where(first, "v0", "v1").astype(object)
    swapped = generator.random(len(values)) > share
    data.columns["word0"][:] = np.where(swapped, data.columns["word0"], values)


def _plant_shift(data: Made, deviations: float) -> None:
    data.columns["number0"][data.test] += deviations


def _plant_value(data: Made, share: float) -> None:
    """Some groups of test have a value that train has not."""
    groups = np.unique(data.group[data.test])
    some = np.isin(data.group, groups[: int(len(groups) * share)])
    data.columns["word1"][some] = "new"


PLANTED: tuple[tuple[str, str, Callable[[Made], None]], ...] = (
    ("shortcut, 100 % of a class", "shortcut word0", lambda data: _plant_shortcut(data, 1.0)),
    ("shortcut, 90 % of the images", "shortcut word0", lambda data: _plant_shortcut(data, 0.9)),
    ("shift of 1 sd in test", "shift number0", lambda data: _plant_shift(data, 1.0)),
    ("shift of 2 sd in test", "shift number0", lambda data: _plant_shift(data, 2.0)),
    ("a new value in half of test", "shift word1", lambda data: _plant_value(data, 0.5)),
)


def alarms(datasets: int) -> None:
    """Prints false alarms and found faults, per kind of dataset."""
    print(f"{datasets} datasets of each kind, {NUMBERS + WORDS} columns; % of datasets\n")
    head = ["kind", "any false alarm", *(name for name, _, _ in PLANTED)]
    print(" | ".join(head))
    any_alarm = 0
    for kind in KINDS:
        false = sum(bool(_told(made(kind, seed), kind.classes)) for seed in range(datasets))
        any_alarm += false
        cells = [f"{100 * false / datasets:.1f}"]
        for _, wanted, plant in PLANTED:
            found = 0
            for seed in range(max(1, datasets // 4)):
                data = made(kind, seed)
                plant(data)
                found += wanted in _told(data, kind.classes)
            cells.append(f"{100 * found / max(1, datasets // 4):.0f}")
        print(" | ".join([kind.name, *cells]), flush=True)
    print(f"\nany false alarm in all: {100 * any_alarm / (datasets * len(KINDS)):.1f} %")


def rows(count: int) -> None:
    """Prints the seconds of tables, bias and Great Expectations over an index of so many images."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        started = time.perf_counter()
        _large_index(folder, count)
        print(
            f"{count:,} images and objects written: {time.perf_counter() - started:.1f} s (not part of a check)"
        )
        import great_expectations  # noqa: F401 - its import is not the checks'

        classes = [f"c{at}" for at in range(10)]
        rules = check_rules([parse_check({"preset": "detection"})], classes, None, "detect")
        plain = [rule for rule in rules if rule.table in ("files", "labels", "boxes", "classes", "splits")]
        frames, seconds = _timed(lambda: check_frames(folder, classes, {rule.table for rule in plain}))
        print(f"tables of {len(plain)} checks of files, labels and boxes: {seconds:.1f} s")
        _, seconds = _timed(lambda: run_rules(frames, plain))
        print(f"Great Expectations over them: {seconds:.1f} s")
        (_, bias), seconds = _timed(
            lambda: measured_bias(sprint_tables(folder), classes, "scene", "objects", [], LIMITS)
        )
        print(f"bias measured: {seconds:.1f} s")
        of_bias = [rule for rule in bias_rules("detection", LIMITS) if rule.table in bias]
        _, seconds = _timed(lambda: run_rules(bias, of_bias))
        print(f"Great Expectations over its tables: {seconds:.1f} s")


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _large_index(folder: Path, count: int) -> None:
    generator = np.random.default_rng(0)
    paths = [f"images/train/{at:07d}.jpg" for at in range(count)]
    ids = [f"{at:032x}" for at in range(count)]
    split = np.array(["train", "val", "test"], dtype=object)[generator.choice(3, count, p=[0.8, 0.1, 0.1])]
    scene = np.array([f"scene-{at}" for at in range(count // 10 + 1)], dtype=object)[np.arange(count) // 10]
    cameras = np.array([f"camera-{at}" for at in range(8)], dtype=object)
    label = generator.integers(0, 10, count)
    tables = sprint_tables(folder)
    write_table(
        tables.images,
        {
            "path": paths,
            "image_id": ids,
            "split": split,
            "bytes": generator.integers(10_000, 90_000, count),
            "readable": np.ones(count, np.bool_),
            "problem": np.full(count, None, dtype=object),
            "width": generator.choice([640, 1280], count),
            "height": np.full(count, 480),
            "brightness": generator.random(count),
            "contrast": generator.random(count),
            "sharpness": generator.random(count) * 100,
            "phash": generator.integers(0, 2**62, count).astype(np.uint64),
            "group": scene,
            "label_problem": np.full(count, None, dtype=object),
            "n_objects": np.ones(count, np.int64),
            **{f"n_c{at}": (label == at).astype(np.int64) for at in range(10)},
            "camera": cameras[generator.integers(0, 8, count)],
            "weather": cameras[generator.integers(0, 4, count)],
            "operator": generator.integers(0, 30, count),
        },
    )
    corner = generator.random(count) * 100
    write_table(
        tables.objects,
        {
            "object_id": [f"{path}#0" for path in paths],
            "label_place": paths,
            "image_id": ids,
            "path": paths,
            "split": split,
            "class": np.array([f"c{at}" for at in range(10)], dtype=object)[label],
            "class_id": label,
            "x_min": corner,
            "y_min": corner,
            "x_max": corner + 20,
            "y_max": corner + 20,
            "area_px": np.full(count, 400.0),
            "crowd": np.zeros(count, np.bool_),
        },
    )
    selected = np.ones(count, np.bool_)
    write_table(tables.manifest, {"path": paths, "image_id": ids, "assigned": split, "selected": selected})


def sprint(folder: Path) -> None:
    """Prints what the stage check takes of a sprint, with and without bias, and its share of the recorded time."""
    from runner.adapters.system import yaml_text
    from runner.record.catalogue import TIMINGS
    from runner.stages import check
    from runner.stages.stage import StageContext

    root = folder.resolve().parents[1]
    params = check.STAGE.params(yaml_text.load((folder / "params.yaml").read_bytes())["check"])
    with tempfile.TemporaryDirectory() as temporary:
        copy = Path(temporary) / "reports" / folder.name
        for name in ("index", "selection"):
            shutil.copytree(folder / name, copy / name)
        context = StageContext(root=root, folder=copy)
        import great_expectations  # noqa: F401

        check.run(context, params)  # warm
        of_bias = check.rules_of_bias
        with_bias = min(_timed(lambda: check.run(context, params))[1] for _ in range(5))
        check.rules_of_bias = lambda checks: []
        without = min(_timed(lambda: check.run(context, params))[1] for _ in range(5))
        check.rules_of_bias = of_bias
    print(
        f"check in process: {with_bias:.2f} s, without bias {without:.2f} s: {with_bias - without:.2f} s more"
    )
    recorded = TIMINGS.read_if_there(folder)
    if recorded is not None:
        total = sum(stage.seconds for stage in recorded.stages)
        own = sum(stage.seconds for stage in recorded.stages if stage.stage == "check")
        print(f"of the sprint's recorded {total:.0f} s, check took {own:.1f} s: {100 * own / total:.1f} %")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--datasets", type=int, default=200)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--sprint", type=Path)
    options = parser.parse_args()
    if options.rows:
        rows(options.rows)
    elif options.sprint:
        sprint(options.sprint)
    else:
        alarms(options.datasets)


if __name__ == "__main__":
    main()
