"""What a stage is: its declaration for the pipeline, and the context it runs in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
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


def _without_ancestor(params: Any, ancestor: Ancestor | None) -> Any:
    return params


def _without_champion(params: Any, champion: ResolvedChampion | None) -> Any:
    return params


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage, declared beside the code that runs it. Importing a stage's module imports nothing heavy.

    Attributes:
        name: a verb; also the stage's section in params.yaml.
        version: raised when the code's output changes for the same input, so that caches notice.
        resolve: what this stage needs of the project and the sprint. A change of it re-runs the stage.
        with_champion: what `resolve` gave, with what the stage needs of the champion; None: the sprint has no such stage.
        with_ancestor: what it gave, with what the stage needs of the sprint that is fine-tuned.
        run: does the work.
        deps: files and folders it reads, relative to the sprint folder (`outs` of earlier stages). Those of a
            stage that the sprint does not have are left out.
        inputs: further files it reads, relative to the repository's top, from its params (dataset, weights).
        outs: what it writes and DVC caches. `records`: small JSON and CSV that git keeps.
        metrics: which of `records` `dvc metrics show` prints.
    """

    name: str
    version: int
    params_type: type[Record]
    resolve: Callable[[Project, Sprint], Any]
    run: Callable[[StageContext, Any], None]
    with_champion: Callable[[Any, ResolvedChampion | None], Any | None] = _without_champion
    with_ancestor: Callable[[Any, Ancestor | None], Any] = _without_ancestor
    deps: tuple[str, ...] = ()
    inputs: Callable[[Any], tuple[str, ...]] = lambda params: ()
    outs: tuple[str, ...] = ()
    records: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
