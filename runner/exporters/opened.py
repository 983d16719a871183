"""Opens a model from its own folder or file alone: a sprint's, or the champion's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.files import read_json
from runner.domain.records import Device
from runner.domain.task import TaskSpec
from runner.exporters import ExportOptions, ExportTarget
from runner.exporters.artefact import METADATA
from runner.models import framework_named

if TYPE_CHECKING:
    from runner.adapters.models.decoding import Decoder
    from runner.adapters.models.inference import Predictor


@dataclass(frozen=True, kw_only=True)
class OpenModel:
    """A model that is ready to run.

    Attributes:
        target: `torch`, or the export's name.
        spec: its task, classes and skeleton, as it was trained.
        decoder: what stands before and behind it.
        state_digest: identifies the trained weights it was made of.
    """

    target: str
    spec: TaskSpec
    predictor: Predictor
    decoder: Decoder
    state_digest: str


def open_model(path: Path, device: Device) -> OpenModel:
    """Opens an artefact's folder (`exports/<target>`), or a trained model's weights file with its record beside it.

    Raises:
        FlywheelError: a file is missing or damaged, or this version cannot run such a model or artefact.
    """
    from runner.adapters.models.model_record import ArtefactRecord, ModelRecord

    if path.suffix and not path.is_dir():
        record = read_json(path.with_suffix(".json"), ModelRecord)
        framework = framework_named(record.framework, path)
        return OpenModel(
            target=REFERENCE_TARGET,
            spec=record.spec,
            predictor=framework.predictor(path, device),
            decoder=framework.decoder(record.spec),
            state_digest=record.state_digest,
        )
    artefact = read_json(path / METADATA, ArtefactRecord)
    return OpenModel(
        target=artefact.target,
        spec=artefact.spec,
        predictor=_exporter(path, artefact.format, artefact.precision).predictor(path, device),
        decoder=framework_named(artefact.trained_with, path).decoder(artefact.spec),
        state_digest=artefact.state_digest,
    )


def _exporter(folder: Path, format_name: str, precision: str) -> ExportTarget:
    try:
        exporter: ExportTarget = msgspec.convert(
            {"format": format_name, "precision": precision}, ExportOptions
        )
    except msgspec.ValidationError as error:
        raise FlywheelError(
            f"an artefact of format {format_name}, precision {precision}, cannot be run by this version",
            where=Where(str(folder / METADATA)),
            hint="use the version of flywheel that exported it, or export it again",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
    return exporter
