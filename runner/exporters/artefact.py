"""What every exporter is given, and what an exported artefact's folder holds."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import UNSET

from runner.domain.files import write_json
from runner.domain.records import ExportedTarget
from runner.exporters.description import Description
from runner.models import LoadedModel, framework_of

if TYPE_CHECKING:
    from runner.adapters.models.decoding import Decoder

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
    _loaded: list[LoadedModel] = field(default_factory=list)

    def model(self) -> LoadedModel:
        """The model and its record; loaded once for all targets."""
        if not self._loaded:
            self._loaded.append(framework_of(self.weights).load(self.weights))
        return self._loaded[0]

    def graph(self, opset: int | None = None) -> bytes:
        """The model as an ONNX graph; traced once per opset for all targets."""
        if opset not in self._graphs:
            self._graphs[opset] = framework_of(self.weights).graph(self.model(), opset)
        return self._graphs[opset]

    def decoder(self) -> Decoder:
        """What stands before and behind the model: its preprocessing, and the names of its outputs."""
        return framework_of(self.weights).decoder(self.model().record.spec)

    def description(self, target: str, precision: str) -> Description:
        """What travels with an artefact, beside the tensors."""
        model, decoder = self.model(), self.decoder()
        return Description(
            target=target,
            precision=precision,
            record=model.record,
            outputs=decoder.outputs,
            preprocessing=decoder.preprocessing((model.record.imgsz, model.record.imgsz)),
            decoding=decoder.decoding,
            model_type=decoder.model_type,
            own=model.own_metadata,
        )

    def finish(self, target: str, format_name: str, precision: str) -> ExportedTarget:
        """Writes the artefact's record into its folder and sums the folder up."""
        from runner.adapters.models.model_record import FIRST_FRAMEWORK, ArtefactRecord

        record = self.model().record
        described = self.description(target, precision)
        folder = self.folder / target
        artefact = ArtefactRecord(
            target=target,
            format=format_name,
            precision=precision,
            task=record.task,
            class_names=record.class_names,
            keypoints=record.keypoints,
            outputs=list(described.outputs),
            input_hw=(record.imgsz, record.imgsz),
            stride=self.model().stride,
            preprocessing=described.preprocessing,
            decoding=described.decoding,
            state_digest=record.state_digest,
            framework=UNSET if record.framework == FIRST_FRAMEWORK else record.framework,
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
