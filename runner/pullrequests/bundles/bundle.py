"""The bundle: what the job that runs a sprint hands to the jobs that are trusted, as small files and a list of digests.

`pack` makes two folders: `bundle/` with manifest.json and the record's files as they lie in the repository, and `outputs/`
with the objects of DVC's cache that the record names. `unpack.py` reads them back, and believes nothing.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runner.adapters.dvc import metafiles
from runner.config.sprint import SPEC_NAME
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import atomic_folder, read_json, write_json
from runner.domain.records import (
    Record,
)
from runner.record import digests
from runner.record.catalogue import (
    CATALOGUE,
    FAILURE,
    LOCK,
    REPORT,
    STORED,
    TERMS,
    RecordFile,
    sprint_folder,
    sprint_path,
)
from runner.record.report import SprintReport
from runner.record.terms import Terms

BUNDLE_ARTIFACT, OUTPUTS_ARTIFACT = "flywheel-bundle", "flywheel-outputs"
MANIFEST = "manifest.json"
OBJECTS = "files/md5"
_SPRINT = re.compile(SPEC_NAME)


class BundleManifest(Record, frozen=True, kw_only=True):
    """manifest.json, at the bundle's top.

    Attributes:
        base_commit: the commit of the base branch that judged. `head_commit`: what ran.
        sprints: those whose records are in the bundle.
        files: SHA-256 (hex) by path in the repository. `objects`: by path among the outputs.
    """

    schema_version: Literal[1] = 1
    base_commit: str
    head_commit: str
    sprints: list[str]
    files: dict[str, str]
    objects: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A bundle that was opened: every file was compared with the manifest and decoded.

    Attributes:
        folder: laid out as the repository: `reports/<sprint>/…`; a temporary one.
    """

    folder: Path
    manifest: BundleManifest

    def sprint_folder(self, sprint: str) -> Path:
        """Where the files of one sprint's record lie."""
        return sprint_folder(self.folder, sprint)

    def report(self, sprint: str) -> SprintReport:
        """What the sprint reported."""
        return REPORT.read(self.sprint_folder(sprint))

    def terms(self, sprint: str) -> Terms | None:
        """What it was judged under; None where it failed before, or was run without a base."""
        path = self.sprint_folder(sprint) / TERMS.name
        return read_json(path, Terms) if path.is_file() else None

    def failed(self, sprint: str) -> bool:
        """Whether a stage failed: then there is no verdict and there are no outputs."""
        return (self.sprint_folder(sprint) / FAILURE.name).is_file()

    def stored(self, sprint: str) -> dict[str, str]:
        """DVC's hash of each folder that it keeps, by its path in the sprint's folder."""
        return stored_outs(self.sprint_folder(sprint) / LOCK.name)


def stored_outs(lock: Path) -> dict[str, str]:
    """The outputs of a dvc.lock that DVC keeps, with their hashes, in the stages' order; those in git are left out.

    Raises:
        FlywheelError: the file is not a DVC lock.
    """
    stages = metafiles.read_lock(lock).values()
    outs = {path: md5 for stage in stages for path, md5 in stage.outs.items()}
    return {file.name: outs[file.name] for file in STORED if file.name in outs}


def object_path(md5: str) -> str:
    """Where DVC keeps an object, in its cache, in a remote and among the outputs.

    >>> object_path("d41d8cd98f00b204e9800998ecf8427e.dir")
    'files/md5/d4/1d8cd98f00b204e9800998ecf8427e.dir'
    """
    return f"{OBJECTS}/{md5[:2]}/{md5[2:]}"


def bundled(name: str) -> RecordFile[Any] | None:
    """What a path inside a sprint's folder is of its record; None where it is nothing that a bundle may bring.

    >>> [bool(bundled(name)) for name in ("evaluation.json", "plots/slices.png", "gallery/01.jpg", "notes.md")]
    [True, True, True, False]
    """
    return next((file for file in CATALOGUE if file.bundled and file.holds(name)), None)


def is_of_a_failure(name: str) -> bool:
    """Whether a path inside a sprint's folder belongs to the record of a run that failed.

    Such a run leaves records of older runs behind: they are not what the report shows, and DVC's cache may lack them.
    """
    file = bundled(name)
    return file is not None and file.of_failure


def is_sprint(name: str) -> bool:
    """Whether a name is one that a spec can have."""
    return bool(_SPRINT.fullmatch(name)) and not name.endswith("\n")


def pack(root: Path, sprints: Sequence[str], base: str, head: str, output: Path) -> BundleManifest:
    """Writes `output/bundle` and `output/outputs` for sprints that have run in `root`; the same files for the same records.

    Args:
        base, head: full SHAs of the commit that judged and of the one that ran.

    Raises:
        FlywheelError: a sprint has no report, a file of its record is a symbolic link, or DVC's cache lacks something.
    """
    files = {path: root / path for sprint in sorted(set(sprints)) for path in _record(root, sprint)}
    hashes = {md5 for sprint in sprints for md5 in _hashes(root, sprint)}
    objects = {object_path(md5): metafiles.cache_path(root, md5) for md5 in sorted(hashes)}
    manifest = BundleManifest(
        base_commit=base,
        head_commit=head,
        sprints=sorted(set(sprints)),
        files={path: digests.digest_of(source) for path, source in files.items()},
        objects={path: digests.digest_of(source) for path, source in objects.items()},
    )
    with atomic_folder(output / "outputs") as folder:
        for path, source in objects.items():
            _bring(source, folder / path)
    with atomic_folder(output / "bundle") as folder:
        for path, source in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, folder / path)
        write_json(folder / MANIFEST, manifest)
    return manifest


def _record(root: Path, sprint: str) -> list[str]:
    """The files of a sprint's record, by path from the repository's top."""
    folder = sprint_folder(root, sprint)
    if not is_sprint(sprint) or not (folder / REPORT.name).is_file():
        raise FlywheelError(
            "the sprint was not reported: there is nothing to pack",
            where=Where(sprint_path(sprint)),
            hint=f"flywheel run {sprint}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    failed = (folder / FAILURE.name).is_file()
    paths = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if is_of_a_failure(name) if failed else bundled(name):
            _require_real(root, path)
            paths.append(path.relative_to(root).as_posix())
    return paths


def _require_real(root: Path, path: Path) -> None:
    if path.resolve() != root.resolve() / path.relative_to(root) or not path.is_file():
        raise FlywheelError(
            "a symbolic link, or no file: it is not packed",
            where=Where(path.relative_to(root).as_posix()),
            hint="remove it and run the sprint again",
            exit_code=ExitCode.STAGE_FAILED,
        )


def _hashes(root: Path, sprint: str) -> Iterator[str]:
    """The objects behind a sprint's outputs: folders' listings, and the files that they name."""
    folder = sprint_folder(root, sprint)
    if (folder / FAILURE.name).is_file():
        return
    for out, md5 in stored_outs(folder / LOCK.name).items():
        if not metafiles.is_cached(root, md5):
            raise FlywheelError(
                f"{out}/ is not in DVC's cache",
                where=Where(sprint_path(sprint)),
                hint=f"flywheel run {sprint}",
                exit_code=ExitCode.STAGE_FAILED,
            )
        yield md5
        yield from (metafiles.cached_members(root, md5) or {}).values()


def _bring(source: Path, target: Path) -> None:
    """Weights are large: linked where the file system can, and copied elsewhere."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        shutil.copyfile(source, target)
