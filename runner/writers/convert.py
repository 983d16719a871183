"""Changes a dataset of one format into another: read, written beside, moved into place; and what was not kept."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from runner.domain.errors import FlywheelError, Where
from runner.domain.files import atomic_folder
from runner.domain.records import Record
from runner.domain.task import TaskName
from runner.layouts import LAYOUTS
from runner.tasks import TASKS
from runner.writers import WRITERS
from runner.writers.beside import all_values, copy_licences, write_columns, write_metadata
from runner.writers.images import Transfer, sized_images, transfer_images
from runner.writers.losses import LEFT_OUT, Loss, Losses
from runner.writers.places import unique_places
from runner.writers.reading import Source, chosen_classes, read_source
from runner.writers.reduced import reduced, without_strays, written_task
from runner.writers.remote import RemoteImages, remote_images
from runner.writers.writer import SizedImage, WriteJob, Writer

WITHOUT_IMAGES = "the images stay where they are: the labels name the places that they would have had"


@dataclass(frozen=True, kw_only=True)
class ConvertOptions:
    """What is asked for.

    Attributes:
        layout: to write.
        task: what the labels are read for; found out when None.
        read_as: the layout to read, where the source looks like several.
        classes: those to keep, in their new order; all when None.
        images: whether their files are copied, linked (a second name for the same file), or left where they are.
        strict: refuse where anything is lost.
    """

    layout: str
    task: TaskName | None = None
    read_as: str | None = None
    classes: Sequence[str] | None = None
    images: Transfer = "copy"
    strict: bool = False


class Conversion(Record, frozen=True, kw_only=True):
    """What was converted, and what was not kept.

    Attributes:
        written: False where losses were refused, and nothing was written.
        splits: images by split; those of none by an empty name.
        objects: in the new dataset.
        losses: what the target cannot hold, or could not be read.
        remarks: what is odd about the source, and what to know about the result.
    """

    source: str
    target: str
    read_as: str
    layout: str
    task: TaskName
    written: bool
    images: int
    labelled: int
    splits: dict[str, int]
    objects: int
    losses: list[Loss]
    remarks: list[str]


def convert(source: Path, target: Path, options: ConvertOptions) -> Conversion:
    """Writes the dataset in `source` to `target`, in another format.

    Killed at any point, it can be run again: `target` is there as a whole or not at all.

    Raises:
        FlywheelError: the source is none that can be read, `target` holds something, or the format holds no such labels.
    """
    _check_places(source, target)
    losses = Losses()
    writer = WRITERS[options.layout]
    read = chosen_classes(read_source(source, options.read_as, options.task, losses), options.classes, losses)
    with_images = options.images != "none"
    with remote_images(source, read.layout, target, fetch=with_images) as remote:
        read, images = _prepared(read, writer, losses, remote)
        written, remarks = _write(read, writer, images, target, options, losses)
    if not with_images and not writer.is_table:
        remarks.append(WITHOUT_IMAGES)
    splits = Counter(image.entry.split or "" for image in images)
    return Conversion(
        source=str(source),
        target=str(target),
        read_as=read.layout,
        layout=writer.name,
        task=read.scheme.task,
        written=written,
        images=len(images),
        labelled=sum(image.entry.labelled for image in images),
        splits=dict(sorted(splits.items())),
        objects=sum(len(image.entry.objects) for image in images) - losses.count(*LEFT_OUT),
        losses=losses.records(),
        remarks=[*read.remarks, *_other_sizes(images), *remarks],
    )


def _write(
    read: Source,
    writer: Writer,
    images: Sequence[SizedImage],
    target: Path,
    options: ConvertOptions,
    losses: Losses,
) -> tuple[bool, list[str]]:
    """Writes all of it beside `target`, and moves it there; whether it was written, and what to know about it."""
    with_images = options.images != "none"
    with suppress(_RefusedError), atomic_folder(target) as folder:
        job = WriteJob(
            folder=folder, scheme=read.scheme, images=images, losses=losses, with_images=with_images
        )
        writer.write(job)
        if options.strict and losses.records():
            raise _RefusedError
        _write_beside(read, writer, job)
        transfer_images(images, folder, options.images)
        remarks = [*job.remarks, *_read_again(writer, job)]
        _check_places(read.folder, target)  # nobody has put something there in the meantime
        return True, remarks
    return False, []


def _other_sizes(images: Sequence[SizedImage]) -> list[str]:
    """A sentence about images of another size than their annotations state: pixels may be meant in that one."""
    wrong = [
        f"{image.entry.path} ({stated[0]}×{stated[1]} px, the file has {image.width}×{image.height})"
        for image in images
        if image.source and (stated := image.entry.declared_size) and stated != (image.width, image.height)
    ]
    if not wrong:
        return []
    count = "1 image has" if len(wrong) == 1 else f"{len(wrong)} images have"
    return [f"{count} another size than the annotations state, and the file's is taken: {wrong[0]}"]


class _RefusedError(Exception):
    """Something is lost, and nothing may be."""


def _check_places(source: Path, target: Path) -> None:
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise FlywheelError(
            "exists and is not an empty folder; nothing is ever written over",
            where=Where(str(target)),
            hint="name another folder, or move this one away",
        )
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise FlywheelError(
            f"{source} and {target} lie in one another",
            hint="name a folder outside of the dataset for the new one",
        )


def _prepared(
    read: Source, writer: Writer, losses: Losses, remote: RemoteImages
) -> tuple[Source, list[SizedImage]]:
    """Images with their sizes and places, and labels of a task that the format holds."""
    task = written_task(read.scheme.task, writer)
    found = [
        image
        for image in sized_images(read.folder, read.content.entries, losses, remote)
        if image.source or image.url or image.entry.labelled
    ]
    if task != read.scheme.task:
        found = [replace(image, entry=reduced(image.entry, task, losses)) for image in found]
        read = replace(read, scheme=replace(read.scheme, task=task, keypoints=None))
    kept = {entry.path for entry in without_strays([image.entry for image in found], writer, task, losses)}
    found = [image for image in found if image.entry.path in kept]
    places = unique_places([image.entry for image in found], writer, read.scheme, losses)
    values = all_values(read, [image.entry.path for image in found], losses) if writer.is_table else None
    return read, [
        replace(image, place=places[image.entry.path], metadata=values[at] if values else {})
        for at, image in enumerate(found)
    ]


def _write_beside(read: Source, writer: Writer, job: WriteJob) -> None:
    """Metadata, where the format has no place for it, and licences."""
    places = {image.entry.path: image.place for image in job.images}
    if not writer.is_table:
        for file in read.metadata_files:
            write_metadata(read.folder, file, job.folder, places)
        if read.content.metadata:
            write_columns(read.content, job.folder, places)
    copy_licences(read.folder, job.folder)


def _read_again(writer: Writer, job: WriteJob) -> list[str]:
    """What to type where the new dataset, without a word, would be read for another task."""
    reads = LAYOUTS.get(
        writer.name if TASKS[job.scheme.task].ranked or not writer.class_folders else "folders"
    )
    found = reads.recognise(job.folder, None) if reads and job.with_images else None
    if found is None or found.task == job.scheme.task:
        return []
    return [
        f"without --task {job.scheme.task}, the new dataset is read for {found.task}: its labels could be either"
    ]
