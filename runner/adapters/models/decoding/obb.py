"""Rotated (oriented) boxes."""

from __future__ import annotations

import numpy as np

from runner.adapters.models.decoding.boxes import BoxDecoder
from runner.adapters.models.decoding.candidates import candidates
from runner.adapters.models.decoding.suppression import suppress_rotated
from runner.adapters.models.inference import Floats, ImageDetections, Letterbox, Outputs


class ObbDecoder(BoxDecoder):
    """Output `raw`: `(1, 4 + C + 1, A)`; box and scores as for detection, then the angle in radians.

    The width lies along the angle, which turns from the x axis to the y axis (clockwise as images are shown).
    """

    columns = ("corners",)

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        """`corners`: 8 float32 per box, not clipped; its upright hull is clipped to the image."""
        found = candidates(outputs[0], self._n_classes)
        boxes = np.concatenate((found.boxes_cxcywh, found.extra[:, :1]), axis=1)
        kept = suppress_rotated(boxes, found.class_ids)
        corners = _corners(_to_original(boxes[kept], letterbox))
        hulls = np.concatenate((corners.min(axis=1), corners.max(axis=1)), axis=1)  # (D, 4, 2) -> (D, 4)
        height, width = letterbox.original_hw
        return ImageDetections(
            np.clip(hulls, 0, (width, height, width, height)).astype(np.float32),
            found.scores[kept],
            found.class_ids[kept],
            {"corners": list(corners.reshape(-1, 8).astype(np.float32))},
        )


def _to_original(boxes_cxcywhr: Floats, letterbox: Letterbox) -> Floats:
    pad, gain = np.array(letterbox.pad_xy), np.array(letterbox.gain_xy)
    centre = (boxes_cxcywhr[:, :2] - pad) / gain
    return np.concatenate((centre, boxes_cxcywhr[:, 2:4] / gain, boxes_cxcywhr[:, 4:]), axis=1)


def _corners(boxes_cxcywhr: Floats) -> Floats:
    """`(D, 5)` -> `(D, 4, 2)`, in turn around the box."""
    centre, half = boxes_cxcywhr[:, None, :2], boxes_cxcywhr[:, 2:4] / 2
    cos, sin = np.cos(boxes_cxcywhr[:, 4]), np.sin(boxes_cxcywhr[:, 4])
    along = np.stack((half[:, 0] * cos, half[:, 0] * sin), axis=1)[:, None]  # (D, 1, 2)
    across = np.stack((-half[:, 1] * sin, half[:, 1] * cos), axis=1)[:, None]
    signs = np.array([[1, 1], [1, -1], [-1, -1], [-1, 1]])[None, :, :, None]  # (1, 4, 2, 1)
    return np.asarray(centre + signs[:, :, 0] * along + signs[:, :, 1] * across)
