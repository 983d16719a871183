"""Which other models predict on the pool, and that a mirrored image is what the model is given."""

from __future__ import annotations

from typing import Any

import numpy as np
from msgspec.structs import replace

from runner.config.project import Dataset, Project, Splits
from runner.domain.champion import ResolvedChampion
from runner.stages import committee

SHIPPED = ResolvedChampion(
    sprint="0001-a",
    tag="m#prod#1",
    commit="c" * 40,
    target="onnx-fp32",
    path="exports/onnx-fp32",
    digest="e.dir",
)
SEED = replace(SHIPPED, target="torch", path="weights/seed-1.safetensors", digest="w.dir")
PROJECT = Project(
    apiVersion="flywheel/v1",
    kind="Project",
    name="a",
    task="detect",
    classes=["cat"],
    dataset=Dataset(path="data", layout="yolo"),
    splits=Splits(pool="split = 'pool'"),
)


def test_nothing_is_predicted_where_nothing_is_asked_for() -> None:
    assert committee.resolve(PROJECT, SHIPPED, {}, mirrored=False) is None
    assert committee.resolve(PROJECT, None, {"torch": SEED}, mirrored=True) is None


def test_members_are_found_again_by_their_paths() -> None:
    members = {"onnx-fp32": SHIPPED, "torch-seed-1": SEED}
    params = committee.resolve(PROJECT, SHIPPED, members, mirrored=False)
    assert params is not None
    assert {name: params.member(name) for name in params.members} == members


class Given:
    """A decoder that keeps what it was given."""

    columns = outputs = ()
    decoding = model_type = None

    def preprocess(self, image: Any, input_hw: tuple[int, int]) -> Any:
        self.image = image
        return image, None

    def preprocessing(self, size_hw: tuple[int, int]) -> Any: ...

    def decode(self, outputs: Any, letterbox: Any) -> Any: ...


def test_the_model_is_given_the_image_turned_left_to_right() -> None:
    given = Given()
    image = np.arange(12, dtype=np.uint8).reshape(1, 4, 3)
    committee.Mirrored(given).preprocess(image, (8, 8))  # type: ignore[arg-type]
    assert given.image.tolist() == image[:, ::-1].tolist()
    assert given.image.flags["C_CONTIGUOUS"]
