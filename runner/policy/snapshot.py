"""What a commit's specs say: loaded from git's objects, tolerant of specs that are not valid."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache, lru_cache, partial
from pathlib import Path, PurePosixPath

from runner.adapters.dvc import metafiles
from runner.adapters.git import blobs, branch_history, commit_trees, repository
from runner.config.load import LoadedSprint, list_sprints, load_project, load_sprint
from runner.config.project import Project
from runner.config.root import PROJECT_FILE
from runner.config.yaml_loader import DataPath, Document, read_document
from runner.domain.errors import ConfigurationErrors, FlywheelError, Where
from runner.record.catalogue import LOCK, SELECTION

RECORDS = f":(glob){SELECTION.of('*')}"  # as git's pathspec: what a sprint ran on


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A commit's project and specs.

    Attributes:
        project: None where there is no flywheel.yaml, or it is not valid (then `errors` says so).
        sprints: the valid ones, by name.
        names: all specs', valid or not, sorted.
        errors: everything that is wrong, each once.
        document: flywheel.yaml as it is written; None where there is none.
        inputs: of each path of data or weights that the configuration names, what identifies its content: the md5 of a
            pointer of DVC's, the name of git's object.
        recorded: the sprints whose record the commit holds: they ran, and it is known on what.
        newest_records: those whose record changed last, by one commit; one that was removed then is still the newest.
        is_cut: a shallow clone begins with that commit: which of them changed last is not known.
        gone: of a newest record that was removed, the commit that still holds it.
        made_by: of a sprint, the commit that its record came with; None where there is none.
        promoted: the sprint that was promoted last, as far as `bindings` were looked for.
        bindings: earlier states of the branch, the oldest first, from which something was weakened since that nobody
            approved: what they demanded is agreed still.
        bound_records: records that are compared with beside the newest one, for the same reason.
        approved: the findings that somebody approved since the oldest of these, by what they say.
        unknown: why the branch's earlier states are not known here; empty where they are.
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
    is_cut: bool = False
    gone: Mapping[str, str] = field(default_factory=dict)
    made_by: Callable[[str], Snapshot | None] = field(default=lambda sprint: None, compare=False, repr=False)
    promoted: str | None = None
    bindings: tuple[Snapshot, ...] = ()
    bound_records: tuple[tuple[str, str], ...] = ()
    approved: frozenset[tuple[str | None, ...]] = frozenset()
    unknown: str = ""

    def where(self, path: DataPath, *, at_key: bool = False) -> Where:
        """Where an option of flywheel.yaml is written."""
        return self.document.where(path, at_key=at_key) if self.document else Where(PROJECT_FILE)


def snapshot_of(root: Path, commit: str) -> Snapshot:
    """The snapshot of a commit, which is not checked out.

    Raises:
        FlywheelError: git does not know the commit, or a file of its configuration is a symbolic link or too large.
    """
    sha = commit_trees.commit_of(root, commit)
    # A commit never changes; of a shallow clone more may be fetched meanwhile.
    return _snapshot(root, sha, is_cut=True) if repository.is_shallow(root) else _remembered(root, sha)


def _snapshot(root: Path, sha: str, *, is_cut: bool = False) -> Snapshot:
    entries = commit_trees.tree(root, sha)
    with tempfile.TemporaryDirectory(prefix="flywheel-snapshot-") as folder:
        commit_trees.extract(root, sha, Path(folder))
        loaded = load_snapshot(Path(folder), sha, {entry.path: entry.blob for entry in entries})
    records = [entry.path for entry in entries if _is_record(entry.path.split("/"))]
    last = next(iter(branch_history.steps(root, sha, [RECORDS], limit=1)), None)
    changes = last.changes if last is not None else {}
    return replace(
        loaded,
        recorded=frozenset(map(_sprint_of, records)),
        newest_records=tuple(sorted(map(_sprint_of, changes))),
        is_cut=is_cut and last is not None and last.parent is None,
        gone={
            _sprint_of(path): last.parent
            for path, change in changes.items()
            if change == branch_history.REMOVED and last is not None and last.parent is not None
        },
        made_by=cache(partial(_made_by, root, sha)),
    )


_remembered = lru_cache(maxsize=256)(_snapshot)  # a failure is not: it is asked again


def _made_by(root: Path, commit: str, sprint: str) -> Snapshot | None:
    """The snapshot of the commit that a sprint's record came with."""
    last = next(iter(branch_history.steps(root, commit, [LOCK.of(sprint)], limit=1)), None)
    try:
        return snapshot_of(root, last.commit) if last is not None else None
    except FlywheelError:
        return Snapshot(commit=last.commit if last else "")  # nobody can tell what it was made of


def load_snapshot(folder: Path, commit: str, objects: Mapping[str, str] | None = None) -> Snapshot:
    """The snapshot of a folder: an extracted commit, or a working tree.

    Args:
        objects: the names of git's objects, by path: weights in git are told apart by them. Without them their content is read.
    """
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
        inputs=_inputs(folder, project, sprints.values(), objects),
    )


def _inputs(
    folder: Path,
    project: Project | None,
    sprints: Iterable[LoadedSprint],
    objects: Mapping[str, str] | None,
) -> dict[str, str]:
    if project is None:
        return {}
    named = [
        project.dataset.path,
        project.dataset.metadata,
        *(loaded.sprint.train.weights_file for loaded in sprints),
    ]
    found = {path: _input(folder, path, objects) for path in dict.fromkeys(named) if path is not None}
    return {path: content for path, content in found.items() if content is not None}


def _input(folder: Path, path: str, objects: Mapping[str, str] | None) -> str | None:
    """What DVC's pointer to the path, or to the folder that it lies in, says; of what is in git, its content."""
    for part in (PurePosixPath(path), *PurePosixPath(path).parents):
        pointer = folder / f"{part}.dvc"
        if part.name and pointer.is_file():
            parsed = metafiles.parse_pointer(pointer.read_bytes())
            return parsed.md5 if parsed is not None else metafiles.file_md5(pointer)
    plain, file = PurePosixPath(path).as_posix(), folder / path
    if objects is not None:
        return objects.get(plain)
    return blobs.name_of(file) if file.is_file() else None


def _sprint_of(record: str) -> str:
    return record.split("/")[1]


def _is_record(parts: list[str]) -> bool:
    return len(parts) == 3 and parts[0] == "reports" and parts[2] == SELECTION.name


def _project(folder: Path, errors: dict[str, FlywheelError]) -> Project | None:
    try:
        return load_project(folder)
    except FlywheelError as error:
        _add(errors, error)
        return None


def _add(errors: dict[str, FlywheelError], error: FlywheelError) -> None:
    found = error.errors if isinstance(error, ConfigurationErrors) else [error]
    errors |= {str(one): one for one in found}
