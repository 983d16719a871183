"""The project's index as of now, for questions that are asked outside any sprint: queries, explanations, splits.

    found = project_index(root, project)
    images = read_table(found.images)                         # columns as in `dataset/columns.py`
    dark = condition_mask(found.images, "brightness < 0.2")   # or any other room that takes an index's tables

It is what the stage `index` would write for the files that are in the working tree, edits that nobody committed or ran included.
Measurements are kept (`dataset/measured.py`), so that no image is read that was not changed.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from runner.adapters.system import executors
from runner.config.project import Project
from runner.domain.files import write_error
from runner.stages import index

# Another process may be reading an earlier one.
KEPT_S = 3_600
KEPT_INDEXES = 3


@dataclass(frozen=True, kw_only=True)
class ProjectIndex:
    """An index, with the same files as a sprint's `index/`.

    Attributes:
        folder: below `.flywheel/`; it holds `images`, `objects` and `thumbnails`, and stays for an hour at least.
        notes: remarks on the data for the user, as a run says them.
        read: how many images had to be read, since they were new or changed.
    """

    folder: Path
    notes: list[str]
    read: int

    @property
    def images(self) -> Path:
        """images.parquet: one row per image."""
        return self.folder / "images.parquet"

    @property
    def objects(self) -> Path:
        """objects.parquet: one row per labelled object."""
        return self.folder / "objects.parquet"

    @property
    def thumbnails(self) -> Path:
        """thumbnails.parquet: 16 × 16 grey values of each image."""
        return self.folder / "thumbnails.parquet"


def project_index(root: Path, project: Project) -> ProjectIndex:
    """Builds the index of the dataset as it lies in the working tree; with a progress bar where images have to be read.

    Raises:
        FlywheelError: the dataset is not here (with how to fetch it), holds no image, or its metadata is unusable; or
            the disk is full or not writable.
    """
    from runner.dataset.kept import kept_folder

    with executors.chosen(project.compute.executor_name):
        built = index.build(root, index.resolve(project))
    tables = kept_folder(root) / "tables"
    try:
        tables.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=tables, prefix="."))
        try:
            index.write(partial, built)
            folder = _settle(partial, tables)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    except OSError as error:
        raise write_error(tables, error) from error
    _remove_earlier(tables, folder)
    return ProjectIndex(folder=folder, notes=built.notes, read=built.measured.read)


def _settle(partial: Path, tables: Path) -> Path:
    """Gives a folder the name of its content; it never changes under those who read it."""
    name = _digest(partial)
    folder = tables / name
    if folder.is_dir() and _digest(folder) != name:
        shutil.rmtree(folder)  # damaged
    try:
        partial.replace(folder)
    except OSError:
        if not folder.is_dir():
            raise
    os.utime(folder)
    return folder


def _digest(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.iterdir()):
        digest.update(f"{path.name}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:16]


def _remove_earlier(tables: Path, current: Path) -> None:
    """Removes what nobody can be reading any more, half written folders of killed processes included."""
    with suppress(OSError):
        ages = sorted(
            (time.time() - path.stat().st_mtime, path) for path in tables.iterdir() if path != current
        )
        for age_s, path in ages[KEPT_INDEXES - 1 :]:
            if age_s > KEPT_S:
                shutil.rmtree(path, ignore_errors=True)
