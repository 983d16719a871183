"""A dataset whose manifest names images behind URLs, with these images in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from runner.layouts.manifest_fetch import fetch_images, remote_images
from runner.layouts.manifest_recognition import find_manifest
from runner.layouts.manifest_uris import REMOTE
from runner.scaffold.bring import copy_dataset

FETCHED = ".data.fetched"


def with_remote_images(data: Path, place: Path, layout: str | None) -> Path:
    """The folder to adopt: `data`, or a copy beside `place` with the images fetched into it.

    What was fetched before a failure is kept there for the next call.

    Args:
        data: the dataset's folder.
        place: where the project has its data.
        layout: its name, if the user said so.

    Raises:
        FlywheelError: an image could not be fetched, or the manifest is none.
    """
    if not data.is_dir() or layout not in (None, "manifest"):
        return data
    file = find_manifest(data)
    if file is None or all(image.target.is_file() for image in remote_images(data, file)):
        return data
    if data == place or _is_fetched(data, place, file):
        fetch_images(place, file)
        return place
    if place.exists():
        return data  # something else is there: nothing is fetched to be refused
    staged = place.with_name(FETCHED)
    if not _is_fetched(data, staged, file):
        _stage(data, staged)
    fetch_images(staged, file)
    return staged


def _stage(data: Path, staged: Path) -> None:
    """A copy of the dataset, with what an earlier call has fetched for another version of its manifest."""
    kept, aside = staged / REMOTE, staged.with_name(f"{staged.name}.{REMOTE}")
    if kept.is_dir() and not aside.is_dir():
        kept.rename(aside)
    shutil.rmtree(staged, ignore_errors=True)
    staged.parent.mkdir(parents=True, exist_ok=True)
    copy_dataset(data, staged)
    if aside.is_dir() and not kept.exists():
        aside.rename(kept)
    shutil.rmtree(aside, ignore_errors=True)


def _is_fetched(data: Path, copy: Path, file: str) -> bool:
    """Whether a folder holds the same manifest."""
    return (copy / file).is_file() and (copy / file).read_bytes() == (data / file).read_bytes()
