"""Classes of whole images."""

from __future__ import annotations

import numpy as np

from runner.adapters.models.inference import Floats, ImageDetections, Letterbox, Outputs, as_input
from runner.adapters.models.model_record import Decoding, Preprocessing
from runner.adapters.pictures.pixels import Pixels
from runner.domain.task import TaskSpec

BEST = 5  # always in the table, so that top-5 can be measured
MIN_PROBABILITY = 1e-4


class ClassifyDecoder:
    """Output `probabilities`: `(1, C)`, softmax over the classes."""

    outputs = ("probabilities",)
    columns: tuple[str, ...] = ()
    decoding: Decoding | None = None
    model_type: str | None = None

    def __init__(self, spec: TaskSpec) -> None:
        self._n_classes = len(spec.classes)

    def preprocess(self, image: Pixels, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
        """Scales the shorter side to the input's and takes the middle, as Ultralytics and torchvision do.

        Pillow's resampling averages over all pixels it covers, which OpenCV's bilinear one does not.
        """
        from PIL import Image

        height, width = image.shape[:2]
        side = input_hw[0]
        short, long = sorted((height, width))
        longer = int(side * long / short)
        new_w, new_h = (side, longer) if width <= height else (longer, side)
        picture = Image.fromarray(np.ascontiguousarray(image[..., ::-1]))
        if (new_w, new_h) != (width, height):
            picture = picture.resize((new_w, new_h), Image.Resampling.BILINEAR)
        left, top = round((new_w - side) / 2), round((new_h - side) / 2)
        crop = np.asarray(picture)[top : top + side, left : left + side]
        return as_input(crop), Letterbox((height, width), (new_w / width, new_h / height), (-left, -top))

    def preprocessing(self, size_hw: tuple[int, int]) -> Preprocessing:
        """The middle of the image."""
        return Preprocessing(size_hw=size_hw, fit="center_crop")

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        """One row per class, but for the improbable ones beyond the five best; the box is the whole image."""
        probabilities = outputs[0].reshape(-1)[: self._n_classes]
        order = np.argsort(-probabilities, kind="stable")
        kept = order[(np.arange(len(order)) < BEST) | (probabilities[order] >= MIN_PROBABILITY)]
        height, width = letterbox.original_hw
        boxes = np.tile(np.array([0, 0, width, height], np.float32), (len(kept), 1))
        return ImageDetections(boxes, probabilities[kept].astype(np.float32), kept.astype(np.int32))
