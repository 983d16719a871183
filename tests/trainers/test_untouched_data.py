"""Training leaves the dataset as it is, byte for byte."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models.yolo_folder import write_training_folder
from runner.adapters.tables.selected import SelectedData
from runner.domain.task import TaskSpec
from tests.models_fixture import CLASSES, context, draw_project


@pytest.mark.parametrize("after", [b"", b"bytes after the end"])
def test_a_jpeg_that_the_framework_would_rewrite_is_a_copy(tmp_path: Path, after: bytes) -> None:
    import cv2

    draw_project(tmp_path)
    folder = context(tmp_path).folder
    data = SelectedData(
        dataset=tmp_path / "data",
        manifest=folder / "selection" / "manifest.parquet",
        images=folder / "index" / "images.parquet",
        objects=folder / "index" / "objects.parquet",
    )
    image = data.dataset / "images" / "train" / "0.png"
    content = cv2.imencode(".jpg", np.zeros((48, 80, 3), np.uint8))[1].tobytes() + after
    image.write_bytes(content)
    write_training_folder(tmp_path / "yolo", data, TaskSpec(name="detect", classes=CLASSES))
    given = tmp_path / "yolo" / "images" / "train" / "0000000.jpg"
    assert given.is_symlink() is not bool(after)
    assert given.read_bytes() == content.removesuffix(after)  # which the framework finds no fault with
    if after:
        given.write_bytes(b"rewritten")
        assert image.read_bytes() == content
