"""What a stage is: its declaration for the pipeline, and the context it runs in."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from runner.dataset.partial import folder_of
from runner.domain.records import Record, Selection
from runner.record.catalogue import RecordFile
from runner.record.parameters import told_in

P = TypeVar("P", bound=Record)
WHOLE = ("*",)  # of `Stage.looks_at`: every file of the dataset


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """The folders a stage works in.

    Attributes:
        root: the repository's top; the dataset's path is relative to it.
        folder: `reports/<sprint>`, or that of another kind of work; every stage reads and writes below it only.
    """

    root: Path
    folder: Path

    def data(self, dataset: str) -> Path:
        """Where the dataset's files lie: all of them, or those that this work looks at."""
        return folder_of(self.root, dataset)


@dataclass(frozen=True, kw_only=True)
class Stage(Generic[P]):
    """One stage, declared beside the code that runs it. Importing a stage's module imports nothing heavy.

    It knows its own parameters and no kind of work: `runner/stages/kinds.py` says which kind has it, and from what the
    parameters are made there.

    Attributes:
        name: a verb; also the stage's section in params.yaml.
        version: raised when the code's output changes for the same input, so that caches notice.
        params_type: what the stage is told. A change of it re-runs the stage.
        run: does the work.
        reads: what earlier stages wrote; without what is written by one that this piece of work does not have.
        inputs: further files it reads, relative to the repository's top, from its params (dataset, weights).
        looks_at: the splits whose selected images it opens; `WHOLE` where it reads the dataset before anything is selected.
        writes: what is large (DVC keeps it) and small JSON and CSV (git keeps it).
        metrics: which of those `dvc metrics show` prints. `plots`: what `dvc plots` draws of them.
        work: what its time is proportional to, in a unit of its own, by what is selected; None where it is constant.
    """

    name: str
    version: int
    params_type: type[P]
    run: Callable[[StageContext, P], None]
    reads: tuple[RecordFile[Any], ...] = ()
    inputs: Callable[[P], tuple[str, ...]] = lambda params: ()
    looks_at: Callable[[P], tuple[str, ...]] = lambda params: ()
    writes: tuple[RecordFile[Any], ...] = ()
    metrics: tuple[RecordFile[Any], ...] = ()
    plots: tuple[Mapping[str, Any], ...] = ()
    work: Callable[[P, Selection], float] | None = None

    @property
    def outs(self) -> tuple[str, ...]:
        """What DVC keeps of what it writes: paths in the work's folder."""
        return tuple(file.name for file in self.writes if file.kept_in == "dvc")

    @property
    def records(self) -> tuple[str, ...]:
        """What git keeps of it."""
        return tuple(file.name for file in self.writes if file.kept_in == "git")

    def section(self, params: P) -> dict[str, Any]:
        """The stage's section of params.yaml.

        The digest is for DVC: its run cache leaves every key called `size` or `nfiles` out of its hash, and would serve
        `calibration: {size: 300}` what was run with `size: 8`.
        """
        told = msgspec.to_builtins(params)
        digest = hashlib.sha256(msgspec.json.encode(told, order="sorted")).hexdigest()
        return {"version": self.version, "digest": digest[:16], **told}

    def params(self, section: Mapping[str, Any]) -> P:
        """The parameters that a section of params.yaml tells.

        Raises:
            msgspec.ValidationError: it is of a version with other parameters.
        """
        return msgspec.convert(told_in(section), self.params_type)

    def work_of(self, params: P, selection: Selection | None) -> float:
        """The stage's work; 1 where it is constant, and while nothing is selected."""
        return 1.0 if self.work is None or selection is None else self.work(params, selection)


def images_of(selection: Selection, *splits: str) -> int:
    """How many images of some splits are selected; of all of them where none is named. At least 1: it divides."""
    counts = selection.splits
    return max(1, sum(counts[name].images for name in splits or counts if name in counts))
