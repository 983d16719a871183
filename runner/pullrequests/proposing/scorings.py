"""Scorings of the pool that a proposal brings: what a batch was drawn from. Only what flywheel itself writes passes."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from runner.config.load import load_project
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError
from runner.pipeline.compile import compiled
from runner.planning.resolve import resolve_stages
from runner.record.catalogue import EXPORTS_FOLDER, PIPELINE
from runner.record.scoring import COMMITTED
from runner.stages.kinds import SCORING, ScoringInputs

_NAME = re.compile(r"(?:[0-9]{4}-[a-z0-9-]{1,60}-)?pool")
# The pipeline is the same whichever model it is.
_ANY = ResolvedChampion(sprint="", tag="", commit="", target="", path=f"{EXPORTS_FOLDER.name}/x", digest="")


def is_of_scoring(parts: tuple[str, ...]) -> bool:
    """Whether a path's parts are those of a file in the folder of a scoring.

    >>> is_of_scoring(("scores", "0001-first-pool", "dvc.yaml")), is_of_scoring(("scores", "x", "dvc.yaml"))
    (True, False)
    """
    return len(parts) == 3 and parts[0] == SCORING.folder and bool(_NAME.fullmatch(parts[1]))


def scoring_strangers(paths: Iterable[str]) -> list[str]:
    """Those of git's paths that lie where scorings do, and are of none; sorted.

    >>> scoring_strangers(["scores/pool/scores.json", "scores/pool/numpy.py", "scores/a.py", "scores.py"])
    ['scores/a.py', 'scores/pool/numpy.py']
    """
    found = []
    for path in paths:
        parts = PurePosixPath(path).parts
        inside = len(parts) > 1 and parts[0].lower() == SCORING.folder
        if inside and not (is_of_scoring(parts) and parts[2] in COMMITTED):
            found.append(path)
    return sorted(found)


def compiled_scorings(root: Path) -> list[bytes]:
    """The pipelines that a scoring may have: without a champion, with one, and with others beside it; none where flywheel.yaml is
    not valid.
    """
    try:
        project = load_project(root)
    except FlywheelError:
        return []
    several = {"torch": _ANY}
    kinds = (
        ScoringInputs(project=project, champion=None, confidence=0.25),
        ScoringInputs(project=project, champion=_ANY, confidence=0.25),
        ScoringInputs(project=project, champion=_ANY, confidence=0.25, members=several),
    )
    return [
        compiled(resolve_stages(SCORING, each), "flywheel.yaml")[PIPELINE.name].encode() for each in kinds
    ]
