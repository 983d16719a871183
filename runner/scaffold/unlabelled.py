"""A folder of images that nobody labelled: everything goes into the pool, and the first sprint is a batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.dataset.class_names import class_problem
from runner.dataset.columns import check_class_columns
from runner.dataset.entries import ImageEntry, list_files
from runner.dataset.split_names import split_role
from runner.domain.errors import FlywheelError, Where
from runner.domain.records import POOL, SplitCounts
from runner.domain.task import TaskName
from runner.layouts.discover import discover
from runner.scaffold.splits import SuggestedSplits
from runner.scaffold.survey import Survey
from runner.tasks import TASKS

FEWEST = 10
IMAGES = "images"
ALL_IN_THE_POOL = (
    "every image is in the pool: nothing is labelled yet, and the first sprint asks for a batch of labels"
)
THEN_SPLIT = "images of the first batch are drawn at random: once they are labelled, `flywheel split --write` deals them out to train, val and test"


def unlabelled_survey(
    folder: Path, classes: Sequence[str], task: TaskName | None, layout: str | None
) -> Survey:
    """What `survey_dataset` says of a dataset with labels, of images without any.

    Args:
        classes: that annotators will draw. `task`: detect when None.

    Raises:
        FlywheelError: the folder is not there, has too few images, or has labels; or the classes cannot be.
    """
    chosen: TaskName = task or "detect"
    if not folder.is_dir():
        raise FlywheelError(
            "there is no such folder", where=Where(str(folder)), hint="--data names a folder of images"
        )
    _check_classes(classes)
    if TASKS[chosen].skeleton:
        raise FlywheelError(
            "a skeleton cannot be given by options",
            hint="begin with a few images that are labelled in COCO, whose categories name the key points, and adopt those",
        )
    own = "yolo" if TASKS[chosen].ranked else "folders"
    if layout not in (None, own):
        raise FlywheelError(
            f"images without labels are adopted in the layout {own}: labels are written as that has them",
            hint="leave out --layout; flywheel convert writes other formats",
        )
    paths = list_files(folder)
    if len(paths) < FEWEST:
        raise FlywheelError(
            f"{len(paths)} images were found (JPEG, PNG, BMP, WebP or TIFF), and a project begins with {FEWEST} or more",
            where=Where(str(folder)),
            hint="--data names the folder that holds them, at any depth",
        )
    summary = discover(folder, task)
    if summary.labelled:
        raise FlywheelError(
            f"{summary.labelled} of its images are labelled ({summary.layout}), so its classes are in the labels",
            where=Where(str(folder)),
            hint="leave out --classes",
        )
    _require_no_splits(paths)
    return Survey(
        layout=own,
        task=chosen,
        keypoints=None,
        arrangement=f"{IMAGES}/ without labels" if own == "yolo" else "images without a class's folder",
        classes=list(classes),
        entries=[ImageEntry(path=path, split=None, labelled=False) for path in paths],
        empty_splits={},
        metadata_file=None,
        metadata={},
        problems=[],
    )


def below(folder: Path, task: TaskName) -> str:
    """The folder of the dataset that the images are copied into, with a slash; empty where they lie there already.

    YOLO's labels are looked for beside `images/`; images of a folder per class have to be in none of these.
    """
    place = f"{IMAGES}/" if TASKS[task].ranked else f"{POOL}/"
    if all(path.startswith(place) for path in list_files(folder)):
        return ""
    return f"{IMAGES}/{POOL}/" if TASKS[task].ranked else place


def unlabelled_splits(survey: Survey) -> SuggestedSplits:
    """Splits by the folders that labelled images are moved to."""
    return SuggestedSplits(
        conditions={
            **{split: f"split = '{split}' AND labelled" for split in ("train", "val", "test")},
            POOL: "NOT labelled",
        },
        counts={POOL: SplitCounts(images=len(survey.entries), objects=0)},
        group_by=None,
        test_groups=0,
        test_groups_per_class={},
        notes=[ALL_IN_THE_POOL, THEN_SPLIT],
        problems=[],
    )


def _require_no_splits(paths: Sequence[str]) -> None:
    """
    Raises:
        FlywheelError: folders are called as splits are: what lies in them would not be in the pool alone.
    """
    named = sorted(
        {
            part
            for path in paths
            for part in Path(path).parts[:-1]
            if split_role(part) in ("train", "val", "test")
        }
    )
    if named:
        raise FlywheelError(
            f"folders are called {', '.join(named)}, as those of splits: images without labels are in none",
            hint="rename them, or adopt the folder above with its labels: flywheel init --data DIR",
        )


def _check_classes(classes: Sequence[str]) -> None:
    problem = class_problem(classes)
    if problem:
        raise FlywheelError(f"--classes: {problem}", hint="as in: --classes zero,one,two")
    check_class_columns(classes)
