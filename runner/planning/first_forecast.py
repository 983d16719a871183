"""What stages take where none has run yet: a table of one known machine, and images counted by their names.

It is meant to tell minutes from days. The first run replaces it by what the machine really takes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from msgspec import Struct, UnsetType

from runner.adapters.dvc import metafiles
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.records import SPLITS
from runner.layouts import layout_of
from runner.stages import (
    benchmark,
    champion,
    check,
    evaluate,
    export,
    folds,
    index,
    inspect,
    predict,
    select,
    train,
)
from runner.trainers import training_terms

BASIS = "a table of 2 CPU cores (AMD EPYC): may be several times off, and much too long for a GPU"
_CORES = 2
# Source: on 2 cores of an AMD EPYC the stages of a sprint on 32 images of 64 px (fixed parts), and the demo's sprint
# (README: 117 s; 280 images, 28 epochs, 160 px: slopes). `python benchmarks/first_forecast.py` measures another machine.
_INFER_S = 0.1  # per image and megapixel of yolo11n
_TRAINING = 3  # one image in training, beside one that is only predicted
_INDEX_S = 0.005  # per image
_SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp"}
_SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


class Counted(Struct, frozen=True, kw_only=True):
    """Images per split, and how they were counted."""

    images: Mapping[str, int]
    words: str


def counted_by_names(root: Path, project: Project) -> Counted | None:
    """Images of the dataset by what DVC's listing names; None where not even their number is known."""
    path = root / f"{project.dataset.path}.dvc"
    pointer = metafiles.parse_pointer(path.read_bytes()) if path.is_file() else None
    if pointer is None:
        return None
    listing = metafiles.cached_members(root, pointer.md5)
    if listing is not None:
        names = [PurePosixPath(name) for name in listing]
        images = [name for name in names if name.suffix.lower() in _SUFFIXES]
        found = Counter(next((part for part in name.parts if part in SPLITS), "") for name in images)
        if all(found[split] for split in ("train", "test")):
            return Counted(
                images={split: found[split] for split in SPLITS},
                words=f"{len(images):,} images, counted by their names",
            )
        number = len(images)
    elif pointer.files:
        number = pointer.files // layout_of(project.dataset.layout).files_per_image
    else:
        return None
    return Counted(
        images={split: round(number * share) for split, share in _SHARES.items()},
        words=f"{number:,} images, counted by their files; 70 % of them taken to be for training",
    )


class Amounts(Struct, frozen=True, kw_only=True):
    """What a sprint has to do, in the units that stages' times go by.

    Attributes:
        seen: images that training looks at: epochs and seeds counted. `folded`: that the folds' trainings do.
        folds: how many those are.
        inference: what one image costs: seconds by the table.
    """

    images: int
    test: int
    seen: float
    inference: float
    targets: int
    seeds: int
    benchmark_runs: int
    folds: int = 0
    folded: float = 0.0

    @classmethod
    def of(cls, images: Mapping[str, int], sprint: Sprint, threads: int | None) -> Amounts:
        """Of a sprint on so many images per split, with so many threads; the table's cores when None."""
        trainer = sprint.train
        speed = (threads or _CORES) / _CORES
        epochs = trainer.epochs * len(trainer.seeds)
        k = 0 if isinstance(sprint.evaluate.folds, UnsetType) else sprint.evaluate.folds
        held = max(0, k - 1) * images.get("train", 0) + 0.3 * k * images.get("val", 0)
        return cls(
            images=sum(images.values()),
            test=images.get("test", 0),
            seen=(images.get("train", 0) + 0.3 * images.get("val", 0)) * epochs,
            inference=_INFER_S
            * trainer.imgsz**2
            / 1e6
            * training_terms(trainer.framework).model_cost(trainer.start)
            / speed,
            targets=max(1, len(sprint.export)),
            seeds=len(trainer.seeds),
            benchmark_runs=sprint.benchmark.warmup + sprint.benchmark.iterations,
            folds=k,
            folded=held * trainer.epochs,
        )


_TABLE: Mapping[str, Callable[[Amounts], float]] = {
    index.STAGE.name: lambda amounts: 1.5 + _INDEX_S * amounts.images,
    select.STAGE.name: lambda _: 1.5,
    check.STAGE.name: lambda _: 4.0,
    train.STAGE.name: lambda amounts: 6.0 + _TRAINING * amounts.inference * amounts.seen,
    export.STAGE.name: lambda amounts: 5.0 * amounts.targets,
    predict.STAGE.name: lambda amounts: (
        5.0 + amounts.inference * amounts.test * (amounts.targets + amounts.seeds)
    ),
    champion.STAGE.name: lambda amounts: 5.0 + amounts.inference * amounts.test,
    evaluate.STAGE.name: lambda _: 6.0,
    folds.STAGE.name: lambda amounts: 8.0 * amounts.folds + _TRAINING * amounts.inference * amounts.folded,
    inspect.STAGE.name: lambda _: 5.0,
    benchmark.STAGE.name: lambda amounts: 5.0 + amounts.inference * amounts.benchmark_runs * amounts.targets,
}


def seconds(stage: str, images: Mapping[str, int], sprint: Sprint, threads: int | None) -> float | None:
    """What a stage takes by the table; None for a stage that is not in it.

    Args:
        threads: as flywheel.yaml limits them; the table's cores when None.
    """
    if stage not in _TABLE:
        return None
    return round(_TABLE[stage](Amounts.of(images, sprint, threads)), 1)
