"""What our predictions say is what Ultralytics' own `predict` says of the same image, for every task."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runner.adapters.models.decoding import decoder_for
from runner.adapters.models.inference import ImageDetections, read_image
from runner.adapters.pictures.coco_masks import decode_mask
from runner.adapters.system.machine import cpu_device
from runner.domain.task import TaskName
from runner.exporters.opened import open_model
from tests.task_sprints import SIZE, context, sample_image


def _ours(root: Path, task: TaskName) -> ImageDetections:
    place = context(root, task)
    model = open_model(place.folder / "weights" / "seed-0.safetensors", cpu_device(1))
    decoder = decoder_for(model.spec)
    pixels, letterbox = decoder.preprocess(read_image(place.root / "data" / sample_image(task)), (SIZE, SIZE))
    return decoder.decode(model.predictor.infer(pixels), letterbox)


def _theirs(root: Path, task: TaskName, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Their result, with what they do at validation: every class of an anchor, low scores, square input."""
    from ultralytics.models import yolo
    from ultralytics.utils import nms

    from runner.adapters.models.torch_models import load_model

    several = partial(nms.non_max_suppression, multi_label=True)
    monkeypatch.setattr("ultralytics.models.yolo.detect.predict.nms.non_max_suppression", several)
    place = context(root, task)
    module, _ = load_model(place.folder / "weights" / "seed-0.safetensors")
    predictor = {
        "segment": yolo.segment.SegmentationPredictor,
        "pose": yolo.pose.PosePredictor,
        "obb": yolo.obb.OBBPredictor,
        "classify": yolo.classify.ClassificationPredictor,
    }[task](
        overrides={
            "imgsz": SIZE,
            "conf": 0.001,
            "iou": 0.7,
            "rect": False,
            "retina_masks": True,
            "device": "cpu",
            "save": False,
            "verbose": False,
            "project": str(root),
        }
    )
    predictor.setup_model(module.eval(), verbose=False)
    return predictor(str(place.root / "data" / sample_image(task)))[0]


def _same_boxes(ours: ImageDetections, boxes: Any) -> None:
    assert len(ours.scores) == len(boxes) > 1
    np.testing.assert_allclose(ours.scores, boxes.conf.numpy(), atol=1e-5)
    assert ours.class_ids.tolist() == boxes.cls.int().tolist()


def test_segmentation_finds_the_same_boxes_and_masks(
    task_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, theirs = _ours(task_root, "segment"), _theirs(task_root, "segment", monkeypatch)
    _same_boxes(ours, theirs.boxes)
    np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes.xyxy.numpy(), atol=1e-2)
    for rle, mask in zip(ours.further["mask_rle"], theirs.masks.data.numpy(), strict=True):
        assert (decode_mask(rle, mask.shape) != mask.astype(bool)).mean() < 0.001


def test_pose_finds_the_same_boxes_and_points(task_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = _ours(task_root, "pose"), _theirs(task_root, "pose", monkeypatch)
    _same_boxes(ours, theirs.boxes)
    np.testing.assert_allclose(ours.boxes_xyxy, theirs.boxes.xyxy.numpy(), atol=1e-2)
    points = theirs.keypoints.data.numpy().reshape(len(ours.scores), -1)
    np.testing.assert_allclose(np.stack(ours.further["keypoints"]), points, atol=1e-2)


def test_rotated_boxes_are_the_same(task_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = _ours(task_root, "obb"), _theirs(task_root, "obb", monkeypatch)
    _same_boxes(ours, theirs.obb)
    corners = theirs.obb.xyxyxyxy.numpy().reshape(-1, 8)
    np.testing.assert_allclose(np.stack(ours.further["corners"]), corners, atol=1e-2)


def test_probabilities_are_the_same(task_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ours, theirs = _ours(task_root, "classify"), _theirs(task_root, "classify", monkeypatch)
    probabilities = theirs.probs.data.numpy()
    np.testing.assert_allclose(ours.scores, probabilities[ours.class_ids], atol=1e-6)
    assert ours.class_ids[0] == theirs.probs.top1
