"""Boxes: letterbox in, suppression of overlaps out."""

from __future__ import annotations

import numpy as np

from runner.adapters.models.decoding.boxes import BoxDecoder
from runner.adapters.models.decoding.candidates import candidates
from runner.adapters.models.decoding.suppression import suppress
from runner.adapters.models.inference import Floats, ImageDetections, Letterbox, Outputs


class DetectDecoder(BoxDecoder):
    """Output `raw`: `(1, 4 + C, A)`, boxes as centre and size in input pixels, then class scores."""

    model_type = "YOLO"

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        """Boxes that no better one of their class covers."""
        found = candidates(outputs[0], self._n_classes)
        corners = found.boxes_xyxy
        kept = suppress(corners, found.class_ids)
        boxes = boxes_to_original(corners[kept], letterbox)
        return ImageDetections(boxes, found.scores[kept], found.class_ids[kept])


def boxes_to_original(boxes_xyxy: Floats, letterbox: Letterbox) -> Floats:
    """Boxes `(K, 4)` of the input as boxes of the original image, clipped to it."""
    corners = boxes_xyxy.reshape(-1, 2, 2)  # (K, 4) -> (K, 2, 2)
    return np.ascontiguousarray(letterbox.to_original(corners).reshape(-1, 4))
