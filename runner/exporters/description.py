"""What an artefact says of itself to other people's tools: how to feed it, how to read it, what its classes are called.

ONNX: metadata properties, Ultralytics' own keys among them, so that `YOLO("model.onnx")` knows task and names.
OpenVINO: the same below `flywheel` in `rt_info`, Model API's keys below `model_info`, and the `metadata.yaml` that
Ultralytics reads beside an IR.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from runner.adapters.models.model_record import Decoding, ModelRecord, Preprocessing

SIDECAR = "metadata.yaml"


@dataclass(frozen=True, kw_only=True)
class Description:
    """One artefact's.

    Attributes:
        stride: of the model's coarsest level, pixels.
        outputs: their names, in order.
    """

    target: str
    precision: str
    record: ModelRecord
    stride: int
    outputs: tuple[str, ...]
    preprocessing: Preprocessing
    decoding: Decoding | None

    @property
    def ultralytics(self) -> dict[str, Any]:
        """What Ultralytics' exports say of themselves, by its keys.

        Source: ultralytics 8.4.190, `engine/exporter.py` (`self.metadata`) and `nn/backends/base.py`.
        """
        record = self.record
        found: dict[str, Any] = {
            "stride": self.stride,
            "task": record.task,
            "batch": 1,
            "imgsz": [record.imgsz, record.imgsz],
            "names": dict(enumerate(record.class_names)),
            "channels": 3,
            "end2end": False,
            "args": {"batch": 1, "dynamic": False, "nms": False},
        }
        if record.keypoints:
            found["kpt_shape"] = [len(record.keypoints.names), 3]
            found["kpt_names"] = {0: list(record.keypoints.names)}
        return found

    @property
    def properties(self) -> dict[str, str]:
        """All of it as text by key. Lists and mappings are written as Python and JSON write them."""
        from msgspec import to_builtins

        points = self.record.keypoints.names if self.record.keypoints else []
        ours = {
            "target": self.target,
            "precision": self.precision,
            "class_names": "\n".join(self.record.class_names),
            "state_digest": self.record.state_digest,
            "outputs": " ".join(self.outputs),
        } | ({"keypoint_names": "\n".join(points)} if points else {})
        parts: list[tuple[str, Any]] = [("input", self.preprocessing), ("output", self.decoding)]
        for prefix, part in parts:
            if part is not None:
                values = to_builtins(part)
                ours |= {
                    f"{prefix}_{key}": _text(value) for key, value in values.items() if value is not None
                }
        return {key: str(value) for key, value in self.ultralytics.items()} | ours

    @property
    def model_info(self) -> dict[str, Any]:
        """OpenVINO Model API's keys, as Ultralytics writes them: a name's spaces are underscores.

        Source: ultralytics 8.4.190, `engine/exporter.py` (`export_openvino`).
        """
        found: dict[str, Any] = {
            "labels": [name.replace(" ", "_") for name in self.record.class_names],
            "reverse_input_channels": True,
            "scale_values": [255.0],
        }
        if self.decoding is not None:
            found |= {
                "resize_type": "fit_to_window_letterbox",
                "pad_value": self.preprocessing.pad_value,
                "iou_threshold": self.decoding.max_iou,
            }
        if self.record.task == "detect":
            found["model_type"] = "YOLO"
        return found


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
