"""A framework of a few lines of numpy is trained, opened, decoded and shown through the seams; nothing in runner/ knows of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.models.inference import (
    Floats,
    ImageDetections,
    Letterbox,
    Outputs,
    Predictor,
    preprocess,
    read_image,
)
from runner.adapters.models.model_record import Decoding, ModelRecord, Preprocessing
from runner.adapters.pictures.pixels import Pixels
from runner.adapters.system.machine import cpu_device
from runner.adapters.tables.parquet import read_table
from runner.adapters.tables.selected import selected_paths
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.files import read_json, write_json
from runner.domain.records import Device, Epoch, TrainedModel, Training
from runner.domain.task import TaskName, TaskSpec
from runner.exporters import OnnxExporter
from runner.exporters.artefact import ExportJob
from runner.exporters.opened import open_model
from runner.models import FRAMEWORKS, ActivationMapper, Framework, LoadedModel
from runner.stages import predict, train
from runner.trainers import TERMS, Trainer, TrainingTerms
from runner.trainers.job import TrainingJob
from runner.trainers.terms import EpochValue
from tests.models_fixture import CLASSES, SIZE, context, draw_project, project

NAME = "colours"


@dataclass(frozen=True, kw_only=True)
class ColourTrainer:
    """Learns the mean colour of each class; there is one bright object in each image."""

    framework: str = NAME
    seeds: tuple[int, ...] = (0,)
    epochs: int = 1
    imgsz: int = SIZE
    weights_file: str | None = None
    ancestor: str | None = None
    start: str = "nothing"

    def train(self, job: TrainingJob) -> Training:
        objects = read_table(job.data.objects, ["path", "class", "x_min", "y_min", "x_max", "y_max"])
        chosen = set(selected_paths(job.data.manifest, "train"))
        colours: dict[str, list[Any]] = {name: [] for name in job.spec.classes}
        for path, name, *box in zip(*(objects[column].tolist() for column in objects), strict=True):
            if path in chosen:
                left, top, right, bottom = map(int, box)
                image = read_image(job.data.dataset / path)[top:bottom, left:right]
                colours[name].append(image[image.max(axis=2) > 128].mean(axis=0))
        means = np.array([np.mean(colours[name], axis=0) for name in job.spec.classes])
        return self._written(job, means)

    def _written(self, job: TrainingJob, means: Any) -> Training:
        path = job.out / "seed-0.npy"
        np.save(path, means)
        record = ModelRecord(
            framework=NAME,
            task=job.spec.name,
            architecture={},
            class_names=job.spec.classes,
            base_classes=None,
            imgsz=self.imgsz,
            seed=0,
            epoch=1,
            parameters=means.size,
            state_digest="of the colours",
        )
        write_json(path.with_suffix(".json"), record)
        model = TrainedModel(
            seed=0,
            path=f"weights/{path.name}",
            state_digest=record.state_digest,
            parameters=means.size,
            epochs=[Epoch(epoch=1, values={"ap": 0.5, "distance": 0.1})],
            seconds=0.0,
        )
        return Training(
            framework=NAME,
            framework_version="1",
            base_model=self.start,
            class_names=job.spec.classes,
            imgsz=self.imgsz,
            device=cpu_device(1),
            images=1,
            models=[model],
        )


class ColourPredictor:
    runtime = "numpy"
    precision = "f64"
    input_hw = (SIZE, SIZE)

    def __init__(self, means_bgr: Any) -> None:
        self._means = means_bgr[:, ::-1] / 255

    def infer(self, images: Floats) -> Outputs:
        """`(1, 4 + C)`: the box of what is bright, and how near its colour is to each class's."""
        bright = images[0].max(axis=0) > 0.5
        rows, columns = bright.nonzero()
        colour = images[0][:, bright].mean(axis=1)
        near = 1 / (1 + np.linalg.norm(self._means - colour, axis=1))
        box = columns.min(), rows.min(), columns.max() + 1, rows.max() + 1
        return (np.array([[*box, *near]], np.float32),)

    def throughput(self, images: Floats, runs: int) -> float:
        return float(runs)


class ColourDecoder:
    outputs = ("nearness",)
    columns = ()
    decoding: Decoding | None = None
    model_type = None

    def preprocess(self, image: Pixels, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
        black = np.where(image.max(axis=2, keepdims=True) > 128, image, 0).astype(np.uint8)
        return preprocess(black, input_hw)

    def preprocessing(self, size_hw: tuple[int, int]) -> Preprocessing:
        return Preprocessing(size_hw=size_hw, fit="letterbox")

    def decode(self, outputs: Outputs, letterbox: Letterbox) -> ImageDetections:
        best = int(outputs[0][0, 4:].argmax())
        box = letterbox.to_original(outputs[0][:, :4].reshape(1, 2, 2)).reshape(1, 4)
        return ImageDetections(box, outputs[0][:1, 4 + best], np.array([best], np.int32))


class ColourModels:
    """What `runner.models.FRAMEWORKS` holds of it."""

    def load(self, weights: Path) -> LoadedModel:
        return LoadedModel(
            module=np.load(weights), record=read_json(weights.with_suffix(".json"), ModelRecord), stride=1
        )

    def predictor(self, weights: Path, device: Device) -> Predictor:
        return ColourPredictor(self.load(weights).module)

    def decoder(self, spec: TaskSpec) -> ColourDecoder:
        return ColourDecoder()

    def graph(self, model: LoadedModel, opset: int | None) -> bytes:
        raise FlywheelError("mean colours have no ONNX graph", exit_code=ExitCode.STAGE_FAILED)

    def activation_mapper(self, weights: Path, device: Device) -> ActivationMapper | None:
        return None


class ColourTerms(TrainingTerms):
    def value(self, key: str) -> EpochValue | None:
        return EpochValue(
            key=key, split="val", name=key, loss=key != "ap", metric={"ap": "map50_95"}.get(key)
        )

    def columns(self, task: TaskName, keys: Any) -> dict[str, str]:
        return {"ap": "val_map50_95", "distance": "train_distance"}


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Mapping[str, Framework]:
    """The framework, as a file in runner/ would declare it."""
    models: Framework = ColourModels()
    monkeypatch.setitem(FRAMEWORKS, NAME, models)
    monkeypatch.setitem(TERMS, NAME, ColourTerms())
    return FRAMEWORKS


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    """The sprint's folder."""
    draw_project(tmp_path)
    trainer: Trainer = ColourTrainer()
    params = train.TrainParams(
        dataset="data",
        task=project().task_spec,
        device="cpu",
        threads=1,
        trainer=trainer,  # type: ignore[arg-type]
    )
    train.run(context(tmp_path), params)
    return context(tmp_path).folder


def test_trained_opened_and_decoded(known: Mapping[str, Framework], trained: Path, tmp_path: Path) -> None:
    predict.run(context(tmp_path), predict.resolve(project(), []))
    table = read_table(trained / "predictions" / f"{REFERENCE_TARGET}.parquet")
    objects = read_table(trained / "index" / "objects.parquet")
    truth = {
        path: (name, *box)
        for path, name, *box in zip(
            *(objects[key].tolist() for key in ("path", "class", "x_min", "y_min", "x_max", "y_max")),
            strict=True,
        )
    }
    assert sorted(table["path"]) == [f"images/test/{number}.png" for number in range(3)]
    for path, name, *box in zip(
        *(table[key].tolist() for key in ("path", "class", "x_min", "y_min", "x_max", "y_max")), strict=True
    ):
        assert name == truth[path][0]
        np.testing.assert_allclose(box, truth[path][1:], atol=3)


def test_its_epochs_have_their_columns(known: Mapping[str, Framework], trained: Path) -> None:
    assert (trained / "plots" / "training.csv").read_text() == (
        "seed,epoch,val_map50_95,train_distance\n0,1,0.5,0.1\n"
    )


def test_what_it_cannot_do_is_said_by_it(
    known: Mapping[str, Framework], trained: Path, tmp_path: Path
) -> None:
    job = ExportJob(
        weights=trained / "weights" / "seed-0.npy", images=lambda _: [], folder=tmp_path / "exports"
    )
    with pytest.raises(FlywheelError, match="mean colours have no ONNX graph"):
        OnnxExporter().export(job)


def test_an_artefact_is_decoded_by_the_framework_that_its_record_names(
    known: Mapping[str, Framework], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "onnx-fp32").mkdir()
    artefact = {"target": "onnx-fp32", "format": "onnx", "precision": "fp32", "class_names": CLASSES}
    artefact |= {"input_hw": [SIZE, SIZE], "state_digest": "d", "framework": NAME}
    (tmp_path / "onnx-fp32" / "metadata.json").write_text(json.dumps(artefact))
    monkeypatch.setattr(OnnxExporter, "predictor", lambda *_: ColourPredictor(np.zeros((2, 3))))
    assert isinstance(open_model(tmp_path / "onnx-fp32", cpu_device(1)).decoder, ColourDecoder)


def test_a_framework_that_nobody_knows_is_named_with_what_to_do(trained: Path) -> None:
    weights = trained / "weights" / "seed-0.npy"
    with pytest.raises(FlywheelError) as caught:
        open_model(weights, cpu_device(1))
    assert str(caught.value) == (
        f'{weights}: the model was trained with "colours", which this version of flywheel cannot run\n'
        "  hint: use the version of flywheel that trained it; this one has ultralytics"
    )
    assert caught.value.exit_code == ExitCode.STAGE_FAILED


def test_its_record_is_plotted_by_its_own_names_where_nobody_knows_it(trained: Path) -> None:
    assert (trained / "plots" / "training.csv").read_text() == "seed,epoch,ap,distance\n0,1,0.5,0.1\n"


def test_its_weights_are_no_start_for_another_framework(trained: Path) -> None:
    from runner.adapters.models.torch_models import module_from_file

    weights = (trained / "weights" / "seed-0.npy").rename(trained / "weights" / "seed-0.safetensors")
    with pytest.raises(FlywheelError, match="trained with colours, not with ultralytics"):
        module_from_file(weights, "detect")
