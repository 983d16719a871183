"""Git that fetches and writes for a trusted job: no hook runs and nothing of a pull request is checked out."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from runner.adapters.git.access import REMOTE, Access, done, failed, git, identity, pushing, said
from runner.adapters.git.repository import has_commit, is_ancestor, read_file_of_repository, run_git
from runner.domain.errors import ExitCode, FlywheelError, Where

NOTHING = "0" * 40
ATTEMPTS = 5
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
_MOVED = ("[rejected]", "cannot lock ref", "failed to update ref", "reference already exists", "stale info")
_RULED = (
    "GH006",
    "GH013",
    "protected branch",
    "rule violations",
    "pre-receive hook declined",
    "hook declined",
)


def fetch_commit(root: Path, sha: str, access: Access, *, ref: str | None = None) -> None:
    """Brings one commit's objects here. Nothing is checked out and no ref is made.

    Args:
        ref: where the forge keeps it (`refs/pull/7/head`), for forges that do not hand out commits by their SHA.

    Raises:
        FlywheelError: it cannot be fetched (exit code 5).
    """
    if not _COMMIT.fullmatch(sha):
        raise FlywheelError(f"{sha!a} is no commit", exit_code=ExitCode.PUBLISH_FAILED)
    if has_commit(root, sha):
        return
    for wanted in (sha, ref):
        if wanted is not None:
            result = git(root, "fetch", "--no-tags", "--no-write-fetch-head", REMOTE, wanted, access=access)
            if result.returncode == 0 and has_commit(root, sha):
                return
    raise failed(f"commit {sha[:12]} could not be fetched", result, access)


def fetch_branch(root: Path, branch: str, access: Access) -> str | None:
    """The newest commit of a branch of the forge, with its objects; None where there is no such branch."""
    listed = git(root, "ls-remote", "--exit-code", REMOTE, f"refs/heads/{branch}", access=access)
    if listed.returncode == 2:
        return None
    if listed.returncode != 0:
        raise failed(f"branch {branch} could not be looked up", listed, access)
    target = f"+refs/heads/{branch}:refs/remotes/{REMOTE}/{branch}"
    result = git(root, "fetch", "--no-tags", "--no-write-fetch-head", REMOTE, target, access=access)
    if result.returncode != 0:
        raise failed(f"branch {branch} could not be fetched", result, access)
    return head_of(root, f"refs/remotes/{REMOTE}/{branch}")


def head_of(root: Path, ref: str = "HEAD") -> str:
    """The commit that a ref names here.

    Raises:
        FlywheelError: there is no such ref.
    """
    return done(run_git(root, "rev-parse", "--verify", "--end-of-options", f"{ref}^{{commit}}"), ref)


def commit(root: Path, paths: Sequence[str], message: str, access: Access) -> str | None:
    """Commits these paths, those that are gone included, and nothing else; None where they are as committed.

    No hook runs, and what else lies in the working tree or in git's index stays as it is.

    Raises:
        FlywheelError: git refuses (exit code 5).
    """
    there = [path for path in paths if (root / path).exists()]
    gone = sorted(set(_tracked(root, paths)) - set(there))
    if there:
        done(git(root, "add", "--force", "--", *there), "the files could not be added")
    if gone:
        done(git(root, "rm", "--quiet", "--cached", "--", *gone), "the files could not be removed")
    touched = [*there, *gone]
    if not touched or run_git(root, "diff", "--cached", "--quiet", "HEAD", "--", *touched).returncode == 0:
        return None
    result = git(
        root,
        *("commit", "--quiet", "--no-verify", "--only", f"--message={message}", "--cleanup=verbatim"),
        *("--", *touched),
        environment=identity(access),
    )
    done(result, "the record could not be committed")
    return head_of(root)


def push(root: Path, branch: str, access: Access) -> str:
    """Pushes HEAD to a branch of the forge, on top of what came there meanwhile, and returns the commit that arrived.

    Idempotent: where the branch holds it already, nothing is pushed.

    Raises:
        FlywheelError: the branch's rules refuse it, what came there changes the same files, or git cannot (exit code 5).
    """
    for _ in range(ATTEMPTS):
        tip = fetch_branch(root, branch, access)
        if tip is not None and not _contains(root, "HEAD", tip):
            _rebase(root, tip, branch, access)
        head = head_of(root)
        if head == tip:
            return head
        arrived = push_refs(root, [f"{head}:refs/heads/{branch}"], access)
        if arrived:
            git(root, "update-ref", f"refs/remotes/{REMOTE}/{branch}", head)
            return head
    raise FlywheelError(
        f"{branch} moved {ATTEMPTS} times while its next commit was pushed",
        hint="run the job again",
        exit_code=ExitCode.PUBLISH_FAILED,
    )


def push_refs(root: Path, refspecs: Sequence[str], access: Access, *, lease: str | None = None) -> bool:
    """Pushes refs, all or none; whether it was done, or something else came there first.

    Args:
        lease: `refs/heads/x:<sha>`: replace what is there, if it is still that commit (`:` and nothing: if absent).

    Raises:
        FlywheelError: a rule of the repository refuses it, or git cannot push (exit code 5).
    """
    forced = [f"--force-with-lease={lease}"] if lease is not None else []
    with pushing(access) as (target, environment):
        result = git(
            root,
            *("push", "--porcelain", "--atomic", "--no-verify", *forced, target, *refspecs),
            access=access,
            environment=environment,
        )
    if result.returncode == 0:
        return True
    answer = said(result, access)
    if any(sign in answer for sign in _RULED):
        raise _ruled(refspecs, answer, access)
    if any(sign in answer for sign in _MOVED):
        return False
    raise failed("the push failed", result, access)


def write_blob(root: Path, content: bytes) -> str:
    """Puts a file into git's objects, as it is, and returns its hash."""
    return done(
        run_git(root, "hash-object", "-w", "--no-filters", "--stdin", stdin=content),
        "a file could not be stored",
    )


def tree_with(root: Path, base: str | None, changes: Mapping[str, str | None]) -> str:
    """The tree of a commit with blobs put at paths, or paths taken away (None); the working tree is not touched.

    Args:
        base: the commit to start from; None: an empty tree.
    """
    with tempfile.TemporaryDirectory() as temporary:
        index = {"GIT_INDEX_FILE": str(Path(temporary) / "index")}
        start = [base] if base is not None else ["--empty"]
        done(git(root, "read-tree", *start, environment=index), "the branch could not be read")
        lines = [
            f"0 {NOTHING}\t{path}" if blob is None else f"100644 {blob}\t{path}"
            for path, blob in changes.items()
        ]
        text = "".join(f"{line}\0" for line in lines).encode()
        stored = git(root, "update-index", "-z", "--index-info", environment=index, stdin=text)
        done(stored, "the branch could not be prepared")
        return done(git(root, "write-tree", environment=index), "the branch could not be written")


def commit_tree(root: Path, tree: str, message: str, access: Access, *, parent: str | None = None) -> str:
    """A commit of a tree, without parents where none is given."""
    parents = ["-p", parent] if parent is not None else []
    result = git(root, "commit-tree", tree, *parents, "-m", message, environment=identity(access))
    return done(result, "the commit could not be made")


def paths_of(root: Path, commit: str) -> list[str]:
    """The files that a commit holds."""
    listed = done(run_git(root, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit), commit)
    return [path for path in listed.split("\0") if path]


def tree_of(root: Path, commit: str) -> str:
    """The hash of a commit's tree: the same for the same files."""
    return done(run_git(root, "rev-parse", "--verify", "--end-of-options", f"{commit}^{{tree}}"), commit)


def text_of(root: Path, commit: str, path: str) -> str:
    """A small text file of a commit, by its path from the repository's top; empty where there is none."""
    return (read_file_of_repository(root, commit, path) or b"").decode("utf-8", "replace")


def parents_of(root: Path, commit: str) -> list[str]:
    """The parents of a commit, the first one first."""
    return done(run_git(root, "rev-list", "--parents", "-n", "1", commit), commit).split()[1:]


def _contains(root: Path, ref: str, sha: str) -> bool:
    return is_ancestor(root, sha, ref)


def _tracked(root: Path, paths: Sequence[str]) -> list[str]:
    listed = done(git(root, "ls-files", "-z", "--", *paths), "git's index could not be read") if paths else ""
    return [path for path in listed.split("\0") if path]


def _rebase(root: Path, tip: str, branch: str, access: Access) -> None:
    result = git(root, "rebase", "--quiet", tip, environment=identity(access))
    if result.returncode != 0:
        git(root, "rebase", "--abort")
        raise FlywheelError(
            f"{branch} was changed in the same files meanwhile: {said(result, access)}",
            hint="run the job again, on what the branch holds now",
            exit_code=ExitCode.PUBLISH_FAILED,
        )


def _ruled(refspecs: Sequence[str], answer: str, access: Access) -> FlywheelError:
    branch = refspecs[0].rpartition("refs/heads/")[2]
    if access.key is None:
        hint = (
            "make a deploy key with write access, let it bypass the rules of the branch, and keep its private half as the "
            "secret FLYWHEEL_PUSH_KEY of the environment `promote`; then look with: flywheel doctor"
        )
    else:
        hint = "let the deploy key of FLYWHEEL_PUSH_KEY bypass the rules of the branch; then look with: flywheel doctor"
    return FlywheelError(
        f"the rules of {branch} do not let this job push: {answer}",
        where=Where(branch),
        hint=hint,
        exit_code=ExitCode.PUBLISH_FAILED,
    )
