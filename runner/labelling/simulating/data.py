"""A labelled dataset as a simulation sees it: labels of the train split are hidden, until a simulated annotator draws them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import structs

from runner.annotators.shapes import answered_objects, labelled_objects
from runner.annotators.simulated import SimulatedAnnotator, SimulatedPerson
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.label_faults import LABEL_FAULTS
from runner.domain.labelling import AnsweredObject, HandedTask
from runner.domain.records import POOL
from runner.labelling.data_now import labels_digest
from runner.planning.resolve import params_of
from runner.planning.situation import Situation
from runner.record.catalogue import INDEX_FOLDER, SELECTION_FOLDER
from runner.stages import index, select
from runner.tasks import TASKS
from runner.writers.writer import Scheme

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from runner.dataset.entries import ImageEntry, LabelledObject

VAL = "val"
PERFECT = SimulatedAnnotator(annotators=[SimulatedPerson(missed=0, spurious=0, wrong_class=0, jitter=0)])


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What was drawn with one seed.

    Attributes:
        folder: an index of the dataset with these labels on the train split, and a selection.
        drawn: of each image of the pool: how many labels, and the annotator's seconds.
        digests: of each image's labels, by path.
    """

    folder: Path
    drawn: Mapping[str, tuple[int, float]]
    digests: Mapping[str, str]


class SimulatedData:
    """The project's dataset, read once.

    Attributes:
        pool: images of the train split that have labels, by path: what can be labelled.
        val: images that models are measured on.
        image_ids: of all images' contents, by path.
    """

    def __init__(self, situation: Situation, tool: SimulatedAnnotator | None, work: Path) -> None:
        """
        Args:
            tool: who labels; None: labels are as they stand in the dataset.
            work: a folder for tables.

        Raises:
            FlywheelError: the dataset is not here or cannot be read, or no labelled image is selected.
        """
        self._situation, self._tool, self._work = situation, tool, work
        self._params = params_of(situation.stages, index.STAGE)
        self._built = index.build(situation.root, self._params)
        folder = work / "as-labelled"
        folder.mkdir(parents=True)
        index.write(folder, self._built)
        self._columns = self._selection(folder)
        assigned = dict(zip(self._columns["path"], self._columns["assigned"], strict=True))
        chosen = {
            str(path)
            for path, selected in zip(self._columns["path"], self._columns["selected"], strict=True)
            if selected
        }
        self._entries = {entry.path: entry for entry in self._built.entries}
        labelled = {path for path in chosen if self._entries[path].labelled}
        self.pool = sorted(path for path in labelled if assigned[path] == "train")
        self.val = sorted(path for path in labelled if assigned[path] == VAL)
        self.image_ids = dict(zip(self._columns["path"], self._columns["image_id"], strict=True))
        if not self.val or not self.pool:
            raise FlywheelError(
                f"no labelled image of {VAL if self.pool else 'train'} is selected",
                where=Where(f"specs/{situation.name}.yaml"),
                hint="a simulation needs a dataset whose train and val splits have labels",
                exit_code=ExitCode.STAGE_FAILED,
            )
        self._labels: dict[int, Labels] = {}

    def _selection(self, folder: Path) -> dict[str, Sequence[str]]:
        params = params_of(self._situation.stages, select.STAGE)
        faults = folder / LABEL_FAULTS
        manifest, _ = select.chosen(
            folder / "images.parquet",
            folder / "objects.parquet",
            params,
            faults if faults.is_file() else None,
            select.finder_of(self._situation.root, params),
        )
        return next(manifest.pieces(max(len(manifest.paths), 1)))

    def labels(self, seed: int) -> Labels:
        """What annotators draw with a seed; an index of it is written once."""
        if seed not in self._labels:
            self._labels[seed] = self._labelled(seed)
        return self._labels[seed]

    def _labelled(self, seed: int) -> Labels:
        answers = self._answers(seed)
        classes = self._situation.project.classes
        entries = [
            _with(entry, labelled_objects(answers[entry.path][0], classes))
            if self._tool is not None and entry.path in answers
            else entry
            for entry in self._built.entries
        ]
        folder = self._work / f"seed-{seed}"
        (folder / INDEX_FOLDER.name).mkdir(parents=True)
        index.write(folder / INDEX_FOLDER.name, index.relabelled(self._built, self._params, entries))
        wanted = {*self.pool, *self.val}
        return Labels(
            folder=folder,
            drawn={path: (self._count(objects), seconds) for path, (objects, seconds) in answers.items()},
            digests={entry.path: labels_digest(entry.objects) for entry in entries if entry.path in wanted},
        )

    def _count(self, objects: Sequence[AnsweredObject]) -> int:
        return len(objects) if TASKS[self._situation.project.task].ranked else 1

    def _answers(self, seed: int) -> dict[str, tuple[Sequence[AnsweredObject], float]]:
        """By path: what is drawn, and how long it took."""
        project = self._situation.project
        tool = self._tool or PERFECT
        tool = structs.replace(tool, seed=tool.seed + seed, finished=1)
        skeleton = project.keypoints if TASKS[project.task].skeleton else None
        scheme = Scheme(task=project.task, classes=project.classes, keypoints=skeleton)
        pulled = tool.answered(
            self._tasks(),
            scheme,
            self._situation.root,
            truth_of=lambda task: answered_objects(self._entries[task.path], task),
        )
        return {answer.path: (answer.objects, answer.seconds or 0.0) for answer in pulled.answers}

    def _tasks(self) -> list[HandedTask]:
        sizes = dict(
            zip(
                (entry.path for entry in self._built.entries),
                ((found.width or 0, found.height or 0) for found in self._built.measured.images),
                strict=True,
            )
        )
        return [
            HandedTask(
                key=path,
                path=path,
                image_id=str(self.image_ids[path]),
                width=sizes[path][0],
                height=sizes[path][1],
            )
            for path in self.pool
        ]

    def select(self, seed: int, labelled: Collection[str]) -> Path:
        """Writes the selection of one round: what is labelled is trained on, all else of the train split is the pool.

        Returns:
            The folder of the index and the selection.
        """
        import numpy as np

        from runner.adapters.tables.parquet import write_table

        held, hidden, val = set(labelled), set(self.pool) - set(labelled), set(self.val)
        paths = [str(path) for path in self._columns["path"]]
        folder = self.labels(seed).folder
        (folder / SELECTION_FOLDER.name).mkdir(exist_ok=True)
        selected: NDArray[np.bool_] = np.array([path in held | hidden | val for path in paths], np.bool_)
        assigned = [
            "train" if path in held else POOL if path in hidden else VAL if path in val else None
            for path in paths
        ]
        write_table(
            folder / SELECTION_FOLDER.name / "manifest.parquet",
            {**self._columns, "assigned": assigned, "selected": selected},
        )
        return folder

    def digest(self, seed: int, labelled: Collection[str]) -> str:
        """Of everything of the data that a model of these images depends on, and what it is measured and run on."""
        digests, held = self.labels(seed).digests, set(labelled)
        lines = [
            f"{path} {self.image_ids[path]} {digests[path] if path in held else 'pool'}" for path in self.pool
        ]
        lines += [f"{path} {self.image_ids[path]} {digests[path]} val" for path in self.val]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _with(entry: ImageEntry, objects: tuple[LabelledObject, ...]) -> ImageEntry:
    """The image with other labels, in fractions of its size."""
    return replace(entry, objects=objects, label_problems=(), declared_size=None)
