"""A judged sprint's recommendation: made from its records, those of earlier sprints, and its index."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path, PurePosixPath

import msgspec

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.root import PROJECT_FILE
from runner.recommending.decide import recommend
from runner.record.catalogue import (
    CHECKS,
    ERRORS,
    EVALUATION,
    PARAMS,
    QUALITY,
    RECOMMENDATION,
    SELECTION,
    TIMINGS,
    TRAINING,
    VERDICT,
    sprint_path,
)
from runner.record.digests import digest_of
from runner.record.recommendation import Recommendation, RestsOn
from runner.workflow.recommending.counts import TABLES, counted
from runner.workflow.recommending.evidence import known_of
from runner.workflow.recommending.hindsight import past
from runner.workflow.recommending.records import JudgedRecords, earlier, judged_records

OWN = (VERDICT, EVALUATION, SELECTION, TRAINING, ERRORS, CHECKS, TIMINGS, PARAMS, QUALITY)
OTHERS = (VERDICT, EVALUATION, SELECTION, PARAMS, QUALITY, RECOMMENDATION)


def recommended(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint, only: Collection[str] | None = None
) -> Recommendation | None:
    """What the sprint's record recommends, as it was judged: whoever holds the stage by now. None where it was not judged.

    Args:
        folder: the sprint's, or one laid out as it is.
        only: of earlier sprints no others than these.

    Raises:
        FlywheelError: a record cannot be read.
    """
    own = judged_records(folder)
    if own is None:
        return None
    before = [other for other in earlier(root, own.name) if only is None or other.name in only]
    known = known_of(
        project, loaded, own, before, counted(folder, project, loaded), champion=own.verdict.champion
    )
    return msgspec.structs.replace(
        recommend(known), past=past(own, before), rests_on=list(_rests_on(root, folder, own, before))
    )


def made_again(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint, stored: Recommendation
) -> tuple[Recommendation | None, str]:
    """The same from what is here, for `verify`; None, with the reason, where what it rested on is not here any more.

    Sprints that have been recorded since, by another pull request, were not looked at.
    """
    for file in stored.rests_on:
        own = file.path.removeprefix(f"{sprint_path(loaded.name)}/")
        path = folder / own if own != file.path else root / file.path
        if not path.is_file():
            return None, f"it rests on {file.path}, which is not here"
        if digest_of(path) != file.sha256:
            return None, f"it rests on {file.path}, which is another by now"
    known = {PurePosixPath(file.path).parts[1] for file in stored.rests_on if file.path != PROJECT_FILE}
    return recommended(root, folder, project, loaded, known), ""


def _rests_on(
    root: Path, folder: Path, own: JudgedRecords, before: Sequence[JudgedRecords]
) -> Iterator[RestsOn]:
    """Every file that was read, by its path."""
    found = {
        f"{sprint_path(own.name)}/{name}": folder / name for name in (*(file.name for file in OWN), *TABLES)
    }
    found[PROJECT_FILE] = root / PROJECT_FILE
    for other in before:
        found |= {file.of(other.name): other.folder / file.name for file in OTHERS}
    for path, file in sorted(found.items()):
        if file.is_file():
            yield RestsOn(path=path, sha256=digest_of(file))


def write_recommendation(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint
) -> Recommendation | None:
    """Writes recommendation.json of a sprint that was judged, and removes that of one that was not."""
    found = recommended(root, folder, project, loaded)
    if found is None:
        (folder / RECOMMENDATION.name).unlink(missing_ok=True)
    else:
        RECOMMENDATION.write(folder, found)
    return found
