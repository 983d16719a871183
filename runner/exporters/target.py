"""What a spec, the stages and whoever opens an artefact ask of every export target."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from runner.domain.records import Device, ExportedTarget
from runner.exporters.artefact import ExportJob

if TYPE_CHECKING:
    from runner.adapters.models.inference import Predictor


class ExportTarget(Protocol):
    """An entry of the list `export` of a spec: its options, by which it is told from others (`format`), and what it does.

    Attributes:
        name: of the artefact and its folder, `onnx-fp16`; of two targets of one name a spec may have one.
        looks_at: the splits whose images it calibrates on.
        precision: of the weights, as `export[].precision` names it.
    """

    @property
    def name(self) -> str: ...

    @property
    def precision(self) -> str: ...

    @property
    def looks_at(self) -> tuple[str, ...]: ...

    def export(self, job: ExportJob) -> ExportedTarget:
        """Writes the artefact of one trained model into `job.folder / name`, with what tells how to feed and read it.

        Raises:
            FlywheelError: the model cannot be exported like that, or there is nothing to calibrate with.
        """
        ...

    def predictor(self, folder: Path, device: Device) -> Predictor:
        """The artefact in `folder`, ready to run.

        Raises:
            FlywheelError: it cannot be opened, or not on that device.
        """
        ...
