"""Slices are counted per split before anything is trained."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from planted_bias import PlantedImages

from runner.assessment.slice_shares import slice_shares
from runner.config.sprint import SliceSpec
from runner.domain.bias import SliceShare


def test_each_kind_of_slice_is_counted_in_its_unit(tmp_path: Path) -> None:
    images = PlantedImages()
    images.columns["camera"][:] = np.where(images.split == "test", "roof", "dock")
    images.columns["camera"][0] = None
    images.write(tmp_path)
    count = {split: int((images.split == split).sum()) for split in ("train", "val", "test")}
    cats = {split: int(((images.split == split) & (images.label == 0)).sum()) for split in count}
    first = images.split[0]
    specs = [
        SliceSpec(name="all", where="brightness > -9"),
        SliceSpec(by="Camera"),
        SliceSpec(name="cats", objects="class = 'cat'"),
        SliceSpec(by=["camera", "width"], max=1),
        SliceSpec(auto="weakest"),
    ]
    one = {split: int(split == first) for split in count}
    dock = {split: count[split] - one[split] if split != "test" else 0 for split in count}
    assert slice_shares(tmp_path, specs) == [
        SliceShare(slice="all", **count),
        SliceShare(slice="Camera=dock", **dock),
        SliceShare(slice="Camera=roof", train=0, val=0, test=count["test"] - one["test"]),
        SliceShare(slice="Camera=(none)", **one),
        SliceShare(slice="cats", **cats, objects=True),
        SliceShare(slice="camera=dock, width=100", **dock),
    ]


def test_images_that_are_not_selected_do_not_count(tmp_path: Path) -> None:
    images = PlantedImages()
    images.split[images.split == "test"] = "pool"
    images.write(tmp_path)
    (share,) = slice_shares(tmp_path, [SliceSpec(name="all", where="width > 0")])
    assert share.test == 0
