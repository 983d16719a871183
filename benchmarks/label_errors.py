"""Planted label errors, found by out-of-fold predictions: precision and recall at the planted number, beside cleanlab.

    python benchmarks/label_errors.py FOLDER [--cleanlab PYTHON] [--repeats 5]

FOLDER is a sprint's record (`reports/NAME`): what its folds' models found in the train split; where it has no folds, what its model found in
the test split, which no model saw either. Errors are planted into the labels after
training, so the models did not learn from them: that flatters every ranking of the same predictions alike. Per kind and rate: of the
first n suspects, n being the number of planted ones, the share that was planted. `--cleanlab` is an interpreter with cleanlab 2.9;
its scores are computed there on the same predictions and labels.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import read_table
from runner.domain.task import BOX
from runner.evaluation.boxes import BoxSimilarity
from runner.evaluation.label_issues import BADLY_PLACED, MISSED, SPURIOUS, WRONG_CLASS, Suspects, label_issues
from runner.evaluation.problem import Detections, GroundTruths, Problem

KINDS = ("wrong_class", "missed", "badly_placed", "spurious")
RATES = (0.01, 0.05, 0.10)
LINE = "{:<8} {:<13} {:>5} {:>8} {:>6} {:>6} {:>10} {:>9}"


@dataclass(frozen=True, kw_only=True)
class Data:
    """Labels and out-of-fold predictions of a train split; boxes in pixels.

    Attributes:
        fold: `(I,)`. `size`: `(I, 2)` width and height.
        image, label, boxes: of N labels; `found_…`: of M predictions.
    """

    classes: list[str]
    fold: NDArray[np.int64]
    size: NDArray[np.float64]
    image: NDArray[np.int64]
    label: NDArray[np.int64]
    boxes: NDArray[np.float64]
    found_image: NDArray[np.int64]
    found_label: NDArray[np.int64]
    found_score: NDArray[np.float64]
    found_boxes: NDArray[np.float64]

    def problem(self) -> Problem:
        no = np.zeros(len(self.label), bool)
        return Problem(
            n_images=len(self.fold),
            n_classes=len(self.classes),
            truths=GroundTruths(image=self.image, label=self.label, crowd=no, ignored=no),
            detections=Detections(image=self.found_image, label=self.found_label, score=self.found_score),
            similarity=BoxSimilarity(truths_xyxy=self.boxes, detections_xyxy=self.found_boxes, crowd=no),
        )

    def suspects(self) -> Suspects:
        found = self.found_boxes
        return label_issues(
            self.problem(),
            fold=self.fold,
            area=np.prod(self.boxes[:, 2:] - self.boxes[:, :2], axis=1),
            among_detections=BoxSimilarity(
                truths_xyxy=found, detections_xyxy=found, crowd=np.zeros(len(found), bool)
            ),
        )


def read(folder: Path) -> Data:
    """The train split of a record, and what its folds' models found there; without folds the test split, and what its model did."""
    fold_of = _folds(folder)
    paths = sorted(fold_of)
    position = {path: at for at, path in enumerate(paths)}
    images = read_table(folder / "index" / "images.parquet", ["path", "width", "height"])
    size = np.zeros((len(position), 2))
    for path, width, height in zip(
        *(images[name].tolist() for name in ("path", "width", "height")), strict=True
    ):
        if path in position:
            size[position[path]] = width, height
    objects = read_table(folder / "index" / "objects.parquet", ["path", "class", *BOX])
    inside = np.array([path in position for path in objects["path"].tolist()], bool)
    held = folder / "folds" / "predictions.parquet"
    found = read_table(held if held.is_file() else folder / "predictions" / "torch.parquet")
    classes = sorted(set(objects["class"].tolist()))
    number = {name: at for at, name in enumerate(classes)}
    return Data(
        classes=classes,
        fold=np.array([fold_of[path] for path in paths], np.int64),
        size=size,
        image=np.array([position[path] for path in objects["path"][inside].tolist()], np.int64),
        label=np.array([number[name] for name in objects["class"][inside].tolist()], np.int64),
        boxes=np.stack([objects[name][inside].astype(float) for name in BOX], axis=1),
        found_image=np.array([position[path] for path in found["path"].tolist()], np.int64),
        found_label=np.array([number[name] for name in found["class"].tolist()], np.int64),
        found_score=found["score"].astype(np.float64),
        found_boxes=np.stack([found[name].astype(float) for name in BOX], axis=1),
    )


def _folds(folder: Path) -> dict[str, int]:
    """Each image with the number of the model that never saw it."""
    dealt = folder / "folds" / "folds.parquet"
    if dealt.is_file():
        table = read_table(dealt, ["path", "fold"])
        return dict(zip(table["path"].tolist(), table["fold"].tolist(), strict=True))
    table = read_table(folder / "selection" / "manifest.parquet", ["path", "assigned", "selected"])
    test = (table["assigned"] == "test") & table["selected"].astype(bool)
    return dict.fromkeys(table["path"][test].tolist(), 0)


@dataclass(frozen=True, kw_only=True)
class Planted:
    """Labels with errors of one kind.

    Attributes:
        rows: of the wrong labels; of `missed`, none: `image` and `boxes` say where they were.
    """

    data: Data
    rows: NDArray[np.int64]
    image: NDArray[np.int64]
    boxes: NDArray[np.float64]


def plant(data: Data, kind: str, rate: float, dice: np.random.Generator) -> Planted:
    """Errors of one kind in a share of the labels."""
    n = max(1, round(rate * len(data.label)))
    rows = np.sort(dice.choice(len(data.label), n, replace=False))
    label, boxes, image = data.label.copy(), data.boxes.copy(), data.image
    if kind == "wrong_class":
        label[rows] = (label[rows] + dice.integers(1, len(data.classes), n)) % len(data.classes)
    elif kind == "badly_placed":
        boxes[rows] = _misplaced(boxes[rows], dice)
    elif kind == "missed":
        kept = np.ones(len(label), bool)
        kept[rows] = False
        changed = replace(data, label=label[kept], boxes=boxes[kept], image=image[kept])
        return Planted(data=changed, rows=np.zeros(0, np.int64), image=image[rows], boxes=boxes[rows])
    else:  # the label of another image, where nothing of its own lies
        made = [_elsewhere(data, row, dice) for row in rows.tolist()]
        at = np.array([one[0] for one in made], np.int64)
        boxes = np.concatenate([boxes, [one[1] for one in made]])
        label, image = np.concatenate([label, label[rows]]), np.concatenate([image, at])
        rows = np.arange(len(data.label), len(label))
    changed = replace(data, label=label, boxes=boxes, image=image)
    return Planted(data=changed, rows=rows, image=image[rows], boxes=boxes[rows])


def _misplaced(boxes: NDArray[np.float64], dice: np.random.Generator) -> NDArray[np.float64]:
    """Moved and stretched to an IoU of 0.3 to 0.7 with where they were."""
    result = boxes.copy()
    for at, box in enumerate(boxes):
        side = np.tile(box[2:] - box[:2], 2)
        while True:
            moved = box + dice.normal(0, 0.2, 4) * side
            if (moved[2:] > moved[:2] + 2).all() and 0.3 <= _iou(moved[None], box[None])[0] <= 0.7:
                break
        result[at] = moved
    return result


def _elsewhere(data: Data, row: int, dice: np.random.Generator) -> tuple[int, NDArray[np.float64]]:
    side = data.boxes[row, 2:] - data.boxes[row, :2]
    while True:
        image = int(dice.integers(len(data.fold)))
        corner = dice.uniform(0, np.maximum(data.size[image] - side, 1))
        box = np.concatenate([corner, corner + side])
        own = data.boxes[data.image == image]
        if not len(own) or _iou(np.repeat(box[None], len(own), 0), own).max() < 0.1:
            return image, box


def _iou(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    rows = np.arange(len(a))
    return BoxSimilarity(truths_xyxy=a, detections_xyxy=b, crowd=np.zeros(len(a), bool))(rows, rows)


def hits(planted: Planted, kind: str, ranked: list[tuple[int, NDArray[np.float64]]]) -> int:
    """Of as many suspects as were planted, how many were; each planted one counts once.

    Args:
        ranked: label row, or image for missed; and the box.
    """
    first = ranked[: len(planted.image)]
    if kind != "missed":
        return len({row for row, _ in first} & set(planted.rows.tolist()))
    taken: set[int] = set()
    for image, box in first:
        for at in np.flatnonzero(planted.image == image).tolist():
            if at not in taken and _iou(box[None], planted.boxes[at][None])[0] >= 0.5:
                taken.add(at)
                break
    return len(taken)


def ours(planted: Planted, kind: str) -> list[tuple[int, NDArray[np.float64]]]:
    """Suspects of one kind, likeliest first."""
    number = (WRONG_CLASS, MISSED, BADLY_PLACED, SPURIOUS)[KINDS.index(kind)]
    found = planted.data.suspects()
    rows = np.flatnonzero(found.kind == number)
    if kind == "missed":
        seen = found.detection[rows].tolist()
        return [(int(planted.data.found_image[at]), planted.data.found_boxes[at]) for at in seen]
    return [(int(row), planted.data.boxes[row]) for row in found.truth[rows].tolist()]


Ranking = Callable[[Planted, str], list[tuple[int, NDArray[np.float64]]]]


def cleanlabs(python: str) -> Ranking:
    """cleanlab's scores per box, in an interpreter that has it: swapped, overlooked, badly located. It has none for spurious:
    the badly located are taken, whose score is lowest for a label that nothing overlaps."""

    def ranking(planted: Planted, kind: str) -> list[tuple[int, NDArray[np.float64]]]:
        data = planted.data
        with tempfile.TemporaryDirectory() as folder:
            arrays = {name: value for name, value in vars(data).items() if name != "classes"}
            np.savez(Path(folder) / "in.npz", classes=len(data.classes), **arrays)
            subprocess.run(
                [python, str(Path(__file__).with_name("label_errors_cleanlab.py")), folder, kind], check=True
            )
            order = np.load(Path(folder) / "out.npy")
        if kind == "missed":
            return [(int(data.found_image[at]), data.found_boxes[at]) for at in order.tolist()]
        return [(int(row), data.boxes[row]) for row in order.tolist()]

    return ranking


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--cleanlab", default="", help="an interpreter with cleanlab 2.9")
    parser.add_argument("--repeats", type=int, default=5)
    asked = parser.parse_args()
    data = read(asked.folder)
    print(
        f"{len(data.fold)} images, {len(data.label)} labels, {len(data.classes)} classes, {asked.repeats} draws"
    )
    head = ("rate", "kind", "n", "ours", "", "said", "cleanlab", "")
    print(LINE.format(*head))
    theirs = cleanlabs(asked.cleanlab) if asked.cleanlab else None
    for rate in RATES:
        for kind in KINDS:
            row = measured(data, kind, rate, asked.repeats, theirs)
            print(LINE.format(f"{rate:.0%}", kind, *row), flush=True)
    return 0


def measured(data: Data, kind: str, rate: float, repeats: int, theirs: Ranking | None) -> tuple[Any, ...]:
    """Number planted; share found among the first so many by us, and by cleanlab, with their deviation over draws; and the
    mean suspicion of those first ones, which ought to be the share."""
    own, other, said, n = [], [], [], 0
    for draw in range(repeats):
        planted = plant(
            data, kind, rate, np.random.default_rng((draw, KINDS.index(kind), round(1000 * rate)))
        )
        n = len(planted.image)
        found = planted.data.suspects()
        first = np.flatnonzero(found.kind == KINDS.index(kind))[:n]
        said.append(float(found.suspicion[first].sum() / n))
        own.append(hits(planted, kind, ours(planted, kind)) / n)
        if theirs is not None:
            other.append(hits(planted, kind, theirs(planted, kind)) / n)
    beside = (f"{np.mean(other):.2f}", f"± {np.std(other):.2f}") if other else ("–", "")
    return n, f"{np.mean(own):.2f}", f"± {np.std(own):.2f}", f"{np.mean(said):.2f}", *beside


if __name__ == "__main__":
    sys.exit(main())
