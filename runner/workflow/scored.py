"""The champion's scores beside the index: for questions about the data, never for what a sprint selects."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from runner.adapters.tables.conditions import analyse
from runner.config.project import Project
from runner.dataset.columns import SCORE_COLUMNS
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.planning.champion import Champion, shipped
from runner.record.scoring import IMAGE_SCORES, SCORES
from runner.workflow.holder import holder
from runner.workflow.indexed import FoundIndex
from runner.workflow.scoring import scoring_folder


def names_scores(conditions: Iterable[str], columns: Iterable[str | None], known: Iterable[str]) -> bool:
    """Whether conditions or columns' names are about scores: a column of the index itself goes before a score of its name."""
    asked = {name for condition in conditions for name in analyse(condition).columns}
    asked |= {name for name in columns if name is not None}
    return bool({name.casefold() for name in asked} & set(_free(known)))


def _free(known: Iterable[str]) -> list[str]:
    """The scores whose names the index does not use itself, as for a metadata column."""
    taken = {name.casefold() for name in known}
    return [name for name in SCORE_COLUMNS if name not in taken]


@contextmanager
def with_scores(root: Path, project: Project, found: FoundIndex) -> Iterator[FoundIndex]:
    """An index whose table of images has the champion's scores (`SCORE_COLUMNS`) too, NULL for images that it has not scored.

    The joined table is there as long as the context.

    Raises:
        FlywheelError: nobody holds the stage, it cannot be told who does, or that model has scored nothing here (exit code 3).
    """
    from runner.adapters.tables import duckdb
    from runner.adapters.tables.joined import join_columns

    champion = holder(root, project, "ask for scores")
    scores = require_scores(root, champion)
    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / found.files.images.name
        columns = _free(duckdb.column_names(found.files.images))
        scored = join_columns(found.files.images, scores, "image_id", columns, images)
        said = f"{found.said}, {scored:,} of them scored by {champion.sprint} ({champion.tag})"
        yield FoundIndex(files=replace(found.files, images=images), said=said)


def require_scores(root: Path, champion: Champion) -> Path:
    """The table of the champion's scores of the pool: a row per image, with `image_id`.

    Raises:
        FlywheelError: this very model has scored nothing, its table is not here, or an earlier version wrote it (exit code 3).
    """
    from runner.adapters.tables.parquet import column_names

    shown = scoring_folder(champion.sprint)
    folder = root / shown
    if not (folder / SCORES.name).is_file():
        raise _absent(
            shown, f"the champion {champion.sprint} ({champion.tag}) has not scored the pool yet", ""
        )
    if SCORES.read(folder).tag != shipped(root, champion).tag:
        raise _absent(shown, f"these are the scores of another model than {champion.tag}", "")
    table = folder / IMAGE_SCORES.name
    if not table.is_file():
        raise _absent(shown, f"{IMAGE_SCORES.name} is not here, only its record is", " --pull")
    if not {"image_id", *SCORE_COLUMNS} <= set(column_names(table)):
        raise _absent(shown, f"{IMAGE_SCORES.name} is of an earlier version", "")
    return table


def _absent(shown: str, what: str, option: str) -> FlywheelError:
    return FlywheelError(
        what, where=Where(f"{shown}/"), hint=f"flywheel score{option}", exit_code=ExitCode.STAGE_FAILED
    )
