"""`rollback`: the stage goes back to a version that held it before. Nothing is deleted, and nothing is trained."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from runner.adapters.dvc import artifacts
from runner.adapters.dvc.artifacts import ModelArtifact
from runner.adapters.git import repository
from runner.config.load import load_project
from runner.config.project import Model, Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.evaluation import REFERENCE_TARGET
from runner.domain.records import Record
from runner.planning.champion import Champion, resolve_champion
from runner.workflow.promoting.history import Assigned, history, named_model
from runner.workflow.promoting.pushing import push_all, require_fetchable
from runner.workflow.promoting.registering import (
    Registered,
    commit_model,
    model_artifact,
    tag_message,
    write_tags,
)

PREVIOUS = "previous"
Result = Literal["rolled back", "unchanged", "would roll back"]


class Rollback(Record, frozen=True, kw_only=True):
    """What was done.

    Attributes:
        before: the sprint that held the stage, empty where none did; `sprint` holds it now.
        result: `unchanged`: it held the stage already.
    """

    result: Result
    sprint: str
    before: str
    version: str
    tag: str | None = None
    commit: str
    pushed: bool = False


def rollback(root: Path, name: str | None, *, push: bool, dry_run: bool = False) -> Rollback:
    """Assigns the stage to the previous champion's version, or to the named sprint's.

    Raises:
        FlywheelError: there is nothing to go back to, or the sprint never held the stage (exit code 1); git, DVC or GTO
            refuse (exit code 3); the push failed (exit code 5).
    """
    project = load_project(root)
    model = named_model(project)
    rows = history(root)
    if not rows:
        raise _refused("nothing was promoted yet: there is nothing to go back to", "flywheel promote SPRINT")
    current = next((row for row in rows if row.current), None)
    chosen = _chosen(rows, current, None if name in (None, PREVIOUS) else name)
    version = chosen.version or ""
    done = Rollback(
        result="unchanged",
        sprint=str(chosen.sprint),
        before=str(current.sprint) if current else "",
        version=version,
        tag=current.tag if current else None,
        commit=chosen.commit,
    )
    unchanged = current is not None and chosen.commit == current.commit
    if push:
        require_fetchable(root, done.sprint, chosen.commit, hint="dvc push --all-tags")
    if dry_run:
        return done if unchanged else _as(done, "would roll back", None, pushed=False)
    _follow(root, project, model, chosen)
    message = tag_message(
        f"flywheel: rolled {model.name} back",
        sprint=done.sprint,
        record=chosen.commit,
        before=done.before,
        event="rollback",
    )
    written = write_tags(root, model, version, chosen.commit, message)
    if push:
        push_all(root, written, model)
    return _as(done, "unchanged" if unchanged else "rolled back", written, pushed=push)


def _as(done: Rollback, result: Result, written: Registered | None, *, pushed: bool) -> Rollback:
    return msgspec.structs.replace(done, result=result, tag=written.tag if written else None, pushed=pushed)


def _chosen(rows: list[Assigned], current: Assigned | None, name: str | None) -> Assigned:
    """The newest assignment of the named sprint; without a name, of the champion before today's.

    A stage that was rolled back stays where it is until a sprint is named: a job that is run again, or a command that is
    typed twice, does not go back twice. Where nothing holds it (`gto deprecate` took it away), it goes to what held it last.
    """
    if name is not None:
        chosen = next((row for row in rows if row.sprint in (name, _named(rows, name))), None)
        if chosen is None:
            held = ", ".join(dict.fromkeys(str(row.sprint) for row in rows if row.sprint))
            raise _refused(f"{name} never held the stage; these did: {held}", "flywheel history")
    elif current is None:
        chosen = rows[0]
    elif current.event == "rolled back":
        chosen = current
    else:
        older = rows[rows.index(current) + 1 :]
        chosen = next((row for row in older if row.commit != current.commit), None)
        if chosen is None:
            raise _refused(
                f"{current.sprint} is the first that was promoted: there is nothing to go back to",
                "flywheel history",
            )
    if chosen.version is None or chosen.sprint is None:
        raise _refused(
            f"{chosen.tag} names no registered version: it was made by hand, or its version was taken back",
            f"gto register {chosen.tag.partition('#')[0]} {chosen.commit[:10]} --version v0.0.1, then roll back again",
        )
    return chosen


def _named(rows: list[Assigned], name: str) -> str | None:
    """A sprint by its number or its path, as other commands take it."""
    stem = Path(name).name.removesuffix(".yaml")
    number = stem.zfill(4) if stem.isdigit() else None
    matching = {
        row.sprint
        for row in rows
        if row.sprint and (row.sprint == stem or row.sprint.partition("-")[0] == number)
    }
    return matching.pop() if len(matching) == 1 else None


def _follow(root: Path, project: Project, model: Model, chosen: Assigned) -> None:
    """The top-level dvc.yaml names what holds the stage, as it was named when that was promoted."""
    content = repository.read_file(root, chosen.commit, artifacts.FILE)
    path = artifacts.artifact_path(content, model.name) if content is not None else None
    sprint = str(chosen.sprint)
    champion = resolve_champion(root, Champion(sprint=sprint, commit=chosen.commit, tag=chosen.tag))
    target = champion.target if champion else REFERENCE_TARGET
    artifact = model_artifact(model, sprint, target, project.task)
    if path is not None:
        artifact = ModelArtifact(name=model.name, path=path, desc=artifact.desc, labels=artifact.labels)
    commit_model(
        root, artifact, [], f"flywheel: {model.name} goes back to {sprint} {chosen.version} [skip ci]"
    )


def _refused(message: str, hint: str) -> FlywheelError:
    return FlywheelError(message, where=Where("refs/tags"), hint=hint, exit_code=ExitCode.GATE_NOT_PASSED)
