"""A trained model's backbone as a network for embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.embedding_graph import unit
from runner.adapters.models.inference import Fit, Floats, load_inputs


class Backbone(Protocol):
    """A model without its head.

    Attributes:
        input_hw: the fixed input size `(height, width)` in pixels.
        batch: images that it takes at a time.
    """

    input_hw: tuple[int, int]
    batch: int

    def features(self, images: Floats) -> Floats:
        """`(B, 3, H, W)` RGB in [0, 1] to `(B, D)`: the last maps, averaged over their places."""
        ...


class BackboneEmbedder:
    """Vectors of images by a backbone.

    Args:
        fit: how the model's own task fits images into the input.
    """

    def __init__(self, backbone: Backbone, fit: Fit) -> None:
        self._backbone, self._fit = backbone, fit

    def embed(self, images: Sequence[Path]) -> NDArray[np.float32]:
        """`(N, D)`, of length 1 each.

        Raises:
            FlywheelError: a file is missing or is no usable image.
        """
        rows: list[NDArray[np.float32]] = []
        waiting: list[Floats] = []
        for pixels, _ in load_inputs(images, self._backbone.input_hw, self._fit):
            waiting.append(pixels)
            if len(waiting) == self._backbone.batch:
                rows.extend(self._backbone.features(np.concatenate(waiting)))
                waiting = []
        if waiting:
            rows.extend(self._backbone.features(np.concatenate(waiting)))
        return np.stack([unit(row, path) for row, path in zip(rows, images, strict=True)])
