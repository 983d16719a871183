"""The images of a dataset: how large they are, and how they get to their new places."""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Literal, TypeAlias, get_args

from runner.adapters.pictures.turned_sizes import turned_size
from runner.adapters.system.machine import cpu_count
from runner.dataset.entries import ImageEntry
from runner.dataset.shapes import mask_problem
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.progress import progress_bar
from runner.writers.losses import Losses
from runner.writers.remote import RemoteImages
from runner.writers.writer import SizedImage

Transfer: TypeAlias = Literal["copy", "link", "none"]
TRANSFERS: tuple[Transfer, ...] = get_args(Transfer)


def sized_images(
    folder: Path, entries: Sequence[ImageEntry], losses: Losses, remote: RemoteImages | None = None
) -> list[SizedImage]:
    """Images with their sizes, turned by EXIF; without a place yet.

    An image whose file is not there has the size that the annotations state; one of no known size is left out, and so are
    objects whose mask is not of their image's size.
    """
    remote = remote or RemoteImages()
    files = [_file(entry.path, folder, remote) for entry in entries]
    with ThreadPoolExecutor(cpu_count()) as pool:
        sizes = list(pool.map(turned_size, files))
    images = []
    for entry, file, size in zip(entries, files, sizes, strict=True):
        present = file.is_file()
        known = size or entry.declared_size
        if known is None:
            losses.add("no_size", entry.path)
            continue
        if not present and entry.path not in remote.urls:
            losses.add("absent_image", entry.path)
        width, height = known
        images.append(
            SizedImage(
                entry=_fitting(entry, (height, width), losses),
                place="",
                width=width,
                height=height,
                source=file if present else None,
                url=remote.urls.get(entry.path),
            )
        )
    return images


def _file(path: str, folder: Path, remote: RemoteImages) -> Path:
    """In the dataset, else among those that were fetched."""
    own = folder / path
    return own if remote.folder is None or own.is_file() else remote.folder / path


def _fitting(entry: ImageEntry, size_hw: tuple[int, int], losses: Losses) -> ImageEntry:
    wrong = {item.place: problem for item in entry.objects if (problem := mask_problem(item, size_hw))}
    for problem in wrong.values():
        losses.add("mask_misfit", problem)
    kept = tuple(item for item in entry.objects if item.place not in wrong)
    return replace(entry, objects=kept) if wrong else entry


def transfer_images(images: Sequence[SizedImage], target: Path, how: Transfer) -> None:
    """Brings the images' files to their places below `target`.

    Raises:
        FlywheelError: links cannot be made there.
        OSError: the disk is full or not writable.
    """
    if how == "none":
        return
    with progress_bar(how, len(images), "image") as bar:
        for image in images:
            if image.source is not None:
                place = target / image.place
                place.parent.mkdir(parents=True, exist_ok=True)
                if how == "copy":
                    shutil.copyfile(image.source, place)
                else:
                    _link(image.source, place)
            bar.update()


def _link(source: Path, place: Path) -> None:
    """A second name for the same file; a file that is itself a link is followed."""
    try:
        os.link(source.resolve(), place)
    except OSError as error:
        raise FlywheelError(
            f"cannot be linked: {error.strerror}",
            where=Where(str(source)),
            hint="hard links need both folders on one file system: --images copy",
            exit_code=ExitCode.STAGE_FAILED,
        ) from error
