"""What the decoders of boxes share: a letterbox before the model, the suppression of overlaps behind it."""

from __future__ import annotations

from runner.adapters.models.decoding.candidates import MIN_SCORE
from runner.adapters.models.decoding.suppression import MAX_DETECTIONS, MAX_IOU
from runner.adapters.models.inference import PAD_GREY, Floats, Letterbox, preprocess
from runner.adapters.models.model_record import Decoding, Preprocessing
from runner.adapters.pictures.pixels import Pixels
from runner.domain.task import TaskSpec


class BoxDecoder:
    """See `Decoder`."""

    outputs: tuple[str, ...] = ("raw",)
    columns: tuple[str, ...] = ()
    model_type: str | None = None
    decoding: Decoding | None = Decoding(max_iou=MAX_IOU, min_score=MIN_SCORE, max_detections=MAX_DETECTIONS)

    def __init__(self, spec: TaskSpec) -> None:
        self._n_classes = len(spec.classes)

    def preprocess(self, image: Pixels, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
        return preprocess(image, input_hw)

    def preprocessing(self, size_hw: tuple[int, int]) -> Preprocessing:
        """A letterbox."""
        return Preprocessing(size_hw=size_hw, fit="letterbox", pad_value=PAD_GREY, pad_position="center")
