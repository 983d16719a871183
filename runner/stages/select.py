"""select: the spec's conditions, exclusions, deduplication and sampling, with a reason per image."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from runner.adapters.tables import duckdb
from runner.adapters.tables.owners import StoredTable, owners
from runner.adapters.tables.stored import FEW, StoredColumn
from runner.assessment.split_rules import (
    SplitRule,
    apply_rules,
    looks_at_images,
    needed_columns,
    needed_conditions,
    require_images,
    split_rules,
)
from runner.config.project import Project, Splits
from runner.config.sprint import DataSelection
from runner.dataset.columns import own_image_columns
from runner.dataset.label_fault_counts import FAULT_COLUMNS, count_faults
from runner.dataset.manifest import Manifest, label_columns, owner_codes, summarise
from runner.domain.files import atomic_folder
from runner.domain.label_faults import LABEL_FAULTS
from runner.domain.records import SPLITS, Record, Selection
from runner.domain.task import TaskName
from runner.record.catalogue import INDEX_FOLDER, SELECTION, SELECTION_FOLDER
from runner.selectors.candidates import PairFinder
from runner.stages.stage import WHOLE, Stage, StageContext, images_of

if TYPE_CHECKING:
    from numpy.typing import NDArray


class SelectParams(Record, frozen=True, kw_only=True):
    """What the selection depends on besides the index.

    `chosen` are the splits of which images are selected: train, val and test where it does not say. `dataset` is where
    the images lie, where a rule looks at them.
    """

    task: TaskName
    classes: list[str]
    splits: Splits
    data: DataSelection
    group_by: str | None = None
    chosen: list[str] | UnsetType = UNSET
    dataset: str | UnsetType = UNSET

    @property
    def splits_chosen(self) -> tuple[str, ...]:
        """`chosen`, or a sprint's."""
        return SPLITS if isinstance(self.chosen, UnsetType) else tuple(self.chosen)


def resolve(project: Project, data: DataSelection, chosen: list[str] | UnsetType = UNSET) -> SelectParams:
    """The project's splits, and rules that narrow them."""
    return SelectParams(
        task=project.task,
        classes=list(project.classes),
        splits=project.splits,
        data=data,
        group_by=project.dataset.group_by,
        chosen=chosen,
        dataset=project.dataset.path if looks_at_images(data) else UNSET,
    )


def inputs(params: SelectParams) -> tuple[str, ...]:
    """The dataset, where a rule looks at the images themselves."""
    return () if isinstance(params.dataset, UnsetType) else (params.dataset,)


def finder_of(root: Path, params: SelectParams) -> PairFinder | None:
    """What looks at the images for those that show the same; None where no rule asks."""
    if isinstance(params.dataset, UnsetType):
        return None
    from runner.embeddings.same_pixels import SamePixels

    return SamePixels(root, params.dataset)


def run(context: StageContext, params: SelectParams) -> None:
    """Writes selection/manifest.parquet and selection.json.

    Raises:
        FlywheelError: a condition is refused, an image belongs to two splits, or nothing is left for a split; images have
            to be looked at and cannot be.
    """
    from runner.adapters.tables.parquet import PIECE, write_pieces

    index = context.folder / INDEX_FOLDER.name
    faults = index / LABEL_FAULTS
    manifest, selection = chosen(
        index / "images.parquet",
        index / "objects.parquet",
        params,
        faults if faults.is_file() else None,
        finder_of(context.root, params),
    )
    with atomic_folder(context.folder / SELECTION_FOLDER.name) as folder:
        write_pieces(folder / "manifest.parquet", manifest.pieces(PIECE))
    SELECTION.write(context.folder, selection)


def preview(
    images_parquet: Path, objects_parquet: Path, params: SelectParams, faults_parquet: Path | None = None
) -> Selection:
    """What the stage would write into selection.json for an existing index, without any of the data.

    Raises:
        FlywheelError: as the stage itself.
    """
    return chosen(images_parquet, objects_parquet, params, faults_parquet)[1]


def chosen(
    images_parquet: Path,
    objects_parquet: Path,
    params: SelectParams,
    faults_parquet: Path | None = None,
    finder: PairFinder | None = None,
) -> tuple[Manifest, Selection]:
    """The manifest of an existing index, and its counts; `faults_parquet` is there where wrong labels were treated.

    Raises:
        FlywheelError: as the stage itself.
    """
    from runner.adapters.tables.parquet import read_table

    rules = split_rules(params.splits, params.data)
    grouped = ["group"] if params.group_by is not None else []
    metadata = _metadata_columns(images_parquet, params.classes)
    columns, masks = images_and_masks(images_parquet, rules, [*grouped, *metadata])
    applied = apply_rules(columns, masks, rules, params.splits_chosen, finder)
    require_images(applied, rules, params.splits_chosen, columns)
    manifest = applied.manifest
    selection = summarise(
        manifest,
        StoredTable(objects_parquet, label_columns(params.task)),
        owners(objects_parquet, images_parquet, "path", owner_codes(manifest, params.splits_chosen)),
        params.classes,
        params.splits_chosen,
        columns["group"] if grouped else None,
        {name: columns[name] for name in metadata},
    )
    if faults_parquet is None:
        return manifest, selection
    faults = {name: column.tolist() for name, column in read_table(faults_parquet, FAULT_COLUMNS).items()}
    left = read_table(images_parquet, ["n_objects"])["n_objects"].tolist()
    counts = count_faults(faults, manifest, params.splits_chosen, left)
    return manifest, replace(selection, label_faults=counts)


def images_and_masks(
    images_parquet: Path, rules: Sequence[SplitRule], others: Sequence[str] = ()
) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """What `apply_rules` reads of an index's images: columns, those of `others` too, and the conditions' masks.

    Text stays in the file until it is asked for: that of ten million images would be gigabytes.

    Raises:
        FlywheelError: a condition is refused, or there is no such column.
    """
    conditions = needed_conditions(rules)
    names = list(dict.fromkeys([*needed_columns(rules), *others]))
    size, text = duckdb.size_and_text(images_parquet)
    if size <= FEW:
        text = frozenset()
    columns, masks = duckdb.load(images_parquet, [name for name in names if name not in text], conditions)
    stored = {name: StoredColumn(images_parquet, name, size) for name in names if name in text}
    return {**columns, **stored}, dict(zip(conditions, masks, strict=True))


def _metadata_columns(images_parquet: Path, classes: Sequence[str]) -> list[str]:
    """The columns that are somebody's word for what an image shows, and not measured in it."""
    own = own_image_columns(classes)
    return [name for name in duckdb.column_names(images_parquet) if name not in own]


STAGE = Stage(
    name="select",
    version=4,
    params_type=SelectParams,
    run=run,
    reads=(INDEX_FOLDER,),
    inputs=inputs,
    looks_at=lambda params: WHOLE if inputs(params) else (),
    writes=(SELECTION_FOLDER, SELECTION),
    work=lambda params, selection: float(images_of(selection)),
)
