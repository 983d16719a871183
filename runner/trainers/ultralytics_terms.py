"""What Ultralytics calls the values of an epoch."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from runner.adapters.models.ultralytics_names import VALIDATION
from runner.domain.task import TaskName
from runner.trainers.terms import EpochValue, TrainingTerms

_METRICS = {"mAP50-95": "map50_95", "mAP50": "map50", "precision": "precision", "recall": "recall"}
_WHOLE_IMAGES = {"metrics/accuracy_top1": "val_top1", "metrics/accuracy_top5": "val_top5"}
_OF = {"(B)": "", "(M)": " of masks", "(P)": " of points"}
_PREFERRED = ("(M)", "(P)")  # what the task is about comes before the boxes

# Source: GFLOPs at 640 px of YOLO11 n, s, m, l, x (docs.ultralytics.com/models/yolo11), beside those of n; t, c and e are YOLOv9's.
_SIZES = {"n": 1.0, "t": 1.2, "s": 3.3, "m": 10.5, "c": 15.8, "l": 13.4, "e": 29.4, "x": 30.0}
_SIZE = re.compile(r"yolo(?:v?\d+)([ntsmclex])(?![a-z0-9])")


class UltralyticsTerms(TrainingTerms):
    """Names such as `train/box_loss`, `val/cls_loss` and `metrics/mAP50-95(M)`."""

    license = "agpl-3.0"

    def value(self, key: str) -> EpochValue | None:
        group, _, name = key.partition("/")
        if group not in ("train", "val", "metrics"):
            return None
        loss = key.endswith("loss")
        words = name.removesuffix("_loss").replace("accuracy_top", "top-")
        for suffix, what in _OF.items():
            words = words.replace(suffix, what)
        metric = "map50_95" if "mAP50-95" in name else "top1" if "accuracy_top1" in name else None
        return EpochValue(
            key=key, split="train" if group == "train" else "val", name=words, loss=loss, metric=metric
        )

    def model_cost(self, model: str) -> float:
        """
        >>> [UltralyticsTerms().model_cost(name) for name in ("yolo11n.yaml", "weights/yolo26x-seg.pt", "weights/ours.pt")]
        [1.0, 30.0, 1.0]
        """
        size = _SIZE.search(PurePosixPath(model).name)
        return _SIZES[size[1]] if size else 1.0

    def preferred(self, keys: Iterable[str]) -> EpochValue | None:
        values = [value for value in self.values(keys) if value.metric]
        own = [value for suffix in _PREFERRED for value in values if suffix in value.key]
        return next(iter([*own, *values]), None)

    def columns(self, task: TaskName, keys: Iterable[str]) -> dict[str, str]:
        """
        >>> UltralyticsTerms().columns("classify", ["val/loss", "metrics/accuracy_top1", "train/cls_loss"])
        {'metrics/accuracy_top1': 'val_top1', 'train/cls_loss': 'train_cls_loss'}
        """
        known = sorted(keys)
        _, _, suffix = VALIDATION[task][0].partition("mAP50-95")
        metrics = _ranked(suffix) if suffix else _WHOLE_IMAGES
        losses = {key: key.replace("/", "_") for key in known if key.endswith("_loss")}
        return {key: column for key, column in {**metrics, **losses}.items() if key in known}


def _ranked(suffix: str) -> dict[str, str]:
    """The task's own metrics, then those of its boxes."""
    own = {f"metrics/{theirs}{suffix}": f"val_{ours}" for theirs, ours in _METRICS.items()}
    boxes = {f"metrics/{theirs}(B)": f"val_box_{ours}" for theirs, ours in _METRICS.items()}
    return own | {key: column for key, column in boxes.items() if key not in own}
