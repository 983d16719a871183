"""What every exporter is given, and what an exported artefact's folder holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.domain.files import write_json
from runner.domain.records import ExportedTarget
from runner.exporters.description import Description

if TYPE_CHECKING:
    from runner.adapters.models.decoding import Decoder
    from runner.adapters.models.model_record import ModelRecord

METADATA = "metadata.json"


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """One trained model, to be exported to one or more targets.

    Attributes:
        weights: the trained model's `.safetensors`.
        images: the selected images of a split, as files in a fixed order; for calibration.
        folder: the `exports` folder; each target writes into a folder of its own name in it.
    """

    weights: Path
    images: Callable[[str], Sequence[Path]]
    folder: Path
    _graphs: dict[int | None, bytes] = field(default_factory=dict)
    _loaded: list[tuple[Any, ModelRecord]] = field(default_factory=list)

    def model(self) -> tuple[Any, ModelRecord]:
        """The module and its record; loaded once for all targets."""
        from runner.adapters.models.torch_models import load_model

        if not self._loaded:
            self._loaded.append(load_model(self.weights))
        return self._loaded[0]

    def graph(self, opset: int | None = None) -> bytes:
        """The model as an ONNX graph; traced once per opset for all targets."""
        from runner.adapters.models.torch_models import onnx_bytes

        if opset not in self._graphs:
            module, record = self.model()
            size = (record.imgsz, record.imgsz)
            self._graphs[opset] = onnx_bytes(module, size, opset, self.decoder().outputs)
        return self._graphs[opset]

    def decoder(self) -> Decoder:
        """What stands before and behind the model: its preprocessing, and the names of its outputs."""
        from runner.adapters.models.decoding import decoder_for

        return decoder_for(self.model()[1].spec)

    def description(self, target: str, precision: str) -> Description:
        """What travels with an artefact, beside the tensors."""
        from runner.adapters.models.decoding import candidates, suppression
        from runner.adapters.models.inference import PAD_GREY
        from runner.adapters.models.model_record import Decoding, Preprocessing

        module, record = self.model()
        size_hw = (record.imgsz, record.imgsz)
        classified = record.task == "classify"
        preprocessing = (
            Preprocessing(size_hw=size_hw, fit="center_crop")
            if classified
            else Preprocessing(size_hw=size_hw, fit="letterbox", pad_value=PAD_GREY, pad_position="center")
        )
        decoding = Decoding(
            max_iou=suppression.MAX_IOU,
            min_score=candidates.MIN_SCORE,
            max_detections=suppression.MAX_DETECTIONS,
        )
        return Description(
            target=target,
            precision=precision,
            record=record,
            stride=int(max(module.stride)),
            outputs=self.decoder().outputs,
            preprocessing=preprocessing,
            decoding=None if classified else decoding,
        )

    def finish(self, target: str, format_name: str, precision: str) -> ExportedTarget:
        """Writes the artefact's record into its folder and sums the folder up."""
        from runner.adapters.models.model_record import ArtefactRecord

        record = self.model()[1]
        described = self.description(target, precision)
        folder = self.folder / target
        artefact = ArtefactRecord(
            target=target,
            format=format_name,
            precision=precision,
            task=record.task,
            class_names=record.class_names,
            keypoints=record.keypoints,
            outputs=list(self.decoder().outputs),
            input_hw=(record.imgsz, record.imgsz),
            stride=described.stride,
            preprocessing=described.preprocessing,
            decoding=described.decoding,
            state_digest=record.state_digest,
        )
        files = sorted(path for path in folder.iterdir() if path.is_file())
        write_json(folder / METADATA, artefact)
        digest = hashlib.sha256()
        for path in files:
            digest.update(f"{path.name} {path.stat().st_size}\n".encode())
            digest.update(path.read_bytes())
        return ExportedTarget(
            target=target,
            path=f"exports/{target}",
            size_mb=round(sum(path.stat().st_size for path in files) / 1e6, 3),
            digest=digest.hexdigest(),
        )
