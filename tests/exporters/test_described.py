"""Other people's tools understand what is exported: Ultralytics, ONNX Runtime alone, OpenVINO's `rt_info`."""

from __future__ import annotations

import ast
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.models.inference import ImageDetections, read_image
from runner.adapters.system.machine import cpu_device
from runner.exporters.opened import open_model
from tests.models_fixture import CLASSES, SIZE, context

NAMES = dict(enumerate(CLASSES))
EXAMPLE = Path(__file__).parents[2] / "docs" / "exports.md"


def _folder(root: Path, target: str) -> Path:
    return context(root).folder / "exports" / target


def _image(root: Path, tmp_path: Path) -> Path:
    """One that has to be scaled and padded."""
    import cv2

    picture = cv2.resize(cv2.imread(str(root / "data" / "images" / "test" / "0.png")), (117, 75))
    cv2.imwrite(str(tmp_path / "image.png"), picture)
    return tmp_path / "image.png"


def _ours(folder: Path, image: Path) -> ImageDetections:
    model = open_model(folder, cpu_device(1))
    decoder = model.decoder
    pixels, letterbox = decoder.preprocess(read_image(image), model.predictor.input_hw)
    return decoder.decode(model.predictor.infer(pixels), letterbox)


def test_example_of_the_documentation_finds_what_we_find(tiny_root: Path, tmp_path: Path) -> None:
    folder, image = _folder(tiny_root, "onnx-fp32"), _image(tiny_root, tmp_path)
    ours = _ours(folder, image)
    least = float(ours.scores[min(9, len(ours.scores) - 1)]) - 1e-4  # the model has hardly been trained
    (code,) = re.findall(r"```python\n(.*?)```", EXAMPLE.read_text(encoding="utf-8"), re.DOTALL)
    for old, new in (("model.onnx", folder / "model.onnx"), ("image.jpg", image), ("0.25", f"{least:.9f}")):
        assert old in code
        code = code.replace(old, str(new))
    scope: dict[str, Any] = {}
    exec(code, scope)  # noqa: S102 - our own documentation
    found = sorted(scope["found"], key=lambda row: (-row[1], row[0]))
    kept = ours.scores > least
    assert len(found) == kept.sum() > 0
    assert [name for name, *_ in found] == [CLASSES[label] for label in ours.class_ids[kept]]
    np.testing.assert_allclose([row[1] for row in found], ours.scores[kept], atol=1e-5)
    corners = np.clip([row[2:] for row in found], 0, (117, 75, 117, 75))
    np.testing.assert_allclose(corners, ours.boxes_xyxy[kept], atol=0.02)


@pytest.mark.parametrize("target", ["onnx-fp32", "openvino-fp32", "openvino-int8"])
def test_ultralytics_knows_task_and_names_and_finds_the_same(
    tiny_root: Path, tmp_path: Path, target: str
) -> None:
    from runner.adapters.system.offline import prepare_offline

    prepare_offline()
    from ultralytics import YOLO

    folder, image = _folder(tiny_root, target), _image(tiny_root, tmp_path)
    path = folder / "model.onnx"
    if target.startswith("openvino"):
        path = Path(shutil.copytree(folder, tmp_path / "parcels_openvino_model"))
    options = {"conf": 0.001, "iou": 0.7, "device": "cpu", "verbose": False, "save": False}
    model = YOLO(path, task="detect")
    (result,) = model.predict(image, project=str(tmp_path), **options)
    assert result.names == NAMES
    assert model.predictor is not None
    assert list(model.predictor.imgsz) == [SIZE, SIZE]
    ours = _ours(folder, image)
    boxes, scores = result.boxes.xyxy.numpy(), result.boxes.conf.numpy()
    nearest = np.abs(boxes - ours.boxes_xyxy[0]).max(axis=1).argmin()
    # they let OpenVINO compute in bfloat16 where the CPU has it
    pixels, score = (0.5, 1e-3) if target == "onnx-fp32" else (4.0, 0.05)
    np.testing.assert_allclose(boxes[nearest], ours.boxes_xyxy[0], atol=pixels)
    np.testing.assert_allclose(scores[nearest], ours.scores[0], atol=score)


def test_onnx_says_how_to_feed_and_read_it(tiny_root: Path) -> None:
    import onnx

    model = onnx.load(_folder(tiny_root, "onnx-fp16") / "model.onnx", load_external_data=False)
    said = {entry.key: entry.value for entry in model.metadata_props}
    assert list(said) == sorted(said)
    assert ast.literal_eval(said["names"]) == NAMES
    assert (said["task"], said["stride"], said["imgsz"], said["batch"]) == ("detect", "32", "[64, 64]", "1")
    assert said["input_layout"], said["input_color_order"] == ("NCHW", "RGB")
    assert float(said["input_scale"]) == 1 / 255
    assert (said["input_mean"], said["input_std"]) == ("0.0 0.0 0.0", "1.0 1.0 1.0")
    assert (said["input_fit"], said["input_pad_value"], said["input_pad_position"]) == (
        "letterbox",
        "114",
        "center",
    )
    assert (said["output_box_format"], said["output_box_units"]) == ("cxcywh", "input pixels")
    assert (said["output_suppression"], said["output_max_iou"]) == ("none", "0.7")


@pytest.mark.parametrize("target", ["openvino-fp16", "openvino-int8"])
def test_openvino_says_it_to_model_api(tiny_root: Path, target: str) -> None:
    import openvino

    model = openvino.Core().read_model(_folder(tiny_root, target) / "model.xml")
    told = {
        key: model.get_rt_info(["model_info", key]).astype(kind)
        for key, kind in (("model_type", str), ("labels", str), ("resize_type", str), ("pad_value", int))
    }
    assert told == {
        "model_type": "YOLO",
        "labels": " ".join(CLASSES),
        "resize_type": "fit_to_window_letterbox",
        "pad_value": 114,
    }
    assert model.get_rt_info(["flywheel", "precision"]).astype(str) == target.removeprefix("openvino-")
