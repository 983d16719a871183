"""Export targets: one class per file, options and behaviour together. The union is what a spec may name."""

from runner.exporters.onnx import OnnxExporter
from runner.exporters.openvino import OpenVinoExporter

ExportTarget = OnnxExporter | OpenVinoExporter

__all__ = ["ExportTarget", "OnnxExporter", "OpenVinoExporter"]
