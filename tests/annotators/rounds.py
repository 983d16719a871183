"""A batch of small images that is with a tool, for the tests of tools."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from runner.annotators.annotator import DRAWN, Round
from runner.domain.labelling import HandedOut, HandedTask, Proposal, task_key
from runner.domain.task import Keypoints
from runner.writers.writer import Scheme

SPRINT = "0002-more"
CLASSES = ("cat", "dog")
# two images of one name in two folders, and one whose suffix is in capitals
PATHS = ("images/pool/a/1.jpg", "images/pool/b/1.jpg", "images/pool/2.PNG")
WIDTH, HEIGHT = 64, 48

BOX, OTHER = (0.25, 0.25, 0.5, 0.75), (0.5, 0.125, 0.875, 0.5)
SHAPES: dict[str, dict[str, list[list[float]] | list[float]]] = {
    "boxes": {},
    "polygons": {"polygons": [[0.25, 0.25, 0.5, 0.25, 0.5, 0.75, 0.25, 0.75]]},
    "masks": {"polygons": [[0.25, 0.25, 0.5, 0.25, 0.5, 0.75, 0.25, 0.75]]},
    "obb": {"corners": [0.25, 0.25, 0.5, 0.25, 0.5, 0.75, 0.25, 0.75]},
    "keypoints": {"keypoints": [0.3, 0.3, 2.0, 0.45, 0.5, 2.0]},
    "class": {},
}


def proposal(
    strategy: str, class_name: str = "dog", box: tuple[float, float, float, float] = BOX
) -> Proposal:
    """One of a strategy's shapes around `BOX`, or a box."""
    whole = (0.0, 0.0, 1.0, 1.0)
    return Proposal(
        class_name=class_name,
        box=whole if strategy == "class" else box,
        score=0.75,
        **SHAPES[strategy],  # type: ignore[arg-type]
    )


def write_images(folder: Path, paths: Sequence[str] = PATHS) -> dict[str, str]:
    """Images that all differ, and their ids."""
    ids = {}
    for number, path in enumerate(paths):
        pixels = np.random.default_rng(number).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(folder / path)
        ids[path] = hashlib.sha256((folder / path).read_bytes()).hexdigest()[:32]
    return ids


def make_round(
    root: Path, strategy: str = "boxes", tool: str = "yolo", *, proposed: bool = True, **fields: object
) -> Round:
    """The batch: the first image has a pre-annotation, the others none."""
    data = root / "data"
    ids = write_images(data)
    tasks = [
        HandedTask(
            key=task_key(SPRINT, ids[path]),
            path=path,
            image_id=ids[path],
            width=WIDTH,
            height=HEIGHT,
            proposals=[proposal(strategy)] if proposed and path == PATHS[0] else [],
        )
        for path in PATHS
    ]
    task = DRAWN[strategy]
    return Round(
        project="pets",
        root=root,
        handed=HandedOut(sprint=SPRINT, tool=tool, strategy=strategy, tasks=tasks),
        scheme=Scheme(
            task=task,
            classes=CLASSES,
            keypoints=Keypoints(names=["nose", "tail"]) if task == "pose" else None,
        ),
        folder=root / "work",
        files={item.key: data / item.path for item in tasks},
        **fields,  # type: ignore[arg-type]
    )


def give_back(round_: Round, annotator: str = "anna", package: str = "package") -> Path:
    """The package as the annotator's answer, as it was sent."""
    return Path(
        shutil.copytree(round_.folder / package, round_.folder / "answers" / annotator, dirs_exist_ok=True)
    )
