"""The generator: scenes to pictures, faults into them, everything to disk in YOLO's layout."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from runner.demo.camera import draw_exposure
from runner.demo.counts import CLASSES, SPLITS, Counts
from runner.demo.faults import Fault, plant
from runner.demo.files import DemoPicture, encode_jpeg
from runner.demo.plan import ScenePlan, plan_scenes
from runner.demo.scene import make_scene, render
from runner.domain.progress import Progress, progress_bar


def generate(out: Path, *, seed: int = 0, counts: Counts | None = None, answers: Path | None = None) -> None:
    """Writes a data set: images/<split>/*.jpg, labels/<split>/*.txt, metadata.csv, faults.csv, classes.txt.

    The pool has no labels; its answer key for a simulated annotator goes to `answers`/pool/*.txt.

    Args:
        out: a folder; files of the same names are overwritten.
        seed: the same seed and counts give the same bytes.
        counts: the committed demo's when absent.
        answers: `out`/answers when absent.
    """
    counts = counts or Counts()
    plans = plan_scenes(counts, seed)
    with progress_bar("draw", sum(plan.frames for plan in plans), "image") as bar:
        pictures = [picture for plan in plans for picture in _draw(plan, seed, bar)]
    pictures, faults = plant(pictures, counts, seed)
    pictures.sort(key=lambda picture: (SPLITS.index(picture.split), picture.name))
    for picture in pictures:
        _write_picture(picture, out, answers or out / "answers")
    _write_csv(out / "metadata.csv", [{"path": picture.path} | picture.metadata for picture in pictures])
    _write_csv(out / "faults.csv", [_fault_row(fault) for fault in faults])
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES))


def _draw(plan: ScenePlan, seed: int, bar: Progress) -> list[DemoPicture]:
    """One scene's frames."""
    rng = np.random.default_rng((seed, *plan.key, 1))
    scene = make_scene(plan.name, plan.split, plan.camera, draw_exposure(plan.light, rng), rng)
    pictures = []
    for frame in range(plan.frames):
        rgb, boxes = render(scene, frame, np.random.default_rng((seed, *plan.key, 2, frame)))
        pictures.append(
            DemoPicture(
                split=plan.split,
                name=plan.file_name(frame),
                width=plan.camera.width,
                height=plan.camera.height,
                content=encode_jpeg(rgb, plan.camera.jpeg_quality),
                boxes=tuple(boxes),
                metadata=plan.metadata(frame),
            )
        )
        bar.update()
    return pictures


def _write_picture(picture: DemoPicture, out: Path, answers: Path) -> None:
    labels = answers / "pool" if picture.split == "pool" else out / "labels" / picture.split
    for folder in (labels, out / "images" / picture.split):
        folder.mkdir(parents=True, exist_ok=True)
    (out / picture.path).write_bytes(picture.content)
    (labels / picture.label_name).write_text(picture.label_text())


def _write_csv(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]) if rows else ["path"], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _fault_row(fault: Fault) -> dict[str, str]:
    return {name: getattr(fault, name) for name in ("kind", "path", "line", "truth", "related", "detail")}
