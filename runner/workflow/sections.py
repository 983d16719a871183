"""What a recorded params.yaml says of whom a sprint was compared with, and of what its training started from.

By its parameters, since the registry's tags move on.
"""

from __future__ import annotations

from typing import Any

import msgspec

from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.stages.stage import told_in


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
