"""Adopts a dataset: looks at it, sets up git and DVC, brings it in, and writes the first files."""

from __future__ import annotations

import re
import shlex
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from runner.adapters.dvc.new_repository import create_repository, track
from runner.domain.errors import FlywheelError, Where
from runner.domain.files import write_text
from runner.domain.records import Record, SplitCounts
from runner.domain.task import TaskName
from runner.layouts import layout_of
from runner.scaffold.bring import (
    check_dataset_place,
    check_weights,
    copy_dataset,
    copy_weights,
    refuse_to_replace,
    write_documents,
)
from runner.scaffold.decidable import undecidable
from runner.scaffold.documents import FIRST_SPRINT, Foundation, project_text, sprint_text
from runner.scaffold.fetch import FETCHED, with_remote_images
from runner.scaffold.schemas import schema_documents
from runner.scaffold.slices import suggest_slices
from runner.scaffold.splits import plan_splits
from runner.scaffold.survey import Survey, survey_dataset
from runner.scaffold.unlabelled import below, unlabelled_splits, unlabelled_survey
from runner.scaffold.workflows import Home, home_of, workflow_documents
from runner.scaffold.wrong_labels import describe

DATA = "data"
NO_WORKFLOWS = (
    "the workflows were not written: the git repository begins in a folder above; "
    "to write them there, for this folder: flywheel init --workflows"
)
_REPLACE = "run flywheel init in a fresh folder, or replace them: --force (data is never replaced)"
# What flywheel and DVC leave besides the files to commit; DVC adds the dataset itself.
IGNORED = ("/.flywheel/", "__pycache__/")


class FoundDataset(Record, frozen=True, kw_only=True):
    """What `flywheel init` found.

    `splits` are the new project's, `per_class` counts all objects, `wrong_labels` what is wrong with labels by its kind.
    """

    task: TaskName
    layout: str
    arrangement: str
    images: int
    labelled: int
    objects: int
    classes: list[str]
    per_class: dict[str, int]
    splits: dict[str, SplitCounts]
    slices: list[str]
    wrong_labels: dict[str, int] = {}


class InitResult(Record, frozen=True, kw_only=True):
    """What `flywheel init` did, and what to type next. Paths are relative to `folder`."""

    project: str
    folder: str
    dataset: FoundDataset
    problems: list[str]
    notes: list[str]
    written: list[str]
    unchanged: list[str]
    next: list[str]


def initialise(
    target: Path,
    data: Path,
    *,
    name: str | None,
    weights: Path | None,
    layout: str | None,
    task: TaskName | None = None,
    force: bool = False,
    branch: str | None = None,
    classes: Sequence[str] = (),
) -> InitResult:
    """Makes `target` a flywheel project around a copy of the dataset in `data`.

    Everything that can be wrong is looked for before anything is written. Killed at any point, it can be run
    again.

    Args:
        target: the project's folder; made when it does not exist.
        data: the dataset's folder; `target / "data"` itself is adopted in place.
        name: the project's name; the folder's when None.
        weights: a checkpoint to fine-tune; copied and tracked by DVC.
        layout: its name, where several could be meant.
        task: what the labels are for; found out when None.
        force: replace files that differ from what is written here. Data is never replaced.
        branch: the default branch that the workflows are written for; what the checkout tells when None.
        classes: of images that nobody labelled; none of a dataset with labels.

    Raises:
        FlywheelError: the dataset is not usable, files are in the way, or git or DVC refuse.
    """
    if not classes:
        data = with_remote_images(data, target / DATA, layout)
    coming = _coming(target, data, weights, force=force)
    survey = unlabelled_survey(data, classes, task, layout) if classes else survey_dataset(data, layout, task)
    inner = _inner_folder(coming, survey) if classes else ""
    foundation = _foundation(target, data, name, coming.kept, survey)
    home = home_of(target, branch)
    documents = _documents(foundation) | workflow_documents(home.repository, home.branch)
    refuse_to_replace(target, documents, force, hint=_REPLACE)

    target.mkdir(parents=True, exist_ok=True)
    is_top = create_repository(target)
    if not is_top:
        documents = {path: text for path, text in documents.items() if not path.startswith(".github/")}
    tracked = _bring(target, coming, inner)
    _ignore(target)
    unchanged = write_documents(target, documents)
    created = [path for path in documents if path not in unchanged]
    return InitResult(
        project=foundation.name,
        folder=str(target),
        dataset=_found(foundation),
        problems=_problems(foundation, labelled=not classes),
        notes=[
            *foundation.splits.notes,
            *describe(foundation.survey.wrong_labels),
            *_workflow_notes(documents, home),
        ],
        written=[*created, *(f"{path}.dvc" for path in tracked), ".gitignore", ".dvc/config"],
        unchanged=unchanged,
        next=_next_labels(target) if classes else _next(target),
    )


class _Coming(Struct, frozen=True, kw_only=True):
    """What is brought into the project: `data` where it `is_elsewhere`, and `weights`, which are `kept` there by that path."""

    data: Path
    is_elsewhere: bool
    weights: Path | None
    kept: str | None


def _coming(target: Path, data: Path, weights: Path | None, *, force: bool) -> _Coming:
    """
    Raises:
        FlywheelError: something is in its way.
    """
    is_elsewhere = data.is_dir() and check_dataset_place(data, target / DATA)
    kept = f"weights/{weights.name}" if weights else None
    if weights and kept:
        check_weights(weights, target / kept, force)
    return _Coming(data=data, is_elsewhere=is_elsewhere, weights=weights, kept=kept)


def _inner_folder(coming: _Coming, survey: Survey) -> str:
    """Where in the dataset images lie whose labels are still to be written.

    Raises:
        FlywheelError: they do not lie there, and are not copied.
    """
    inner = below(coming.data, survey.task)
    if inner and not coming.is_elsewhere:
        raise FlywheelError(
            f"labels are written beside {inner}, and the images do not lie there",
            where=Where(str(coming.data)),
            hint=f"move them: mkdir -p {coming.data / inner}; or adopt a folder elsewhere, which is copied",
        )
    return inner


def _bring(target: Path, coming: _Coming, inner: str) -> list[str]:
    """Copies what is elsewhere, and has DVC track it; the paths that it tracks."""
    if coming.is_elsewhere and coming.data.name == FETCHED:
        coming.data.rename(target / DATA)
    elif coming.is_elsewhere:
        copy_dataset(coming.data, target / DATA, inner)
    if coming.weights and coming.kept:
        copy_weights(coming.weights, target / coming.kept)
    tracked = [DATA, *([coming.kept] if coming.kept else [])]
    for path in tracked:
        track(target, path)
    return tracked


def _problems(foundation: Foundation, *, labelled: bool) -> list[str]:
    survey, splits = foundation.survey, foundation.splits
    return [*survey.problems, *splits.problems, *(_undecidable(foundation) if labelled else [])]


def _foundation(
    target: Path, data: Path, name: str | None, weights: str | None, survey: Survey
) -> Foundation:
    labelled = any(entry.labelled for entry in survey.entries)
    splits = (
        plan_splits(survey.entries, survey.metadata, survey.empty_splits)
        if labelled
        else unlabelled_splits(survey)
    )
    return Foundation(
        name=_project_name(name, target),
        survey=survey,
        splits=splits,
        suggestions=suggest_slices(data, survey, splits.group_by),
        weights=weights,
    )


def render(result: InitResult) -> str:
    """The result for a person."""
    found = result.dataset
    per_class = ", ".join(f"{name} {count}" for name, count in found.per_class.items())
    lines = [
        f"Adopted {found.images} images ({found.labelled} labelled) with {found.objects} objects as {result.project}",
        f"  task      {found.task}",
        f"  layout    {found.layout}: {found.arrangement}",
        f"  classes   {len(found.classes)}: {per_class if len(per_class) <= 200 else per_class[:199] + '…'}",
    ]
    for split, counts in found.splits.items():
        lines.append(f"  {split:<9} {counts.images} images, {counts.objects} objects")
    lines.append(f"  slices    {'; '.join(found.slices) or 'none'}")
    for title, texts in (("Problems", result.problems), ("Notes", result.notes), ("Written", result.written)):
        if texts:
            lines += ["", title, *(f"  {text}" for text in texts)]
    if result.unchanged:
        lines.append(f"  (as they were: {', '.join(result.unchanged)})")
    return "\n".join([*lines, "", "Next", *(f"  {command}" for command in result.next)])


def _project_name(name: str | None, target: Path) -> str:
    if name is None:
        name = re.sub(r"[^A-Za-z0-9_.-]+", "-", target.name).strip("-_.")[:80] or "project"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", name):
        raise FlywheelError(
            f'"{name}" cannot be a project\'s name',
            hint="use letters, digits, - _ and . only: --name parcel-digits",
        )
    return name


def _documents(foundation: Foundation) -> dict[str, str]:
    return {
        "flywheel.yaml": project_text(foundation),
        f"specs/{FIRST_SPRINT}.yaml": sprint_text(foundation),
        **schema_documents(),
    }


def _workflow_notes(documents: Mapping[str, str], home: Home) -> list[str]:
    return home.notes if any(path.startswith(".github/") for path in documents) else [NO_WORKFLOWS]


def _ignore(target: Path) -> None:
    path = target / ".gitignore"
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    missing = [line for line in IGNORED if line not in lines]
    if missing:
        write_text(path, "\n".join([*lines, *missing]) + "\n")


def _undecidable(foundation: Foundation) -> list[str]:
    splits = foundation.splits
    per_class = {name: splits.test_groups_per_class.get(name, 0) for name in foundation.survey.classes}
    return undecidable(splits.test_groups, per_class, splits.group_by or "image")


def _found(foundation: Foundation) -> FoundDataset:
    survey = foundation.survey
    counts = Counter(item.class_name for entry in survey.entries for item in entry.objects)
    return FoundDataset(
        task=survey.task,
        layout=layout_of(survey.layout).name,
        arrangement=survey.arrangement,
        images=len(survey.entries),
        labelled=sum(entry.labelled for entry in survey.entries),
        objects=counts.total(),
        classes=survey.classes,
        per_class={name: counts[name] for name in survey.classes},
        splits=dict(foundation.splits.counts),
        slices=[_slice_title(text) for text in foundation.suggestions.slices],
        wrong_labels={kind: len(faults) for kind, faults in survey.wrong_labels.items()},
    )


def _slice_title(text: str) -> str:
    """`{name: dark, where: brightness < 0.25}` as a person would say it."""
    plain = text.strip("{}").removeprefix("name: ")
    return plain.replace(", where:", ":").replace(", objects:", ": objects with")


def _next_labels(target: Path) -> list[str]:
    return [
        *_inside(target),
        'git add -A && git commit -m "Adopt the images"',
        f"flywheel batch {FIRST_SPRINT}           # which images are labelled first",
        f"flywheel annotate push {FIRST_SPRINT}   # hand them to the annotators",
        f"flywheel annotate pull {FIRST_SPRINT}   # bring their labels into the dataset",
        "flywheel split --write                    # deal them out to train, val and test",
        f"flywheel run {FIRST_SPRINT}             # check, train, export, evaluate, report",
    ]


def _inside(target: Path) -> list[str]:
    return [] if target == Path.cwd() else [f"cd {shlex.quote(str(target))}"]


def _next(target: Path) -> list[str]:
    return [
        *_inside(target),
        "flywheel validate                    # after editing flywheel.yaml or the spec",
        f"flywheel plan {FIRST_SPRINT}       # what will run, and what it will cost",
        'git add -A && git commit -m "Adopt the dataset"',
        f"flywheel run {FIRST_SPRINT}        # check, train, export, evaluate, report",
        "dvc remote add -d storage URL && dvc push   # share the data",
    ]
