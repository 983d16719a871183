"""What is written beside weights and artefacts, so that they can be used without the code that made them."""

from __future__ import annotations

from typing import Any, Literal

from runner.domain.records import Record


class ModelRecord(Record, frozen=True, kw_only=True):
    """A trained model: how to build the module that the tensors in the `.safetensors` beside it fit.

    `base_classes` is the class count of the weights that training started from: Ultralytics keeps the width
    of the class branch they had. None when trained from scratch.
    """

    framework: str
    architecture: dict[str, Any]
    class_names: list[str]
    base_classes: int | None
    imgsz: int
    seed: int
    epoch: int  # whose weights these are, counted from 1
    parameters: int
    state_digest: str


class ArtefactRecord(Record, frozen=True, kw_only=True):
    """An exported model: what a program needs to feed it and to read its output.

    Input: float32 `(1, 3, height, width)`, RGB in [0, 1], letterboxed with grey 114. Output `raw`:
    `(1, 4 + classes, anchors)`, boxes as centre x, centre y, width, height in input pixels, then class scores
    in [0, 1]; the caller suppresses overlaps.
    """

    target: str
    format: str
    precision: str
    class_names: list[str]
    input_hw: tuple[int, int]
    output: Literal["raw"] = "raw"
    state_digest: str
