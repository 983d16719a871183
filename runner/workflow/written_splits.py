"""Where a proposed split is kept: one CSV, the project's metadata with one more column. Nothing of the user's is changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from runner.adapters.system import yaml_text
from runner.adapters.tables.parquet import read_table
from runner.config.project import Project
from runner.dataset.csv_rows import KEY, read_rows
from runner.dataset.metadata import rows_of_images
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import csv_text, write_text
from runner.domain.records import SPLITS

COLUMN = "proposed_split"
USUAL = Path("splits.csv")


def require_free(root: Path, file: Path, *, replace: bool) -> None:
    """The file may be written.

    Raises:
        FlywheelError: it leads out of the project; something lies there, and may not be replaced, or is no such file.
    """
    target = (root / file).resolve()
    if file.is_absolute() or not target.is_relative_to(root.resolve()):
        raise FlywheelError(
            f"{file} is not in the project", hint=f"name a file below {root.name}/, as {USUAL}"
        )
    if not target.exists():
        return
    ours = target.is_file() and COLUMN in read_rows(target).columns
    if not ours:
        raise FlywheelError(
            "it is there already, and no proposed split",
            where=Where(file.as_posix()),
            hint="name another: --write FILE",
        )
    if not replace:
        raise FlywheelError(
            "it holds a proposed split already",
            where=Where(file.as_posix()),
            hint="to put this one in its place: --replace; or name another: --write FILE",
        )


def write(root: Path, project: Project, file: Path, assigned: Mapping[str, str], images: Path) -> str:
    """Writes the metadata with the column `COLUMN`, and returns the lines of flywheel.yaml that use it.

    Raises:
        FlywheelError: the metadata cannot be read, or the disk is full or not writable.
    """
    paths = read_table(images, ["path"])["path"].tolist()
    columns: dict[str, list[str | None]] = {}
    rows: Mapping[str, int] = {}
    if project.dataset.metadata is not None:
        metadata = root / project.dataset.metadata
        table = read_rows(metadata)
        rows, _ = rows_of_images(metadata, table, paths)
        columns = {name: list(texts) for name, texts in table.columns.items() if name not in (KEY, COLUMN)}
    lines = [[KEY, *columns, COLUMN]]
    for path in paths:
        row = rows.get(path)
        told = ["" if row is None else texts[row] or "" for texts in columns.values()]
        lines.append([path, *told, assigned.get(path, "")])
    write_text(root / file, csv_text(lines))
    return configuration(project, file)


def configuration(project: Project, file: Path) -> str:
    """The lines of flywheel.yaml that make a written proposal the project's splits."""
    splits = {split: f"{COLUMN} = '{split}'" for split in SPLITS}
    if project.splits.pool is not None:
        splits["pool"] = project.splits.pool
    return yaml_text.dump({"dataset": {"metadata": file.as_posix()}, "splits": splits}).rstrip()
