"""What a dataset holds, as far as the first files of a project depend on it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.dataset.class_names import class_problem
from runner.dataset.columns import check_class_columns, own_image_columns
from runner.dataset.entries import ImageEntry, LabelScheme, LayoutContent
from runner.dataset.metadata import join_metadata, with_layout_metadata
from runner.domain.errors import FlywheelError, Where
from runner.domain.label_faults import FaultName, LabelFault
from runner.domain.task import Keypoints, TaskName
from runner.layouts import LAYOUTS, LabelLayout, layout_of, layouts_for, shortest
from runner.layouts.discover import NO_SPLITS, DatasetSummary, discover
from runner.scaffold.wrong_labels import wrong_labels
from runner.tasks import TASKS

_TO_LABEL = "to have images labelled that nobody labelled yet: flywheel init --data DIR --task detect --classes NAME,NAME"
LOOKED_FOR = "; ".join(f"{name}: {layout.expects}" for name, layout in LAYOUTS.items())


@dataclass(frozen=True, kw_only=True)
class Survey:
    """A dataset that can be adopted.

    Attributes:
        layout: as flywheel.yaml writes it: a name, or a block of options.
        entries: every image with its labels.
        empty_splits: splits that the dataset names, and why no image is in them.
        metadata_file: the CSV that is joined to the images, relative to the dataset.
        metadata: its columns and those of the labels, one value per entry.
        problems: what is wrong with the dataset or single files of it.
        wrong_labels: what is wrong with labels, by kind.
    """

    layout: str | LabelLayout
    task: TaskName
    keypoints: Keypoints | None
    arrangement: str
    classes: list[str]
    entries: Sequence[ImageEntry]
    empty_splits: Mapping[str, str]
    metadata_file: str | None
    metadata: Mapping[str, Sequence[Any]]
    problems: list[str]
    wrong_labels: dict[FaultName, list[LabelFault]] = field(default_factory=dict)


def survey_dataset(folder: Path, layout: str | None, task: TaskName | None = None) -> Survey:
    """Looks at a dataset and refuses one that no model could be trained on.

    Args:
        folder: the dataset.
        layout: how labels are written, if the user said so.
        task: what they are for, if the user said so.

    Raises:
        FlywheelError: the folder does not exist, its layout is not recognised, or it has no labelled object.
    """
    summary = discover(folder, task)
    found = _layout(folder, summary, layout)
    classes, written = _classes(folder, found, summary)
    _check_classes(folder, found, classes)
    points = len(summary.keypoints.names) if summary.keypoints else 0
    scheme = LabelScheme(task=summary.task, classes=classes, keypoints=points, once=True)
    content = layout_of(written).read(folder, scheme)
    entries = content.entries
    _check_trainable(folder, content, summary)
    file, joined, problems = _metadata(folder, summary, entries, classes)
    metadata = with_layout_metadata(joined, content.metadata, file)
    # Splits by condition are what this project is going to have.
    known = [problem for problem in summary.problems if not problem.startswith(NO_SPLITS)]
    return Survey(
        layout=written,
        task=summary.task,
        keypoints=summary.keypoints,
        arrangement=summary.arrangement if found == summary.layout else f"read as {found}",
        classes=classes,
        entries=entries,
        empty_splits=content.empty_splits,
        metadata_file=file,
        metadata=metadata,
        problems=[*(known if found == summary.layout else []), *problems],
        wrong_labels=wrong_labels(folder, entries, content.faults, summary.task),
    )


def _layout(folder: Path, summary: DatasetSummary, layout: str | None) -> str:
    """The layout to read, if there is one for the task."""
    found = layout or summary.layout
    if found is None:
        raise FlywheelError(
            f"no dataset was recognised: {'; '.join(summary.problems)}",
            where=Where(str(folder)),
            hint=f"looked for {LOOKED_FOR}; {_TO_LABEL}",
        )
    fitting = layouts_for(summary.task)
    if found not in fitting:
        raise FlywheelError(
            f"task {summary.task} does not read the layout {found}",
            where=Where(str(folder)),
            hint=f"choose --layout {' or --layout '.join(fitting)}, or another --task",
        )
    if TASKS[summary.task].skeleton and summary.keypoints is None:
        raise FlywheelError(
            "the labels' skeleton is not described"
            + (
                f": their lines look like boxes with {summary.points} key points (x, y, visibility)"
                if summary.points
                else ""
            ),
            where=Where(str(folder)),
            hint=f"say in data.yaml how many points it has, `kpt_shape: [{summary.points or 17}, 3]`"
            + (
                ", or, if they are outlines: --task segment"
                if summary.points
                else ", or name keypoints in COCO's categories"
            ),
        )
    return found


def _classes(folder: Path, layout: str, summary: DatasetSummary) -> tuple[list[str], str | LabelLayout]:
    """The classes of a layout, and the layout with the options that the folder needs."""
    if layout == summary.layout:
        return summary.classes, summary.options or layout
    recognised = LAYOUTS[layout].recognise(folder, summary.task)
    if recognised and recognised.labelled:
        options: str | LabelLayout = recognised.layout or layout  # type: ignore[assignment]  # of the union
        return recognised.classes, shortest(options)
    raise FlywheelError(
        f"no {layout} labels were found (the dataset looks like {summary.layout or 'none of the known layouts'})"
        + (f": {summary.problems[0]}" if summary.layout is None and summary.problems else ""),
        where=Where(str(folder)),
        hint=f"looked for {LOOKED_FOR}",
    )


def _check_classes(folder: Path, layout: str, classes: Sequence[str]) -> None:
    if problem := class_problem(classes):
        raise FlywheelError(
            f"class names: {problem}",
            where=Where(str(folder)),
            hint=f"give each class a name of its own {LAYOUTS[layout].classes_source(folder)}",
        )
    check_class_columns(classes)


def _check_trainable(folder: Path, content: LayoutContent, summary: DatasetSummary) -> None:
    entries = content.entries
    present = [entry for entry in entries if (folder / entry.path).is_file()]
    about = [entry for entry in entries if entry.objects]
    notes = "; ".join(content.notes)
    if not present or (about and not any(entry.objects for entry in present)):
        absent = about or entries
        which = f"the {len(absent)} images" if absent else "the images"
        raise FlywheelError(
            f"none of {which} that the labels are about is there{f': {notes}' if notes else ''}",
            where=Where(str(folder)),
            hint=f"the first is looked for at {absent[0].path}" if absent else f"looked for {LOOKED_FOR}",
        )
    if not about:
        labelled = sum(entry.labelled for entry in present)
        known = [problem for problem in summary.problems if not problem.startswith(NO_SPLITS)]
        reasons = "; ".join(known) or f"{labelled} of {len(present)} images have labels, all empty"
        raise FlywheelError(
            f"there is no labelled object to learn from: {reasons}",
            where=Where(str(folder)),
            hint=f"looked for {LOOKED_FOR}" if labelled else _TO_LABEL,
        )


def _metadata(
    folder: Path, summary: DatasetSummary, entries: Sequence[ImageEntry], classes: Sequence[str]
) -> tuple[str | None, Mapping[str, Sequence[Any]], list[str]]:
    files = sorted(summary.metadata, key=lambda name: (name != "metadata.csv", name))
    problems = [f"{name} is not used: {files[0]} is the metadata" for name in files[1:]]
    if not files:
        return None, {}, problems
    try:
        joined = join_metadata(
            folder / files[0], [entry.path for entry in entries], own_image_columns(classes)
        )
    except FlywheelError as error:
        at = f"{files[0]}:{error.where.line}" if error.where and error.where.line else files[0]
        return None, {}, [*problems, f"{at} is not used as metadata: {error.message}; {error.hint}"]
    return files[0], joined.columns, [*problems, *joined.notes]
