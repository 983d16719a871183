"""The few questions flywheel asks git.

A project may lie in a folder of a larger repository. Every path that goes into a function of these adapters, or comes out,
is relative to the project's folder (`root`), as everywhere else; `outside` is the one place that maps them to git's top.
An answer that git could not give is an error, never an empty one.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from runner.domain.errors import ExitCode, FlywheelError, Where

_REFUSED = b"detected dubious ownership"
# What git tells its hooks of the repository that they run in: it is no other repository's, nor another folder's.
_OF_HOOKS = (
    *("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR"),
    *("GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES"),
)

FULL_NAME = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")  # of a commit

# A repository that lies among the files of another one is nobody's to follow: its configuration names programs.
SAFE = ("-c", "safe.bareRepository=explicit", "-c", "core.fsmonitor=false")


def run_git(root: Path, *arguments: str, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Runs git in `root`; its exit status is the caller's to judge. What it says is in English.

    Raises:
        FlywheelError: git is not installed, or refuses the folder since it is another user's (exit code 4).
    """
    if shutil.which("git") is None:
        raise FlywheelError(
            "git is not installed", hint="install git 2.31 or newer", exit_code=ExitCode.MISSING_TOOL
        )
    result = subprocess.run(
        ["git", *SAFE, "-C", str(root), *arguments],
        input=stdin,
        capture_output=True,
        check=False,
        env=environment(),
    )
    require_trusted(root, result)
    return result


def environment() -> dict[str, str]:
    """What git's processes see: ours, without what a hook was told, and with messages that can be told apart."""
    kept = {name: value for name, value in os.environ.items() if name not in _OF_HOOKS}
    return {**kept, "LC_ALL": "C"}


def require_trusted(root: Path, result: subprocess.CompletedProcess[bytes]) -> None:
    """Whatever was asked, git's refusal of a folder is no answer.

    Raises:
        FlywheelError: it refuses since the folder belongs to another user (exit code 4), with what to type.
    """
    if result.returncode == 0 or _REFUSED not in result.stderr:
        return
    # git names the folder that it means in the command that it recommends
    found = re.search(rb"--add safe\.directory (.+)", result.stderr)
    folder = found[1].decode("utf-8", "surrogateescape").strip() if found else str(root)
    raise FlywheelError(
        "git refuses this folder, which belongs to another user: nothing can be looked up in it",
        where=Where(str(root)),
        hint=f"git config --global --add safe.directory {folder}",
        exit_code=ExitCode.MISSING_TOOL,
    )


def said(result: subprocess.CompletedProcess[bytes]) -> str:
    """Why git failed, on one line."""
    lines = [line for line in result.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
    telling = [line for line in lines if line.startswith(("fatal:", "error:", " !"))]
    return (telling or lines or ["git gave no reason"])[0].strip()


def unreadable(
    what: str, result: subprocess.CompletedProcess[bytes], hint: str = "git fsck"
) -> FlywheelError:
    """The error for a question that git could not answer."""
    return FlywheelError(
        f"{what}: {said(result)}", where=Where(".git"), hint=hint, exit_code=ExitCode.STAGE_FAILED
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


def newest_change(root: Path, commit: str, pattern: str) -> str | None:
    """The path matching `pattern` that changed last at or before `commit`.

    Raises:
        FlywheelError: git cannot read the history (exit code 3).
    """
    options = ("-1", "--format=", "--name-only", "-z", "--relative", "--diff-filter=AM")
    result = run_git(root, "log", *options, commit, "--", f":(glob){pattern}")
    if result.returncode != 0:
        raise unreadable(f"the history of {commit[:10]} could not be read", result)
    names = result.stdout.decode("utf-8", "surrogateescape").strip("\n").split("\0")
    return next((name for name in names if name), None)


def read_file(root: Path, commit: str, path: str) -> bytes | None:
    """A file's bytes at a commit, or None when it has none there.

    Raises:
        FlywheelError: git does not know the commit, or does not have what it holds (exit code 3).
    """
    return _blob(root, commit, f"./{path}", path)


def read_file_of_repository(root: Path, commit: str, path: str) -> bytes | None:
    """As `read_file`, by the path from the repository's top: of what is git's or the forge's, not the project's."""
    return _blob(root, commit, path, f":/{path}")


def _blob(root: Path, commit: str, named: str, shown: str) -> bytes | None:
    # What a commit holds never changes; what a branch or a tag names does.
    read = _remembered if FULL_NAME.fullmatch(commit) else _read
    return read(root, commit, named, shown)


def _read(root: Path, commit: str, named: str, shown: str) -> bytes | None:
    result = run_git(root, "cat-file", "blob", f"{commit}:{named}")
    if result.returncode == 0:
        return result.stdout
    # Only now it is asked why: a listing tells a file that is not there from objects that are not.
    from_top = () if named.startswith("./") else ("--full-tree",)
    listed = run_git(root, "ls-tree", "-z", *from_top, commit, "--", named)
    if listed.returncode == 0 and b" blob " not in listed.stdout.partition(b"\t")[0]:
        return None
    if not has_commit(root, commit):
        raise FlywheelError(
            f"git has no commit {commit[:12]} here",
            hint="git add -A && git commit" if commit == "HEAD" else fetch_command(root),
            exit_code=ExitCode.STAGE_FAILED,
        )
    why = listed if listed.returncode != 0 else result
    raise unreadable(
        f"{shown} at {commit[:12]} could not be read", why, f"{fetch_command(root)}, or: git fsck"
    )


_remembered = lru_cache(maxsize=256)(_read)  # a failure is not: it is asked again


def read_file_of_refs(root: Path, refs: Sequence[str], path: str) -> dict[str, bytes]:
    """A file's bytes at those of some refs that are here and hold it; one process for all of them."""
    asked = "".join(f"{ref}:./{path}\n" for ref in refs)
    output = run_git(root, "cat-file", "--batch=%(objecttype) %(objectsize)", stdin=os.fsencode(asked)).stdout
    found, position = {}, 0
    for ref in refs:
        header, _, rest = output[position:].partition(b"\n")
        position += len(header) + 1
        kind, _, size = header.rpartition(b" ")
        if size.isdigit():
            if kind == b"blob":
                found[ref] = rest[: int(size)]
            position += int(size) + 1
    return found


def commits_with(root: Path, commits: Sequence[str], path: str) -> frozenset[str]:
    """Those of `commits` that hold a file at `path`; one process for all of them.

    Raises:
        FlywheelError: git does not have what they hold (exit code 3).
    """
    if not commits:
        return frozenset()
    asked = "".join(f"{commit}:./{path}\n" for commit in commits)
    result = run_git(root, "cat-file", "--batch-check=%(objecttype)", stdin=os.fsencode(asked))
    if result.returncode != 0:
        raise unreadable("the registry's commits could not be read", result)
    answers = result.stdout.decode("utf-8", "replace").splitlines()
    return frozenset(commit for commit, answer in zip(commits, answers, strict=False) if answer == "blob")


def is_ancestor(root: Path, older: str, newer: str) -> bool:
    """Whether a commit is in the history of another one; a commit that is not here is in none.

    Raises:
        FlywheelError: both are here, and git cannot read their history (exit code 3).
    """
    result = run_git(root, "merge-base", "--is-ancestor", older, newer)
    if result.returncode in (0, 1):
        return result.returncode == 0
    if has_commit(root, older) and has_commit(root, newer):
        raise unreadable(f"the history of {newer[:12]} could not be read", result)
    return False


def has_commit(root: Path, commit: str) -> bool:
    """Whether a commit is here."""
    return run_git(root, "cat-file", "-e", f"{commit}^{{commit}}").returncode == 0


def tracked_symlinks(root: Path) -> list[str]:
    """The symbolic links of the project that git tracks, by path; none where there is no repository.

    Raises:
        FlywheelError: git cannot read its index (exit code 3).
    """
    result = run_git(root, "ls-files", "--stage", "-z")
    if result.returncode != 0 and is_repository(root):
        raise unreadable("git's index could not be read", result)
    entries = result.stdout.decode("utf-8", "surrogateescape").split("\0")
    return [entry.partition("\t")[2] for entry in entries if entry.startswith("120000 ")]


def tracked_below(root: Path, folder: str) -> list[str]:
    """The files that git tracks below a folder, by their paths from `root`; none where it cannot tell."""
    result = run_git(root, "ls-files", "-z", "--", folder)
    names = result.stdout.decode("utf-8", "surrogateescape") if result.returncode == 0 else ""
    return [name for name in names.split("\0") if name]


def uncommitted(root: Path, paths: Sequence[str] = (".",)) -> list[str]:
    """The project's paths that differ from the commit that is checked out, new files included, sorted.

    Files that git ignores are none of them.

    Args:
        paths: only what is at or below these.

    Raises:
        FlywheelError: git cannot tell (exit code 3).
    """
    options = ("--porcelain=v1", "-z", "--no-renames", "--untracked-files=all")
    result = run_git(root, "status", *options, "--", *paths)
    if result.returncode != 0:
        raise unreadable("the repository's state could not be read", result, "git status")
    entries = result.stdout.decode("utf-8", "surrogateescape").split("\0")
    found = [entry[3:] for entry in entries if len(entry) > 3]
    if not found:
        return []
    folder = folder_in_repository(root)  # `git status` names them from git's top
    return sorted(name.removeprefix(folder) for name in found)


def is_shallow(root: Path) -> bool:
    """Whether this clone has only a part of the history."""
    if (root / ".git").is_dir():  # the usual case costs no process
        return (root / ".git" / "shallow").is_file()
    return run_git(root, "rev-parse", "--is-shallow-repository").stdout.strip() == b"true"


def ignores_tags(root: Path) -> bool:
    """Whether a remote's tags are not fetched, as after `git clone --no-tags`."""
    config = root / ".git" / "config"
    if config.is_file() and b"tagopt" not in config.read_bytes().lower():
        return False
    result = run_git(root, "config", "--get-regexp", r"^remote\..*\.tagopt$")
    return b"--no-tags" in result.stdout


def fetch_command(root: Path) -> str:
    """What brings what a clone lacks: tags, and the history where it was cut."""
    heed = "git config --unset-all remote.origin.tagOpt; " * ignores_tags(root)
    return f"{heed}git fetch --tags{' --unshallow' * is_shallow(root)}"


def shown(path: str) -> str:
    """A path for a message or a record: as it is where it can be printed, else with escapes.

    >>> shown("reports/0001-a"), shown(b"caf\\xe9".decode("utf-8", "surrogateescape"))
    ('reports/0001-a', "'caf\\\\udce9'")
    """
    return path if path.isprintable() else ascii(path)


def is_repository(root: Path) -> bool:
    """Whether a folder lies in a git repository."""
    return run_git(root, "rev-parse", "--git-dir").returncode == 0


def folder_in_repository(root: Path) -> str:
    """The path of a folder from the top of its repository, with a slash at its end; empty for the top itself."""
    if (root / ".git").exists():
        return ""
    result = run_git(root, "rev-parse", "--show-prefix")
    return result.stdout.decode("utf-8", "surrogateescape").strip("\n") if result.returncode == 0 else ""


def top_of(root: Path) -> Path:
    """The top of the repository that the project lies in: where git and the forge look for what is theirs."""
    depth = folder_in_repository(root).count("/")
    return root.resolve().parents[depth - 1] if depth else root


def outside(folder: str, paths: Sequence[str]) -> list[str]:
    """Of paths from git's top those outside the project's folder, as they are named from it.

    >>> outside("ml/v1/", ["ml/v1/flywheel.yaml", "ml/setup.py", ".github/workflows/a.yml"])
    ['../setup.py', '../../.github/workflows/a.yml']
    >>> outside("", [".github/workflows/a.yml"])
    []
    """
    return [os.path.relpath(path, folder) for path in paths if folder and not path.startswith(folder)]
