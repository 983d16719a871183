"""Pixels of a decoded image."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
"""`(height, width, 3)`: blue, green, red, as OpenCV gives them."""
