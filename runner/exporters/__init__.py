"""Export targets: one class per file, options and behaviour together. The union lists what a spec may name."""

from runner.exporters.onnx import OnnxExporter
from runner.exporters.openvino import OpenVinoExporter
from runner.exporters.target import ExportTarget

ExportOptions = OnnxExporter | OpenVinoExporter

__all__ = ["ExportOptions", "ExportTarget", "OnnxExporter", "OpenVinoExporter"]
