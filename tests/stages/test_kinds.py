"""Every kind of work is of one piece: what a stage reads is written before, and its folder says what kind it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.stages.kinds import KINDS, SCORING, SPRINT, Kind, kind_in

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
