"""Where a model looked: HiResCAM on the feature maps that its head reads.

Source: Draelos and Carin, "Use HiResCAM instead of Grad-CAM for faithful explanations of convolutional neural
networks", 2020. The map is the sum over channels of activation times gradient, negative parts left out. Detection
heads read several maps: each is spread over the input so that its sum stays, and they are added.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from runner.adapters.models.decoding import decoder_for
from runner.adapters.models.inference import Letterbox
from runner.adapters.models.torch_models import fused, load_model
from runner.adapters.pictures.pixels import Pixels
from runner.domain.records import Device

Box: TypeAlias = tuple[float, float, float, float]
_BLUR = 0.015  # of the longest side: single cells of a map are no more exact than that


class HiResCam:
    """The torch model of a sprint, asked where it saw what. Always on the CPU, so that maps can be repeated."""

    def __init__(self, weights: Path, device: Device) -> None:
        """Loads the model.

        Args:
            weights: a `.safetensors` file with its record.
            device: only the number of threads is used.

        Raises:
            FlywheelError: the file is missing or damaged.
        """
        module, record = load_model(weights)
        import torch

        torch.set_num_threads(device.threads)
        self._module = fused(module)
        self._decoder = decoder_for(record.spec)
        self._input_hw = (record.imgsz, record.imgsz)
        self._whole_image = record.task == "classify"

    def heat(self, image: Pixels, class_id: int, box_xyxy: Box) -> NDArray[np.float32] | None:
        """What raised the score of a class, at the anchor whose box and score fit best.

        Args:
            image: `(H, W, 3)` BGR.
            class_id: the class's number.
            box_xyxy: the object's box in pixels of the image; of no matter for classification.

        Returns:
            `(H, W)` in [0, 1], the most important place 1; None where nothing in the image raised it, or no anchor
            of the model lies on the box.
        """
        import torch

        inputs, letterbox = self._decoder.preprocess(image, self._input_hw)
        with torch.enable_grad():
            pixels = torch.from_numpy(inputs).requires_grad_(True)
            features, output = self._run(pixels)
            score = self._score(output, class_id, _to_input(box_xyxy, letterbox))
            if score is None:
                return None
            gradients = torch.autograd.grad(torch.log(score), features)
        heat = np.zeros(self._input_hw, np.float32)
        for feature, gradient in zip(features, gradients, strict=True):
            heat += _spread((feature * gradient).sum(dim=1)[0].clamp(min=0).detach().numpy(), self._input_hw)
        return _to_original(heat, letterbox)

    def _run(self, pixels: Any) -> tuple[list[Any], Any]:
        """The maps that the head reads, and the head's first output without the batch axis."""
        read: list[Any] = []

        def keep(head: Any, inputs: tuple[Any, ...]) -> None:
            maps = inputs[0]
            read.extend(maps if isinstance(maps, (list, tuple)) else [maps])

        hook = self._module.model[-1].register_forward_pre_hook(keep)
        try:
            found = self._module(pixels)
        finally:
            hook.remove()
        return read, (found[0] if isinstance(found, tuple) else found)[0]

    def _score(self, output: Any, class_id: int, box_xyxy: NDArray[np.float64]) -> Any | None:
        """The class's score in the whole image, or at the anchor with the highest score times IoU with the box."""
        if self._whole_image:
            return output[class_id]
        centre_x, centre_y, width, height = output[:4].detach().numpy().astype(np.float64)
        left, top, right, bottom = box_xyxy
        across = np.minimum(centre_x + width / 2, right) - np.maximum(centre_x - width / 2, left)
        down = np.minimum(centre_y + height / 2, bottom) - np.maximum(centre_y - height / 2, top)
        common = across.clip(min=0) * down.clip(min=0)
        union = width * height + (right - left) * (bottom - top) - common
        fit = output[4 + class_id].detach().numpy() * common / np.maximum(union, 1e-9)
        return output[4 + class_id, int(fit.argmax())] if fit.max() > 0 else None


def _to_input(box_xyxy: Box, letterbox: Letterbox) -> NDArray[np.float64]:
    points = np.array(box_xyxy, dtype=np.float64).reshape(2, 2)
    return (points * letterbox.gain_xy + letterbox.pad_xy).ravel()


def _spread(cells: NDArray[np.float32], input_hw: tuple[int, int]) -> NDArray[np.float32]:
    """A map at the input's size, its sum kept."""
    import cv2

    large = cv2.resize(cells, input_hw[::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(large * (cells.size / large.size), np.float32)


def _to_original(heat: NDArray[np.float32], letterbox: Letterbox) -> NDArray[np.float32] | None:
    """The map over the original image, smoothed; what the model did not see is 0."""
    import cv2

    height, width = letterbox.original_hw
    (gain_x, gain_y), (pad_x, pad_y) = letterbox.gain_xy, letterbox.pad_xy
    where = np.array([[gain_x, 0, pad_x], [0, gain_y, pad_y]], np.float32)
    ways = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    seen = cv2.warpAffine(heat, where, (width, height), flags=ways)
    seen = cv2.GaussianBlur(seen, (0, 0), max(1.0, _BLUR * max(height, width)))
    highest = float(seen.max())
    return np.asarray(seen / highest, np.float32) if highest > 0 else None
