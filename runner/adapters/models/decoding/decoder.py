"""What the decoder of every task gives."""

from __future__ import annotations

from typing import Protocol

from runner.adapters.models.inference import Floats, ImageDetections, Letterbox, Outputs
from runner.adapters.models.model_record import Decoding, Preprocessing
from runner.adapters.pictures.pixels import Pixels


class Decoder(Protocol):
    """The way into and out of a task's models. Built from the model's `TaskSpec`.

    Attributes:
        outputs: what the model's outputs are called, in order.
        columns: the task's own columns of the predictions table, those of `Detections.further`.
        decoding: how rows of outputs become detections, for programs that run an export; None where they are none.
        model_type: what OpenVINO's Model API calls such a model; None where it has no wrapper for it.
    """

    @property
    def outputs(self) -> tuple[str, ...]: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def decoding(self) -> Decoding | None: ...

    @property
    def model_type(self) -> str | None: ...

    def preprocess(self, image: Pixels, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
        """Fits an image `(H, W, 3)` BGR into the input `(1, 3, height, width)` float32 RGB in [0, 1]."""
        ...

    def preprocessing(self, size_hw: tuple[int, int]) -> Preprocessing:
        """What `preprocess` does, for programs that run an export."""
        ...

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        """Turns one image's raw outputs, with their batch axis, into rows of predictions."""
        ...
