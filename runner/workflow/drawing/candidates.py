"""The pool as strategies see it, read from stored tables: the index, the champion's predictions, and vectors that are kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from runner.adapters.tables import duckdb
from runner.adapters.tables.parquet import read_table
from runner.assessment.quality_images import Labelled
from runner.config.project import Project
from runner.dataset.near_duplicates import THUMBNAILS, Looks
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.records import POOL
from runner.record.catalogue import CHAMPION_FOLDER, INDEX_FOLDER, SELECTION_FOLDER
from runner.record.scoring import COMMITTEE_FOLDER
from runner.stages.committee import MIRRORED
from runner.strategies.pool import Member, Predictions
from runner.tasks import TASKS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_COLUMNS = ("path", "image_id", "phash", "labelled", "readable", "n_objects", "width")


class Stored(Protocol):
    """The tables that a pool is read from, by the folder of a scoring that they stand in (`index`, `selection`, `champion`, `committee`)."""

    def file(self, out: str, name: str) -> Path:
        """Where one lies."""
        ...

    def members(self, out: str) -> list[str]:
        """Those of a folder, by name."""
        ...


@dataclass(frozen=True, kw_only=True)
class PoolTables:
    """An index, and which of its images a batch is drawn from.

    Attributes:
        columns: of the index's images, those that were asked for.
        rows: `(N,)` of the pool's images that satisfy the batch's condition, in the order of their paths.
        labelled: `(M,)` of the images outside the pool that have labels, in the order of their paths.
        train: mask over all images: those of the train split that have labels.
        pool_images: of the pool, whatever the condition.
    """

    project: Project
    evidence: Stored
    columns: Mapping[str, NDArray[Any]]
    rows: NDArray[np.intp]
    labelled: NDArray[np.intp]
    train: NDArray[np.bool_]
    pool_images: int

    @cached_property
    def paths(self) -> list[str]:
        """Of the N images."""
        return [str(path) for path in self.columns["path"][self.rows].tolist()]

    @cached_property
    def image_ids(self) -> list[str]:
        """Of the N images."""
        return [str(image_id) for image_id in self.columns["image_id"][self.rows].tolist()]

    @cached_property
    def labelled_paths(self) -> list[str]:
        """Of the M labelled images, which can all be read."""
        return [str(path) for path in self.columns["path"][self.labelled].tolist()]

    def labelled_images(self) -> list[Labelled]:
        """Of the train split: what gold images are drawn from."""
        paths, ids = self.columns["path"][self.train].tolist(), self.columns["image_id"][self.train].tolist()
        return [Labelled(str(path), str(image_id)) for path, image_id in zip(paths, ids, strict=True)]

    def mean_labels(self) -> float | None:
        """How many labels an image of the train split has; None where it has none yet."""
        if not TASKS[self.project.task].ranked:
            return 1.0
        counts = self.columns["n_objects"][self.train]
        return float(counts.astype(float).mean()) if len(counts) else None

    def predictions(self) -> Predictions:
        """The champion's, on the N images."""
        return self._read(CHAMPION_FOLDER.name, "predictions.parquet")

    def others(
        self, member: Member, seeds: Sequence[str], artefacts: Sequence[str]
    ) -> dict[str, Predictions]:
        """Further predictions on the N images, by name."""
        from runner.evaluation.disagreement import mirrored

        if member == "flips":
            found = self._read(COMMITTEE_FOLDER.name, f"{MIRRORED}.parquet")
            width = self.columns["width"][self.rows].astype(float)[found.image]
            boxes = mirrored(found.boxes_xyxy, width)
            turned = Predictions(
                image=found.image, class_id=found.class_id, score=found.score, boxes_xyxy=boxes
            )
            return {MIRRORED: turned}
        names = seeds if member == "seeds" else artefacts
        there = {name.removesuffix(".parquet") for name in self.evidence.members(COMMITTEE_FOLDER.name)}
        return {name: self._read(COMMITTEE_FOLDER.name, f"{name}.parquet") for name in names if name in there}

    def labelled_objects(self) -> NDArray[np.int64]:
        """`(K,)` of each class in the train split."""
        import numpy as np

        objects = read_table(self.evidence.file(INDEX_FOLDER.name, "objects.parquet"), ["path", "class_id"])
        train = set(self.columns["path"][self.train].tolist())
        inside = np.array([path in train for path in objects["path"].tolist()], bool)
        ids = objects["class_id"][inside].astype(np.int64)
        return np.bincount(ids[ids >= 0], minlength=len(self.project.classes)).astype(np.int64)

    def looks(self) -> tuple[Looks, Looks]:
        """Of the N images, and of the M that have labels."""
        import numpy as np

        table = read_table(self.evidence.file(INDEX_FOLDER.name, THUMBNAILS), ["path", "grey"])
        grey = dict(zip(table["path"].tolist(), table["grey"].tolist(), strict=True))
        found = []
        for rows in (self.rows, self.labelled):
            seen = b"".join(grey[path] for path in self.columns["path"][rows].tolist())
            hashes = np.array(self.columns["phash"][rows].tolist(), np.uint64)
            pixels = np.frombuffer(seen, np.uint8).reshape(len(rows), -1 if len(rows) else 256)
            found.append(Looks(hashes=hashes, thumbnails=pixels))
        return found[0], found[1]

    def _read(self, out: str, name: str) -> Predictions:
        import numpy as np

        wanted = ["path", "class_id", "score", "x_min", "y_min", "x_max", "y_max"]
        table = read_table(self.evidence.file(out, name), wanted)
        place = {path: at for at, path in enumerate(self.paths)}
        image = np.array([place.get(path, -1) for path in table["path"].tolist()], np.int64)
        kept = image >= 0
        boxes = [table[name].astype(np.float64)[kept] for name in wanted[3:]]
        return Predictions(
            image=image[kept],
            class_id=table["class_id"].astype(np.int64)[kept],
            score=table["score"].astype(np.float64)[kept],
            boxes_xyxy=np.stack(boxes, axis=1) if len(image) else np.zeros((0, 4)),
        )


def pool_tables(
    project: Project, evidence: Stored, where: str | None, columns: Sequence[str], left_out: frozenset[str]
) -> PoolTables:
    """Which images a batch is drawn from.

    Args:
        where: narrows the pool. `columns`: of the index, beside those that are always read.
        left_out: contents (image ids) that other batches have.

    Raises:
        FlywheelError: the condition is refused, or no image of the pool satisfies it.
    """
    import numpy as np

    images = evidence.file(INDEX_FOLDER.name, "images.parquet")
    conditions = [project.splits.train, *([where] if where is not None else [])]
    grouped = ["group"] if project.dataset.group_by is not None else []
    found, masks = duckdb.load(images, list(dict.fromkeys([*_COLUMNS, *grouped, *columns])), conditions)
    manifest = read_table(
        evidence.file(SELECTION_FOLDER.name, "manifest.parquet"), ["path", "assigned", "selected"]
    )
    chosen = manifest["selected"].astype(bool) & (manifest["assigned"] == POOL)
    pool_paths = set(manifest["path"][chosen].tolist())
    paths = found["path"].tolist()
    in_pool = np.array([path in pool_paths for path in paths], bool)
    free = np.array([image_id not in left_out for image_id in found["image_id"].tolist()], bool)
    asked = in_pool & masks[1] if where is not None else in_pool
    if not (asked & free).any():
        raise _nothing_left(where, in_pool, asked)
    order = np.array(sorted(range(len(paths)), key=paths.__getitem__), np.intp)
    labelled = found["labelled"].astype(bool) & found["readable"].astype(bool) & ~in_pool
    return PoolTables(
        project=project,
        evidence=evidence,
        columns=found,
        rows=order[(asked & free)[order]],
        labelled=order[labelled[order]],
        train=labelled & masks[0],
        pool_images=int(in_pool.sum()),
    )


def _nothing_left(where: str | None, in_pool: NDArray[np.bool_], asked: NDArray[np.bool_]) -> FlywheelError:
    images = int(in_pool.sum())
    if where is not None and not asked.any():
        message = f"none of the {images:,} images of the pool satisfies `{where}`"
        hint = f'flywheel query "{where}" says where such images are; widen annotation.batch.where'
    else:
        message = "every image that could be drawn is in the batch of another sprint"
        hint = "flywheel annotate pull brings what was labelled into the dataset"
    return FlywheelError(message, hint=hint, exit_code=ExitCode.STAGE_FAILED)
