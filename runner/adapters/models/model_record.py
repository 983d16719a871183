"""What is written beside weights and artefacts, so that they can be used without the code that made them.

A champion may be older than this code: fields that were added later have a default, unknown ones are passed over.
"""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, UnsetType, field

from runner.domain.records import Record
from runner.domain.task import USUAL_TASK, Keypoints, TaskName, TaskSpec

FIRST_FRAMEWORK = "ultralytics"


class ModelRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """A trained model: how to build the module that the tensors in the `.safetensors` beside it fit.

    `base_classes` is the class count of the weights that training started from: Ultralytics keeps the width
    of the class branch they had. None when trained from scratch.
    """

    framework: str
    task: TaskName = USUAL_TASK
    architecture: dict[str, Any]
    class_names: list[str]
    keypoints: Keypoints | None = None
    base_classes: int | None
    imgsz: int
    seed: int
    epoch: int  # whose weights these are, counted from 1
    parameters: int
    state_digest: str

    @property
    def spec(self) -> TaskSpec:
        """The task it was trained for."""
        return TaskSpec(name=self.task, classes=self.class_names, keypoints=self.keypoints)


class Preprocessing(Record, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """How an image becomes the input: decoded, fitted, its bytes multiplied by `scale`, `mean` taken away, divided by `std`.

    Attributes:
        size_hw: height and width of the input, pixels; fixed.
        fit: `letterbox`: scaled with its aspect kept (bilinear) and centred on `pad_value`; `center_crop`: the shorter
            side scaled to the input's (averaging), the middle taken.
    """

    size_hw: tuple[int, int]
    layout: str = "NCHW"
    dtype: str = "float32"
    color_order: str = "RGB"
    scale: float = 1 / 255
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    fit: str
    pad_value: int | None = None
    pad_position: str | None = None


class Decoding(Record, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """How rows of `raw` become detections. The artefact suppresses nothing itself: `max_iou` and the others are ours.

    Attributes:
        box_format: order of the first four rows; an `obb`'s angle, in radians, is the last row.
        box_units: what they count: pixels of the input, to be mapped back to the image; they are not normalised.
        suppression: who removes overlaps: `none` is in the graph. Ours is within each class, above `max_iou`.
        min_score: every class of an anchor with a higher score is a candidate of its own.
    """

    box_format: str = "cxcywh"
    box_units: str = "input pixels"
    suppression: str = "none"
    max_iou: float
    min_score: float
    max_detections: int


class ArtefactRecord(Record, frozen=True, kw_only=True, forbid_unknown_fields=False):
    """An exported model: what a program needs to feed it and to read its outputs.

    Input: float32 `(1, 3, height, width)`, RGB in [0, 1]. For `classify` the image's shorter side is scaled to the
    input's (averaging) and the middle is taken; for the other tasks it is letterboxed with grey 114.

    Outputs, in order:
        raw: `(1, 4 + classes + further, anchors)`, boxes as centre x, centre y, width, height in input pixels, then
            class scores in [0, 1], then nothing (detect), mask coefficients (segment), x, y and confidence of every
            key point (pose), or the angle in radians (obb). The caller suppresses overlaps.
        prototypes: `(1, coefficients, height / 4, width / 4)`: masks are where their weighted sum is above 0.
        probabilities: `(1, classes)`.

    `preprocessing`, `decoding` (None for `classify`) and `stride`, in pixels, say the same for programs; None in artefacts of
    earlier versions. `framework` is what trained it, and so who decodes its outputs; absent for ultralytics, the first there was.
    """

    target: str
    format: str
    precision: str
    task: TaskName = USUAL_TASK
    class_names: list[str]
    keypoints: Keypoints | None = None
    input_hw: tuple[int, int]
    outputs: list[str] = field(default_factory=lambda: ["raw"])
    stride: int | None = None
    preprocessing: Preprocessing | None = None
    decoding: Decoding | None = None
    state_digest: str
    framework: str | UnsetType = UNSET

    @property
    def spec(self) -> TaskSpec:
        """The task it does."""
        return TaskSpec(name=self.task, classes=self.class_names, keypoints=self.keypoints)

    @property
    def trained_with(self) -> str:
        """The framework, whatever version wrote the record."""
        return FIRST_FRAMEWORK if self.framework is UNSET else self.framework
