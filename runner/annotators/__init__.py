"""Tools for annotation: one class per file, options and behaviour together. The union is what a spec may name."""

from collections.abc import Mapping
from typing import get_args

from runner.annotators.annotator import Annotator
from runner.annotators.coco import CocoFiles
from runner.annotators.cvat import CvatFiles
from runner.annotators.label_studio import LabelStudio
from runner.annotators.simulated import SimulatedAnnotator
from runner.annotators.yolo import YoloFiles

AnnotationTool = LabelStudio | YoloFiles | CocoFiles | CvatFiles | SimulatedAnnotator
"""A tool's block of options."""

ANNOTATORS: Mapping[str, Annotator] = {kind.name: kind() for kind in get_args(AnnotationTool)}
"""Every tool by its name, without options."""


def tool_of(written: str | AnnotationTool) -> Annotator:
    """The tool that a spec names: `yolo`, or a block of options."""
    return ANNOTATORS[written] if isinstance(written, str) else written
