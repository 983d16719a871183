"""Split conditions for datasets that come with all, some or none of the splits."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from runner.adapters.tables.duckdb import load
from runner.adapters.tables.parquet import write_table
from runner.dataset.entries import ImageEntry, LabelledObject
from runner.dataset.index import group_fraction
from runner.domain.errors import FlywheelError
from runner.scaffold.splits import plan_splits

BOX = LabelledObject("l:1", "cat", 0, (0.1, 0.1, 0.5, 0.5), normalised=True)


def entries(*, unlabelled: int = 0, **splits: int) -> list[ImageEntry]:
    found = [
        ImageEntry(
            path=f"images/{split}/{number}.jpg",
            split=None if split == "none" else split,
            labelled=True,
            objects=(BOX,),
        )
        for split, count in splits.items()
        for number in range(count)
    ]
    rest = [ImageEntry(path=f"images/raw/{n}.jpg", split="raw", labelled=False) for n in range(unlabelled)]
    return [*found, *rest]


@pytest.mark.parametrize(
    ("splits", "conditions"),
    [
        (
            {"train": 20, "val": 5, "test": 5},
            {"train": "split = 'train'", "val": "split = 'val'", "test": "split = 'test'"},
        ),
        (
            {"train2017": 20, "valid": 5, "testing": 5},
            {"train": "split = 'train2017'", "val": "split = 'valid'", "test": "split = 'testing'"},
        ),
        (
            {"train": 50, "test": 5},
            {
                "train": "split = 'train' AND group_fraction >= 0.15",
                "val": "split = 'train' AND group_fraction < 0.15",
                "test": "split = 'test'",
            },
        ),
        (
            {"train": 50, "train-b": 50, "valid": 5},
            {
                "train": "split IN ('train', 'train-b') AND group_fraction >= 0.15",
                "val": "split = 'valid'",
                "test": "split IN ('train', 'train-b') AND group_fraction < 0.15",
            },
        ),
        (
            {"train": 60},
            {
                "train": "split = 'train' AND group_fraction >= 0.3",
                "val": "split = 'train' AND group_fraction >= 0.15 AND group_fraction < 0.3",
                "test": "split = 'train' AND group_fraction < 0.15",
            },
        ),
        (
            {"none": 60},
            {
                "train": "group_fraction >= 0.3",
                "val": "group_fraction >= 0.15 AND group_fraction < 0.3",
                "test": "group_fraction < 0.15",
            },
        ),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) and "=" not in str(value) else None,
)
def test_conditions_complete_the_splits_that_there_are(
    splits: Mapping[str, int], conditions: Mapping[str, str]
) -> None:
    assert dict(plan_splits(entries(**splits), {}).conditions) == conditions


@pytest.mark.parametrize(
    ("splits", "conditions"),
    [
        (
            {"none": 50, "site": 9, "test": 5},
            {
                "train": "(split IS NULL OR split = 'site') AND group_fraction >= 0.15",
                "val": "(split IS NULL OR split = 'site') AND group_fraction < 0.15",
                "test": "split = 'test'",
            },
        ),
        (
            {"site": 50, "val": 5, "test": 5},
            {"train": "split = 'site'", "val": "split = 'val'", "test": "split = 'test'"},
        ),
    ],
)
def test_what_the_dataset_names_is_never_drawn_anew(
    splits: Mapping[str, int], conditions: Mapping[str, str]
) -> None:
    assert dict(plan_splits(entries(**splits), {}).conditions) == conditions


def test_a_split_that_is_named_and_empty_is_refused() -> None:
    with pytest.raises(FlywheelError) as caught:
        plan_splits(entries(train=20), {}, {"valid": "data.yaml names valid: v.txt, but no image is there"})
    assert str(caught.value) == (
        "the dataset's own val split is empty: data.yaml names valid: v.txt, but no image is there\n"
        "  hint: bring its images; or take the name valid out of the dataset, to have val drawn at random"
    )
    assert (
        plan_splits(entries(train=20, val=4), {}, {"valid": "empty", "extra": "empty"}).counts["val"].images
        == 4
    )


def test_a_split_without_a_label_is_told_before_another_is_drawn() -> None:
    images = [*entries(train=20), *(replace(entry, labelled=False) for entry in entries(test=4))]
    plan = plan_splits(images, {})
    assert plan.problems == [
        "none of the 4 images of test is labelled: they are the pool, and test is drawn from the labelled images"
    ]


def test_a_test_split_alone_is_drawn_from_and_said_so() -> None:
    assert plan_splits(entries(test=30), {}).notes[-1] == (
        "there is nothing to train on but test: all splits are drawn anew, test too"
    )


@pytest.mark.parametrize(
    "splits",
    [
        {"none": 40, "test": 5},
        {"train": 50, "test": 5},
        {"train": 7},
        {"none": 3},
        {"test": 30},
        {"it's": 30},
    ],
    ids=str,
)
def test_conditions_hold_for_the_images_that_were_counted(tmp_path: Path, splits: Mapping[str, int]) -> None:
    images = entries(**splits, unlabelled=3)
    plan = plan_splits(images, {})
    table = {
        "split": [entry.split for entry in images],
        "labelled": [entry.labelled for entry in images],
        "group_fraction": [group_fraction(entry.path) for entry in images],
    }
    write_table(tmp_path / "images.parquet", table)
    masks = load(tmp_path / "images.parquet", [], list(plan.conditions.values()))[1]
    assert {role: int(mask.sum()) for role, mask in zip(plan.conditions, masks, strict=True)} == {
        role: counts.images for role, counts in plan.counts.items()
    }
    assert all(counts.images for counts in plan.counts.values())
    assert sum(masks).max() == 1


def test_unlabelled_images_are_the_pool() -> None:
    plan = plan_splits(entries(train=20, val=5, test=5, unlabelled=4), {})
    assert plan.conditions["train"] == "split = 'train' AND labelled"
    assert plan.conditions["pool"] == "NOT labelled"
    assert plan.counts["pool"].images == 4


def test_images_of_other_folders_are_told() -> None:
    plan = plan_splits(entries(train=20, val=5, test=5, extra=3), {})
    assert plan.notes == ["3 labelled images of extra are used in no split"]


def test_carved_splits_are_told() -> None:
    plan = plan_splits(entries(train=20), {})
    assert plan.notes == ["val and test: about 15% each of train, drawn at random"]


def test_too_few_images_are_refused() -> None:
    with pytest.raises(FlywheelError) as caught:
        plan_splits(entries(train=2), {})
    assert caught.value.message == "too few images to draw val and test from: 2 images or groups of them"


def test_scene_column_keeps_groups_together() -> None:
    images = entries(train=60)
    scenes = [f"scene-{number // 6}" for number in range(60)]
    plan = plan_splits(images, {"scene_id": scenes})
    assert plan.group_by == "scene_id"
    assert sum(counts.images for counts in plan.counts.values()) == 60
    assert all(counts.images % 6 == 0 for counts in plan.counts.values())


def test_groups_that_straddle_given_splits_are_a_problem_and_not_grouped_by() -> None:
    images = entries(train=4, val=2, test=2)
    plan = plan_splits(images, {"video": ["a", "a", "b", "b", "c", "c", "a", "d"]})
    assert plan.group_by is None
    assert plan.problems == [
        "images of one video are in several splits (1 of 4, such as a):"
        " the figures do not tell how the model does on a new video; see group_by in flywheel.yaml"
    ]
