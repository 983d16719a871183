"""Which images of the train split go into which fold: whole groups, near-duplicates with them, classes spread evenly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from runner.adapters.tables.parquet import read_table
from runner.adapters.tables.selected import selected_paths
from runner.dataset import splitting
from runner.dataset.near_duplicates import THUMBNAILS, Looks, pairs_within
from runner.dataset.splitting import Stratum
from runner.domain.errors import ExitCode, FlywheelError
from runner.record.catalogue import INDEX_FOLDER, SELECTION_FOLDER

TRAIN = "train"


@dataclass(frozen=True, kw_only=True)
class Dealt:
    """The N images of the train split, sorted by path.

    Attributes:
        fold: `(N,)` int, 0 to k - 1. `cluster`: `(N,)` int; images of one are in one fold.
        objects: `(N,)` int, the labelled objects of each.
    """

    paths: list[str]
    image_ids: list[str]
    fold: NDArray[np.intp]
    cluster: NDArray[np.intp]
    objects: NDArray[np.intp]


def deal(folder: Path, classes: list[str], k: int, seed: int, distance: int) -> Dealt:
    """Deals the train split of a sprint's folder, as `flywheel split` deals a dataset.

    Args:
        distance: in how many bits hashes of near-duplicates may differ.

    Raises:
        FlywheelError: there are fewer groups than folds.
    """
    paths = selected_paths(folder / SELECTION_FOLDER.name / "manifest.parquet", TRAIN)
    index = folder / INDEX_FOLDER.name
    images = read_table(index / "images.parquet", ["path", "image_id", "group", "phash"])
    row = {path: at for at, path in enumerate(images["path"].tolist())}
    rows = np.array([row[path] for path in paths], np.intp)
    ids = images["image_id"][rows].tolist()
    clusters = splitting.joined(
        len(paths),
        [
            splitting.chains([str(group) for group in images["group"][rows].tolist()]),
            splitting.chains(ids),
            pairs_within(_looks(index, paths, images["phash"][rows]), distance=distance),
        ],
    )
    number = len(np.unique(clusters))
    if number < k:
        raise FlywheelError(
            f"evaluate.folds asks for {k} folds, and the train split has {number} groups of images that go together",
            hint=f"ask for {number} folds at most, or add images of other groups"
            if number > 1
            else "leave evaluate.folds out, or add images of other groups",
            exit_code=ExitCode.STAGE_FAILED,
        )
    strata, objects = _strata(index, paths, classes)
    found = splitting.propose(
        clusters, strata, [1 / k] * k, fixed=np.full(len(paths), -1, np.intp), closed=[False] * k, seed=seed
    )
    return Dealt(paths=paths, image_ids=ids, fold=found.split, cluster=clusters, objects=objects)


def _looks(index: Path, paths: list[str], hashes: NDArray[np.uint64]) -> Looks:
    seen = read_table(index / THUMBNAILS, ["path", "grey"])
    grey_of = dict(zip(seen["path"].tolist(), seen["grey"].tolist(), strict=True))
    grey = [np.frombuffer(grey_of[path], np.uint8) for path in paths]
    return Looks(hashes=hashes.astype(np.uint64), thumbnails=np.array(grey, np.uint8).reshape(len(grey), -1))


def _strata(index: Path, paths: list[str], classes: list[str]) -> tuple[list[Stratum], NDArray[np.intp]]:
    """All images and the objects of each class; and how many objects each image has."""
    count, position = len(paths), {path: at for at, path in enumerate(paths)}
    table = read_table(index / "objects.parquet", ["path", "class"])
    image = np.array([position.get(path, -1) for path in table["path"].tolist()], np.intp)
    found = [Stratum(name=splitting.IMAGES, amount=np.ones(count))]
    for name in classes:
        of_class = image[(table["class"] == name) & (image >= 0)]
        amount = np.bincount(of_class, minlength=count).astype(np.float64)
        if amount.any():
            found.append(Stratum(name=f"class {name}", amount=amount))
    return found, np.bincount(image[image >= 0], minlength=count).astype(np.intp)
