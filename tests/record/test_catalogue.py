"""The catalogue of a sprint's record: what it says of each file is what stages, bundles and git do."""

from __future__ import annotations

import re

import pytest

from runner.record.catalogue import CATALOGUE, DIGESTS, RECORDED, STORED, VERDICT, kept_by_git, sprint_path
from runner.stages.kinds import SPRINT
from runner.stages.stage import Stage


@pytest.mark.parametrize("stage", SPRINT.stages, ids=lambda stage: stage.name)
def test_a_stage_writes_what_the_catalogue_says_of_it(stage: Stage) -> None:
    written = [file for file in CATALOGUE if file.written_by == stage.name]
    assert tuple(file.name for file in written if file.kept_in == "dvc") == stage.outs
    assert tuple(file.name for file in written if file.kept_in == "git") == stage.records


def test_names_are_unique_and_lie_in_the_folder() -> None:
    names = [file.name for file in CATALOGUE]
    assert len(set(names)) == len(names)
    assert [name for name in names if re.search(r"^/|\.\./|\\\\|\s", name)] == []


def test_folders_are_dvcs_and_files_are_gits_but_for_the_plots() -> None:
    assert {file.format for file in STORED} == {"folder"}
    assert [file.name for file in RECORDED if file.format == "folder"] == ["plots"]


def test_what_is_required_of_a_bundle_may_be_in_one() -> None:
    assert [file.name for file in CATALOGUE if file.required and not file.bundled] == []


def test_a_folder_is_no_file_of_a_bundle_or_of_git() -> None:
    """`weights` as a file would take the place of what DVC keeps."""
    for name in ("weights", "index", "plots", "gallery", "plots/", "plots/../verdict.json", "plots/a.svg\n"):
        assert not kept_by_git(name)
        assert not any(file.bundled and file.holds(name) for file in CATALOGUE)


def test_paths() -> None:
    assert VERDICT.of("0001-x") == "reports/0001-x/verdict.json"
    assert sprint_path("0001-x") == "reports/0001-x"
    assert DIGESTS.format == "json"
