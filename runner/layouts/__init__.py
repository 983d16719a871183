"""One file per layout: how images and labels lie in a dataset folder."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

from runner.dataset.entries import LabelScheme, LayoutContent
from runner.layouts.coco import read_coco
from runner.layouts.folders import read_folders
from runner.layouts.yolo import read_yolo

LAYOUTS: Mapping[str, Callable[[Path, LabelScheme], LayoutContent]] = {
    "yolo": read_yolo,
    "coco": read_coco,
    "folders": read_folders,
}
