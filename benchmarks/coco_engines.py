"""Other people's evaluators of average precision, behind one small interface: one area range, 100 detections."""

from __future__ import annotations

import contextlib
import io
from abc import ABC, abstractmethod
from typing import Any

import numpy as np
from coco_sized import Labels
from numpy.typing import NDArray


class Engine(ABC):
    """Someone else's evaluator, on one model's predictions."""

    package: str
    runs = 5  # of the whole set
    slices = 50  # of the calls that are made for 50 slices

    def __init__(self, truth: dict[str, Any], of: Labels, found: NDArray[np.float64]) -> None:
        self.truth, self.of, self.found = truth, of, found

    @abstractmethod
    def load(self) -> None:
        """From dictionaries and arrays to the engine's own objects."""

    @abstractmethod
    def precision(self, image_ids: list[int] | None) -> NDArray[np.float64]:
        """Evaluates and accumulates; -1 where not measured."""

    def average_precision(self, image_ids: list[int] | None = None) -> float:
        with contextlib.redirect_stdout(io.StringIO()):
            precision = np.asarray(self.precision(image_ids))
        return float(precision[precision > -1].mean())


class _CocoLike(Engine):
    def load(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            self.gt = self.coco()
            self.dt = self.gt.loadRes(self.found)

    @abstractmethod
    def coco(self) -> Any: ...

    @abstractmethod
    def evaluator(self) -> Any: ...

    def precision(self, image_ids: list[int] | None) -> NDArray[np.float64]:
        evaluator = self.evaluator()
        evaluator.params.areaRng, evaluator.params.areaRngLbl = [[0, 1e10]], ["all"]
        evaluator.params.maxDets = [100]
        if image_ids is not None:
            evaluator.params.imgIds = image_ids
        evaluator.evaluate()
        evaluator.accumulate()
        return np.asarray(evaluator.eval["precision"])


class Pycocotools(_CocoLike):
    package, runs, slices = "pycocotools", 1, 4

    def coco(self) -> Any:
        from pycocotools.coco import COCO

        coco = COCO()
        coco.dataset = self.truth
        coco.createIndex()
        return coco

    def evaluator(self) -> Any:
        from pycocotools.cocoeval import COCOeval

        return COCOeval(self.gt, self.dt, "bbox")


class FasterCocoEval(_CocoLike):
    package, runs, slices = "faster-coco-eval", 2, 10

    def coco(self) -> Any:
        from faster_coco_eval import COCO

        return COCO(self.truth)

    def evaluator(self) -> Any:
        from faster_coco_eval import COCOeval_faster

        return COCOeval_faster(self.gt, self.dt, "bbox", print_function=lambda *_: None)


class Ultrafast(_CocoLike):
    package = "ultrafast-pycocotools"

    def coco(self) -> Any:
        from ultrafast_pycocotools import COCO

        return COCO(self.truth, verbose=False)

    def evaluator(self) -> Any:
        from ultrafast_pycocotools import COCOeval

        return COCOeval(self.gt, self.dt, "bbox")


class Hotcoco(Engine):
    package = "hotcoco"

    def load(self) -> None:
        import hotcoco

        boxes = self.of.boxes_xyxy
        self.gt = hotcoco.COCO.from_arrays(
            self.truth["images"],
            self.truth["categories"],
            self.of.image + 1,
            self.of.label + 1,
            np.hstack([boxes[:, :2], boxes[:, 2:] - boxes[:, :2]]),
            iscrowd=self.of.crowd.astype(np.uint8),
        )
        self.dt = self.gt.load_res(self.found)

    def evaluator(self, image_ids: list[int] | None = None, *, restricted: bool = True) -> Any:
        import hotcoco

        evaluator = hotcoco.COCOeval(self.gt, self.dt, "bbox")
        params = evaluator.params
        if restricted:
            params.area_rng, params.area_rng_lbl, params.max_dets = [[0, 1e10]], ["all"], [100]
        if image_ids is not None:
            params.img_ids = image_ids
        evaluator.params = params
        evaluator.evaluate()
        return evaluator

    def precision(self, image_ids: list[int] | None) -> NDArray[np.float64]:
        evaluator = self.evaluator(image_ids)
        evaluator.accumulate()
        return np.asarray(evaluator.eval["precision"])

    def evaluated(self) -> Any:
        evaluator = self.evaluator()
        evaluator.accumulate()
        return evaluator


ENGINES: tuple[type[Engine], ...] = (Ultrafast, Hotcoco, FasterCocoEval, Pycocotools)
