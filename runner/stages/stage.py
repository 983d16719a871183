"""What a stage is: its declaration for the pipeline, and the context it runs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.records import Record


@dataclass(frozen=True, kw_only=True)
class StageContext:
    """The folders a stage works in.

    Attributes:
        root: the repository's top; the dataset's path is relative to it.
        folder: `reports/<sprint>`; every stage reads and writes below it only.
    """

    root: Path
    folder: Path


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage, declared beside the code that runs it. Importing a stage's module imports nothing heavy.

    Attributes:
        name: a verb; also the stage's section in params.yaml.
        version: raised when the code's output changes for the same input, so that caches notice.
        resolve: what this stage needs of the project and the sprint. A change of it re-runs the stage.
        run: does the work.
        deps: files and folders it reads, relative to the sprint folder (`outs` of earlier stages).
        inputs: further files it reads, relative to the repository's top, from its params (dataset, weights).
        outs: what it writes and DVC caches. `records`: small JSON and CSV that git keeps.
        metrics: which of `records` `dvc metrics show` prints.
    """

    name: str
    version: int
    params_type: type[Record]
    resolve: Callable[[Project, Sprint], Any]
    run: Callable[[StageContext, Any], None]
    deps: tuple[str, ...] = ()
    inputs: Callable[[Any], tuple[str, ...]] = lambda params: ()
    outs: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
