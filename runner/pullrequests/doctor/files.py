"""The rules of the set-up that the repository's own files show: no network is needed."""

from __future__ import annotations

import configparser
from collections.abc import Iterator
from pathlib import Path

from runner.adapters.dvc.errors import missing_plugin
from runner.adapters.git import repository as git
from runner.config.load import load_project, validate
from runner.domain.errors import FlywheelError
from runner.domain.files import read_text
from runner.pullrequests.doctor.diagnosis import Diagnosis
from runner.pullrequests.doctor.workflows import diagnose_workflows


def diagnose_files(root: Path, repository: str | None, default_branch: str | None) -> Iterator[Diagnosis]:
    """Looks at the checkout.

    Args:
        repository: OWNER/NAME on the forge; None when the checkout has no remote there.
        default_branch: None when the forge could not be asked, and the clone has not noted it.
    """
    yield _configuration(root)
    yield _model(root)
    yield from diagnose_workflows(root, repository, default_branch)
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
        try:
            config.read_string("\n".join(line.strip() for line in read_text(path).splitlines()))
        except (configparser.Error, FlywheelError) as error:
            return Diagnosis(
                id="dvc-remote",
                title=title,
                state="problem",
                detail=f".dvc/config is not valid: {str(error).splitlines()[0]}",
                fix="correct it, or: git checkout -- .dvc/config",
            )
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
        begin = "" if path.is_file() else "dvc init, then: "
        return Diagnosis(
            id="dvc-remote",
            title=title,
            state="problem",
            detail="no default remote is set in .dvc/config",
            fix=f"{begin}dvc remote add -d store s3://…, and commit .dvc/config",
        )
    if package := missing_plugin(url):
        return Diagnosis(
            id="dvc-remote",
            title=title,
            state="problem",
            detail=f'DVC\'s plugin for the default remote "{name}" ({url.partition("://")[0]}://) is not installed here',
            fix=f"pip install {package}; in CI too, beside flywheel",
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
