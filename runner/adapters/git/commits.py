"""The few things flywheel writes to git: a commit of named files, and one push. No hook runs for either."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.adapters.git import blobs
from runner.adapters.git.repository import fetch_command, has_commit, is_ancestor, run_git, said, unreadable
from runner.adapters.git.repository import uncommitted as uncommitted
from runner.domain.errors import ExitCode, FlywheelError, Where

NO_HOOKS = ("-c", "core.hooksPath=/dev/null")


def commit_files(root: Path, paths: Sequence[str], message: str) -> str | None:
    """Commits these files and nothing else that is staged or changed; returns the commit, or None where nothing differs.

    Raises:
        FlywheelError: git refuses, for want of a name say (exit code 3).
    """
    if not uncommitted(root, paths) and not blobs.unlike(root, "HEAD", paths):
        return None
    if run_git(root, "var", "GIT_COMMITTER_IDENT").returncode != 0:
        raise FlywheelError(
            "the commit could not be made: git knows no name and address of yours",
            where=Where(".git/config"),
            hint='git config user.name "NAME" && git config user.email ADDRESS, then run the same command again',
            exit_code=ExitCode.STAGE_FAILED,
        )
    for command in (
        ("add", "--force", "--", *paths),
        ("commit", "--quiet", "--message", message, "--", *paths),
    ):
        result = run_git(root, *NO_HOOKS, *command)
        if result.returncode != 0:
            raise _not_committed(root, result)
    return head(root)


def _not_committed(root: Path, result: subprocess.CompletedProcess[bytes]) -> FlywheelError:
    """What to do about a commit that git did not make; what was written for it stays, and the next try takes it up."""
    hint = "look at it with: git status; then run the same command again"
    lock = (
        run_git(root, "rev-parse", "--git-path", "index.lock")
        .stdout.decode("utf-8", "surrogateescape")
        .strip()
    )
    if lock and (root / lock).exists():
        hint = f"wait for the other git, or where none is at work (it was killed): rm {lock}; then run the same command again"
    return unreadable("the commit could not be made", result, hint)


def head(root: Path) -> str:
    """The commit that is checked out.

    Raises:
        FlywheelError: there is none yet.
    """
    result = run_git(root, "rev-parse", "--verify", "HEAD")
    if result.returncode != 0:
        raise unreadable("there is no commit yet", result, "git add -A && git commit")
    return result.stdout.decode().strip()


def newest_of(root: Path, paths: Sequence[str], *, first_parent: bool = False) -> str | None:
    """The newest commit at HEAD that changed one of `paths`; None where none did, or there is no commit yet.

    Args:
        first_parent: of those made on the branch itself: a merge counts for what it brought.

    Raises:
        FlywheelError: git cannot read the history (exit code 3).
    """
    # a merge is compared with the branch that it was made on, as every other commit is with its parent
    options = ["--first-parent", "-m"] if first_parent else []
    result = run_git(root, "log", "-1", "--format=%H", *options, "HEAD", "--", *paths)
    if result.returncode != 0 and has_commit(root, "HEAD"):
        raise unreadable("the history could not be read", result, f"{fetch_command(root)}, or: git fsck")
    return result.stdout.decode().split("\n")[0].strip() or None if result.returncode == 0 else None


def parent(root: Path, commit: str) -> str | None:
    """The commit that `commit` was made on: a merge's first parent."""
    result = run_git(root, "rev-parse", "--verify", "--quiet", f"{commit}^1")
    return result.stdout.decode(errors="surrogateescape").strip() if result.returncode == 0 else None


def is_merge(root: Path, commit: str) -> bool:
    """Whether a commit has a second parent."""
    return run_git(root, "rev-parse", "--verify", "--quiet", f"{commit}^2").returncode == 0


def upstream(root: Path) -> tuple[str, str]:
    """The remote and its branch that a push of what is checked out goes to.

    Raises:
        FlywheelError: no branch is checked out, or there is no remote (exit code 5).
    """
    branch = (
        run_git(root, "symbolic-ref", "--short", "--quiet", "HEAD")
        .stdout.decode(errors="surrogateescape")
        .strip()
    )
    if not branch:
        raise FlywheelError(
            "no branch is checked out: there is nowhere to push to",
            where=Where("HEAD"),
            hint="git switch main, then run the same command again",
            exit_code=ExitCode.PUBLISH_FAILED,
        )
    remote = (
        run_git(root, "config", f"branch.{branch}.remote").stdout.decode(errors="surrogateescape").strip()
    )
    merge = run_git(root, "config", f"branch.{branch}.merge").stdout.decode(errors="surrogateescape").strip()
    remotes = run_git(root, "remote").stdout.decode(errors="surrogateescape").split()
    if not remote and not remotes:
        raise FlywheelError(
            "there is no remote to push to",
            where=Where(".git/config"),
            hint="git remote add origin URL, then run the same command again",
            exit_code=ExitCode.PUBLISH_FAILED,
        )
    chosen = remote or ("origin" if "origin" in remotes else remotes[0])
    return chosen, merge.removeprefix("refs/heads/") or branch


def remote_refs(root: Path, remote: str) -> dict[str, str]:
    """What a remote holds: refs by their full name, an annotated tag by the object of the tag itself.

    Raises:
        FlywheelError: it cannot be reached (exit code 5).
    """
    result = run_git(root, "ls-remote", "--refs", remote)
    if result.returncode != 0:
        raise FlywheelError(
            f"{remote} could not be asked what it holds: {said(result)}",
            where=Where(remote),
            hint=f"look at it with: git ls-remote {remote}",
            exit_code=ExitCode.PUBLISH_FAILED,
        )
    pairs = (line.split("\t") for line in result.stdout.decode("utf-8", "replace").splitlines())
    return {name: commit for commit, name in pairs}


def push(root: Path, tags: Sequence[str]) -> None:
    """Pushes what is checked out to its branch, and these tags, all or nothing. Pushing twice changes nothing.

    Raises:
        FlywheelError: refused, or the remote cannot be reached (exit code 5).
    """
    remote, branch = upstream(root)
    refs = [f"HEAD:refs/heads/{branch}", *(f"refs/tags/{tag}" for tag in tags)]
    result = run_git(root, *NO_HOOKS, "push", "--quiet", "--atomic", remote, *refs)
    if result.returncode != 0:
        why, hint = _cause(root, remote, branch, tags) or (
            said(result),
            f"look at it with: git push --dry-run {remote} HEAD:{branch}; whoever may not push there proposes it instead",
        )
        raise FlywheelError(
            f"the push to {remote} failed, and nothing was pushed: {why}",
            where=Where(f"{remote}/{branch}"),
            hint=hint,
            exit_code=ExitCode.PUBLISH_FAILED,
        )


def _cause(root: Path, remote: str, branch: str, tags: Sequence[str]) -> tuple[str, str] | None:
    """Why a push was refused and what to type, by what the remote holds: git's own words are in the user's language."""
    there = remote_refs(root, remote)
    tip = there.get(f"refs/heads/{branch}")
    if tip is not None and not is_ancestor(root, tip, "HEAD"):
        return (
            f"{branch} has commits there that are not here",
            f"git pull --rebase {remote} {branch}, then run the same command again",
        )
    others = [tag for tag in tags if _differs(root, there, f"refs/tags/{tag}")]
    if others:
        return (
            f"it has {', '.join(others)} with another content",
            f"git fetch {remote} --tags --force, then run the same command again",
        )
    return None


def _differs(root: Path, there: Mapping[str, str], ref: str) -> bool:
    mine = (
        run_git(root, "rev-parse", "--verify", "--quiet", ref).stdout.decode(errors="surrogateescape").strip()
    )
    return there.get(ref, mine) != mine
