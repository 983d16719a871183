"""Boxes with the key points of each object."""

from __future__ import annotations

import numpy as np

from runner.adapters.models.decoding.boxes import BoxDecoder
from runner.adapters.models.decoding.candidates import candidates
from runner.adapters.models.decoding.detect import boxes_to_original
from runner.adapters.models.decoding.suppression import suppress
from runner.adapters.models.inference import ImageDetections, Letterbox, Outputs


class PoseDecoder(BoxDecoder):
    """Output `raw`: `(1, 4 + C + 3K, A)`; of each key point x, y in input pixels and its confidence in [0, 1]."""

    columns = ("keypoints",)

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        """`keypoints`: 3K float32 per box, x and y in pixels of the original image, clipped to it."""
        found = candidates(outputs[0], self._n_classes)
        corners = found.boxes_xyxy
        kept = suppress(corners, found.class_ids)
        n_points = found.extra.shape[1] // 3
        points = found.extra[kept].reshape(-1, n_points, 3)  # (D, 3K) -> (D, K, 3)
        placed = np.concatenate((letterbox.to_original(points[..., :2]), points[..., 2:]), axis=2)
        return ImageDetections(
            boxes_to_original(corners[kept], letterbox),
            found.scores[kept],
            found.class_ids[kept],
            {"keypoints": list(placed.reshape(-1, 3 * n_points).astype(np.float32))},
        )
