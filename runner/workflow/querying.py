"""`query`: what of the project's index satisfies a condition, and a contact sheet of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from runner.assessment.query import Query, QueryResult, ask
from runner.config.columns import Columns, condition_problems
from runner.config.load import load_project
from runner.config.node import Node
from runner.config.project import Project
from runner.dataset.columns import IMAGE_COLUMNS, OBJECT_COLUMNS, SCORE_COLUMNS
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import write_bytes
from runner.domain.records import POOL, SPLITS
from runner.planning.recorded_index import IndexFiles
from runner.workflow.indexed import FoundIndex, find_index
from runner.workflow.scored import names_scores, with_scores

SHEET_SUFFIX = ".png"
_COLUMNS = 5


def query(root: Path, asked: Query, sheet: Path | None, say: Callable[[str], None]) -> QueryResult:
    """Asks the index of the data as it is.

    Args:
        sheet: where a contact sheet of the listed images is written; None for none.
        say: is told what is wrong with the data, where an index of it is built.

    Raises:
        ConfigurationErrors: flywheel.yaml is not valid.
        FlywheelError: the condition is refused, there is no index, the sheet cannot be made or is there already, or it asks for
            scores and the champion has scored nothing.
    """
    project = load_project(root)
    if sheet is not None:
        _require_new(sheet)
    splits = {name: getattr(project.splits, name) for name in (*SPLITS, POOL)}
    splits = {name: where for name, where in splits.items() if where is not None}
    found = find_index(root, project, None, say)
    with _scored_if_asked(root, project, found, asked) as found:
        _require_sound(found.files, asked, project)
        result = ask(found.files.images, found.files.objects, asked, splits, project.classes, found.said)
        if sheet is not None:
            write_bytes(sheet, _sheet(root, project, found.files, result))
    return result


def _scored_if_asked(
    root: Path, project: Project, found: FoundIndex, asked: Query
) -> AbstractContextManager[FoundIndex]:
    """The index, with the champion's scores where the question names some."""
    from runner.adapters.tables import duckdb

    known = duckdb.column_names(found.files.images)
    if asked.table == "images" and names_scores([asked.condition], [asked.sort], known):
        return with_scores(root, project, found)
    return nullcontext(found)


def _require_new(sheet: Path) -> None:
    """
    Raises:
        FlywheelError: the file is there already, its folder is not, or it is to be no PNG.
    """
    if sheet.suffix.lower() != SHEET_SUFFIX:
        raise FlywheelError(
            f'a contact sheet is a PNG: "{sheet.name}" ends in {sheet.suffix or "no suffix"}',
            hint=f"--sheet {sheet.with_suffix(SHEET_SUFFIX)}",
        )
    if sheet.exists() or sheet.is_symlink():
        raise FlywheelError(
            "is there already; nothing is overwritten",
            where=Where(str(sheet)),
            hint="name another file, or remove this one",
        )
    if not sheet.parent.is_dir():
        raise FlywheelError(
            "there is no such folder", where=Where(str(sheet.parent)), hint=f"mkdir -p {sheet.parent}"
        )


def _require_sound(files: IndexFiles, asked: Query, project: Project) -> None:
    """Refuses what `flywheel validate` refuses in a spec, with the same words.

    Raises:
        FlywheelError: with the first thing that is wrong.
    """
    from runner.adapters.tables import duckdb

    of_images = asked.table == "images"
    names = duckdb.column_names(files.images) if of_images else list(OBJECT_COLUMNS)
    columns = Columns(
        table=asked.table,
        names=tuple(names),
        complete=True,
        classes=None if of_images else tuple(project.classes),
    )
    for problem in condition_problems(Node(asked.condition), columns):
        raise FlywheelError(
            f"condition `{asked.condition}`: {problem.message}", hint=_other_table(problem.message, asked)
        )


def _other_table(message: str, asked: Query) -> str | None:
    """What to do where a column is the other table's."""
    other = OBJECT_COLUMNS if asked.table == "images" else IMAGE_COLUMNS | SCORE_COLUMNS
    if not any(f'no column "{name}"' in message for name in other):
        return None
    if asked.table == "images":
        return "that is a column of objects: add --objects to ask about them"
    return "that is a column of images: leave out --objects to ask about them"


def _sheet(root: Path, project: Project, files: IndexFiles, result: QueryResult) -> bytes:
    """
    Raises:
        FlywheelError: nothing was found, or the dataset is not here.
    """
    from runner.adapters.pictures.contact_sheet import MARKED_PX, MAX_TILES, contact_sheet
    from runner.workflow.tiles import tiles_of

    if not result.rows:
        raise FlywheelError(
            "nothing to show on a contact sheet: no row is listed", hint="loosen the condition or --limit"
        )
    folder = root / project.dataset.path
    if not folder.is_dir():
        raise FlywheelError(
            f"{project.dataset.path}/ is not here: a contact sheet shows the images themselves",
            where=Where(project.dataset.path),
            hint=f"fetch it: dvc pull {project.dataset.path}.dvc",
            exit_code=ExitCode.STAGE_FAILED,
        )
    tiles = tiles_of(folder, files, result, project.task, MAX_TILES)
    found = f"{result.objects:,} objects in " if result.table == "objects" else ""
    heading = [result.condition, f"{found}{result.images:,} images; {len(tiles):,} shown"]
    return contact_sheet(tiles, _COLUMNS, heading, MARKED_PX)
