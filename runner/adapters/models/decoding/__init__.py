"""Decoding: one file per task, from images to a model's input and from its outputs to rows of predictions.

To add a task: a file with a class that satisfies `Decoder`, and its line in `DECODERS`.
"""

from collections.abc import Callable

from runner.adapters.models.decoding.classify import ClassifyDecoder
from runner.adapters.models.decoding.decoder import Decoder
from runner.adapters.models.decoding.detect import DetectDecoder
from runner.adapters.models.decoding.obb import ObbDecoder
from runner.adapters.models.decoding.pose import PoseDecoder
from runner.adapters.models.decoding.segment import SegmentDecoder
from runner.domain.task import TaskName, TaskSpec

DECODERS: dict[TaskName, Callable[[TaskSpec], Decoder]] = {
    "detect": DetectDecoder,
    "segment": SegmentDecoder,
    "pose": PoseDecoder,
    "obb": ObbDecoder,
    "classify": ClassifyDecoder,
}


def decoder_for(spec: TaskSpec) -> Decoder:
    """The decoder of a model's task, for its classes."""
    return DECODERS[spec.name](spec)


__all__ = ["DECODERS", "Decoder", "decoder_for"]
