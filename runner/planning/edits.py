"""Inputs of a sprint whose files were edited and not added to DVC: a run would refuse them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from runner.adapters.dvc import edits
from runner.planning.resolve import TO_ROOT, ResolvedStage


def inputs_of(stages: Sequence[ResolvedStage]) -> list[str]:
    """What the stages read that none of them writes: the dataset, weights. By path from the repository's top."""
    read = {dep.removeprefix(TO_ROOT) for stage in stages for dep in stage.deps if dep.startswith(TO_ROOT)}
    return sorted(read)


def input_edits(root: Path, stages: Sequence[ResolvedStage]) -> tuple[dict[str, str], list[str]]:
    """The edited inputs, each with the reason that it gives a stage, and sentences on what would take too long to compare."""
    edited, unknown = {}, []
    for path in inputs_of(stages):
        seen = edits.look(root, path)
        if seen.state == "edited":
            edited[path] = f"{path} edited, not added ({seen.words}): dvc add {path}"
        elif seen.state == "unknown":
            unknown.append(
                f"whether {path} was edited was not looked at ({seen.words}): dvc status {path}.dvc"
            )
    return edited, unknown
