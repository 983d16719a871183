"""Export to ONNX, run with ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta

from runner.domain.files import write_bytes
from runner.domain.options import CHANGES_THE_MODEL, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.records import Device, ExportedTarget
from runner.exporters.artefact import ExportJob

if TYPE_CHECKING:
    from runner.adapters.models.inference import Predictor


class OnnxExporter(Options, frozen=True, kw_only=True, tag_field="format", tag="onnx"):
    """ONNX for ONNX Runtime."""

    precision: Annotated[
        Literal["fp32", "fp16"],
        Meta(description="Number format of the weights.", extra=weakens(FindingKind.TARGET_CHANGED)),
    ] = "fp32"
    opset: Annotated[
        Annotated[int, Meta(ge=13, le=99)] | None,
        Meta(description="ONNX opset; the exporter's newest when absent.", extra=CHANGES_THE_MODEL),
    ] = None

    @property
    def name(self) -> str:
        return f"onnx-{self.precision}"

    @property
    def looks_at(self) -> tuple[str, ...]:
        return ()

    def export(self, job: ExportJob) -> ExportedTarget:
        """Writes `<name>/model.onnx` with a fixed input of one image."""
        from runner.adapters.models.onnx_runtime import with_half_weights, with_metadata

        graph = job.graph(self.opset)
        if self.precision == "fp16":
            graph = with_half_weights(graph)
        write_bytes(
            job.folder / self.name / "model.onnx",
            with_metadata(graph, job.description(self.name, self.precision).properties),
        )
        return job.finish(self.name, "onnx", self.precision)

    def predictor(self, folder: Path, device: Device) -> Predictor:
        """The artefact in `folder`, ready to run with ONNX Runtime."""
        from runner.adapters.models.onnx_runtime import OnnxPredictor

        return OnnxPredictor(folder / "model.onnx", device)
