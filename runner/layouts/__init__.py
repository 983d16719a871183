"""Label layouts: one class per file, options and behaviour together. The union is what flywheel.yaml may name."""

from collections.abc import Mapping
from typing import get_args

from runner.domain.task import TaskName
from runner.layouts.coco import CocoLayout
from runner.layouts.cvat import CvatLayout
from runner.layouts.folders import FoldersLayout
from runner.layouts.label_studio import LabelStudioLayout
from runner.layouts.layout import Layout
from runner.layouts.manifest import ManifestLayout
from runner.layouts.voc import VocLayout
from runner.layouts.yolo import YoloLayout

LabelLayout = (
    YoloLayout | CocoLayout | VocLayout | CvatLayout | LabelStudioLayout | ManifestLayout | FoldersLayout
)
"""A layout's block of options. Where a dataset looks like several, the first with labels is taken."""

LAYOUTS: Mapping[str, Layout] = {kind.name: kind() for kind in get_args(LabelLayout)}
"""Every layout by its name, without options."""


def layout_of(written: str | LabelLayout) -> Layout:
    """The layout that flywheel.yaml names: `yolo`, or a block of options."""
    return LAYOUTS[written] if isinstance(written, str) else written


def shortest(written: str | LabelLayout) -> str | LabelLayout:
    """A layout as it is written in the fewest words: the name alone, where no option says more."""
    layout = layout_of(written)
    return layout.name if layout == LAYOUTS.get(layout.name) else written


def layouts_for(task: TaskName) -> list[str]:
    """The names of the layouts whose labels can be for a task."""
    return [name for name, layout in LAYOUTS.items() if task in layout.tasks]
