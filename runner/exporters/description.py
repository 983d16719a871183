"""What an artefact says of itself to other people's tools: how to feed it, how to read it, what its classes are called.

ONNX: metadata properties, the framework's own keys among them, so that Ultralytics' `YOLO("model.onnx")` knows task and
names. OpenVINO: the same below `flywheel` in `rt_info`, Model API's keys below `model_info`, and the framework's own in the
`metadata.yaml` that Ultralytics reads beside an IR.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

if TYPE_CHECKING:
    from runner.adapters.models.model_record import Decoding, ModelRecord, Preprocessing

SIDECAR = "metadata.yaml"


class Description(Struct, frozen=True, kw_only=True):
    """One artefact's.

    Attributes:
        own: what the framework's own exports say of themselves, by its keys.
        outputs: their names, in order.
        model_type: what OpenVINO's Model API calls it, if it has a wrapper for it.
    """

    target: str
    precision: str
    record: ModelRecord
    outputs: tuple[str, ...]
    preprocessing: Preprocessing
    decoding: Decoding | None
    model_type: str | None
    own: Mapping[str, Any]

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
        return {key: str(value) for key, value in self.own.items()} | ours

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
        if self.model_type is not None:
            found["model_type"] = self.model_type
        return found


def _text(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else str(value)
