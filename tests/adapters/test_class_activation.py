"""Where a model looked: maps that can be repeated, and that lie on what they explain."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from runner.adapters.models.class_activation import HiResCam
from runner.adapters.models.inference import read_image
from runner.adapters.system.machine import cpu_device
from runner.domain.task import TaskName
from tests.stages.inspected_sprint import ARCHITECTURES, HEIGHT, WIDTH, inspected_sprint

SHARED = Path(__file__).parents[2].parent / "shared"
WEIGHTS = SHARED / "weights" / "yolo26n_rebuilt.pt"
PHOTOGRAPHS = SHARED / "datasets" / "coco_clean" / "images"
BOX = (90.0, 60.0, 130.0, 100.0)


@pytest.mark.parametrize("task", list(ARCHITECTURES))
def test_every_tasks_model_gives_a_map_of_the_image(task: TaskName, tmp_path: Path) -> None:
    context, _ = inspected_sprint(tmp_path, task)
    image = read_image(tmp_path / "data" / "missed.png")
    mappers = [HiResCam(context.folder / "weights" / "seed-0.safetensors", cpu_device(1)) for _ in range(2)]
    first, second = (mapper.heat(image, 1, BOX) for mapper in mappers)
    assert first is not None
    assert second is not None
    assert first.shape == (HEIGHT, WIDTH)
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() == 1
    np.testing.assert_array_equal(first, second)


def test_a_box_that_no_anchor_lies_on_has_no_map(tmp_path: Path) -> None:
    context, _ = inspected_sprint(tmp_path, "detect")
    mapper = HiResCam(context.folder / "weights" / "seed-0.safetensors", cpu_device(1))
    image = read_image(tmp_path / "data" / "missed.png")
    assert mapper.heat(image, 0, (5000.0, 5000.0, 5010.0, 5010.0)) is None


@pytest.mark.skipif(not (WEIGHTS.exists() and PHOTOGRAPHS.exists()), reason="../shared/weights is not there")
def test_a_trained_model_looks_at_the_object(tmp_path: Path) -> None:
    from runner.adapters.models.checkpoints import read_checkpoint
    from runner.adapters.models.decoding import decoder_for
    from runner.adapters.models.model_record import ModelRecord
    from runner.adapters.models.torch_models import TorchPredictor, module_from_checkpoint, save_model

    checkpoint = read_checkpoint(WEIGHTS)
    record = ModelRecord(
        framework="ultralytics",
        architecture=checkpoint.architecture,
        class_names=checkpoint.class_names,
        base_classes=None,
        imgsz=320,
        seed=0,
        epoch=1,
        parameters=0,
        state_digest="",
    )
    weights = save_model(tmp_path, record, module_from_checkpoint(checkpoint, WEIGHTS).state_dict())
    predictor, decoder = TorchPredictor(weights, cpu_device(1)), decoder_for(record.spec)
    mapper = HiResCam(weights, cpu_device(1))
    shares = []
    for photograph in sorted(PHOTOGRAPHS.rglob("*.jpg"))[:3]:
        image = read_image(photograph)
        pixels, letterbox = decoder.preprocess(image, predictor.input_hw)
        found = decoder.decode(predictor.infer(pixels), letterbox)
        x_min, y_min, x_max, y_max = (float(value) for value in found.boxes_xyxy[0])
        heat = mapper.heat(image, int(found.class_ids[0]), (x_min, y_min, x_max, y_max))
        assert heat is not None
        inside = heat[int(y_min) : int(y_max) + 1, int(x_min) : int(x_max) + 1]
        density = inside.mean() / heat.mean()
        assert density > 1  # hotter than the image as a whole
        shares.append(inside.sum() / heat.sum())
    assert np.mean(shares) > 0.7
