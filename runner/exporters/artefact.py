"""What every exporter is given, and what an exported artefact's folder holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runner.domain.files import write_json
from runner.domain.records import ExportedTarget

if TYPE_CHECKING:
    from runner.adapters.decoding import Decoder
    from runner.adapters.model_record import ModelRecord

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
        from runner.adapters.torch_models import load_model

        if not self._loaded:
            self._loaded.append(load_model(self.weights))
        return self._loaded[0]

    def graph(self, opset: int | None = None) -> bytes:
        """The model as an ONNX graph; traced once per opset for all targets."""
        from runner.adapters.torch_models import onnx_bytes

        if opset not in self._graphs:
            module, record = self.model()
            size = (record.imgsz, record.imgsz)
            self._graphs[opset] = onnx_bytes(module, size, opset, self.decoder().outputs)
        return self._graphs[opset]

    def decoder(self) -> Decoder:
        """What stands before and behind the model: its preprocessing, and the names of its outputs."""
        from runner.adapters.decoding import decoder_for

        return decoder_for(self.model()[1].spec)

    def metadata(self, target: str, precision: str) -> dict[str, str]:
        """What travels inside an artefact, beside the tensors."""
        record = self.model()[1]
        points = record.keypoints.names if record.keypoints else []
        return {
            "target": target,
            "precision": precision,
            "task": record.task,
            "class_names": "\n".join(record.class_names),
            "state_digest": record.state_digest,
        } | ({"keypoint_names": "\n".join(points)} if points else {})

    def finish(self, target: str, format_name: str, precision: str) -> ExportedTarget:
        """Writes the artefact's record into its folder and sums the folder up."""
        from runner.adapters.model_record import ArtefactRecord

        record = self.model()[1]
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
