"""Whether a sprint's dvc.lock is of one piece: every stage read what the stage before it wrote."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from runner.adapters.dvc.metafiles import LockedStage


def broken_links(pipeline: Mapping[str, Any], lock: Mapping[str, LockedStage]) -> Iterator[str]:
    """What a lock lacks or contradicts itself in, as sentences.

    Args:
        pipeline: the stages of the sprint's dvc.yaml, by name; a lock may hold older ones besides, which nothing reads.
    """
    written: dict[str, tuple[str, str]] = {}  # path → its hash, and the stage that wrote it
    for name, stage in pipeline.items():
        locked = lock.get(name)
        if locked is None:
            yield f"the stage {name} is not in it"
            continue
        absent = sorted(
            {*_paths(stage, "deps"), *_paths(stage, "outs", "metrics")} - {*locked.deps, *locked.outs}
        )
        if absent:
            yield f"it does not say of the stage {name} what {', '.join(absent)} was"
        for path, md5 in locked.deps.items():
            before, writer = written.get(path, (md5, ""))
            if md5 != before:
                yield f"{name} read another {path} than {writer} wrote"
        written |= {path: (md5, name) for path, md5 in locked.outs.items()}


def _paths(stage: Mapping[str, Any], *kinds: str) -> Iterator[str]:
    for kind in kinds:
        for entry in stage.get(kind, ()):
            yield from [entry] if isinstance(entry, str) else entry
