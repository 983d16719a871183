"""The models of a simulation: trained by the sprint's recipe, measured on val, and what they predict on the pool; each kept by its inputs."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from runner.domain.evaluation import REFERENCE_TARGET, Metrics, seed_target
from runner.domain.files import atomic_folder, read_json, write_json
from runner.domain.records import POOL, Record
from runner.embeddings import Setting
from runner.labelling.simulating.data import VAL, SimulatedData
from runner.planning.situation import Situation
from runner.record.catalogue import (
    CHAMPION_FOLDER,
    INDEX_FOLDER,
    PREDICTIONS_FOLDER,
    SELECTION_FOLDER,
    WEIGHTS_FOLDER,
)
from runner.record.scoring import COMMITTEE_FOLDER
from runner.stages.committee import MIRRORED, Mirrored
from runner.stages.measuring import EvaluateParams
from runner.stages.train import TrainParams
from runner.strategies.mix import BatchOptions, Mix
from runner.strategies.mixture import NothingLeftError, draw
from runner.strategies.pool import Failure
from runner.tasks import TASKS
from runner.workflow.drawing.pooled import needs_of, pool_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.exporters.opened import OpenModel

KEPT = Path(".flywheel") / "simulate"
_RESULT, _VERSION = "result.json", 1  # raised when the same inputs give other results
_OTHER_SEEDS = 1000  # seeds of a recipe lie closer together than this


class Result(Record, frozen=True, kw_only=True):
    """What a model was measured at on val, and the names of the further tables that lie beside its predictions on the pool."""

    overall: Metrics
    per_class: dict[str, Metrics]
    members: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Learned:
    """One model.

    Attributes:
        folder: what is kept of it.
    """

    result: Result
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How models are trained and measured.

    Attributes:
        metric: that policies are compared by.
        members: what else looks at the pool, as strategies call it: `seeds`, `flips`.
    """

    train: TrainParams
    evaluate: EvaluateParams
    metric: str
    members: Sequence[str]

    def seeds(self, seed: int) -> list[int]:
        """Of the trainings of one model; of several only where an arm compares them."""
        own = [number + _OTHER_SEEDS * seed for number in self.train.trainer.seeds]
        return own if "seeds" in self.members else own[:1]


class Trainings:
    """The world of `runner.labelling.simulating.replay`, with real models."""

    def __init__(
        self,
        situation: Situation,
        data: SimulatedData,
        recipe: Recipe,
        options: BatchOptions,
        setting: Callable[[], Setting],
    ) -> None:
        """
        Args:
            options: of a batch: its size, and what may not stand beside what.
            setting: where embeddings are computed.
        """
        self._situation, self._data, self._recipe = situation, data, recipe
        self._options, self._setting = options, setting
        self.images: Sequence[str] = data.pool

    def paid(self, path: str, seed: int) -> tuple[int, float]:
        return self._data.labels(seed).drawn[path]

    def value(self, learned: Learned) -> float | None:
        found: float | None = getattr(learned.result.overall, self._recipe.metric)
        return found

    def learn(self, labelled: Collection[str], seed: int) -> Learned:
        """The model of these labels: as it is kept, or trained now.

        Raises:
            FlywheelError: training failed.
        """
        folder = self._situation.root / KEPT / "models" / self._key(labelled, seed)
        if not (folder / _RESULT).is_file():
            with atomic_folder(folder) as out:
                self._train(labelled, seed, out)
        return Learned(result=read_json(folder / _RESULT, Result), folder=folder)

    def draw(self, mix: Mix, labelled: Collection[str], learned: Learned, seed: int) -> Mapping[str, str]:
        """The next batch, drawn as `flywheel batch` draws it; empty where no image is left."""
        from runner.workflow.drawing.candidates import pool_tables
        from runner.workflow.drawing.vectors import Vectors

        if len(labelled) >= len(self.images):
            return {}
        project = self._situation.project
        stored = _Stored(round=self._data.select(seed, labelled), model=learned.folder)
        columns = list(needs_of(mix).columns)
        tables = pool_tables(project, stored, None, columns, frozenset())
        vectors = Vectors(self._situation.root, tables, self._setting, compute=True)
        facts = _Facts(learned=learned, recipe=self._recipe, classes=project.classes)
        pool = pool_of(tables, vectors, mix, facts, tables.predictions(), None)
        options = msgspec.structs.replace(self._options, seed=self._options.seed + seed)
        try:
            drawn = draw(pool, options, mix, self._situation.name)
        except NothingLeftError:
            return {}
        return {image.path: image.arm for image in drawn.images}

    def _key(self, labelled: Collection[str], seed: int) -> str:
        recipe = self._recipe
        trainer = msgspec.structs.replace(recipe.train.trainer, seeds=recipe.seeds(seed))
        told = msgspec.structs.replace(recipe.train, trainer=trainer)
        weights = trainer.weights_file
        parts = (
            str(_VERSION),
            msgspec.json.encode(told, order="sorted").decode(),
            hashlib.sha256((self._situation.root / weights).read_bytes()).hexdigest() if weights else "",
            str(recipe.evaluate.operating_confidence),
            ",".join(recipe.members),
            self._data.digest(seed, labelled),
        )
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:24]

    def _train(self, labelled: Collection[str], seed: int, out: Path) -> None:
        from runner.adapters.system.machine import torch_device
        from runner.adapters.system.private_folders import out_of_reach
        from runner.adapters.tables.selected import SelectedData
        from runner.exporters.opened import open_model
        from runner.trainers.job import TrainingJob

        root, params = self._situation.root, self._recipe.train
        folder = self._data.select(seed, labelled)
        index = folder / INDEX_FOLDER.name
        with tempfile.TemporaryDirectory(dir=out) as temporary, out_of_reach():
            weights = Path(temporary) / WEIGHTS_FOLDER.name
            weights.mkdir()
            trainer = msgspec.structs.replace(params.trainer, seeds=self._recipe.seeds(seed))
            trained = trainer.train(
                TrainingJob(
                    root=root,
                    data=SelectedData(
                        dataset=root / params.dataset,
                        manifest=folder / SELECTION_FOLDER.name / "manifest.parquet",
                        images=index / "images.parquet",
                        objects=index / "objects.parquet",
                    ),
                    spec=params.task,
                    device=params.device,
                    threads=params.threads,
                    out=weights,
                )
            )
            device = torch_device(params.device, params.threads)
            models = {
                seed_target(model.seed) if number else REFERENCE_TARGET: open_model(
                    Path(temporary) / model.path, device
                )
                for number, model in enumerate(trained.models)
            }
            self._look(models, folder, out, Path(temporary))

    def _look(self, models: Mapping[str, OpenModel], folder: Path, out: Path, work: Path) -> None:
        """Predicts on the pool and on val, and measures there."""
        from runner.adapters.tables.selected import selected_paths
        from runner.stages.predict import predict_all

        dataset = self._situation.root / self._recipe.train.dataset
        manifest = folder / SELECTION_FOLDER.name / "manifest.parquet"
        first = {REFERENCE_TARGET: models[REFERENCE_TARGET]}
        held = work / PREDICTIONS_FOLDER.name / "val.parquet"
        held.parent.mkdir()
        predict_all(first, dataset, selected_paths(manifest, VAL))[REFERENCE_TARGET].write(held)
        members: list[str] = []
        if _has_pool(manifest):
            hidden = selected_paths(manifest, POOL)
            tables = predict_all(models, dataset, hidden)
            if "flips" in self._recipe.members:
                turned = replace(models[REFERENCE_TARGET], decoder=Mirrored(models[REFERENCE_TARGET].decoder))
                tables |= predict_all({MIRRORED: turned}, dataset, hidden)
            tables[REFERENCE_TARGET].write(out / "predictions.parquet")
            members = sorted(tables) if len(tables) > 1 else []
            for name in members:
                tables[name].write(out / f"{name}.parquet")
        measured = self._measured(folder, held)
        write_json(
            out / _RESULT,
            Result(overall=measured[0], per_class=measured[1], members=members),
        )

    def _measured(self, folder: Path, predictions: Path) -> tuple[Metrics, dict[str, Metrics]]:
        """On val: of all classes, and of each; points without intervals, since seeds tell the spread."""
        from runner.assessment.cells import Draws, assess_target
        from runner.assessment.split import data_of, load_split
        from runner.evaluation.bootstrap import multiplicities

        told = self._recipe.evaluate
        task = TASKS[told.task.name](spec=told.task, operating_confidence=told.operating_confidence)
        split = load_split(folder, task, VAL)
        draws = Draws(
            groups=split.groups, multiplicities=multiplicities(split.groups, 1), level=told.confidence.level
        )
        found = assess_target(
            REFERENCE_TARGET,
            task.measurable(data_of(split, REFERENCE_TARGET, predictions, task)),
            [],
            draws.none(),
            classes=told.task.classes,
            slice_classes=frozenset(),
        ).evaluation
        return found.overall, found.per_class


def _has_pool(manifest: Path) -> bool:
    from runner.adapters.tables.parquet import read_table

    return POOL in read_table(manifest, ["assigned"])["assigned"].tolist()


@dataclass(frozen=True, kw_only=True)
class _Stored:
    """The tables of one round: the index and the selection of its labels, and what its model predicted."""

    round: Path
    model: Path

    def file(self, out: str, name: str) -> Path:
        """Where a table lies."""
        return (
            self.model if out in (CHAMPION_FOLDER.name, COMMITTEE_FOLDER.name) else self.round / out
        ) / name

    def members(self, out: str) -> list[str]:
        """The further predictions of a model."""
        names = read_json(self.model / _RESULT, Result).members if out == COMMITTEE_FOLDER.name else []
        return [f"{name}.parquet" for name in names]


@dataclass(frozen=True, kw_only=True)
class _Facts:
    """A model of a round, as strategies ask about the champion."""

    learned: Learned
    recipe: Recipe
    classes: Sequence[str]

    @property
    def confidence(self) -> float:
        return self.recipe.evaluate.operating_confidence

    @cached_property
    def seeds(self) -> list[str]:
        return [name for name in self.learned.result.members if name != MIRRORED]

    @property
    def artefacts(self) -> list[str]:
        return []

    def difficulty(self) -> NDArray[np.float64]:
        """`(K,)`: 1 − what each class was measured at on val."""
        import numpy as np

        metric = "map50_95" if TASKS[self.recipe.train.task.name].ranked else "recall"
        found = [getattr(self.learned.result.per_class.get(name), metric, None) for name in self.classes]
        return 1 - np.array([np.nan if value is None else value for value in found], np.float64)

    def failures(self, known: Collection[str]) -> list[Failure]:
        return []
