"""A judged sprint's recommendation: made from its records, those of earlier sprints, and its index."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import msgspec
from msgspec import UNSET

from runner.config.load import LoadedSprint
from runner.config.project import Project
from runner.config.root import PROJECT_FILE
from runner.planning.data_delta import Counts
from runner.planning.earlier_sprints import earlier_sprints
from runner.recommending.decide import recommend
from runner.record.catalogue import (
    BATCH_IMAGES,
    CHECKS,
    CLEANING,
    ERRORS,
    EVALUATION,
    LABEL_ISSUES,
    PARAMS,
    QUALITY,
    RECOMMENDATION,
    SELECTION,
    TIMINGS,
    TRAINING,
    VERDICT,
    sprint_path,
)
from runner.record.recommendation import Recommendation
from runner.record.rests_on import NOT_ALL_READ, lacking, rests_on
from runner.workflow.recommending.counts import TABLES, Batches, batches, counted
from runner.workflow.recommending.evidence import known_of
from runner.workflow.recommending.hindsight import past
from runner.workflow.recommending.records import JudgedRecords, advised_records, judged_records

OWN = (
    VERDICT,
    EVALUATION,
    SELECTION,
    TRAINING,
    ERRORS,
    CHECKS,
    TIMINGS,
    PARAMS,
    QUALITY,
    CLEANING,
    LABEL_ISSUES,
)
OTHERS = (VERDICT, EVALUATION, SELECTION, PARAMS, QUALITY, CLEANING, LABEL_ISSUES, RECOMMENDATION)


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """What a recommendation is made from.

    Attributes:
        before: earlier sprints that were judged.
        batches: of all sprints.
        counts: see `counted`; None where the index is not here.
        unread: other sprints' records that could not be read, a line each.
    """

    own: JudgedRecords
    before: list[JudgedRecords]
    batches: Batches
    counts: Counts | None
    unread: list[str]

    def recommendation(self, project: Project, loaded: LoadedSprint, champion: str | None) -> Recommendation:
        """What it says.

        Args:
            champion: who holds the stage.
        """
        known = known_of(project, loaded, self.own, self.before, self.counts, champion=champion)
        return msgspec.structs.replace(
            recommend(known), past=past(self.own, self.before), unread=self.unread or UNSET
        )


@dataclass(frozen=True, kw_only=True)
class Only:
    """The other sprints that are looked at: those whose records are, and those whose batches are."""

    judged: frozenset[str]
    batches: frozenset[str]


def evidence(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint, only: Only | None = None
) -> Evidence | None:
    """What is known of a sprint; None where it was not judged.

    Args:
        folder: the sprint's, or one laid out as it is.
        only: of other sprints no others than these.

    Raises:
        FlywheelError: a file of its own record cannot be read.
    """
    own = judged_records(folder)
    if own is None:
        return None
    before, unread = earlier_sprints(root, own.name, advised_records, only=only.judged if only else None)
    drawn = batches(root, only.batches if only else None)
    return Evidence(
        own=own,
        before=before,
        batches=drawn,
        counts=counted(folder, project, loaded, drawn.images),
        unread=[*unread, *drawn.unread],
    )


def recommended(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint, only: Only | None = None
) -> Recommendation | None:
    """What the sprint's record recommends, as it was judged: whoever holds the stage by now. None where it was not judged.

    Raises:
        FlywheelError: a file of its own record cannot be read.
    """
    found = evidence(root, folder, project, loaded, only)
    if found is None:
        return None
    return msgspec.structs.replace(
        found.recommendation(project, loaded, found.own.verdict.champion),
        rests_on=rests_on(_files(root, folder, found)),
    )


def made_again(
    root: Path, folder: Path, project: Project, loaded: LoadedSprint, stored: Recommendation
) -> tuple[Recommendation | None, str]:
    """The same from what is here, for `verify`; None, with the reason, where what it rested on is not here any more.

    Sprints that have been recorded since, by another pull request, were not looked at.
    """
    if stored.unread:
        return None, NOT_ALL_READ
    own = f"{sprint_path(loaded.name)}/"
    gone = lacking(
        {file.path: file.sha256 for file in stored.rests_on},
        lambda path: folder / path.removeprefix(own) if path.startswith(own) else root / path,
    )
    if gone:
        return None, f"it rests on {gone[0]}"
    only = Only(judged=_sprints_of(stored, VERDICT.name), batches=_sprints_of(stored, BATCH_IMAGES.name))
    return recommended(root, folder, project, loaded, only), ""


def _sprints_of(stored: Recommendation, name: str) -> frozenset[str]:
    """The sprints of which it rests on the file of that name."""
    paths = (PurePosixPath(file.path) for file in stored.rests_on)
    return frozenset(path.parts[1] for path in paths if path.name == name)


def _files(root: Path, folder: Path, found: Evidence) -> dict[str, Path]:
    """Every file that was read, by its path."""
    own = found.own
    files = {
        f"{sprint_path(own.name)}/{name}": folder / name for name in (*(file.name for file in OWN), *TABLES)
    }
    files[PROJECT_FILE] = root / PROJECT_FILE
    for other in found.before:
        files |= {file.of(other.name): other.folder / file.name for file in OTHERS}
    if found.counts is not None:
        files |= {BATCH_IMAGES.of(sprint): root / BATCH_IMAGES.of(sprint) for sprint in found.batches.sprints}
    return files


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
