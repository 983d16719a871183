"""The bytes of params.yaml and dvc.yaml: another one, and DVC runs stages of finished sprints again."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.config.load import load_project, load_sprint
from runner.domain.ancestor import Ancestor
from runner.domain.champion import ResolvedChampion
from runner.pipeline.compile import compiled
from runner.planning.resolve import stages_of

HERE = Path(__file__).parent
REPOSITORY = HERE.parents[1]
SPRINT = "0001-first-model"


def champion() -> ResolvedChampion:
    return ResolvedChampion(
        sprint="0000-before",
        tag="parcel-digits#prod#1",
        commit="c" * 40,
        target="onnx-fp32",
        path="exports/onnx-fp32",
        digest=f"{'d' * 32}.dir",
    )


def ancestor() -> Ancestor:
    return Ancestor(
        sprint="0000-before",
        path="weights/seed-0.safetensors",
        weights=f"{'e' * 32}.dir",
        selection=f"{'f' * 32}.dir",
    )


@pytest.mark.parametrize("others", ["without", "with"])
@pytest.mark.parametrize("file", ["params.yaml", "dvc.yaml"])
def test_what_is_compiled_of_the_demos_sprint_stays_the_same_bytes(file: str, others: str) -> None:
    project = load_project(REPOSITORY)
    loaded = load_sprint(REPOSITORY, SPRINT, project)
    beside = (champion(), ancestor()) if others == "with" else (None, None)
    text = compiled(stages_of(project, loaded, *beside), loaded.path)[file]
    golden = HERE / "golden" / others / file
    assert text == golden.read_text(encoding="utf-8")
