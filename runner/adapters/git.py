"""The few questions flywheel asks git."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from runner.domain.errors import ExitCode, FlywheelError

# A repository that lies among the files of another one is nobody's to follow: its configuration names programs.
SAFE = ("-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false")


def run_git(root: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs git in `root`; its exit status is the caller's to judge.

    Raises:
        FlywheelError: git is not installed (exit code 4).
    """
    if shutil.which("git") is None:
        raise FlywheelError(
            "git is not installed", hint="install git 2.31 or newer", exit_code=ExitCode.MISSING_TOOL
        )
    return subprocess.run(
        ["git", *SAFE, "-C", str(root), *arguments], input=stdin, capture_output=True, check=False
    )


def remote_url(root: Path) -> str:
    """The address of the remote `origin`, without a token that it may carry; empty where there is none."""
    result = run_git(root, "remote", "get-url", "origin")
    url = result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else ""
    return re.sub(r"^(https?://)[^@/]*@", r"\1", url)


def default_branch(root: Path) -> str | None:
    """The branch that `origin` is checked out at, as the clone noted it; None where it did not.

    A repository that was made here and given a remote later has no such note.
    """
    result = run_git(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD")
    noted = result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else ""
    return noted.removeprefix("origin/") or None


def likely_branch(root: Path) -> str | None:
    """The default branch where the clone noted none: `main` or `master`, where there is one, since who sets a project up
    may be on a branch for that; else what is checked out, if that is a branch."""
    listed = run_git(
        root, "for-each-ref", "--format=%(refname:short)", "refs/heads/main", "refs/heads/master"
    )
    known = listed.stdout.decode("utf-8", "replace").split()
    return known[0] if known else _checked_out(root)


def on_default_branch(root: Path) -> bool:
    """Whether the default branch is checked out, as far as this clone tells; a commit without a branch counts as it."""
    here = _checked_out(root)
    return here is None or here == (default_branch(root) or likely_branch(root))


def _checked_out(root: Path) -> str | None:
    result = run_git(root, "symbolic-ref", "--short", "--quiet", "HEAD")
    return result.stdout.decode("utf-8", "replace").strip() or None


def stage_tags(root: Path, model: str, stage: str) -> list[tuple[int, str]]:
    """GTO's assignments of a stage, `model#stage#N`, newest first as (N, commit).

    Source: GTO's tag format, https://dvc.org/doc/gto/user-guide
    """
    result = run_git(
        root,
        "for-each-ref",
        "--format=%(refname:short) %(*objectname) %(objectname)",
        f"refs/tags/{model}#{stage}#*",
    )
    if result.returncode != 0:
        return []
    tags = []
    for line in result.stdout.decode(errors="surrogateescape").splitlines():
        name, *commits = line.split()
        number = name.rsplit("#", 1)[-1]
        if number.isdigit():
            tags.append((int(number), commits[0]))
    return sorted(tags, reverse=True)


def newest_change(root: Path, commit: str, pattern: str) -> str | None:
    """The path matching `pattern` that changed last at or before `commit`."""
    result = run_git(
        root, "log", "-1", "--format=", "--name-only", "--diff-filter=AM", commit, "--", f":(glob){pattern}"
    )
    names = result.stdout.decode(errors="surrogateescape").split("\n") if result.returncode == 0 else []
    return next((name for name in names if name), None)


def read_file(root: Path, commit: str, path: str) -> bytes | None:
    """A file's bytes at a commit, or None when it has none there."""
    result = run_git(root, "show", f"{commit}:{path}")
    return result.stdout if result.returncode == 0 else None


def commits_with(root: Path, commits: Sequence[str], path: str) -> frozenset[str]:
    """Those of `commits` that hold a file at `path`; one process for all of them."""
    if not commits:
        return frozenset()
    asked = "".join(f"{commit}:{path}\n" for commit in commits)
    result = run_git(
        root, "cat-file", "--batch-check=%(objecttype)", stdin=asked.encode(errors="surrogateescape")
    )
    answers = result.stdout.decode("utf-8", "replace").splitlines()
    return frozenset(commit for commit, answer in zip(commits, answers, strict=False) if answer == "blob")


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Whether a commit is in the history of another one; a commit that is not here is in none."""
    return run_git(root, "merge-base", "--is-ancestor", older, newer).returncode == 0


def tracked_symlinks(root: Path) -> list[str]:
    """The symbolic links that git tracks, by path."""
    result = run_git(root, "ls-files", "--stage", "-z")
    entries = result.stdout.decode("utf-8", "replace").split("\0") if result.returncode == 0 else []
    return [entry.partition("\t")[2] for entry in entries if entry.startswith("120000 ")]


def tracked_below(root: Path, folder: str) -> list[str]:
    """The files that git tracks below a folder, by their paths from `root`; none where it cannot tell."""
    result = run_git(root, "ls-files", "-z", "--", folder)
    names = result.stdout.decode("utf-8", "surrogateescape") if result.returncode == 0 else ""
    return [name for name in names.split("\0") if name]


def uncommitted(root: Path) -> list[str]:
    """The paths that differ from the commit that is checked out, new files included, sorted.

    Files that git ignores are none of them.
    """
    result = run_git(root, "status", "--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    entries = result.stdout.decode("utf-8", "surrogateescape").split("\0") if result.returncode == 0 else []
    return sorted(entry[3:] for entry in entries if len(entry) > 3)


def folder_in_repository(root: Path) -> str:
    """The path of a folder from the top of its repository, with a slash at its end; empty for the top itself."""
    result = run_git(root, "rev-parse", "--show-prefix")
    return result.stdout.decode("utf-8", "surrogateescape").strip("\n") if result.returncode == 0 else ""
