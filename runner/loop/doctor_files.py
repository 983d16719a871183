"""The rules of the set-up that the repository's own files show: no network is needed."""

from __future__ import annotations

import configparser
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from runner.adapters import git
from runner.config.load import load_project, validate
from runner.domain.errors import FlywheelError
from runner.loop.diagnosis import Diagnosis

WORKFLOWS = ("plan.yml", "sprint.yml", "run-sprint.yml", "report.yml", "promote.yml", "chat.yml")
PLACEHOLDER = "OWNER/REPO"  # in the templates, until `init` knows the remote
_PINNED = re.compile(r"[^@\s]+@[0-9a-f]{40}")
_REUSED = re.compile(r"(?P<repository>[^/\s]+/[^/\s]+)/\.github/workflows/run-sprint\.yml@(?P<ref>\S+)")


def diagnose_files(root: Path, repository: str | None, default_branch: str | None) -> Iterator[Diagnosis]:
    """Looks at the checkout.

    Args:
        repository: OWNER/NAME on the forge; None when the checkout has no remote there.
        default_branch: None when the forge could not be asked.
    """
    yield _configuration(root)
    yield _model(root)
    yield _workflows(root)
    yield _reusable_workflow(root, repository, default_branch)
    yield _pinned_actions(root)
    yield _data(root)
    yield _remote(root)
    yield _symlinks(root)


def _configuration(root: Path) -> Diagnosis:
    errors = validate(root)
    title = "flywheel.yaml and the specs are valid"
    if not errors:
        return Diagnosis(id="configuration", title=title, state="ok", detail="no errors")
    detail = (
        f"{len(errors)} error{'s' if len(errors) > 1 else ''}, the first: {str(errors[0]).splitlines()[0]}"
    )
    return Diagnosis(id="configuration", title=title, state="problem", detail=detail, fix="flywheel validate")


def _model(root: Path) -> Diagnosis:
    title = "the project names the model that is promoted"
    try:
        project = load_project(root)
    except FlywheelError:
        return Diagnosis(id="model", title=title, state="unknown", detail="flywheel.yaml is not valid")
    if project.model is None:
        return Diagnosis(
            id="model",
            title=title,
            state="warning",
            detail="flywheel.yaml has no `model`: nothing can be promoted",
            fix=f"add to flywheel.yaml: model: {{name: {project.name.lower()}, stage: prod}}",
        )
    return Diagnosis(
        id="model", title=title, state="ok", detail=f"{project.model.name}, stage {project.model.stage}"
    )


def _workflows(root: Path) -> Diagnosis:
    title = "the loop's workflows are here"
    folder = root / ".github" / "workflows"
    absent = [name for name in WORKFLOWS if not (folder / name).is_file()]
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
    found = next(filter(None, map(_REUSED.fullmatch, _used(_document(path)))), None)
    if found is None:
        return Diagnosis(
            id="reusable-workflow",
            title=title,
            state="problem",
            detail="sprint.yml does not call OWNER/NAME/.github/workflows/run-sprint.yml@BRANCH",
            fix="write the call in full: a `./` path would take the pull request's own version",
        )
    wrong = []
    if repository is None and found["repository"] == PLACEHOLDER:
        wrong.append(f"it calls the workflow of {PLACEHOLDER}, which stands for this repository")
    if repository is not None and found["repository"].lower() != repository.lower():
        wrong.append(f"it calls the workflow of {found['repository']}, this repository is {repository}")
    if default_branch is not None and found["ref"] != default_branch:
        wrong.append(f"it calls the workflow at {found['ref']}, the default branch is {default_branch}")
    if wrong:
        right = f"{repository or found['repository']}/.github/workflows/run-sprint.yml@{default_branch or found['ref']}"
        return Diagnosis(
            id="reusable-workflow",
            title=title,
            state="problem",
            detail="; ".join(wrong),
            fix=f"in .github/workflows/sprint.yml: uses: {right}",
        )
    return Diagnosis(
        id="reusable-workflow", title=title, state="ok", detail=f"{found['repository']} at {found['ref']}"
    )


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
    document = _document(root / ".github" / "workflows" / "plan.yml")
    triggers = (
        document.get("on", document.get(True)) if isinstance(document, dict) else None
    )  # YAML 1.1's `on`
    proposal = triggers.get("pull_request") if isinstance(triggers, dict) else None
    return isinstance(proposal, dict) and ("paths" in proposal or "paths-ignore" in proposal)


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


def _data(root: Path) -> Diagnosis:
    title = "the dataset is tracked by DVC and kept out of git"
    try:
        dataset = load_project(root).dataset.path
    except FlywheelError:
        return Diagnosis(id="data", title=title, state="unknown", detail="flywheel.yaml is not valid")
    pointer = f"{dataset}.dvc"
    if not (root / pointer).is_file():
        return Diagnosis(
            id="data", title=title, state="problem", detail=f"there is no {pointer}", fix=f"dvc add {dataset}"
        )
    tracked = git.run_git(root, "ls-files", "-z", "--", dataset).stdout
    if tracked:
        count = tracked.count(b"\0")
        return Diagnosis(
            id="data",
            title=title,
            state="problem",
            detail=f"git tracks {count} file{'s' * (count > 1)} below {dataset}/",
            fix=f"git rm -r --cached {dataset}, then dvc add {dataset}",
        )
    return Diagnosis(id="data", title=title, state="ok", detail=pointer)


def _remote(root: Path) -> Diagnosis:
    title = "DVC has a remote that CI can reach, without a secret in git"
    config = configparser.ConfigParser(strict=False)
    path = root / ".dvc" / "config"
    if path.is_file():
        config.read_string("\n".join(line.strip() for line in path.read_text(encoding="utf-8").splitlines()))
    if git.run_git(root, "ls-files", "--", ".dvc/config.local").stdout:
        return Diagnosis(
            id="dvc-remote",
            title=title,
            state="problem",
            detail=".dvc/config.local is tracked by git: what is secret in it is in every clone",
            fix="git rm --cached .dvc/config.local, and change the credentials",
        )
    name = config.get("core", "remote", fallback="")
    url = next(
        (config[part].get("url", "") for part in config.sections() if part.strip("'") == f'remote "{name}"'),
        "",
    )
    if not name or not url:
        return Diagnosis(
            id="dvc-remote",
            title=title,
            state="problem",
            detail="no default remote is set in .dvc/config",
            fix="dvc remote add -d store s3://…, and commit .dvc/config",
        )
    if "://" not in url:
        return Diagnosis(
            id="dvc-remote",
            title=title,
            state="warning",
            detail=f'the default remote "{name}" is a folder ({url}): a CI machine has another one',
            fix=f"dvc remote modify {name} url s3://… (or gs://, azure://, ssh://), unless CI mounts the folder",
        )
    return Diagnosis(id="dvc-remote", title=title, state="ok", detail=f"{name}: {url}")


def _symlinks(root: Path) -> Diagnosis:
    title = "no symbolic link is committed"
    links = git.tracked_symlinks(root)
    if not links:
        return Diagnosis(id="symlinks", title=title, state="ok", detail="none")
    return Diagnosis(
        id="symlinks",
        title=title,
        state="problem",
        detail=f"{', '.join(links[:5])}: DVC could be led to write outside the repository, so runs are refused",
        fix=f"git rm {links[0]}, and commit the file itself",
    )
