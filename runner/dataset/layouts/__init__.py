"""One file per layout: how images and labels lie in a dataset folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from runner.dataset.entries import LayoutContent
from runner.dataset.layouts.coco import read_coco
from runner.dataset.layouts.yolo import read_yolo

LAYOUTS: Mapping[str, Callable[[Path, Sequence[str]], LayoutContent]] = {"yolo": read_yolo, "coco": read_coco}
