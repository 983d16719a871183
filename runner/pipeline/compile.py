"""Writes params.yaml and dvc.yaml, DVC's own format, into the sprint's folder."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runner.adapters.system import yaml_text
from runner.domain.files import write_text
from runner.planning.resolve import ResolvedStage
from runner.record.catalogue import IGNORED, PARAMS, PIPELINE

HEADER = "# Compiled from {spec} by flywheel: edit the spec, not this file.\n"


def compile_pipeline(folder: Path, stages: Sequence[ResolvedStage], spec: str) -> Path:
    """Writes the two files where they differ from what is there, and returns the dvc.yaml.

    What was committed is never executed: it is overwritten by what the spec says.
    """
    for name, text in compiled(stages, spec).items():
        path = folder / name
        if not path.is_file() or path.read_bytes() != text.encode():
            write_text(path, text)
    _ignore(folder / IGNORED.name, [out for stage in stages for out in stage.outs])
    return folder / PIPELINE.name


def _ignore(file: Path, outs: Sequence[str]) -> None:
    """DVC tells git only when a run has ended well: after one that failed, `git add` would take the weights."""
    lines = file.read_bytes().decode("utf-8", "replace").splitlines() if file.is_file() else []
    missing = [line for out in outs if (line := f"/{out}") not in lines]
    if missing:
        write_text(file, "\n".join([*lines, *missing]) + "\n")


def compiled(stages: Sequence[ResolvedStage], spec: str) -> dict[str, str]:
    """The texts of params.yaml and dvc.yaml."""
    params = {stage.name: stage.params for stage in stages}
    pipeline = {
        "stages": {stage.name: _dvc_stage(stage) for stage in stages},
        "plots": [plot for stage in stages for plot in stage.plots],
    }
    return {
        name: HEADER.format(spec=spec)
        + yaml_text.dump({key: value for key, value in content.items() if value})
        for name, content in ((PARAMS.name, params), (PIPELINE.name, pipeline))
    }


def _dvc_stage(stage: ResolvedStage) -> dict[str, Any]:
    records = [path for path in stage.records if path not in stage.metrics]
    entry: dict[str, Any] = {
        "cmd": stage.cmd,
        "deps": stage.deps,
        "params": [stage.name],
        "outs": [*stage.outs, *({path: {"cache": False}} for path in records)],
        "metrics": [{path: {"cache": False}} for path in stage.metrics],
    }
    return {key: value for key, value in entry.items() if value}
