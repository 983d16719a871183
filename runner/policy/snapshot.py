"""What a commit's specs say: loaded from git's objects, tolerant of specs that are not valid."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from runner.adapters import dvc_files, git_snapshot
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
        inputs: of each path of data or weights that the configuration names, the md5 of what it is.
        recorded: the sprints whose record the commit holds: they ran, and it is known on what.
        newest_records: the one of them whose record changed last; more where a shallow clone does not tell which.
    """

    commit: str
    project: Project | None = None
    sprints: dict[str, LoadedSprint] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    errors: list[FlywheelError] = field(default_factory=list)
    document: Document | None = None
    inputs: dict[str, str] = field(default_factory=dict)
    recorded: frozenset[str] = frozenset()
    newest_records: tuple[str, ...] = ()

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
    records = [entry.path for entry in git_snapshot.tree(root, sha) if _is_record(entry.path.split("/"))]
    last = git_snapshot.changed_last(root, sha, records)
    newest = [_sprint_of(path) for path in last.paths]
    return replace(
        loaded,
        recorded=frozenset(map(_sprint_of, records)),
        newest_records=tuple(newest if last.is_cut else newest[-1:]),
    )


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
        inputs=_inputs(folder, project, sprints.values()),
    )


def _inputs(folder: Path, project: Project | None, sprints: Iterable[LoadedSprint]) -> dict[str, str]:
    if project is None:
        return {}
    named = [
        project.dataset.path,
        project.dataset.metadata,
        *(loaded.sprint.train.weights_file for loaded in sprints),
    ]
    found = {path: _input(folder, path) for path in dict.fromkeys(named) if path is not None}
    return {path: md5 for path, md5 in found.items() if md5 is not None}


def _input(folder: Path, path: str) -> str | None:
    """What DVC's pointer to the path, or to the folder that it lies in, says; of a table in git, its content.

    Weights in git are not told apart: a snapshot of a commit has them without their content.
    """
    for part in (PurePosixPath(path), *PurePosixPath(path).parents):
        pointer = folder / f"{part}.dvc"
        if part.name and pointer.is_file():
            parsed = dvc_files.parse_pointer(pointer.read_bytes())
            return parsed.md5 if parsed is not None else dvc_files.file_md5(pointer)
    table = folder / path
    return dvc_files.file_md5(table) if path.endswith(".csv") and table.is_file() else None


def _sprint_of(record: str) -> str:
    return record.split("/")[1]


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
