"""A scoring of a pool whose tables are planted: what a batch is drawn from, without a model that ran."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from planted_sprint import SprintFolder

from runner.adapters.dvc import metafiles
from runner.adapters.tables.parquet import read_table, write_table
from runner.config.annotation import Annotation
from runner.config.project import Project
from runner.planning.champion import Champion
from runner.strategies.mix import Mix
from runner.workflow.drawing.drawing import Drawing
from runner.workflow.drawing.evidence import Evidence

CHAMPION = Champion(sprint="0001-first", commit="c" * 40, tag="pets#prod#1")
FOLDER = "scores/0001-first-pool"
PROJECT = {
    "apiVersion": "flywheel/v1",
    "kind": "Project",
    "name": "pets",
    "task": "detect",
    "classes": ["cat", "dog"],
    "dataset": {"path": "data", "layout": "yolo", "group_by": "scene"},
    "splits": {"pool": "split = 'pool'"},
    "slices": [{"name": "dark", "where": "brightness < 0.3"}, {"by": "camera"}],
    "costs": {"currency": "EUR", "label": {"box": 0.05}},
}


def project(**changes: Any) -> Project:
    return msgspec.convert({**PROJECT, **changes}, Project)


def pool_path(number: int) -> str:
    return f"images/pool/p{number // 2}-{number:02}.jpg"


def plant(root: Path, images: int = 12) -> Evidence:
    """Two labelled images and a pool: each image of it shows as many cats as its number says, modulo 4; the later half is dark."""
    sprint = SprintFolder(root / FOLDER)
    rng = np.random.default_rng(0)
    for number in range(2):
        sprint.add(f"images/train/t{number}-00.jpg", phash=int(rng.integers(2**62)))
    for number in range(images):
        sprint.add(
            pool_path(number),
            assigned="pool",
            objects=0,
            labelled=False,
            n_objects=0,
            phash=int(rng.integers(2**62)),
            brightness=0.1 if number >= images // 2 else 0.6,
            camera="gate" if number % 3 else "dock",
        )
    sprint.write()
    manifest = read_table(root / FOLDER / "selection" / "manifest.parquet")
    pooled = manifest["assigned"] == "pool"
    write_table(root / FOLDER / "selection" / "manifest.parquet", {**manifest, "selected": pooled})
    rows = [(pool_path(number), 0.9 - number / 100) for number in range(images) for _ in range(number % 4)]
    write_predictions(root / FOLDER / "champion" / "predictions.parquet", rows)
    return evidence(root)


def write_predictions(path: Path, rows: Sequence[tuple[str, float]], class_name: str = "cat") -> None:
    """One box for each row: its image and its score."""
    paths, scores = [path for path, _ in rows], np.array([score for _, score in rows], np.float32)
    left = np.arange(len(rows), dtype=np.float32) * 7 % 60
    write_table(
        path,
        {
            "path": paths,
            "class_id": np.full(len(rows), ["cat", "dog"].index(class_name), np.int32),
            "class": [class_name] * len(rows),
            "score": scores,
            "x_min": left,
            "y_min": np.zeros(len(rows), np.float32),
            "x_max": left + 10,
            "y_max": np.full(len(rows), 10, np.float32),
        },
    )


def evidence(root: Path) -> Evidence:
    outs = [out for out in ("index", "selection", "champion", "committee") if (root / FOLDER / out).is_dir()]
    return Evidence(
        root=root, folder=FOLDER, hashes={out: metafiles.folder_md5(root / FOLDER / out) for out in outs}
    )


def to_cache(root: Path, found: Evidence) -> None:
    """The outputs as DVC's cache has them, and no workspace any more: a later run wrote others there."""
    import json

    for out, md5 in found.hashes.items():
        listing = []
        for path in sorted((root / FOLDER / out).iterdir()):
            own = metafiles.file_md5(path)
            listing.append({"md5": own, "relpath": path.name})
            target = metafiles.cache_path(root, own)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        target = metafiles.cache_path(root, md5)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(json.dumps(listing))
        shutil.rmtree(root / FOLDER / out)


def drawing(root: Path, found: Evidence, mix: Mix, **changes: Any) -> Drawing:
    """Of four images, unless the annotation says otherwise."""
    annotation = changes.pop("annotation", {"batch": {"size": 4}})
    values: dict[str, Any] = {
        "root": root,
        "project": project(),
        "sprint": "0002-more",
        "annotation": msgspec.convert({"strategy": "boxes", **annotation}, Annotation),
        "mix": mix,
        "champion": CHAMPION,
        "evidence": found,
        "setting": lambda: None,
    }
    return Drawing(**{**values, **changes})
