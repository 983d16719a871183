"""select: the spec's conditions, exclusions, deduplication and sampling, with a reason per image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import UNSET, UnsetType

from runner.adapters.tables import duckdb
from runner.config.project import Project, Splits
from runner.config.sprint import DataSelection, SplitSelection
from runner.dataset.columns import own_image_columns
from runner.dataset.manifest import Manifest, label_columns, summarise
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import atomic_folder
from runner.domain.records import POOL, SPLITS, Record, Selection
from runner.domain.task import TaskName
from runner.record.catalogue import INDEX_FOLDER, SELECTION, SELECTION_FOLDER
from runner.selectors.candidates import Candidates, Selector
from runner.stages.stage import Stage, StageContext, images_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

EXCLUDED_FROM = ("train", "val")  # what a sprint is judged on is not narrowed by the sprint's own exclusions
IMAGE_COLUMNS = ("path", "image_id", "split", "readable", "problem", "labelled")
LISTED_VALUES = 8


class SelectParams(Record, frozen=True, kw_only=True):
    """What the selection depends on besides the index.

    `chosen` are the splits of which images are selected: train, val and test where it does not say.
    """

    task: TaskName
    classes: list[str]
    splits: Splits
    data: DataSelection
    group_by: str | None = None
    chosen: list[str] | UnsetType = UNSET

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
    )


def run(context: StageContext, params: SelectParams) -> None:
    """Writes selection/manifest.parquet and selection.json.

    Raises:
        FlywheelError: a condition is refused, an image belongs to two splits, or nothing is left for a split.
    """
    from runner.adapters.tables.parquet import write_table

    index = context.folder / INDEX_FOLDER.name
    manifest, selection = chosen(index / "images.parquet", index / "objects.parquet", params)
    with atomic_folder(context.folder / SELECTION_FOLDER.name) as folder:
        write_table(folder / "manifest.parquet", manifest.columns())
    SELECTION.write(context.folder, selection)


def preview(images_parquet: Path, objects_parquet: Path, params: SelectParams) -> Selection:
    """What the stage would write into selection.json for an existing index, without any of the data.

    Raises:
        FlywheelError: as the stage itself.
    """
    return chosen(images_parquet, objects_parquet, params)[1]


def chosen(images_parquet: Path, objects_parquet: Path, params: SelectParams) -> tuple[Manifest, Selection]:
    """The manifest of an existing index, and its counts.

    Raises:
        FlywheelError: as the stage itself.
    """
    rules = _split_rules(params)
    needed = [name for rule in rules for selector in rule.selectors for name in selector.needs]
    conditions = list(dict.fromkeys(text for rule in rules for text in rule.conditions))
    grouped = ["group"] if params.group_by is not None else []
    metadata = _metadata_columns(images_parquet, params.classes)
    names = list(dict.fromkeys([*IMAGE_COLUMNS, *grouped, *needed, *metadata]))
    columns, masks = duckdb.load(images_parquet, names, conditions)
    objects, _ = duckdb.load(objects_parquet, label_columns(params.task), [])
    manifest = select(columns, dict(zip(conditions, masks, strict=True)), params)
    groups = columns["group"].tolist() if grouped else None
    described = {name: columns[name].tolist() for name in metadata}
    return manifest, summarise(manifest, objects, params.classes, params.splits_chosen, groups, described)


def _metadata_columns(images_parquet: Path, classes: Sequence[str]) -> list[str]:
    """The columns that are somebody's word for what an image shows, and not measured in it."""
    own = own_image_columns(classes)
    return [name for name in duckdb.column_names(images_parquet) if name not in own]


def select(
    images: Mapping[str, NDArray[Any]], masks: Mapping[str, NDArray[Any]], params: SelectParams
) -> Manifest:
    """Applies the rules: readable, of a split that is asked for, labelled, `where`, `exclude`, deduplication, sampling; in this order.

    Images whose labels have problems stay selected, so that the check stage stops the sprint and names them.

    Args:
        images: columns of the images table, each `(images,)`.
        masks: for each condition of `params`, which images satisfy it, `(images,)`.
        params: the rules.

    Raises:
        FlywheelError: an image belongs to two splits, or no image is left for train, val or test.
    """
    rules = _split_rules(params)
    draft = _Draft(images)
    _assign(draft, rules, masks)
    for rule in rules:
        if rule.name in params.splits_chosen:
            _narrow(draft, rule, masks)
        else:
            _leave(draft, rule.name)
    manifest = draft.manifest()
    for rule in rules:
        if rule.name in params.splits_chosen and not manifest.selected(rule.name):
            raise _empty(rule, manifest, images)
    return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class _SplitRule:
    """What makes one split: conditions, then selectors."""

    name: str
    where: str
    narrowed: str | None = None
    exclude: str | None = None
    selectors: tuple[Selector, ...] = ()

    @property
    def conditions(self) -> list[str]:
        return [text for text in (self.where, self.narrowed, self.exclude) if text is not None]


def _split_rules(params: SelectParams) -> list[_SplitRule]:
    choices: dict[str, SplitSelection] = {name: getattr(params.data, name) for name in SPLITS}
    rules = [
        _SplitRule(
            name=name,
            where=getattr(params.splits, name),
            narrowed=choice.where,
            exclude=params.data.exclude if name in EXCLUDED_FROM else None,
            selectors=tuple(selector for selector in (choice.dedupe, choice.sample) if selector is not None),
        )
        for name, choice in choices.items()
    ]
    if params.splits.pool is not None:
        rules.append(_SplitRule(name=POOL, where=params.splits.pool))
    return rules


class _Draft:
    """A manifest in the making: rule after rule drops images from it."""

    def __init__(self, images: Mapping[str, NDArray[Any]]) -> None:
        self.images = images
        count = len(images["path"])
        self.assigned: list[str | None] = [None] * count
        self.rules: list[str | None] = ["in no split"] * count
        self.reasons = ["no split's condition holds"] * count

    def assign(self, position: int, split: str, reason: str) -> None:
        self.assigned[position], self.rules[position], self.reasons[position] = split, None, reason

    def drop(self, position: int, rule: str, reason: str | None = None) -> None:
        self.rules[position], self.reasons[position] = rule, reason or rule

    def left(self, split: str) -> list[int]:
        pairs = enumerate(zip(self.assigned, self.rules, strict=True))
        return [position for position, (assigned, rule) in pairs if assigned == split and rule is None]

    def manifest(self) -> Manifest:
        return Manifest(
            paths=self.images["path"].tolist(),
            image_ids=self.images["image_id"].tolist(),
            assigned=self.assigned,
            rules=self.rules,
            reasons=self.reasons,
        )


def _assign(draft: _Draft, rules: Sequence[_SplitRule], masks: Mapping[str, NDArray[Any]]) -> None:
    where = {rule.name: rule.where for rule in rules}
    for rule in rules:
        for position in masks[rule.where].nonzero()[0].tolist():
            other = draft.assigned[position]
            if other is not None:
                raise FlywheelError(
                    f"{draft.images['path'][position]} belongs to both {other} (`{where[other]}`) "
                    f"and {rule.name} (`{rule.where}`)",
                    hint="make the conditions of splits in flywheel.yaml exclude each other",
                    exit_code=ExitCode.STAGE_FAILED,
                )
            draft.assign(position, rule.name, f"{rule.name}: {rule.where}")


def _leave(draft: _Draft, split: str) -> None:
    """Drops what is of a split that is not asked for."""
    for position in draft.left(split):
        if not _unreadable(draft, position):
            draft.drop(position, "kept in the pool" if split == POOL else "not asked for")


def _unreadable(draft: _Draft, position: int) -> bool:
    """Drops an image that cannot be read; whether it is one."""
    unreadable = not draft.images["readable"][position]
    if unreadable:
        draft.drop(position, "unreadable", f"unreadable: {draft.images['problem'][position]}")
    return unreadable


def _narrow(draft: _Draft, rule: _SplitRule, masks: Mapping[str, NDArray[Any]]) -> None:
    images = draft.images
    for position in draft.left(rule.name):
        if _unreadable(draft, position):
            continue
        if rule.name != POOL and not images["labelled"][position]:
            draft.drop(position, "not labelled")
        elif rule.narrowed is not None and not masks[rule.narrowed][position]:
            draft.drop(position, f"does not satisfy data.{rule.name}.where: {rule.narrowed}")
        elif rule.exclude is not None and masks[rule.exclude][position]:
            draft.drop(position, f"satisfies data.exclude: {rule.exclude}")
    for selector in rule.selectors:
        positions = draft.left(rule.name)
        candidates = Candidates(
            paths=images["path"][positions].tolist(),
            image_ids=images["image_id"][positions].tolist(),
            columns={name: images[name][positions] for name in selector.needs},
        )
        for at, reason in selector.drop(candidates).items():
            draft.drop(positions[at], selector.describe(), reason)


def _empty(rule: _SplitRule, manifest: Manifest, images: Mapping[str, NDArray[Any]]) -> FlywheelError:
    pairs = zip(manifest.assigned, manifest.rules, strict=True)
    dropped = Counter(reason for assigned, reason in pairs if assigned == rule.name and reason is not None)
    matched = sum(dropped.values())
    steps = [f"{matched} of {len(manifest.paths)} images satisfy `{rule.where}`"]
    steps += [f"{number} dropped: {reason}" for reason, number in dropped.items()]
    values = Counter(str(value) for value in images["split"].tolist() if value is not None)
    listed = ", ".join(f"{value} ({number})" for value, number in values.most_common(LISTED_VALUES))
    if matched and rule.name == POOL:
        hint = "repair the images: none of the pool can be read"
    elif matched:
        hint = f"loosen data.{rule.name} and data.exclude in the spec, or label and repair the images"
    else:
        hint = f"change splits.{rule.name} in flywheel.yaml; split in the index is {listed or 'always empty'}"
    return FlywheelError(
        f"no image is left for {rule.name}: {'; '.join(steps)}", hint=hint, exit_code=ExitCode.STAGE_FAILED
    )


STAGE = Stage(
    name="select",
    version=4,
    params_type=SelectParams,
    run=run,
    reads=(INDEX_FOLDER,),
    writes=(SELECTION_FOLDER, SELECTION),
    work=lambda params, selection: float(images_of(selection)),
)
