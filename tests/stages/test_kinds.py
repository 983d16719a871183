"""Every kind of work is of one piece: what a stage reads is written before, and its folder says what kind it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.config.project import Dataset, Project, Splits
from runner.config.sprint import Sprint
from runner.domain.champion import ResolvedChampion
from runner.pipeline.compile import compiled
from runner.planning.resolve import resolve_stages
from runner.stages.kinds import KINDS, SCORING, SPRINT, Kind, ScoringInputs, SprintInputs, kind_in
from runner.trainers import UltralyticsTrainer

BY_NAME = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)


@BY_NAME
def test_a_stage_reads_what_one_before_it_wrote(kind: Kind[object]) -> None:
    written: set[str] = set()
    for stage in kind.stages:
        assert {file.name for file in stage.reads} <= written
        written |= {file.name for file in stage.writes}


@BY_NAME
def test_names_of_stages_and_of_what_they_write_are_unique(kind: Kind[object]) -> None:
    for names in (
        [stage.name for stage in kind.stages],
        [file.name for stage in kind.stages for file in stage.writes],
    ):
        assert len(set(names)) == len(names)


@BY_NAME
def test_plots_and_metrics_are_of_what_the_stage_writes(kind: Kind[object]) -> None:
    for stage in kind.stages:
        assert set(stage.metrics) <= set(stage.writes)
        assert {name for plot in stage.plots for name in plot} <= set(stage.records)


def test_a_folder_says_the_kind_of_work() -> None:
    assert kind_in(Path("/p/reports/0001-first")) is SPRINT
    assert kind_in(Path("/p/scores/0001-first-pool")) is SCORING
    assert len({kind.folder for kind in KINDS}) == len(KINDS)
    with pytest.raises(ValueError, match="no kind of work has its folders in /p/elsewhere"):
        kind_in(Path("/p/elsewhere/0001-first"))


def test_a_stage_that_no_kind_has_is_unknown() -> None:
    assert SPRINT.stage("train").version > 0
    with pytest.raises(KeyError):
        SCORING.stage("train")


def test_a_scoring_takes_the_index_that_a_sprint_has_built() -> None:
    """The same command, inputs and parameters: DVC's run cache has it, whichever of them ran first."""
    project = Project(
        apiVersion="flywheel/v1",
        kind="Project",
        name="p",
        task="detect",
        classes=["cat"],
        dataset=Dataset(path="data", layout="yolo"),
        splits=Splits(pool="split = 'pool'"),
    )
    sprint = Sprint(
        apiVersion="flywheel/v1", kind="Sprint", title="t", train=UltralyticsTrainer(model="yolo11n.yaml")
    )
    champion = ResolvedChampion(
        sprint="0001-a",
        tag="m#prod#1",
        commit="c",
        target="torch",
        path="weights/seed-0.safetensors",
        digest="d.dir",
    )
    scoring = resolve_stages(SCORING, ScoringInputs(project=project, champion=champion, confidence=0.25))
    of_sprint = {
        stage.name: stage
        for stage in resolve_stages(SPRINT, SprintInputs(project=project, sprint=sprint, champion=champion))
    }
    assert [stage.name for stage in scoring] == ["index", "select", "champion", "score"]
    assert scoring[0] == of_sprint["index"]
    assert (scoring[1].params["chosen"], "chosen" in of_sprint["select"].params) == (["pool"], False)
    assert (scoring[2].params["split"], "split" in of_sprint["champion"].params) == ("pool", False)
    assert scoring[3].deps == ["selection", "selection.json", "champion"]
    assert set(compiled(scoring, "flywheel.yaml")) == {"params.yaml", "dvc.yaml"}
