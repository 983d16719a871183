"""A model on the pool: what is kept by content is not predicted again, and a killed scoring loses one chunk."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from runner.adapters.models.inference import Floats, ImageDetections, Letterbox, infer_all
from runner.adapters.models.packed_detections import packed, unpacked
from runner.adapters.tables.parquet import write_table
from runner.domain.errors import FlywheelError
from runner.domain.records import Device
from runner.stages import predict_pool as module
from runner.stages.predict_pool import predict_pool
from runner.stages.stage import StageContext

NAMES = [f"{number:02}" for number in range(7)]


class Brightness:
    """A model of no weights: one box per image, whose score is its brightness. Counts the images that it saw."""

    runtime, precision, input_hw = "none", "f32", (4, 4)

    def __init__(self) -> None:
        self.seen = 0

    def infer(self, images: Floats) -> tuple[Floats, ...]:
        self.seen += 1
        return (images.mean(keepdims=True),)


class Decoder:
    columns = ("keypoints",)

    def preprocess(self, image: Any, input_hw: tuple[int, int]) -> tuple[Floats, Letterbox]:
        return np.full((1, 3, *input_hw), image.mean() / 255, np.float32), Letterbox((8, 8), (1, 1), (0, 0))

    def decode(self, outputs: tuple[Floats, ...], letterbox: Letterbox) -> ImageDetections:
        score = outputs[0].reshape(1)
        boxes = np.array([[0, 0, 8, 8]], np.float32) * score
        return ImageDetections(boxes, score, np.zeros(1, np.int32), {"keypoints": [score.repeat(3)]})


def pool(root: Path) -> StageContext:
    """Seven images, of which the last two are one content."""
    import cv2

    (root / "data").mkdir()
    for number, name in enumerate(NAMES):
        cv2.imwrite(str(root / "data" / f"{name}.png"), np.full((16, 16, 3), 30 * min(number, 5), np.uint8))
    folder = root / "scores"
    ids = [*NAMES[:-1], NAMES[-2]]
    paths = [f"{name}.png" for name in NAMES]
    manifest = {
        "path": paths,
        "image_id": ids,
        "split": ["pool"] * 7,
        "assigned": ["pool"] * 7,
        "selected": [True] * 7,
    }
    write_table(folder / "selection" / "manifest.parquet", manifest)
    return StageContext(root=root, folder=folder)


def predicted(context: StageContext, model: Brightness, artefact: str = "a") -> dict[str, Any]:
    opened: Any = SimpleNamespace(
        target="x",
        spec=SimpleNamespace(classes=["one"]),
        predictor=model,
        decoder=Decoder(),
        state_digest="s",
    )
    return predict_pool(context, opened, artefact, "data", "pool").columns()


def test_each_content_is_predicted_once(tmp_path: Path) -> None:
    context, model = pool(tmp_path), Brightness()
    first = predicted(context, model)
    assert model.seen == 6  # of two files with one content, one
    assert first["path"].tolist() == [f"{name}.png" for name in NAMES]
    again = predicted(context, model)
    assert model.seen == 6
    assert {name: values.tolist() for name, values in first.items() if name != "keypoints"} == {
        name: values.tolist() for name, values in again.items() if name != "keypoints"
    }
    assert all(
        one.tobytes() == two.tobytes() and one.dtype == two.dtype
        for one, two in zip(first["keypoints"], again["keypoints"], strict=True)
    )
    predicted(context, model, artefact="another")
    assert model.seen == 12


def test_a_killed_scoring_goes_on_at_its_chunk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK", 2)
    context, model = pool(tmp_path), Brightness()
    last = tmp_path / "data" / "04.png"
    content = last.read_bytes()
    last.write_bytes(b"no image")
    with pytest.raises(FlywheelError):
        predicted(context, model)
    last.write_bytes(content)
    whole = Brightness()
    predicted(context, whole)
    assert whole.seen == 2  # the chunk that was cut off


def test_what_was_found_comes_back_to_the_bit() -> None:
    rng = np.random.default_rng(0)
    found = ImageDetections(
        rng.random((3, 4)).astype(np.float32),
        rng.random(3).astype(np.float32),
        np.arange(3, dtype=np.int32),
        {"mask_rle": ["é", "", "x" * 9], "corners": list(rng.random((3, 8)).astype(np.float32))},
    )
    back = unpacked(packed(found))
    assert back.boxes_xyxy.tobytes() == found.boxes_xyxy.tobytes()
    assert back.scores.tobytes() == found.scores.tobytes()
    assert back.class_ids.tolist() == [0, 1, 2]
    assert back.further["mask_rle"] == ["é", "", "x" * 9]
    assert [each.tobytes() for each in back.further["corners"]] == [
        each.tobytes() for each in found.further["corners"]
    ]
    none = unpacked(
        packed(ImageDetections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int32)))
    )
    assert none.boxes_xyxy.shape == (0, 4)


def test_outputs_come_in_the_order_of_the_images() -> None:
    images = [np.full((1, 3, 2, 2), number, np.float32) for number in range(5)]
    found = [output[0].item() for output in infer_all(Brightness(), iter(images))]
    assert found == [0, 1, 2, 3, 4]


def test_openvinos_queue_gives_each_image_its_own_bits_in_order(tmp_path: Path) -> None:
    import openvino
    from openvino import opset13 as ops

    from runner.adapters.models.openvino_runtime import OpenVinoPredictor

    rng = np.random.default_rng(0)
    source = ops.parameter([1, 3, 16, 16], np.float32, name="images")
    kernel = ops.constant(rng.normal(size=(4, 3, 3, 3)).astype(np.float32))
    found = ops.convolution(source, kernel, [1, 1], [0, 0], [0, 0], [1, 1])
    openvino.save_model(openvino.Model([found], [source]), tmp_path / "model.xml", compress_to_fp16=False)
    images = [rng.random((1, 3, 16, 16)).astype(np.float32) for _ in range(9)]
    runs = []
    for threads in (1, 2):
        predictor = OpenVinoPredictor(
            tmp_path / "model.xml", Device(kind="cpu", name="", threads=threads, cpu_count=2), "fp32"
        )
        outputs = list(infer_all(predictor, iter(images)))
        np.testing.assert_allclose(outputs[3][0], predictor.infer(images[3])[0], rtol=1e-5)
        next(cut_off := predictor.infer_many(iter(images)))
        cut_off.close()  # type: ignore[attr-defined]  # a generator
        runs.append([output[0].tobytes() for output in outputs])
        runs.append([output[0].tobytes() for output in predictor.infer_many(iter(images))])
    assert all(run == runs[0] for run in runs)
    assert len(set(runs[0])) == len(images)
