"""Export to OpenVINO IR, run with OpenVINO."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runner.domain.options import Options, PositiveInt


class Calibration(Options, frozen=True, kw_only=True):
    """The images that int8 quantisation measures activations on. Never the split that is judged."""

    split: Annotated[Literal["train", "val"], Meta(description="The split they are taken from.")] = "train"
    size: Annotated[PositiveInt, Meta(description="How many images.")] = 300


class OpenVinoExporter(Options, frozen=True, kw_only=True, tag_field="format", tag="openvino"):
    """OpenVINO intermediate representation (IR)."""

    precision: Annotated[Literal["fp32", "fp16", "int8"], Meta(description="Number format of the weights.")] = "fp32"
    calibration: Annotated[Calibration | None, Meta(description="Required for int8, and only for it.")] = None

    @property
    def name(self) -> str:
        return f"openvino-{self.precision}"
