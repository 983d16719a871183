"""Paths in specs: relative, inside the repository, no symlink."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath


def path_problem(root: Path, text: str) -> str | None:
    """What is wrong with a path from a spec, whether or not the file exists; None when it is safe to open."""
    if not text.isprintable():
        return "a path must not contain control characters"
    if "\\" in text:
        return "a path is written with /, not \\"
    if text.startswith(("/", "~")) or re.match(r"[A-Za-z]:", text):
        return f'"{text}" must be relative to the repository\'s top'
    parts = PurePosixPath(text).parts
    if ".." in parts:
        return f'"{text}" leaves the repository; `..` is not allowed'
    folders = [part.lower() for part in parts]
    if ".git" in folders:
        return f'"{text}" lies in git\'s own folder'
    if ".dvc" in folders:  # where a job's credentials are while it runs
        return f'"{text}" lies in DVC\'s own folder'
    current = root
    for part in parts:
        current = current / part
        if current.is_symlink() and not _is_dvc_link(root, current):
            return f'"{current.relative_to(root).as_posix()}" is a symlink; a path must not lead through one'
    return None


def is_tracked_by_dvc(root: Path, text: str) -> bool:
    """Whether the file, or a folder that it lies in, has a `.dvc` file beside it."""
    path = PurePosixPath(text)
    return any((root / f"{part}.dvc").is_file() for part in (path, *path.parents) if part.name)


def _is_dvc_link(root: Path, path: Path) -> bool:
    """Whether DVC itself made the link, into the repository's own cache (`cache.type symlink`)."""
    return path.resolve().is_relative_to((root / ".dvc" / "cache").resolve())
