"""What promoting and rolling back have in common: the top-level dvc.yaml's commit, the registry's tags, and one push."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import yaml

from runner.adapters.dvc import artifacts as dvc_artifacts
from runner.adapters.dvc import registry
from runner.adapters.dvc.artifacts import ModelArtifact
from runner.adapters.git import commits, repository
from runner.adapters.git.registry_tags import ModelTags
from runner.adapters.system import yaml_text
from runner.config.project import Model
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.records import Record
from runner.domain.task import TaskSpec
from runner.record.catalogue import (
    DIGESTS,
    EXPORTS,
    EXPORTS_FOLDER,
    PARAMS,
    REPORT_PAGE,
    WEIGHTS_FOLDER,
    sprint_path,
)

FIRST_VERSION = "v1.0.0"


class Registered(Record, frozen=True, kw_only=True):
    """What was written: the version, the assignment's tag, the commit that both name, and the tags that are new."""

    version: str
    tag: str
    commit: str
    tags: list[str]


def model_artifact(model: Model, sprint: str, target: str, task: str) -> ModelArtifact:
    """The artefact of a sprint under the model's name. Nothing of it comes from the text of a spec."""
    path = f"{EXPORTS_FOLDER.name}/{target}" if target != REFERENCE_TARGET else WEIGHTS_FOLDER.name
    return ModelArtifact(
        name=model.name,
        path=f"{sprint_path(sprint)}/{path}",
        desc=f"the model of sprint {sprint}, as {sprint_path(sprint)}/{REPORT_PAGE.name} judged it",
        labels=[task, target],
    )


def shipped_target(folder: Path) -> str:
    """What a sprint ships: its first export, else the torch model."""
    exports = EXPORTS.read_if_there(folder)
    return exports[0].target if exports else REFERENCE_TARGET


def commit_model(root: Path, artifact: ModelArtifact, files: Sequence[str], message: str) -> str:
    """Names the model in the top-level dvc.yaml, commits it with `files`, and returns the commit that holds them.

    Where HEAD holds them already, that is the commit which brought them: what was killed in between goes on from there.

    Raises:
        FlywheelError: dvc.yaml has other changes that are not committed, or git or DVC refuse.
    """
    _require_no_other_change(root, artifact.name)
    content = repository.read_file(root, "HEAD", dvc_artifacts.FILE)
    known = dvc_artifacts.artifact_path(content, artifact.name) if content is not None else None
    if known != artifact.path or commits.uncommitted(root, [dvc_artifacts.FILE]):
        dvc_artifacts.put_artifact(root, artifact)
    paths = [dvc_artifacts.FILE, *files]
    made = commits.commit_files(root, paths, message)
    return made or commits.newest_of(root, paths) or commits.head(root)


def _require_no_other_change(root: Path, name: str) -> None:
    """Of the changes that are not committed, the model's entry is ours: what a killed command left."""
    path = root / dvc_artifacts.FILE
    if not commits.uncommitted(root, [dvc_artifacts.FILE]):
        return
    before = repository.read_file(root, "HEAD", dvc_artifacts.FILE) or b""
    now = path.read_bytes() if path.is_file() else b""
    if _without(before, name) == _without(now, name):
        return
    raise FlywheelError(
        "it has changes that are not committed: they would get into the commit of the model",
        where=Where(dvc_artifacts.FILE),
        hint=f"git commit {dvc_artifacts.FILE}, or: git checkout -- {dvc_artifacts.FILE}",
        exit_code=ExitCode.STAGE_FAILED,
    )


def _without(content: bytes, name: str) -> object:
    try:
        document = yaml_text.load(content) or {}
        artifacts = {
            key: value for key, value in (document.pop("artifacts", None) or {}).items() if key != name
        }
    except (yaml.YAMLError, AttributeError):
        return content
    return document, artifacts


def next_version(root: Path, tags: ModelTags, sprint: str, champion: tuple[str, str] | None) -> str:
    """The version that a promotion gets: a new major one when the classes or the task are others than the champion's.

    Args:
        champion: its sprint, and the commit that was promoted.
    """
    newest = next(iter(tags.all_versions), None)  # a name that was taken back is taken
    if newest is None:
        return FIRST_VERSION
    major, minor, _ = registry.number_of(newest)
    theirs = _task_at(root, champion[1], champion[0]) if champion else None
    ours = _task_at(root, "HEAD", sprint)
    return f"v{major}.{minor + 1}.0" if theirs in (None, ours) else f"v{major + 1}.0.0"


def _task_at(root: Path, commit: str, sprint: str) -> TaskSpec | None:
    content = repository.read_file(root, commit, PARAMS.of(sprint))
    try:
        return msgspec.convert(yaml_text.load(content or b"")["predict"]["task"], TaskSpec)
    except (msgspec.MsgspecError, yaml.YAMLError, KeyError, TypeError):
        return None


def registered_record(root: Path, model: Model, tags: ModelTags, sprint: str) -> tuple[str, str] | None:
    """The version, and its commit, that holds this very record of the sprint: what was promoted once is not new."""
    record = repository.read_file(root, "HEAD", DIGESTS.of(sprint))
    for version, tag in tags.versions.items():
        content = repository.read_file(root, tag.commit, dvc_artifacts.FILE)
        named = dvc_artifacts.artifact_path(content, model.name) if content is not None else None
        same = repository.read_file(root, tag.commit, DIGESTS.of(sprint)) == record
        if dvc_artifacts.sprint_of(named) == sprint and same:
            return version, tag.commit
    return None


def write_tags(root: Path, model: Model, version: str, commit: str, message: str) -> Registered:
    """Registers the version where it is not yet, and assigns it where it does not hold the stage yet.

    Raises:
        FlywheelError: the version names another commit, or GTO refuses (exit code 3).
    """
    made = []
    tags = registry.tags_of(root, model.name)
    known = tags.versions.get(version)
    if known is not None and known.commit != commit:
        raise FlywheelError(
            f"{known.name} names another commit, {known.commit[:10]}",
            where=Where("refs/tags"),
            hint="git fetch --tags, then run the same command again",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if known is None:
        made.append(registry.register(root, model.name, version, commit, message))
    holding = tags.holder(model.stage)
    if holding is not None and holding.commit == commit:
        return Registered(version=version, tag=holding.name, commit=commit, tags=made)
    made.append(registry.assign(root, model.name, model.stage, version, message))
    return Registered(version=version, tag=made[-1], commit=commit, tags=made)


def tag_message(title: str, **lines: str) -> str:
    """A fixed sentence, and what a program reads of it: one `key: value` to a line.

    Example:
        >>> print(tag_message("flywheel: promoted", sprint="0001-a", verdict="PASS"))
        flywheel: promoted
        <BLANKLINE>
        sprint: 0001-a
        verdict: PASS
    """
    return "\n".join([title, "", *(f"{key}: {' '.join(value.split())}" for key, value in lines.items())])


def said_in(message: str) -> dict[str, str]:
    """The `key: value` lines of a tag's message."""
    pairs = (line.partition(": ") for line in message.splitlines()[1:])
    return {key: value for key, separator, value in pairs if separator}
