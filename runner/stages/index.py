"""index: one row per image and one per object, in Parquet."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import atomic_folder
from runner.domain.label_faults import LABEL_FAULTS, FaultName, Treatment
from runner.domain.records import Record
from runner.domain.task import TaskName
from runner.layouts import LabelLayout, layout_of
from runner.record.catalogue import INDEX_FOLDER
from runner.stages.stage import WHOLE, Stage, StageContext

# What reads datasets is imported where it is used: `plan` asks a stage for its parameters, and should start at once.
if TYPE_CHECKING:
    from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent
    from runner.dataset.index import IndexTables
    from runner.dataset.measured import Measured

SHOWN_NOTES = 10


class IndexParams(Record, frozen=True, kw_only=True):
    """What the index depends on besides the files themselves.

    `keypoints` counts the skeleton's points. `labels`: what becomes of wrong labels, by kind, where something is said of it.
    """

    path: str
    layout: str | LabelLayout
    task: TaskName
    classes: list[str]
    keypoints: int = 0
    metadata: str | None = None
    group_by: str | None = None
    labels: dict[FaultName, Treatment] | UnsetType = UNSET

    @property
    def treatments(self) -> dict[FaultName, Treatment]:
        """`labels`, or nothing."""
        return {} if isinstance(self.labels, UnsetType) else self.labels

    @property
    def scheme(self) -> LabelScheme:
        """What labels have to say."""
        from runner.dataset.entries import LabelScheme

        once = self.treatments.get("image_twice") == "drop"
        return LabelScheme(task=self.task, classes=self.classes, keypoints=self.keypoints, once=once)


def resolve(project: Project) -> IndexParams:
    """The index is the same for all work on a project."""
    dataset = project.dataset
    return IndexParams(
        path=dataset.path,
        layout=dataset.layout,
        task=project.task,
        keypoints=len(project.keypoints.names) if project.keypoints else 0,
        classes=list(project.classes),
        metadata=dataset.metadata,
        group_by=dataset.group_by,
        labels=dict(dataset.labels.treatments) or UNSET,
    )


def inputs(params: IndexParams) -> tuple[str, ...]:
    """The dataset, and the metadata where it lies elsewhere."""
    if params.metadata is None or Path(params.metadata).is_relative_to(params.path):
        return (params.path,)
    return (params.path, params.metadata)


@dataclass(frozen=True, kw_only=True)
class BuiltIndex:
    """An index before it is written.

    Attributes:
        tables: one row per image, and one per object.
        entries: the images as they were labelled. `metadata`: of each, by column.
        measured: the images of the first of them, in its order.
        notes: remarks for the user.
        faults: wrong labels and what became of them; None where flywheel.yaml says nothing of them.
    """

    tables: IndexTables
    entries: Sequence[ImageEntry]
    metadata: Mapping[str, Sequence[Any]]
    measured: Measured
    notes: list[str]
    faults: dict[str, list[str | None]] | None = None


def build(root: Path, params: IndexParams) -> BuiltIndex:
    """The index of a dataset as it is now; of its images only those are read that are new or were changed.

    Where flywheel.yaml says what becomes of wrong labels, it is done before.

    Raises:
        FlywheelError: the dataset is not there, holds no image of the layout, its metadata is unusable, or labels that belong
            to no image are refused.
    """
    from runner.adapters.system.collector import collector_paused

    with collector_paused():
        return _build(root, params)


def _build(root: Path, params: IndexParams) -> BuiltIndex:
    from runner.dataset.columns import own_image_columns
    from runner.dataset.entries import shared_remarks, unread_pictures
    from runner.dataset.index import build_index
    from runner.dataset.label_treatment import treat_labels
    from runner.dataset.measured import measure_dataset
    from runner.dataset.metadata import JoinedMetadata, join_metadata, with_layout_metadata
    from runner.layouts.json_places import located

    data = root / params.path
    content = read_dataset(data, params)
    paths = [entry.path for entry in content.entries]
    metadata = JoinedMetadata(columns={}, notes=[])
    if params.metadata is not None:
        reserved = own_image_columns(params.classes)
        metadata = join_metadata(root / params.metadata, paths, reserved)
    columns = with_layout_metadata(metadata.columns, content.metadata, params.metadata)
    measured = measure_dataset(root, data, paths)
    treated = treat_labels(content, measured.images, params.task, params.treatments, partial(located, data))
    if len(treated.kept) < len(paths):
        measured = replace(measured, images=[measured.images[at] for at in treated.kept])
        columns = {name: [values[at] for at in treated.kept] for name, values in columns.items()}
    tables = build_index(
        treated.entries, measured.images, params.scheme, columns, params.group_by, partial(located, data)
    )
    remarks = [
        (entry.path, found.remark)
        for entry, found in zip(treated.entries, measured.images, strict=True)
        if found.remark
    ]
    notes = [
        *unread_pictures(data),
        *shared_remarks(remarks),
        *content.notes,
        *metadata.notes,
        *measured.notes,
    ]
    faults = treated.columns() if params.treatments else None
    return BuiltIndex(
        tables=tables,
        entries=treated.entries,
        metadata=columns,
        measured=measured,
        notes=notes,
        faults=faults,
    )


def relabelled(built: BuiltIndex, params: IndexParams, entries: Sequence[ImageEntry]) -> BuiltIndex:
    """The index as it would be with other labels of the same images, in the same order."""
    from runner.dataset.index import build_index

    tables = build_index(entries, built.measured.images, params.scheme, built.metadata, params.group_by)
    return replace(built, tables=tables, entries=entries)


def write(folder: Path, built: BuiltIndex) -> None:
    """Writes the index's files into a folder that is there."""
    from runner.adapters.tables.parquet import write_table
    from runner.dataset.near_duplicates import write_thumbnails

    write_table(folder / "images.parquet", built.tables.images)
    write_table(folder / "objects.parquet", built.tables.objects)
    write_thumbnails(
        folder, built.tables.images["path"], [measured.thumbnail for measured in built.measured.images]
    )
    if built.faults is not None:
        write_table(folder / LABEL_FAULTS, built.faults)


def run(context: StageContext, params: IndexParams) -> None:
    """Writes index/images.parquet, index/objects.parquet and index/thumbnails.parquet; label_faults.parquet, where labels were treated.

    Raises:
        FlywheelError: as `build` does.
    """
    from runner.adapters.system.collector import collector_paused
    from runner.layouts.manifest_fetch import require_fetched

    require_fetched(context.root, params.path, params.layout)
    with collector_paused():
        built = build(context.root, params)
        with atomic_folder(context.folder / INDEX_FOLDER.name) as folder:
            write(folder, built)
    _print_notes(built.notes)


def read_dataset(folder: Path, params: IndexParams) -> LayoutContent:
    """The images and labels in the dataset folder.

    Raises:
        FlywheelError: the folder is missing or empty, or holds no image where the layout has them.
    """
    if not folder.is_dir() or not any(folder.iterdir()):
        raise FlywheelError(
            f"{params.path}/ is not here",
            where=Where(params.path),
            hint=f"fetch it: dvc pull {params.path}.dvc",
            exit_code=ExitCode.STAGE_FAILED,
        )
    layout = layout_of(params.layout)
    content = layout.read(folder, params.scheme)
    if not content.entries:
        raise FlywheelError(
            f"there is no image in {params.path}/ where the layout {layout.name} has them",
            where=Where(params.path),
            hint=f"it reads {layout.expects}; set dataset.layout in flywheel.yaml or move the files",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return content


def _print_notes(notes: list[str]) -> None:
    for note in notes[:SHOWN_NOTES]:
        print(f"note: {note}", file=sys.stderr)
    if len(notes) > SHOWN_NOTES:
        print(f"note: and {len(notes) - SHOWN_NOTES} more", file=sys.stderr)


STAGE = Stage(
    name="index",
    version=3,  # not raised when object ids changed, lest every model be trained anew for the same data: ADR 28
    params_type=IndexParams,
    run=run,
    inputs=inputs,
    looks_at=lambda params: WHOLE,
    writes=(INDEX_FOLDER,),
    work=lambda params, selection: (
        1.0
    ),  # all images: by the files where they changed, which no selection tells
)
