"""What a recorded params.yaml says of whom a sprint was compared with, and of what its training started from.

By its parameters, since the registry's tags move on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion

_MARKS = ("version", "digest")  # what a section of params.yaml says beside the stage's own parameters


def told_in(section: Mapping[str, Any]) -> dict[str, Any]:
    """A section of params.yaml without what is not the stage's own parameters."""
    return {key: value for key, value in section.items() if key not in _MARKS}


def section(sections: Any, stage: str) -> dict[str, Any]:
    """A stage's own parameters."""
    return told_in(sections[stage])


def champion_of(sections: Any) -> ResolvedChampion | None:
    """Whom the sprint was compared with; None where there was nobody."""
    if "champion" not in sections:
        return None
    return msgspec.convert(section(sections, "champion")["champion"], ResolvedChampion)


def ancestor_of(sections: Any) -> Ancestor | None:
    """The sprint whose model was fine-tuned; None where training started from something else."""
    recorded = section(sections, "train").get("ancestor")
    return msgspec.convert(recorded, Ancestor) if recorded else None
