"""The rules of the set-up that the workflows' own files show."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import yaml

from runner.adapters.git import repository as git
from runner.pullrequests.doctor.diagnosis import Diagnosis

WORKFLOWS = ("plan.yml", "sprint.yml", "run-sprint.yml", "report.yml", "promote.yml", "chat.yml")
PLACEHOLDER = "OWNER/REPO"  # in the templates, until `init` knows the remote
_PINNED = re.compile(r"[^@\s]+@[0-9a-f]{40}")
_REUSED = re.compile(r"(?P<repository>[^/\s]+/[^/\s]+)/\.github/workflows/run-sprint\.yml@(?P<ref>\S+)")
TRIGGERED = ("plan.yml", "sprint.yml", "promote.yml")  # those that name branches
_ASK = (
    "flywheel doctor with a token asks the forge; or let the clone note it: git remote set-head origin --auto"
)


def diagnose_workflows(root: Path, repository: str | None, default_branch: str | None) -> Iterator[Diagnosis]:
    """Looks at `.github/workflows` of the repository's top; the arguments are those of `diagnose_files`."""
    top = git.top_of(root)
    yield _workflows(top, git.folder_in_repository(root).rstrip("/"))
    yield _reusable_workflow(top, repository, default_branch)
    yield _triggers(top, default_branch)
    yield _pinned_actions(top)


def _workflows(root: Path, project: str) -> Diagnosis:
    """Args: project: its folder in the repository; empty for the top."""
    title = "the loop's workflows are here"
    folder = root / ".github" / "workflows"
    absent = [name for name in WORKFLOWS if not (folder / name).is_file()]
    if (
        not absent
        and project
        and f"--root proposal/{project} " not in (folder / "plan.yml").read_text("utf-8")
    ):
        return Diagnosis(
            id="workflows",
            title=title,
            state="problem",
            detail=f"those in .github/workflows do not work in this project's folder, {project}/",
            fix="flywheel init --workflows --force, where they are not another project's",
        )
    if not absent:
        return Diagnosis(id="workflows", title=title, state="ok", detail=", ".join(WORKFLOWS))
    return Diagnosis(
        id="workflows",
        title=title,
        state="problem",
        detail=f"missing in .github/workflows: {', '.join(absent)}",
        fix="flywheel init --workflows",
    )


def _reusable_workflow(root: Path, repository: str | None, default_branch: str | None) -> Diagnosis:
    title = "sprints run the default branch's run-sprint.yml, not the pull request's"
    path = root / ".github" / "workflows" / "sprint.yml"
    if not path.is_file():
        return Diagnosis(
            id="reusable-workflow", title=title, state="unknown", detail="there is no sprint.yml"
        )
    called_as = next(filter(None, map(_REUSED.fullmatch, _used(_document(path)))), None)
    if called_as is None:
        return Diagnosis(
            id="reusable-workflow",
            title=title,
            state="problem",
            detail="sprint.yml does not call OWNER/NAME/.github/workflows/run-sprint.yml@BRANCH",
            fix="write the call in full: a `./` path would take the pull request's own version",
        )
    called, ref = called_as["repository"], called_as["ref"]
    wrong = []
    if repository is None and called == PLACEHOLDER:
        wrong.append(f"it calls the workflow of {PLACEHOLDER}, which stands for this repository")
    if repository is not None and called.lower() != repository.lower():
        wrong.append(f"it calls the workflow of {called}, this repository is {repository}")
    if default_branch is not None and ref != default_branch:
        wrong.append(f"it calls the workflow at {ref}, the default branch is {default_branch}")
    if wrong:
        right = f"{repository}/.github/workflows/run-sprint.yml@{default_branch or ref}"
        fix = f"in .github/workflows/sprint.yml: uses: {right}" if repository else without_remote(root)
        return Diagnosis(
            id="reusable-workflow", title=title, state="problem", detail="; ".join(wrong), fix=fix
        )
    if default_branch is None:
        detail = f"{called} at {ref}, and which branch is the default one is not known"
        return Diagnosis(id="reusable-workflow", title=title, state="unknown", detail=detail, fix=_ASK)
    return Diagnosis(id="reusable-workflow", title=title, state="ok", detail=f"{called} at {ref}")


def without_remote(root: Path) -> str:
    """What to type where the checkout has no remote on a forge."""
    verb = "set-url" if git.remote_url(root) else "add"
    return f"git remote {verb} origin https://HOST/OWNER/NAME, then: flywheel init --workflows --force"


def _triggers(root: Path, default_branch: str | None) -> Diagnosis:
    """A pull request to a branch that no pattern names starts nothing, and says nothing."""
    title = "plan, sprint and promote start for the default branch"
    named = {name: list(_branches(root, name)) for name in TRIGGERED}
    limited = {name: patterns for name, patterns in named.items() if patterns}
    shown = "; ".join(f"{name}: {', '.join(patterns[0])}" for name, patterns in limited.items())
    if not limited:
        return Diagnosis(id="triggers", title=title, state="ok", detail="they name no branches")
    if default_branch is None:
        detail = f"{shown}; which branch is the default one is not known"
        return Diagnosis(id="triggers", title=title, state="unknown", detail=detail, fix=_ASK)
    deaf = [
        name
        for name, patterns in limited.items()
        if not all(_admits(pattern, default_branch) for pattern in patterns)
    ]
    if not deaf:
        return Diagnosis(id="triggers", title=title, state="ok", detail=shown)
    return Diagnosis(
        id="triggers",
        title=title,
        state="problem",
        detail=f"{shown}: the default branch is {default_branch}, for which {', '.join(deaf)} would not start",
        fix=f"flywheel init --workflows --force --branch {default_branch}",
    )


def _branches(root: Path, name: str) -> Iterator[list[str]]:
    """The patterns of `branches:`, of each event that has some."""
    triggers = _events(root, name)
    for event in ("pull_request", "push"):
        limits = triggers.get(event)
        patterns = limits.get("branches") if isinstance(limits, dict) else None
        if isinstance(patterns, str):
            yield [patterns]
        elif isinstance(patterns, list):
            yield [str(pattern) for pattern in patterns]


def _admits(patterns: Sequence[str], branch: str) -> bool:
    """Whether the last pattern that matches lets the branch in.

    Source: GitHub, "Workflow syntax", `on.<push|pull_request>.<branches>`

    >>> _admits(["release/**", "!release/old"], "release/old")
    False
    """
    said = [
        not pattern.startswith("!") for pattern in patterns if fnmatchcase(branch, pattern.removeprefix("!"))
    ]
    return bool(said) and said[-1]


def _pinned_actions(root: Path) -> Diagnosis:
    title = "every action is pinned by commit"
    loose = [
        f"{path.relative_to(root)}: {used}"
        for path in sorted((root / ".github").rglob("*.y*ml"))
        for used in _used(_document(path))
        if not used.startswith("./") and _REUSED.fullmatch(used) is None and not _PINNED.fullmatch(used)
    ]
    if not loose:
        return Diagnosis(id="pinned-actions", title=title, state="ok", detail="no tag and no branch is used")
    return Diagnosis(
        id="pinned-actions",
        title=title,
        state="problem",
        detail="; ".join(loose[:5]) + (f"; and {len(loose) - 5} more" if len(loose) > 5 else ""),
        fix="name the full commit instead of the tag, with the tag as a comment behind it",
    )


def plan_is_filtered(root: Path) -> bool:
    """Whether plan.yml starts only for pull requests that touch certain paths."""
    proposal = _events(git.top_of(root), "plan.yml").get("pull_request")
    return isinstance(proposal, dict) and ("paths" in proposal or "paths-ignore" in proposal)


def _events(root: Path, name: str) -> dict[str, Any]:
    """What starts a workflow; nothing where that is written as a list of names alone."""
    document = _document(root / ".github" / "workflows" / name)
    triggers = (
        document.get("on", document.get(True)) if isinstance(document, dict) else None
    )  # YAML 1.1's `on`
    return triggers if isinstance(triggers, dict) else {}


def _document(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        return None


def _used(node: Any) -> Iterator[str]:
    """Every `uses:` of a workflow or an action."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "uses" and isinstance(value, str):
                yield value
            else:
                yield from _used(value)
    elif isinstance(node, list):
        for value in node:
            yield from _used(value)
