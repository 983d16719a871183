"""Brings files into the project: complete or not at all, and never over something else."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Mapping
from pathlib import Path

from runner.domain.errors import FlywheelError, Where
from runner.domain.files import atomic_path, write_error, write_text
from runner.domain.progress import progress_bar

WEIGHTS_SUFFIX = ".pt"
# A zip archive (PyTorch from 1.6 on), or a bare pickle.
CHECKPOINT_STARTS = (b"PK\x03\x04", b"\x80")


def check_dataset_place(source: Path, target: Path) -> bool:
    """Whether the dataset has to be copied to `target`; it need not when it lies there already.

    Raises:
        FlywheelError: `target` holds something else, one lies in the other, a link leads out of the dataset, or
            to a folder.
    """
    _refuse_links(source)
    if source == target:
        return False
    if target.is_relative_to(source) or source.is_relative_to(target):
        raise FlywheelError(
            f"the dataset {source} and its place in the project, {target}, lie in one another",
            hint="run flywheel init in a fresh folder elsewhere: mkdir ../project && cd ../project",
        )
    if not target.exists():
        return True
    if target.is_dir() and _sizes(source) == _sizes(target):
        return False
    raise FlywheelError(
        "exists and holds something else than the dataset; data is never replaced",
        where=Where(str(target)),
        hint=f"move it away, or adopt it as it is: flywheel init --data {target}",
    )


def copy_dataset(source: Path, target: Path, inner: str = "") -> None:
    """Copies all but hidden files, with a progress bar; links are followed.

    Args:
        inner: the folder of the target that they are copied into.

    Raises:
        FlywheelError: the disk is full or a file is not readable.
    """
    # A killed copy leaves this folder, never a part of the dataset under its name.
    partial = target.with_name(f".{target.name}.partial")
    files = sorted(_sizes(source))
    try:
        shutil.rmtree(partial, ignore_errors=True)
        with progress_bar("copy", len(files), "file") as bar:
            for name in files:
                place = partial / inner / name
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source / name, place)
                bar.update()
        partial.rename(target)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise write_error(Path(error.filename or target), error) from error


def check_weights(source: Path, target: Path, force: bool) -> None:
    """Refuses what is no checkpoint, and to replace another one.

    Raises:
        FlywheelError: the file is missing or is no PyTorch checkpoint, or `target` holds another one.
    """
    if not source.is_file():
        raise FlywheelError("weights not found", where=Where(str(source)), hint="--weights names a .pt file")
    with source.open("rb") as file:
        start = file.read(4)
    if source.suffix != WEIGHTS_SUFFIX or not start.startswith(CHECKPOINT_STARTS):
        raise FlywheelError(
            "not a PyTorch checkpoint",
            where=Where(str(source)),
            hint="--weights names a .pt file of Ultralytics",
        )
    if target.is_file() and not force and not _same_content(source, target):
        raise FlywheelError(
            "holds other weights", where=Where(str(target)), hint="rename one of them, or replace it: --force"
        )


def copy_weights(source: Path, target: Path) -> None:
    """Copies a weights file, unless it lies there already.

    Raises:
        FlywheelError: the disk is full or not writable.
    """
    if target.is_file() and (source == target or _same_content(source, target)):
        return
    with atomic_path(target) as temporary:
        shutil.copyfile(source, temporary)


def refuse_to_replace(target: Path, documents: Mapping[str, str], force: bool, *, hint: str) -> None:
    """Refuses when a file of that name is there with another content.

    Args:
        hint: what to type then.

    Raises:
        FlywheelError: some are, and nobody said `force`.
    """
    present = [path for path in documents if (target / path).exists()]
    in_the_way = [path for path in present if not _holds(target / path, documents[path])]
    if in_the_way and not force:
        raise FlywheelError(
            f"files would be replaced: {', '.join(in_the_way)}",
            where=Where(str(target)),
            hint=hint,
        )


def write_documents(target: Path, documents: Mapping[str, str]) -> list[str]:
    """Writes the documents; returns those that were there already, with the same content."""
    unchanged = [path for path, text in documents.items() if _holds(target / path, text)]
    for path, text in documents.items():
        if path not in unchanged:
            write_text(target / path, text)
    return unchanged


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()


def _refuse_links(source: Path) -> None:
    """Links to folders would be left out without a word; links to elsewhere could bring a file of this machine along."""
    inside = source.resolve()
    hint = f"if all of it belongs to the dataset, adopt a copy with links followed: cp -rL {shlex.quote(str(source))} COPY"
    links = [path for path in sorted(source.rglob("*")) if path.is_symlink()]
    outside = [path for path in links if not path.resolve().is_relative_to(inside)]
    if outside:
        count = "a link leads" if len(outside) == 1 else f"{len(outside)} links lead"
        raise FlywheelError(
            f"{count} out of the dataset: this one to {outside[0].resolve()}",
            where=Where(str(outside[0])),
            hint=hint,
        )
    folders = [path for path in links if path.is_dir()]
    if folders:
        raise FlywheelError(
            f"links to folders are not followed: this one leads to {folders[0].readlink()}",
            where=Where(str(folders[0])),
            hint=hint,
        )


def _sizes(folder: Path) -> dict[str, int]:
    """The files to bring, relative to the folder, with their sizes."""
    found = {}
    for path in folder.rglob("*"):
        relative = path.relative_to(folder)
        if path.is_file() and not any(part.startswith(".") for part in relative.parts):
            found[relative.as_posix()] = path.stat().st_size
    return found


def _same_content(first: Path, second: Path) -> bool:
    return first.stat().st_size == second.stat().st_size and first.read_bytes() == second.read_bytes()
