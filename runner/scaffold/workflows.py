"""The workflows of the pull request loop, for one repository.

The templates are this repository's own `.github`, with two words left open: where the repository lives, and its default branch.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from runner.adapters.git import run_git
from runner.domain.errors import FlywheelError, Where
from runner.domain.records import Record
from runner.scaffold.bring import refuse_to_replace, write_documents

OWNER_REPO = "OWNER/REPO"
BRANCH = "main"
_TEMPLATES = Path(__file__).parent / "templates" / "github"
_REMOTE = re.compile(
    r"(?:[a-z+]+://(?:[^@/]+@)?[^/]+/|[^@/\s]+@[^:/\s]+:)"
    r"(?P<repository>[A-Za-z0-9][\w.-]*/[\w.-]+?)(?:\.git)?/?"
)
# What stands in YAML and in a ref without quotes.
_PLAIN_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")


class WorkflowsResult(Record, frozen=True, kw_only=True):
    """What `flywheel init --workflows` did."""

    folder: str
    repository: str | None
    branch: str
    written: list[str]
    unchanged: list[str]
    notes: list[str]


def write_workflows(root: Path, *, force: bool) -> WorkflowsResult:
    """Writes the loop's workflows into a repository that is there already.

    Raises:
        FlywheelError: `root` is not the top of a git repository, or files of other content are in the way.
    """
    top = _answer(root, "rev-parse", "--show-toplevel")
    if not top or Path(top).resolve() != root.resolve():
        raise FlywheelError(
            "not the top of a git repository: GitHub reads workflows only there",
            where=Where(str(root)),
            hint="git init" if not top else f"cd {top}",
        )
    documents = workflows_for(root)
    refuse_to_replace(root, documents, force)
    unchanged = write_documents(root, documents)
    return WorkflowsResult(
        folder=str(root),
        repository=repository_of(root),
        branch=default_branch_of(root),
        written=[path for path in documents if path not in unchanged],
        unchanged=unchanged,
        notes=placeholder_note(documents),
    )


def render_workflows(result: WorkflowsResult) -> str:
    """The result for a person."""
    lines = [f"Workflows of {result.repository or OWNER_REPO}, default branch {result.branch}"]
    for title, texts in (("Written", result.written), ("Notes", result.notes)):
        if texts:
            lines += ["", title, *(f"  {text}" for text in texts)]
    if result.unchanged:
        lines.append(f"  (as they were: {', '.join(result.unchanged)})")
    return "\n".join(
        [*lines, "", "Next", "  flywheel doctor                      # what is to be set up on the forge"]
    )


def workflows_for(target: Path) -> dict[str, str]:
    """The workflows as this folder's repository needs them; the folder need not be there yet."""
    if not target.is_dir():
        return workflow_documents(None, BRANCH)
    return workflow_documents(repository_of(target), default_branch_of(target))


def placeholder_note(documents: Mapping[str, str]) -> list[str]:
    """Says where a name was left open, if it was."""
    open_in = [path for path, text in documents.items() if OWNER_REPO in text]
    return [f"{path} says {OWNER_REPO}: there is no remote `origin` yet to read it from" for path in open_in]


def workflow_documents(repository: str | None, branch: str) -> dict[str, str]:
    """Every file of `.github` that the loop needs, by its path in the repository.

    Args:
        repository: OWNER/NAME; None leaves a placeholder, which `flywheel doctor` names.
    """
    return {
        f".github/{path.relative_to(_TEMPLATES).as_posix()}": path.read_text(encoding="utf-8")
        .replace(OWNER_REPO, repository or OWNER_REPO)
        .replace("DEFAULT_BRANCH", branch)
        for path in sorted(_TEMPLATES.rglob("*"))
        if path.suffix in (".yml", ".sh")
    }


def repository_of(root: Path) -> str | None:
    """OWNER/NAME of the remote `origin`; None when there is none, or it is a folder of this machine."""
    result = run_git(root, "remote", "get-url", "origin")
    found = _REMOTE.fullmatch(result.stdout.decode("utf-8", "replace").strip())
    return found["repository"] if result.returncode == 0 and found else None


def default_branch_of(root: Path) -> str:
    """The branch that pull requests are merged into: the remote's, as the clone noted it; else `main` or `master`."""
    noted = _answer(root, "symbolic-ref", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")
    if _PLAIN_BRANCH.fullmatch(noted):
        return noted
    known = _answer(root, "for-each-ref", "--format=%(refname:short)", "refs/heads/main", "refs/heads/master")
    return known.split()[0] if known else BRANCH


def _answer(root: Path, *arguments: str) -> str:
    result = run_git(root, *arguments)
    return result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else ""
