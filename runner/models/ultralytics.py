"""Models of Ultralytics YOLO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.domain.records import Device
from runner.domain.task import TaskSpec
from runner.models.framework import LoadedModel

if TYPE_CHECKING:
    from runner.adapters.models.class_activation import HiResCam
    from runner.adapters.models.decoding import Decoder
    from runner.adapters.models.inference import Predictor
    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.models.torch_models import TorchBackbone


class UltralyticsModels:
    """YOLO modules of PyTorch, stored as safetensors."""

    def load(self, weights: Path) -> LoadedModel:
        from runner.adapters.models.torch_models import load_model

        module, record = load_model(weights)
        stride = int(max(module.stride))
        return LoadedModel(
            module=module,
            record=record,
            stride=stride,
            # The head turns scores and distances into boxes and classes: quantised, it costs several points of mAP.
            full_precision=(f"/model.{len(module.model) - 1}/",),
            own_metadata=own_metadata(record, stride),
        )

    def predictor(self, weights: Path, device: Device) -> Predictor:
        from runner.adapters.models.torch_models import TorchPredictor

        return TorchPredictor(weights, device)

    def decoder(self, spec: TaskSpec) -> Decoder:
        from runner.adapters.models.decoding import decoder_for

        return decoder_for(spec)

    def graph(self, model: LoadedModel, opset: int | None) -> bytes:
        from runner.adapters.models.torch_models import onnx_bytes

        size_hw = (model.record.imgsz, model.record.imgsz)
        return onnx_bytes(model.module, size_hw, opset, self.decoder(model.record.spec).outputs)

    def activation_mapper(self, weights: Path, device: Device) -> HiResCam:
        from runner.adapters.models.class_activation import HiResCam

        return HiResCam(weights, device)

    def backbone(self, weights: Path, device: Device) -> TorchBackbone:
        from runner.adapters.models.torch_models import TorchBackbone

        return TorchBackbone(weights, device)


def own_metadata(record: ModelRecord, stride: int) -> dict[str, Any]:
    """What Ultralytics' exports say of themselves, by its keys.

    Source: ultralytics 8.4.190, `engine/exporter.py` (`self.metadata`) and `nn/backends/base.py`.
    """
    metadata: dict[str, Any] = {
        "stride": stride,
        "task": record.task,
        "batch": 1,
        "imgsz": [record.imgsz, record.imgsz],
        "names": dict(enumerate(record.class_names)),
        "channels": 3,
        "end2end": False,
        "args": {"batch": 1, "dynamic": False, "nms": False},
    }
    if record.keypoints:
        metadata["kpt_shape"] = [len(record.keypoints.names), 3]
        metadata["kpt_names"] = {0: list(record.keypoints.names)}
    return metadata
