"""What git calls a file's content: two files of one name have the same bytes."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

from runner.adapters.git.repository import folder_in_repository, run_git
from runner.domain.errors import ExitCode, FlywheelError

_CHUNK = 1 << 20


def name_of(path: Path) -> str:
    """The name that git gives a file's bytes as they are, without the filters of any repository (SHA-1, in hex).

    Source: https://git-scm.com/book/en/v2/Git-Internals-Git-Objects
    """
    digest = hashlib.sha1(f"blob {path.stat().st_size}\0".encode(), usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def names_here(root: Path, paths: Sequence[str]) -> dict[str, str]:
    """The names that git would give files of the working tree, with its filters, by path; those that are none are left out.

    Raises:
        FlywheelError: git cannot read one of them (exit code 3).
    """
    there = [path for path in paths if (root / path).is_file() and "\n" not in path]
    if not there:
        return {}
    folder = folder_in_repository(root)  # git takes these from its top, wherever it was called
    asked = "".join(f"{folder}{path}\n" for path in there).encode("utf-8", "surrogateescape")
    result = run_git(root, "hash-object", "--stdin-paths", stdin=asked)
    names = result.stdout.decode("ascii", "replace").split()
    if result.returncode != 0 or len(names) != len(there):
        raise FlywheelError(
            "git could not read the files of the working tree",
            hint="git status says which",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return dict(zip(there, names, strict=True))


def unlike(root: Path, commit: str, paths: Sequence[str]) -> list[str]:
    """The files of the working tree that a commit does not hold as they are, whatever git was told to overlook.

    `git status` names no file that is ignored, assumed to be unchanged or skipped.
    """
    here, there = names_here(root, paths), names_at(root, commit, paths)
    return [path for path in paths if here.get(path) != there.get(path)]


def names_at(root: Path, commit: str, paths: Sequence[str]) -> dict[str, str]:
    """The names of files at a commit, by path; those that it does not hold are left out.

    Args:
        paths: files, not folders.
    """
    if not paths:
        return {}
    asked = "".join(f"{commit}:./{path}\n" for path in paths).encode("utf-8", "surrogateescape")
    result = run_git(root, "cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=asked)
    answers = result.stdout.decode("utf-8", "replace").splitlines()
    return {
        path: answer.split()[1]
        for path, answer in zip(paths, answers, strict=False)
        if answer.startswith("blob ")
    }
