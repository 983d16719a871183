"""What may bias a sprint is found where it is planted, and nothing where nothing is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from planted_bias import CLASSES, PlantedImages

from runner.checks.bias_rules import OF_BIAS, BiasLimits, bias_rules
from runner.checks.bias_tables import measured_bias
from runner.checks.rule import run_rules
from runner.domain.bias import DataBias, SliceShare
from runner.domain.records import CheckResult, Severity


def measured(
    tmp_path: Path,
    images: PlantedImages,
    slices: list[SliceShare] | None = None,
) -> tuple[DataBias, dict[str, CheckResult]]:
    bias, frames = measured_bias(
        images.write(tmp_path / "sprint"), CLASSES, "scene", "objects", slices or [], BiasLimits()
    )
    rules = bias_rules("detection", BiasLimits())
    assert {rule.table for rule in rules} == OF_BIAS == frames.keys()
    return bias, {result.id.removeprefix("detection."): result for result in run_rules(frames, rules)}


def unmet(results: dict[str, CheckResult]) -> list[str]:
    assert {result.severity for result in results.values()} == {Severity.WARNING}
    return [name for name, result in results.items() if not result.success]


def test_nothing_is_found_where_nothing_is_wrong(tmp_path: Path) -> None:
    bias, results = measured(tmp_path, PlantedImages())
    assert unmet(results) == []
    assert all(
        results[name].checked for name in ("shortcuts", "split_shift", "class_imbalance", "unseen_values")
    )
    assert {shift.of for shift in bias.shifts} == {"val", "test"}
    assert bias.new_values == []
    assert bias.effective_classes == pytest.approx(2, abs=0.1)


def test_a_column_that_tells_the_class_is_named_with_its_values(tmp_path: Path) -> None:
    images = PlantedImages()
    images.columns["camera"] = np.where(images.label == 0, "east", images.columns["camera"])
    images.columns["camera"][(images.label == 1) & (images.columns["camera"] == "east")] = "west"
    bias, results = measured(tmp_path, images)
    assert unmet(results) == ["shortcuts"]
    trained = images.split == "train"
    cats = int((trained & (images.label == 0)).sum())
    assert (
        f"camera: east tells cat: {cats} of {cats} such training images hold it, and 0 of "
        in results["shortcuts"].rows[0]
    )
    assert {(each.column, each.class_name) for each in bias.shortcuts if each.excess > 0.5} == {
        ("camera", "cat"),
        ("camera", "dog"),
    }


def test_a_range_of_numbers_that_tells_the_class_is_named(tmp_path: Path) -> None:
    images = PlantedImages()
    images.columns["bytes"] = np.where(images.label == 0, 2000, 1000) + images.columns["bytes"] // 10
    _, results = measured(tmp_path, images)
    cats, dogs = results["shortcuts"].rows
    assert cats.startswith("bytes: from 20")
    assert " on tells cat: " in cats
    assert dogs.startswith("bytes: below 20")
    assert " tells dog: " in dogs


def test_frames_of_few_scenes_prove_no_shortcut(tmp_path: Path) -> None:
    """Eight scenes of forty frames: a camera per class may be chance."""
    images = PlantedImages(scenes=16)
    images.columns["camera"] = np.where(images.label == 0, "east", "west").astype(object)
    _, results = measured(tmp_path, images)
    assert "shortcuts" not in unmet(results)


def test_a_darker_test_split_and_a_camera_of_its_own_are_shifts(tmp_path: Path) -> None:
    images = PlantedImages()
    test = images.split == "test"
    images.columns["brightness"][test] -= 0.15
    images.columns["camera"][test] = "south"
    _, results = measured(tmp_path, images)
    assert unmet(results) == ["split_shift", "unseen_values"]
    rows = results["split_shift"].rows
    assert [row.split(":")[0] for row in rows] == ["brightness", "camera"]
    assert "test differs from train: mean 0.3" in rows[0]
    assert "standard deviations lower (distance " in rows[0]
    assert "south 100% instead of 0%" in rows[1]
    assert results["unseen_values"].rows == [
        f"{images.paths[int(np.argmax(test))]}: camera = south, in no training image; in {int(test.sum())} of test"
    ]


def test_a_shift_that_few_scenes_explain_is_none(tmp_path: Path) -> None:
    """Two scenes of test are darker by chance, however many frames they have."""
    images = PlantedImages(seed=3, scenes=12)
    values = np.random.default_rng(1).normal(0.5, 0.2, 12)[images.scene]
    images.columns["brightness"] = values
    _, results = measured(tmp_path, images)
    assert "split_shift" not in unmet(results)


def test_a_rare_class_is_named_with_its_ratio(tmp_path: Path) -> None:
    images = PlantedImages(scenes=120)
    trained = np.flatnonzero(images.split == "train")
    images.label[trained] = 0
    images.label[trained[:4]] = 1
    bias, results = measured(tmp_path, images)
    assert "class_imbalance" in unmet(results)
    ratio = (len(trained) - 4) / 4
    assert results["class_imbalance"].rows == [
        f"dog: 4 training labels, the commonest class has {ratio:.2f} times as many"
    ]
    assert [share.class_name for share in bias.classes] == ["cat", "dog"]


def test_slices_without_training_and_small_ones_are_named(tmp_path: Path) -> None:
    slices = [
        SliceShare(slice="dark", train=0, val=3, test=20),
        SliceShare(slice="snow", train=30, val=1, test=2),
        SliceShare(slice="day", train=100, val=20, test=40),
    ]
    _, results = measured(tmp_path, PlantedImages(), slices=slices)
    assert unmet(results) == ["untrained_slices", "small_slices"]
    assert results["untrained_slices"].rows == ["dark: 20 in test, none in train"]
    assert results["small_slices"].rows == ["snow: 2 in test, 30 in train"]
