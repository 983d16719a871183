"""The workflows of the pull request loop, for one repository.

The templates are this repository's own `.github`, with two words left open: where the repository lives, and its default branch.
"""

from __future__ import annotations

import re
from pathlib import Path

from runner.adapters.git.repository import (
    default_branch,
    folder_in_repository,
    is_repository,
    likely_branch,
    remote_url,
    run_git,
    top_of,
)
from runner.config.root import PROJECT_FILE
from runner.domain.errors import FlywheelError, Where
from runner.domain.records import Record
from runner.scaffold.bring import refuse_to_replace, write_documents

OWNER_REPO = "OWNER/REPO"
BRANCH = "main"
SPRINT_WORKFLOW = ".github/workflows/sprint.yml"
_TEMPLATES = Path(__file__).parent / "templates" / "github"
_REMOTE = re.compile(
    r"(?:[a-z+]+://(?:[^@/]+@)?[^/]+/|[^@/\s]+@[^:/\s]+:)"
    r"(?P<repository>[A-Za-z0-9][\w.-]*/[\w.-]+?)(?:\.git)?/?"
)
_PLAIN_FOLDER = re.compile(r"[A-Za-z0-9._][A-Za-z0-9._/-]*")
# What stands in YAML and in a ref without quotes.
_PLAIN_BRANCH = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/-]*")
_GUESSED = (
    "that the default branch is {branch} is a guess, by the branches of this checkout; "
    "if it is another one: flywheel init --workflows --force --branch NAME"
)
_REPLACE = "commit them, then: flywheel init --workflows --force; git diff shows what of yours was replaced"
_NO_PROJECT = f"there is no {PROJECT_FILE} yet: the workflows, and flywheel doctor, need a project"
_ADOPT = "flywheel init --data PATH            # first the project"


class Home(Record, frozen=True, kw_only=True):
    """The repository that workflows are written for.

    Attributes:
        repository: OWNER/NAME; None leaves a placeholder, which `flywheel doctor` names.
        notes: what is not known of it, and what to type when it is.
    """

    repository: str | None
    branch: str
    notes: list[str] = []


class WorkflowsResult(Record, frozen=True, kw_only=True):
    """What `flywheel init --workflows` did, and what to type next."""

    folder: str
    repository: str | None
    branch: str
    written: list[str]
    unchanged: list[str]
    notes: list[str]
    next: list[str]


def write_workflows(root: Path, *, force: bool, branch: str | None = None) -> WorkflowsResult:
    """Writes the loop's workflows to the top of the repository, where the forge reads them.

    Args:
        root: the project's folder: the top, or one below it.
        branch: the default branch; what the checkout tells when None.

    Raises:
        FlywheelError: `root` is in no git repository, or below its top and no project, or files of other content are in the
            way.
    """
    folder, top = folder_in_repository(root), top_of(root)
    begun = (root / PROJECT_FILE).is_file()
    if not is_repository(root) or (folder and not begun):
        raise FlywheelError(
            "not the top of a git repository: GitHub reads workflows only there",
            where=Where(str(root)),
            hint=f"cd {top}" if folder else "git init",
        )
    home = home_of(root, branch)
    documents = workflow_documents(home.repository, home.branch, folder)
    refuse_to_replace(top, documents, force, hint=_REPLACE)
    unchanged = write_documents(top, documents)
    return WorkflowsResult(
        folder=str(top),
        repository=home.repository,
        branch=home.branch,
        written=[path for path in documents if path not in unchanged],
        unchanged=unchanged,
        notes=[*home.notes, *([] if begun else [_NO_PROJECT])],
        next=[
            *([] if begun else [_ADOPT]),
            "flywheel doctor                      # what is to be set up on the forge",
        ],
    )


def render_workflows(result: WorkflowsResult) -> str:
    """The result for a person."""
    lines = [f"Workflows of {result.repository or OWNER_REPO}, default branch {result.branch}"]
    for title, texts in (("Written", result.written), ("Notes", result.notes)):
        if texts:
            lines += ["", title, *(f"  {text}" for text in texts)]
    if result.unchanged:
        lines.append(f"  (as they were: {', '.join(result.unchanged)})")
    return "\n".join([*lines, "", "Next", *(f"  {command}" for command in result.next)])


def home_of(target: Path, branch: str | None = None) -> Home:
    """Where a folder's repository lives, as far as the checkout tells; the folder need not be there yet.

    Args:
        branch: the default branch, where somebody says it.

    Raises:
        FlywheelError: `branch` cannot stand in a workflow.
    """
    if branch is not None and not _PLAIN_BRANCH.fullmatch(branch):
        raise FlywheelError(
            f'"{branch}" cannot stand in a workflow as a branch',
            hint="letters, digits, . _ - and / only: --branch main",
        )
    if not target.is_dir() or not _answer(target, "rev-parse", "--git-dir"):
        return Home(repository=None, branch=branch or BRANCH, notes=[_placeholder_note("")])
    repository = repository_of(target)
    notes = [_placeholder_note(remote_url(target))] if repository is None else []
    known = branch or noted_branch(target)
    if known is None:
        likely = likely_branch(target)
        known = likely if likely is not None and _PLAIN_BRANCH.fullmatch(likely) else BRANCH
        notes.append(_GUESSED.format(branch=known))
    return Home(repository=repository, branch=known, notes=notes)


def _placeholder_note(url: str) -> str:
    why = f"the remote `origin` is {url}, no address of a forge" if url else "there is no remote `origin` yet"
    verb = "set-url" if url else "add"
    return (
        f"{SPRINT_WORKFLOW} says {OWNER_REPO}: {why}; git remote {verb} origin https://HOST/OWNER/NAME, "
        "then: flywheel init --workflows --force"
    )


def workflow_documents(repository: str | None, branch: str, folder: str = "") -> dict[str, str]:
    """Every file of `.github` that the loop needs, by its path in the repository.

    Args:
        repository: OWNER/NAME; None leaves a placeholder, which `flywheel doctor` names.
        folder: of the project in the repository, with a slash at its end; empty for the top.

    Raises:
        FlywheelError: the folder cannot stand in a workflow.
    """
    if folder and not _PLAIN_FOLDER.fullmatch(folder):
        raise FlywheelError(
            f"the folder {folder!a} cannot stand in a workflow",
            hint="letters, digits, . _ - and / only: git mv it, then flywheel init --workflows",
        )
    return {
        f".github/{path.relative_to(_TEMPLATES).as_posix()}": _below(
            path.read_text(encoding="utf-8")
            .replace(OWNER_REPO, repository or OWNER_REPO)
            .replace("DEFAULT_BRANCH", branch),
            folder,
        )
        for path in sorted(_TEMPLATES.rglob("*"))
        if path.suffix in (".yml", ".sh")
    }


def _below(text: str, folder: str) -> str:
    """A workflow for a project in a folder: the paths that start it, and the folder that its jobs work in.

    >>> _below('paths: ["specs/**", "**.dvc"]', "ml/v1/")
    'paths: ["ml/v1/specs/**", "ml/v1/**.dvc"]'
    >>> _below("flywheel ci plan --root proposal --base x", "ml/v1/")
    'flywheel ci plan --root proposal/ml/v1 --base x'
    """
    if not folder:
        return text
    text = re.sub(r"(--root (?:proposal|trusted))\b", lambda found: f"{found[1]}/{folder.rstrip('/')}", text)
    return re.sub(
        r"(?m)^(\s*paths: \[)(.*)(\])$",
        lambda found: (
            found[1] + found[2].replace(', "', f', "{folder}').replace('"', f'"{folder}', 1) + found[3]
        ),
        text,
    )


def repository_of(root: Path) -> str | None:
    """OWNER/NAME of the remote `origin`; None when there is none, or it is a folder of this machine."""
    found = _REMOTE.fullmatch(remote_url(root))
    return found["repository"] if found else None


def noted_branch(root: Path) -> str | None:
    """The default branch of the remote, as the clone noted it; None where it did not, or YAML would have to quote it."""
    noted = default_branch(root)
    return noted if noted is not None and _PLAIN_BRANCH.fullmatch(noted) else None


def _answer(root: Path, *arguments: str) -> str:
    result = run_git(root, *arguments)
    return result.stdout.decode("utf-8", "replace").strip() if result.returncode == 0 else ""
