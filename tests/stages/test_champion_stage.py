"""The champion's artefact is taken from DVC's cache by its hash, and its predictions fitted to the project's classes."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from runner.adapters.dvc.metafiles import cache_path
from runner.adapters.tables.parquet import read_table
from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError
from runner.domain.files import write_json
from runner.domain.records import Selection
from runner.domain.task import TaskSpec
from runner.planning.resolve import resolve_stages
from runner.record.catalogue import sprint_folder
from runner.stages import champion as stage
from runner.stages.champion import (
    ChampionParams,
    RecordedPredictions,
    artefact,
    of_classes,
    stored_files,
)
from runner.stages.kinds import SPRINT, SprintInputs
from runner.stages.stage import StageContext

FILES = {"onnx-fp32/model.onnx": b"graph", "onnx-fp32/metadata.json": b"{}", "openvino-int8/model.xml": b"x"}


def store(root: Path, files: dict[str, bytes]) -> str:
    """Puts a folder into DVC's cache, and returns its hash."""
    listing = []
    for name, content in sorted(files.items()):
        md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
        listing.append({"md5": md5, "relpath": name})
        path = cache_path(root, md5)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    text = json.dumps(listing).encode()
    digest = hashlib.md5(text, usedforsecurity=False).hexdigest() + ".dir"
    cache_path(root, digest).parent.mkdir(parents=True, exist_ok=True)
    cache_path(root, digest).write_bytes(text)
    return digest


def champion(digest: str) -> ResolvedChampion:
    return ResolvedChampion(
        sprint="0001-a",
        tag="m#prod#1",
        commit="c" * 40,
        target="onnx-fp32",
        path="exports/onnx-fp32",
        digest=digest,
    )


def test_only_what_the_champion_ships_is_laid_out(tmp_path: Path) -> None:
    folder = artefact(tmp_path, champion(store(tmp_path, FILES)))
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == {
        "model.onnx": b"graph",
        "metadata.json": b"{}",
    }
    assert folder.is_relative_to(tmp_path / ".flywheel" / "champion")
    assert [path.name for path in folder.parent.iterdir()] == ["onnx-fp32"]


@pytest.mark.parametrize("spoil", ["change", "remove"])
def test_a_spoiled_copy_is_laid_out_again(tmp_path: Path, spoil: str) -> None:
    model = champion(store(tmp_path, FILES))
    file = artefact(tmp_path, model) / "model.onnx"
    if spoil == "change":
        file.write_bytes(b"another")
    else:
        file.unlink()
    assert (artefact(tmp_path, model) / "model.onnx").read_bytes() == b"graph"


def test_files_that_the_champion_does_not_ship_may_be_missing(tmp_path: Path) -> None:
    model = champion(store(tmp_path, FILES))
    cache_path(tmp_path, hashlib.md5(b"x", usedforsecurity=False).hexdigest()).unlink()
    assert stored_files(tmp_path, model) is not None


def test_a_model_that_is_not_in_the_cache_is_not_fetched_unasked(tmp_path: Path) -> None:
    model = champion(store(tmp_path, FILES))
    cache_path(tmp_path, hashlib.md5(b"graph", usedforsecurity=False).hexdigest()).unlink()
    with pytest.raises(FlywheelError) as caught:
        artefact(tmp_path, model)
    assert str(caught.value) == (
        "reports/0001-a/exports/onnx-fp32: the champion's model (m#prod#1, onnx-fp32) is not here, only its record is\n"
        "  hint: run again with --pull, or: dvc fetch reports/0001-a/exports"
    )


def test_classes_are_matched_by_name_and_unknown_ones_left_out() -> None:
    found = {
        "path": np.array(["a", "b", "c"], dtype=object),
        "class": np.array(["dog", "bird", "cat"], dtype=object),
        "class_id": np.array([0, 1, 2], dtype=np.int32),
        "score": np.array([0.9, 0.8, 0.7], dtype=np.float32),
    }
    kept = of_classes(found, ["cat", "fox", "dog"])
    assert kept["class"].tolist() == ["dog", "cat"]
    assert kept["class_id"].tolist() == [2, 0]
    assert kept["score"].dtype == np.float32


def configuration(champion: ResolvedChampion | None = None) -> SprintInputs:
    project = {
        "apiVersion": "flywheel/v1",
        "kind": "Project",
        "name": "p",
        "task": "detect",
        "classes": ["a"],
        "dataset": {"path": "data", "layout": "yolo"},
    }
    sprint = {
        "apiVersion": "flywheel/v1",
        "kind": "Sprint",
        "title": "t",
        "train": {"framework": "ultralytics", "model": "yolo11n.yaml"},
    }
    return SprintInputs(
        project=msgspec.convert(project, Project), sprint=msgspec.convert(sprint, Sprint), champion=champion
    )


def test_the_stage_exists_only_when_there_is_a_champion() -> None:
    without = {stage.name: stage for stage in resolve_stages(SPRINT, configuration())}
    having = {stage.name: stage for stage in resolve_stages(SPRINT, configuration(champion("d.dir")))}
    assert "champion" not in without
    assert "champion" not in without["evaluate"].deps
    assert "champion" in having["evaluate"].deps
    assert having["champion"].params["champion"]["digest"] == "d.dir"
    names = list(having)
    assert names.index("predict") < names.index("champion") < names.index("evaluate")


def test_a_champion_changes_the_parameters_of_the_evaluation_and_of_nothing_else() -> None:
    without = {stage.name: stage.params for stage in resolve_stages(SPRINT, configuration())}
    having = {stage.name: stage.params for stage in resolve_stages(SPRINT, configuration(champion("d.dir")))}
    changed = [name for name, params in without.items() if params != having[name]]
    assert changed == ["evaluate"]
    assert (without["evaluate"]["champion"], having["evaluate"]["champion"]) == (None, "0001-a")


def test_a_champions_predictions_that_cannot_be_measured_are_refused_by_their_own_file_and_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows of classes that the project no longer has are counted too: the row is that of the file."""
    selection = Selection(splits={}, dropped=[], digest="d", split_digests={"test": "s"})
    folder = sprint_folder(tmp_path, "0002-b")
    folder.mkdir(parents=True)
    write_json(folder / "selection.json", selection)
    known = RecordedPredictions(folder="f.dir", table="t", class_names=["gone", "cat"])
    rows = {
        "path": np.array(["1.jpg", "1.jpg"], dtype=object),
        "class": np.array(["gone", "cat"], dtype=object),
        "class_id": np.array([0, 1], np.int32),
        "score": np.array([0.5, np.nan], np.float32),
        **{name: np.zeros(2, np.float32) for name in ("x_min", "y_min", "x_max", "y_max")},
    }
    monkeypatch.setattr(stage, "recorded_predictions", lambda *_: known)
    monkeypatch.setattr(stage, "_read", lambda *_: (rows, known.class_names))
    params = ChampionParams(
        champion=champion("d.dir"),
        dataset="data",
        task=TaskSpec(name="detect", classes=["cat"]),
        device="cpu",
        threads=1,
    )
    with pytest.raises(FlywheelError) as refused:
        stage.run(StageContext(root=tmp_path, folder=folder), params)
    assert str(refused.value) == (
        "reports/0001-a/predictions/onnx-fp32.parquet: row 2 of 2 ('1.jpg'): its score is NaN, not a number from 0 to 1\n"
        "  hint: the champion 0001-a (m#prod#1) cannot be compared with: go back to another with flywheel rollback"
    )
    assert not (folder / "champion").exists()
    rows["score"][1] = 0.5
    stage.run(StageContext(root=tmp_path, folder=folder), params)
    assert read_table(folder / "champion" / "predictions.parquet")["class"].tolist() == ["cat"]
