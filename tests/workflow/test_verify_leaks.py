"""`verify` and the tables of leaked images: a version before them wrote none, and none may be taken out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from msgspec import UNSET
from msgspec.structs import replace

from runner.domain.evaluation import Leaks
from runner.domain.verdict import WithoutLeaks
from runner.record.catalogue import EVALUATION, VERDICT
from runner.report.build import build
from runner.workflow.verifying.made_again import MadeAgain
from tests.planted_report import sprint_inputs


def compared(folder: Path, name: str, *, told: str) -> MadeAgain:
    """What is said of a table that was made again and is not stored; `told`: which records speak of leaks."""
    report = build(sprint_inputs())
    assert report.evaluation is not None
    assert report.verdict is not None
    leaks = Leaks(images=1, groups=1, kinds={"same group": 1}, pairs=[], left=0)
    others = WithoutLeaks(outcome=report.verdict.outcome, gates=[], optimizing_value=None)
    EVALUATION.write(folder, replace(report.evaluation, leaks=leaks if told == "evaluation" else UNSET))
    VERDICT.write(folder, replace(report.verdict, without_leaks=others if told == "verdict" else UNSET))
    made: Any = MadeAgain.__new__(MadeAgain)
    made.folder, made.prefix, made.rebuilt, made.findings, made.renderings = folder, "", [], [], []
    made._compare_table(name, folder / "made-again.parquet")
    return made  # type: ignore[no-any-return]


@pytest.mark.parametrize("name", ["outcomes/leaks.parquet", "outcomes/resamples-without-leaks.parquet"])
def test_a_record_that_says_nothing_of_leaks_is_of_a_version_before(tmp_path: Path, name: str) -> None:
    made = compared(tmp_path, name, told="nothing")
    assert (made.findings, [each.problem for each in made.renderings]) == ([], ["rendered otherwise"])


@pytest.mark.parametrize("told", ["evaluation", "verdict"])
def test_a_record_that_speaks_of_them_needs_their_tables(tmp_path: Path, told: str) -> None:
    made = compared(tmp_path, "outcomes/leaks.parquet", told=told)
    assert ([each.problem for each in made.findings], made.renderings) == (["does not follow"], [])


def test_any_other_table_is_missed_whatever_is_said(tmp_path: Path) -> None:
    assert compared(tmp_path, "outcomes/resamples.parquet", told="nothing").findings
