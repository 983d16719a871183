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
from runner.domain.evaluation import Errors, Evaluation, Gallery
from runner.domain.files import atomic_folder, read_json, write_json
from runner.domain.policy import TERMS_FILE
from runner.domain.records import (
    Benchmark,
    Checks,
    ExportedTarget,
    Record,
    Selection,
    StageFailure,
    Training,
)
from runner.domain.verdict import SplitUse, Verdict
from runner.planning import holdout
from runner.policy.terms import Terms
from runner.report.record import SprintReport
from runner.stages import timings
from runner.stages.kinds import SPRINT
from runner.stages.run import FAILURE_FILE
from runner.stages.timings import Timings
from runner.workflow import digests
from runner.workflow.record_files import PLOTTED

BUNDLE_ARTIFACT, OUTPUTS_ARTIFACT = "flywheel-bundle", "flywheel-outputs"
MANIFEST = "manifest.json"
OBJECTS = "files/md5"
STORED = tuple(out for stage in SPRINT.stages for out in stage.outs)  # the folders that DVC keeps

# metrics.json is for `dvc metrics show`: names, and numbers below them
_Cell = dict[str, float | None]
_Numbers = dict[str, float | dict[str, float | dict[str, float | _Cell | None] | None] | None]
JSON_FILES: dict[str, Any] = {
    "selection.json": Selection,
    "checks.json": Checks,
    "training.json": Training,
    "exports.json": list[ExportedTarget],
    "evaluation.json": Evaluation,
    "errors.json": Errors,
    "metrics.json": _Numbers,
    "gallery.json": Gallery,
    "benchmark.json": Benchmark,
    timings.FILE: Timings,
    holdout.FILE: list[SplitUse],
    "verdict.json": Verdict,
    "report.json": SprintReport,
    digests.FILE: dict[str, str],
    TERMS_FILE: Terms,
    FAILURE_FILE: StageFailure,
}
YAML_FILES = ("params.yaml", "dvc.yaml", "dvc.lock")
CSV_FILES = tuple(name for stage in SPRINT.stages for name in stage.records if name.endswith(".csv"))
RENDERED = "report.md"
PICTURED = re.compile(r"gallery/[0-9]{2,4}(?:-cam)?\.jpg")
# A run that failed leaves records of older runs behind: they are not what the report shows, and DVC's cache may lack them.
_OF_A_FAILURE = (FAILURE_FILE, "report.json", RENDERED, "params.yaml", "dvc.yaml", timings.FILE, TERMS_FILE)
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
        return self.folder / "reports" / sprint

    def report(self, sprint: str) -> SprintReport:
        """What the sprint reported."""
        return read_json(self.sprint_folder(sprint) / "report.json", SprintReport)

    def terms(self, sprint: str) -> Terms | None:
        """What it was judged under; None where it failed before, or was run without a base."""
        path = self.sprint_folder(sprint) / TERMS_FILE
        return read_json(path, Terms) if path.is_file() else None

    def failed(self, sprint: str) -> bool:
        """Whether a stage failed: then there is no verdict and there are no outputs."""
        return (self.sprint_folder(sprint) / FAILURE_FILE).is_file()

    def stored(self, sprint: str) -> dict[str, str]:
        """DVC's hash of each folder that it keeps, by its path in the sprint's folder."""
        return stored_outs(self.sprint_folder(sprint) / "dvc.lock")


def stored_outs(lock: Path) -> dict[str, str]:
    """The outputs of a dvc.lock that DVC keeps, with their hashes, in the stages' order; those in git are left out.

    Raises:
        FlywheelError: the file is not a DVC lock.
    """
    stages = metafiles.read_lock(lock).values()
    outs = {path: md5 for stage in stages for path, md5 in stage.outs.items() if path in STORED}
    return {path: outs[path] for path in STORED if path in outs}


def object_path(md5: str) -> str:
    """Where DVC keeps an object, in its cache, in a remote and among the outputs.

    >>> object_path("d41d8cd98f00b204e9800998ecf8427e.dir")
    'files/md5/d4/1d8cd98f00b204e9800998ecf8427e.dir'
    """
    return f"{OBJECTS}/{md5[:2]}/{md5[2:]}"


def is_recorded(name: str) -> bool:
    """Whether a path inside a sprint's folder belongs to its record: what stages, the verdict and the report write.

    >>> [is_recorded(name) for name in ("evaluation.json", "plots/slices.png", "gallery/01.jpg", "notes.md")]
    [True, True, True, False]
    """
    return (
        name in JSON_FILES
        or name in YAML_FILES
        or name in CSV_FILES
        or name == RENDERED
        or bool(PLOTTED.fullmatch(name) or PICTURED.fullmatch(name))
    )


def is_of_a_failure(name: str) -> bool:
    """Whether a path inside a sprint's folder belongs to the record of a run that failed."""
    return name in _OF_A_FAILURE or bool(PLOTTED.fullmatch(name))


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
    folder = root / "reports" / sprint
    if not is_sprint(sprint) or not (folder / "report.json").is_file():
        raise FlywheelError(
            "the sprint was not reported: there is nothing to pack",
            where=Where(f"reports/{sprint}"),
            hint=f"flywheel run {sprint}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    failed = (folder / FAILURE_FILE).is_file()
    found = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if is_of_a_failure(name) if failed else is_recorded(name):
            _require_real(root, path)
            found.append(path.relative_to(root).as_posix())
    return found


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
    folder = root / "reports" / sprint
    if (folder / FAILURE_FILE).is_file():
        return
    for out, md5 in stored_outs(folder / "dvc.lock").items():
        if not metafiles.is_cached(root, md5):
            raise FlywheelError(
                f"{out}/ is not in DVC's cache",
                where=Where(f"reports/{sprint}"),
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
