"""A folder that annotators take into their tool: images named by the keys of their tasks, pre-annotations, the guidelines."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from runner.annotators.annotator import Round
from runner.annotators.shapes import labelled_objects
from runner.dataset.entries import ImageEntry
from runner.domain.files import atomic_folder
from runner.domain.labelling import HandedTask
from runner.writers import WRITERS
from runner.writers.images import transfer_images
from runner.writers.losses import Losses
from runner.writers.writer import SizedImage, WriteJob

ANSWERS = "answers"


Finish = Callable[[Path, Round, dict[str, str]], None]
"""What is done to a package before it takes its place: its folder, the round, and the images' places by their keys."""


def write_packages(
    round_: Round, layout: str, split: str | None = None, finish: Finish | None = None
) -> list[str]:
    """Writes `package/` for the first annotator, and `package-2/`, … with the images that more are to label.

    A package that is there already stays as it is: somebody may be working in it.

    Args:
        layout: the format to write.
        split: what the images are called to be of, where the format is read by splits.

    Returns:
        What to do with them, in sentences.
    """
    most = max((task.annotators for task in round_.handed.tasks), default=0)
    said = []
    for number in range(1, most + 1):
        tasks = [
            task for task in round_.handed.tasks if task.annotators >= number and task.key in round_.files
        ]
        folder = round_.folder / ("package" if number == 1 else f"package-{number}")
        there = folder.is_dir()
        if not there:
            _write(folder, round_, tasks, layout, split, finish)
        said.append(
            f"{folder}: {len(tasks)} images for "
            + (
                "the first annotator"
                if number == 1 and most > 1
                else "the annotators"
                if number == 1
                else "another one"
            )
            + (", as it was written before" if there else "")
        )
    answers = round_.folder / ANSWERS
    answers.mkdir(parents=True, exist_ok=True)
    said.append(
        f"what they label goes to {answers}/NAME, a folder for each annotator, as their tool exports it ({layout})"
    )
    return said


def sized_images(
    tasks: Sequence[HandedTask], round_: Round, layout: str, split: str | None
) -> list[SizedImage]:
    """The tasks' images, named by their keys, at their places in a dataset of a format; pre-annotations are their labels."""
    images = []
    for task in tasks:
        file = round_.files[task.key]
        entry = ImageEntry(
            path=f"{task.key}{file.suffix.lower()}",
            split=split,
            labelled=bool(task.proposals),
            objects=labelled_objects(task.proposals, round_.scheme.classes),
        )
        place = WRITERS[layout].place(entry, PurePosixPath(entry.path), round_.scheme).as_posix()
        images.append(SizedImage(entry=entry, place=place, width=task.width, height=task.height, source=file))
    return images


def _write(
    folder: Path,
    round_: Round,
    tasks: Sequence[HandedTask],
    layout: str,
    split: str | None,
    finish: Finish | None,
) -> None:
    images = sized_images(tasks, round_, layout, split)
    with atomic_folder(folder) as partial:
        job = WriteJob(folder=partial, scheme=round_.scheme, images=images, losses=Losses())
        WRITERS[layout].write(job)
        if finish is not None:
            finish(
                partial, round_, {task.key: image.place for task, image in zip(tasks, images, strict=True)}
            )
        transfer_images(images, partial, "copy")
        if round_.guidelines is not None:
            shutil.copyfile(round_.guidelines, partial / f"guidelines{round_.guidelines.suffix}")
