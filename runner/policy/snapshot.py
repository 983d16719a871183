"""What a commit's specs say: loaded from git's objects, tolerant of specs that are not valid."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from runner.adapters import git_snapshot
from runner.config.load import PROJECT_FILE, LoadedSprint, list_sprints, load_project, load_sprint
from runner.config.project import Project
from runner.config.yaml_loader import DataPath, Document, read_document
from runner.domain.errors import ConfigurationErrors, FlywheelError, Where


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A commit's project and specs.

    Attributes:
        project: None where there is no flywheel.yaml, or it is not valid (then `errors` says so).
        sprints: the valid ones, by name.
        names: all specs', valid or not, sorted.
        errors: everything that is wrong, each once.
        document: flywheel.yaml as it is written; None where there is none.
        recorded: the sprints whose record the commit holds: they ran, and it is known on what.
    """

    commit: str
    project: Project | None = None
    sprints: dict[str, LoadedSprint] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    errors: list[FlywheelError] = field(default_factory=list)
    document: Document | None = None
    recorded: frozenset[str] = frozenset()

    def where(self, path: DataPath, *, at_key: bool = False) -> Where:
        """Where an option of flywheel.yaml is written."""
        return self.document.where(path, at_key=at_key) if self.document else Where(PROJECT_FILE)


def snapshot_of(root: Path, commit: str) -> Snapshot:
    """The snapshot of a commit, which is not checked out.

    Raises:
        FlywheelError: git does not know the commit, or a file of its configuration is a symbolic link or too large.
    """
    sha = git_snapshot.commit_of(root, commit)
    with tempfile.TemporaryDirectory(prefix="flywheel-snapshot-") as folder:
        git_snapshot.extract(root, sha, Path(folder))
        loaded = load_snapshot(Path(folder), sha)
    parts = [entry.path.split("/") for entry in git_snapshot.tree(root, sha)]
    return replace(loaded, recorded=frozenset(part[1] for part in parts if _is_record(part)))


def load_snapshot(folder: Path, commit: str) -> Snapshot:
    """The snapshot of a folder: an extracted commit, or a working tree."""
    names = tuple(list_sprints(folder))
    if not (folder / PROJECT_FILE).is_file():
        return Snapshot(commit=commit, names=names)
    document = read_document(folder, PROJECT_FILE)
    errors: dict[str, FlywheelError] = {}
    sprints: dict[str, LoadedSprint] = {}
    project = _project(folder, errors)
    if project is not None:
        for name in names:
            try:
                sprints[name] = load_sprint(folder, name, project)
            except FlywheelError as error:
                _add(errors, error)
    return Snapshot(
        commit=commit,
        project=project,
        sprints=sprints,
        names=names,
        errors=list(errors.values()),
        document=document,
    )


def _is_record(parts: list[str]) -> bool:
    return len(parts) == 3 and parts[0] == "reports" and parts[2] == "selection.json"


def _project(folder: Path, errors: dict[str, FlywheelError]) -> Project | None:
    try:
        return load_project(folder)
    except FlywheelError as error:
        _add(errors, error)
        return None


def _add(errors: dict[str, FlywheelError], error: FlywheelError) -> None:
    found = error.errors if isinstance(error, ConfigurationErrors) else [error]
    errors |= {str(one): one for one in found}
