"""The first look of `verify`: whether what lies in a sprint's folder is what was recorded, by digests.json and dvc.lock."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import yaml

from runner.adapters.dvc import metafiles
from runner.adapters.system import yaml_text
from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.domain.errors import ExitCode, FlywheelError, Where
from runner.domain.files import read_text
from runner.record import digests
from runner.record.catalogue import (
    DIGESTS,
    FAILURE,
    LOCK,
    PIPELINE,
    STORED,
    STORED_AND_DIGESTED,
    sprint_path,
)
from runner.record.lock import broken_links
from runner.record.strangers import advice, collapsed, strangers
from runner.workflow.verifying.mismatch import Mismatch

# Large, and nothing is made again from them.
_NOT_READ = frozenset(file.name for file in STORED if not file.digested)


def recorded_digests(folder: Path, name: str) -> dict[str, str]:
    """The SHA-256 of every file that the sprint's report rests on, by its path from the repository's top.

    Raises:
        FlywheelError: the sprint was not reported, or its last run failed (exit code 3).
    """
    if (folder / FAILURE.name).is_file():
        raise FlywheelError(
            "the last run failed: there is no verdict to verify",
            where=Where(str(folder / FAILURE.name)),
            hint=f"flywheel run {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    if not (folder / DIGESTS.name).is_file():
        raise FlywheelError(
            f"the sprint has no {DIGESTS.name}: it was not reported, or by a version that did not write it",
            where=Where(str(folder)),
            hint=f"flywheel run {name}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return DIGESTS.read(folder)


def require_outputs(folder: Path, name: str, recorded: dict[str, str]) -> list[str]:
    """The folders that may be absent and are.

    Raises:
        FlywheelError: one that is needed is absent: git has DVC's pointer only.
    """
    prefix = f"{sprint_path(name)}/"
    named = {file.removeprefix(prefix).split("/")[0] for file in recorded if file.startswith(prefix)}
    missing = [
        file for file in STORED_AND_DIGESTED if file.name in named and not (folder / file.name).exists()
    ]
    absent = [file.name for file in missing]
    needed = [file.name for file in missing if not file.optional]
    if needed:
        raise FlywheelError(
            f"{', '.join(f'{part}/' for part in needed)} {'is' if len(needed) == 1 else 'are'} not here, "
            "only in DVC",
            where=Where(str(folder)),
            hint=f"dvc pull {' '.join(prefix + part for part in needed)}",
            exit_code=ExitCode.STAGE_FAILED,
        )
    return absent


def against_digests(
    root: Path, project: Project, loaded: LoadedSprint, recorded: dict[str, str], absent: list[str]
) -> Iterator[Mismatch]:
    """Files that are not what was reported on, are gone, or were not there then."""
    not_here = tuple(f"{sprint_path(loaded.name)}/{part}/" for part in absent)
    for file, digest in recorded.items():
        if file.startswith(not_here):
            continue
        if not (root / file).is_file():
            yield Mismatch(file=file, problem="missing")
        elif digests.digest_of(root / file) != digest:
            yield Mismatch(
                file=file, problem="changed", detail="its bytes are not those that were reported on"
            )
    for file in digests.relied_on(root, project, loaded):
        if file not in recorded:
            yield Mismatch(file=file, problem="extra", detail="it was not there when the report was made")


def no_records(root: Path, sprint: str) -> Iterator[Mismatch]:
    """What lies in the sprint's folder and is of no record."""
    for file in collapsed(strangers(root, sprint)):
        yield Mismatch(file=file, problem="extra", detail=f"it is of no record; {advice(file)}")


def against_lock(folder: Path, named: set[str]) -> Iterator[Mismatch]:
    """What DVC recorded when the stages ran: it tells of files whose digests were changed along with them."""
    prefix = f"{sprint_path(folder.name)}/"
    for stage in metafiles.read_lock(folder / LOCK.name).values():
        for out, md5 in stage.outs.items():
            path = folder / out
            known = any(file == prefix + out or file.startswith(f"{prefix}{out}/") for file in named)
            if known or not path.exists() or Path(out).parts[0] in _NOT_READ:
                continue
            here = metafiles.folder_md5(path) if path.is_dir() else metafiles.file_md5(path)
            if here != md5:
                detail = f"it is not what the stage wrote, by {LOCK.name}"
                yield Mismatch(file=prefix + out, problem="changed", detail=detail)


def in_lock(folder: Path) -> Iterator[Mismatch]:
    """What was delivered is what was judged only if each stage read what the one before it wrote."""
    try:
        pipeline = yaml_text.load(read_text(folder / PIPELINE.name))["stages"]
        broken = list(broken_links(pipeline, metafiles.read_lock(folder / LOCK.name)))
    except (OSError, ValueError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        broken = [f"it could not be compared with {PIPELINE.name}: {type(error).__name__}"]
    for detail in broken:
        yield Mismatch(file=LOCK.of(folder.name), problem="does not follow", detail=detail)
