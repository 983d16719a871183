"""A dataset of which only some files are here: they lie in a folder of their own, called by what the pointer records.

The dataset's own folder is whole or away, never in between: `dvc add` of a part would make a smaller dataset of it.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from runner.adapters.dvc import metafiles
from runner.domain.files import atomic_path

FOLDER = ".flywheel/data"  # git-ignored: of this machine alone


def folder_of(root: Path, dataset: str) -> Path:
    """Where a dataset's files lie: at its path, or, where that is away, those that were fetched.

    Raises:
        FlywheelError: the dataset's pointer is none.
    """
    whole = root / dataset
    if whole.exists():
        return whole
    md5 = metafiles.pointer_md5(root / f"{dataset}.dvc")
    part = part_folder(root, md5) if md5 else whole
    return part if part.is_dir() else whole


def part_folder(root: Path, md5: str) -> Path:
    """Where the fetched files of the dataset `md5` lie, there or not."""
    return root / FOLDER / md5.removesuffix(".dir")


def lay_out(root: Path, md5: str, members: Mapping[str, str]) -> list[str]:
    """Puts files of DVC's cache where stages read them: as links to it, as copies where it lies on another disk.

    Each is compared with its hash when it is put there. Called again after it was killed, it goes on with what is missing.

    Args:
        md5: of the dataset. `members`: the md5 of each file by its path; all are in the cache.

    Returns:
        The files whose object in the cache holds other bytes, which are not put there; sorted.
    """
    folder = part_folder(root, md5)
    folder.mkdir(parents=True, exist_ok=True)
    spoiled = []
    for name, each in sorted(members.items()):
        target = folder / name
        if target.is_file():
            continue
        stored = metafiles.cache_path(root, each)
        if metafiles.file_md5(stored) != each:
            spoiled.append(name)
        else:
            _put(stored, target)
    return spoiled


def _put(stored: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(OSError):  # another disk, or one without links
        os.link(stored, target)
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(stored, temporary)
