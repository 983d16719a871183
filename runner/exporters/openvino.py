"""Export to OpenVINO IR, run with OpenVINO."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from msgspec import Meta, structs

from runner.domain.files import write_text
from runner.domain.options import CHANGES_THE_MODEL, Options, weakens
from runner.domain.policy import FindingKind
from runner.domain.records import Device, ExportedTarget
from runner.exporters.artefact import ExportJob
from runner.exporters.description import SIDECAR

if TYPE_CHECKING:
    from runner.adapters.models.inference import Predictor


class CalibrationOptions(Options, frozen=True, kw_only=True):
    """The images that int8 quantisation measures activations on. Never the split that is judged."""

    split: Annotated[
        Literal["train", "val"], Meta(description="The split they are taken from.", extra=CHANGES_THE_MODEL)
    ] = "train"
    size: Annotated[int, Meta(ge=1, le=100_000, description="How many images.", extra=CHANGES_THE_MODEL)] = (
        300
    )


class OpenVinoExporter(Options, frozen=True, kw_only=True, tag_field="format", tag="openvino"):
    """OpenVINO intermediate representation (IR)."""

    precision: Annotated[
        Literal["fp32", "fp16", "int8"],
        Meta(description="Number format of the weights.", extra=weakens(FindingKind.TARGET_CHANGED)),
    ] = "fp32"
    calibration: Annotated[
        CalibrationOptions | None,
        Meta(description="Required for int8, and only for it.", extra=CHANGES_THE_MODEL),
    ] = None

    @property
    def name(self) -> str:
        return f"openvino-{self.precision}"

    @property
    def looks_at(self) -> tuple[str, ...]:
        return ((self.calibration or CalibrationOptions()).split,) if self.precision == "int8" else ()

    def export(self, job: ExportJob) -> ExportedTarget:
        """Writes `<name>/model.xml` and `model.bin` with a fixed input of one image."""
        from runner.adapters.models.openvino_runtime import convert, save
        from runner.adapters.system.yaml_text import dump

        model = convert(job.graph())
        calibration = self.calibration or CalibrationOptions()
        images = 0
        if self.precision == "int8":
            model, images = _quantized(model, calibration, job)
        folder = job.folder / self.name
        folder.mkdir(parents=True)
        described = job.description(self.name, self.precision)
        information = {"flywheel": described.properties, "model_info": described.model_info}
        save(model, folder / "model.xml", half_weights=self.precision == "fp16", information=information)
        if described.own:
            write_text(folder / SIDECAR, dump(dict(described.own)))
        target = job.finish(self.name, "openvino", self.precision)
        if not images:
            return target
        return structs.replace(target, calibration_images=images, calibration_split=calibration.split)

    def predictor(self, folder: Path, device: Device) -> Predictor:
        """The artefact in `folder`, ready to run with OpenVINO on the CPU."""
        from runner.adapters.models.openvino_runtime import OpenVinoPredictor

        return OpenVinoPredictor(folder / "model.xml", device, self.precision)


def _quantized(model: object, calibration: CalibrationOptions, job: ExportJob) -> tuple[object, int]:
    """The model in int8, and how many images it was calibrated on."""
    from runner.adapters.models.inference import load_inputs
    from runner.adapters.models.openvino_runtime import quantize

    loaded = job.model()
    images = list(job.images(calibration.split))
    # Evenly spaced, so that a small set still spans the whole split.
    count = min(calibration.size, len(images))
    chosen = [images[index * len(images) // count] for index in range(count)]
    size = (loaded.record.imgsz, loaded.record.imgsz)
    inputs = [pixels for pixels, _ in load_inputs(chosen, size, job.decoder().preprocess)]
    return quantize(model, inputs, loaded.full_precision), count
