"""Export to ONNX, run with ONNX Runtime."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta

from runner.domain.options import Options


class OnnxExporter(Options, frozen=True, kw_only=True, tag_field="format", tag="onnx"):
    """ONNX for ONNX Runtime."""

    precision: Annotated[Literal["fp32", "fp16"], Meta(description="Number format of the weights.")] = "fp32"
    opset: Annotated[Annotated[int, Meta(ge=13)] | None, Meta(description="ONNX opset; the exporter's newest when absent.")] = None

    @property
    def name(self) -> str:
        return f"onnx-{self.precision}"
