"""What a proposal changes in the data: images, objects, classes and slices of each split, and what pointers name.

Before is what the reference's record on the base says; after is what the plan selects on an index that is at hand.
What nobody knows yet is None, never 0.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from runner.adapters.dvc import metafiles
from runner.adapters.git import repository
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.sprint import SliceSpec
from runner.domain.errors import FlywheelError, Where
from runner.domain.evaluation import Evaluation
from runner.domain.records import SPLITS, Selection
from runner.planning.proposal import CountDelta, PointerDelta, PointerState, SplitDelta
from runner.planning.records import Plan
from runner.planning.resolve import stages_of
from runner.planning.selection import planned_index, planned_manifest
from runner.record.catalogue import EVALUATION, LOCK, SELECTION, sprint_folder, sprint_path
from runner.record.versions import decode_any_version

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
Counts = dict[str, dict[str, int]]  # split → slice → images
_MOST_VALUES = 20  # of a slice with `by`, where the spec does not say


@dataclass(frozen=True, kw_only=True)
class Reference:
    """The sprint that a proposal is compared with, as the base has it."""

    sprint: str
    commit: str


@dataclass(frozen=True, kw_only=True)
class CountedTables:
    """An image index, and the images that are selected of each split."""

    images: Path
    objects: Path
    selected: Mapping[str, Collection[str]]


def data_delta(
    root: Path, project: Project, loaded: LoadedSprint, plan: Plan, reference: Reference | None
) -> list[SplitDelta]:
    """One entry per split; none where neither side is known.

    Args:
        project, loaded: as the sprint is judged, the base's slices included.
        plan: of this sprint.
    """
    specs = [*project.slices, *loaded.sprint.evaluate.slices]
    selection = _record(root, reference, SELECTION.name, Selection) if reference else None
    tables = _planned_tables(root, project, loaded, plan)
    after = slice_counts(tables, specs) if tables else {}
    before = _slices_before(root, reference, specs) if reference else {}
    planned = {split.split: split for split in plan.splits}
    if not planned and selection is None:
        return []
    deltas = []
    for split in SPLITS:
        was = selection.splits.get(split) if selection else None
        will = planned.get(split)
        deltas.append(
            SplitDelta(
                split=split,
                images=_delta("images", was.images if was else None, will.images if will else None),
                objects=_delta("objects", was.objects if was else None, will.objects if will else None),
                classes=_deltas(
                    was.per_class if was else None, will.per_class if will else None, project.classes
                ),
                slices=_slice_deltas(before.get(split), after.get(split), specs, tables, split),
            )
        )
    return deltas


def _delta(name: str, before: int | None, after: int | None) -> CountDelta:
    return CountDelta(name=name, before=before, after=after)


def _deltas(
    before: Mapping[str, int] | None, after: Mapping[str, int] | None, names: Sequence[str]
) -> list[CountDelta]:
    """The classes in the project's order, then those that only the reference has."""
    known = dict.fromkeys([*names, *(before or {})])
    if before is None and after is None:
        return []
    return [
        _delta(name, before.get(name) if before else None, after.get(name, 0) if after else None)
        for name in known
    ]


def _slice_deltas(
    before: Mapping[str, int] | None,
    after: Mapping[str, int] | None,
    specs: Sequence[SliceSpec],
    tables: CountedTables | None,
    split: str,
) -> list[CountDelta]:
    """Those of the proposal in its order, then values of a column that only the reference has."""
    if after is None or tables is None:
        return [_delta(name, number, None) for name, number in (before or {}).items()]
    gone = [name for name in before or {} if name not in after and _is_value(name, specs)]
    # A value beyond the most frequent ones is still there: it is looked up, not taken for none.
    all_values = slice_counts(tables, specs, every_value=True)[split] if gone else {}
    return [
        *(_delta(name, before.get(name) if before else None, number) for name, number in after.items()),
        *(_delta(name, (before or {})[name], all_values.get(name, 0)) for name in gone),
    ]


def _is_value(name: str, specs: Sequence[SliceSpec]) -> bool:
    return any(name.startswith(f"{spec.columns[0]}=") for spec in specs if spec.columns)


# --- before ---------------------------------------------------------------------------------------


def _record(root: Path, reference: Reference, file: str, record_type: type[T]) -> T | None:
    """A record of the reference as the base has it; None where there is none, or one of another version."""
    content = repository.read_file(root, reference.commit, f"{sprint_path(reference.sprint)}/{file}")
    try:
        return decode_any_version(content, record_type) if content is not None else None
    except msgspec.MsgspecError:
        return None


def _slices_before(root: Path, reference: Reference, specs: Sequence[SliceSpec]) -> Counts:
    """Of the test split what was evaluated; of the others what can be counted on a cached index."""
    tables = _recorded_tables(root, reference)
    counts = slice_counts(tables, specs) if tables else {}
    evaluation = _record(root, reference, EVALUATION.name, Evaluation)
    if evaluation is not None and evaluation.targets:
        named = [part for part in evaluation.targets[0].slices if part.found is None]
        counts |= {evaluation.split: {part.name: part.overall.images for part in named}}
    return counts


def _recorded_tables(root: Path, reference: Reference) -> CountedTables | None:
    path = LOCK.of(reference.sprint)
    content = repository.read_file(root, reference.commit, path)
    try:
        stages = metafiles.parse_lock(content, Where(path)) if content is not None else {}
    except FlywheelError:
        return None
    outs = {out: md5 for stage in stages.values() for out, md5 in stage.outs.items()}
    wanted = (("index", "images.parquet"), ("index", "objects.parquet"), ("selection", "manifest.parquet"))
    files = [metafiles.cached_member(root, outs.get(out, ""), name) for out, name in wanted]
    images, objects, manifest = files
    if images is None or objects is None or manifest is None:
        return None
    return CountedTables(images=images, objects=objects, selected=_read_manifest(manifest))


# --- after ----------------------------------------------------------------------------------------


def _planned_tables(root: Path, project: Project, loaded: LoadedSprint, plan: Plan) -> CountedTables | None:
    folder = sprint_folder(root, loaded.name)
    tables = planned_index(root, folder, plan.stages)
    if tables is None or not plan.splits:
        return None
    manifest = planned_manifest(tables, stages_of(project, loaded))
    selected = {split: {manifest.paths[at] for at in manifest.selected(split)} for split in SPLITS}
    return CountedTables(images=tables[0], objects=tables[1], selected=selected)


def _read_manifest(file: Path) -> dict[str, set[str]]:
    from runner.adapters.tables import duckdb  # pyarrow would import pandas where that is installed

    columns = duckdb.load(file, ["path", "assigned", "selected"], [])[0]
    chosen: dict[str, set[str]] = {split: set() for split in SPLITS}
    rows = zip(*(columns[name].tolist() for name in ("path", "assigned", "selected")), strict=True)
    for path, split, selected in rows:
        if selected and split in chosen:
            chosen[split].add(path)
    return chosen


# --- slices ---------------------------------------------------------------------------------------


def slice_counts(tables: CountedTables, specs: Sequence[SliceSpec], *, every_value: bool = False) -> Counts:
    """How many selected images each slice has, by split; of objects: images that hold such an object.

    Slices that are searched for (`auto`) are not known before a model is. What a condition asks for that this index
    does not have is left out: then it is not known.

    Args:
        every_value: all values of a `by`, not only the most frequent ones.
    """
    import numpy as np

    from runner.adapters.tables import duckdb

    paths = duckdb.load(tables.images, ["path"], [])[0]["path"]
    rows = {
        split: np.array([path in chosen for path in paths.tolist()], dtype=bool)
        for split, chosen in tables.selected.items()
    }
    counts: Counts = {split: {} for split in tables.selected}
    for spec in specs:
        try:
            data = _read_slice(tables, spec, paths)
        except FlywheelError:
            continue
        for split, inside in rows.items():
            counts[split] |= _count(data, inside, every_value=every_value)
    return counts


@dataclass(frozen=True, kw_only=True)
class _SliceData:
    """What a slice needs of all images of the index, whatever their split: masks and columns, `(images,)` each."""

    spec: SliceSpec
    where: NDArray[Any] | None = None
    holding: NDArray[Any] | None = None
    columns: dict[str, NDArray[Any]]


def _read_slice(tables: CountedTables, spec: SliceSpec, paths: NDArray[Any]) -> _SliceData:
    from runner.adapters.tables import duckdb

    return _SliceData(
        spec=spec,
        where=duckdb.condition_mask(tables.images, spec.where) if spec.where is not None else None,
        holding=_holding(tables, spec.objects, paths) if spec.objects is not None else None,
        columns=duckdb.load(tables.images, spec.columns, [])[0] if spec.columns else {},
    )


def _count(data: _SliceData, inside: NDArray[Any], *, every_value: bool) -> dict[str, int]:
    from runner.assessment.slices import crossed_slices
    from runner.evaluation.slices import value_slices

    counts: dict[str, int] = {}
    spec = data.spec
    if data.where is not None:
        counts[spec.name or str(spec.where)] = int((data.where & inside).sum())
    if data.holding is not None:
        counts[spec.name or str(spec.objects)] = int((data.holding & inside).sum())
    if data.columns:
        values = {column: read[inside] for column, read in data.columns.items()}
        most = len(inside) if every_value else spec.max or _MOST_VALUES
        (first, of_first), *others = values.items()
        parts = (
            crossed_slices(values, maximum=most) if others else value_slices(first, of_first, maximum=most)
        )
        counts |= {part.name: int(part.images.sum()) for part in parts}
    return counts


def _holding(tables: CountedTables, condition: str, paths: NDArray[Any]) -> NDArray[Any]:
    """`(images,)`: which hold an object of a slice; one that stands for a crowd counts for nobody."""
    import numpy as np

    from runner.adapters.tables import duckdb

    columns, masks = duckdb.load(tables.objects, ["path", "crowd"], [condition])
    inside = masks[0] & ~columns["crowd"].astype(bool)
    holding = set(columns["path"][inside].tolist())
    return np.array([path in holding for path in paths.tolist()], dtype=bool)


# --- pointers -------------------------------------------------------------------------------------


def pointer_deltas(
    root: Path, paths: Sequence[str], *, base: str, head: str | None = None
) -> list[PointerDelta]:
    """Those of some `.dvc` files that differ between two commits; after is the working tree when `head` is None."""
    deltas = []
    for path in paths:
        was = _state(repository.read_file(root, base, path))
        if head is not None:
            content = repository.read_file(root, head, path)
        else:
            file = root / path
            content = file.read_bytes() if file.is_file() and not file.is_symlink() else None
        will = _state(content)
        if was != will:
            deltas.append(PointerDelta(path=repository.shown(path), before=was, after=will))
    return deltas


def _state(content: bytes | None) -> PointerState | None:
    pointer = metafiles.parse_pointer(content) if content is not None else None
    return PointerState(md5=pointer.md5, files=pointer.files, bytes=pointer.bytes) if pointer else None
