"""What a recorded params.yaml says of whom a sprint was compared with, and of what its training started from.

By its parameters, since the registry's tags move on.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

import msgspec

from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.record.differences import common_difference, json_difference

_CAME_WITH = {"drift": ("evaluate", 9)}  # a stage → the version of another one with which it came
_MARKS = ("version", "digest")  # what a section of params.yaml says beside the stage's own parameters


def told_in(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section of params.yaml without what is not the stage's own parameters."""
    return {key: value for key, value in section.items() if key not in _MARKS}


def section(sections: Any, stage: str) -> dict[str, Any]:
    """A stage's own parameters."""
    return told_in(sections[stage])


def other_versions(stored: Any, compiled: Any) -> dict[str, tuple[int, int]]:
    """The stages that another version of their code ran, with that version and today's.

    Args:
        stored: a recorded params.yaml. `compiled`: what the same spec compiles to today.
    """
    versions = {
        name: (stored.get(name, {}).get("version"), today["version"]) for name, today in compiled.items()
    }
    return {name: pair for name, pair in versions.items() if pair[0] is not None and pair[0] != pair[1]}


def compiled_difference(stored: Any, compiled: Any, others: Mapping[str, tuple[int, int]]) -> str | None:
    """The first difference of two params.yaml, or of two dvc.yaml, that no other version of a stage explains.

    Of params.yaml the parameters that both versions of a stage have must be the same. A dvc.yaml that was committed is never
    executed: of its stages those must be the same that today's version ran. A stage that came later
    than the version that ran is not missed.
    """
    if "stages" in compiled:
        ran = stored["stages"]
        before, now = (
            {name: stage for name, stage in stages.items() if name not in others}
            for stages in (ran, _known(compiled["stages"], ran, others))
        )
        return json_difference(before, now, "stages")
    compiled = _known(compiled, stored, others)
    if stored.keys() != compiled.keys():
        return json_difference(stored, compiled)
    for name, today in compiled.items():
        if name in others:
            found = common_difference(told_in(stored[name]), told_in(today), name)
        else:
            found = json_difference(stored[name], today, name)
        if found is not None:
            return found
    return None


def is_later(stage: str, others: Mapping[str, tuple[int, int]]) -> bool:
    """Whether a stage came into the pipeline only after the versions that ran.

    >>> is_later("drift", {"evaluate": (8, 9)}), is_later("drift", {}), is_later("benchmark", {"evaluate": (8, 9)})
    (True, False, False)
    """
    beside, version = _CAME_WITH.get(stage, ("", 0))
    return beside in others and others[beside][0] < version


def _known(
    compiled: Mapping[str, Any], stored: Container[str], others: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """Today's stages without those that came later and were not there yet."""
    return {name: stage for name, stage in compiled.items() if name in stored or not is_later(name, others)}


def champion_of(sections: Any) -> ResolvedChampion | None:
    """Whom the sprint was compared with; None where there was nobody."""
    if "champion" not in sections:
        return None
    return msgspec.convert(section(sections, "champion")["champion"], ResolvedChampion)


def ancestor_of(sections: Any) -> Ancestor | None:
    """The sprint whose model was fine-tuned; None where training started from something else."""
    recorded = section(sections, "train").get("ancestor")
    return msgspec.convert(recorded, Ancestor) if recorded else None
