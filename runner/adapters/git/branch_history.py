"""What the commits of a branch itself changed: a merge counts for what it brought, when it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from msgspec import Struct

from runner.adapters.git.commit_trees import commit_of
from runner.adapters.git.repository import run_git
from runner.domain.errors import ExitCode, FlywheelError

REMOVED = "D"  # of the letters that git has for changes


class Step(Struct, frozen=True, kw_only=True):
    """One commit of a branch, compared with the branch before it.

    Attributes:
        parent: the branch before; None for its first commit, and where a shallow clone begins.
        is_merge: another branch came in with it.
        changes: what became of each path that was asked for: `A`, `M`, `D` or `T`, as git says it.
    """

    commit: str
    parent: str | None
    changes: Mapping[str, str]
    is_merge: bool = False


def steps(root: Path, commit: str, patterns: Sequence[str], *, limit: int | None = None) -> list[Step]:
    """The commits of the branch up to `commit` that changed what the patterns name, the newest first.

    Args:
        patterns: git's pathspecs.
        limit: the newest that many; all when None.

    Raises:
        FlywheelError: git cannot read the history (exit code 3).
    """
    # Not -z: a line of git's own begins with a colon, one of a path with a letter, and odd paths are quoted.
    options = ["--first-parent", "-m", "--no-renames", "--relative", "--format=:%H %P", "--name-status"]
    options += [f"--max-count={limit}"] if limit is not None else []
    result = run_git(
        root, "-c", "core.quotePath=true", "log", *options, commit_of(root, commit), "--", *patterns
    )
    if result.returncode != 0:
        said = result.stderr.decode("utf-8", "replace").strip().splitlines()
        raise FlywheelError(
            f"the branch's history could not be read: {said[0] if said else 'git said nothing'}",
            hint="git fsck, or clone the repository again",
            exit_code=ExitCode.STAGE_FAILED,
        )
    found: list[tuple[list[str], dict[str, str]]] = []
    for line in result.stdout.decode("utf-8", "replace").split("\n"):
        if line.startswith(":"):
            found.append((line[1:].split(), {}))
        elif line and found:
            letter, _, path = line.partition("\t")
            found[-1][1][path] = letter
    return [
        Step(
            commit=commits[0],
            parent=commits[1] if len(commits) > 1 else None,
            changes=changes,
            is_merge=len(commits) > 2,
        )
        for commits, changes in found
    ]
