"""The stage `drift`: the champion's index and selection are taken from DVC's cache by its record; where they are not there, that is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from planted_bias import CLASSES, PlantedImages
from projects import call

from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError
from runner.domain.records import Severity
from runner.record.catalogue import DRIFT, sprint_folder
from runner.stages import drift
from runner.stages.champion_data import champion_data, is_here
from runner.stages.drift import DriftParams
from runner.stages.stage import StageContext

SPRINT = "0001-first"


@pytest.fixture
def champion(tmp_path: Path) -> ResolvedChampion:
    """A sprint whose tables are in the cache, and whose record git has."""
    made = tmp_path / "made"
    PlantedImages().write(made)
    outs = {name: stored(tmp_path, made / name) for name in ("index", "selection")}
    record = tmp_path / "reports" / SPRINT
    record.mkdir(parents=True)
    lock = [
        f"    - path: {name}\n      md5: {md5}\n      hash: md5\n      size: 1\n"
        for name, md5 in outs.items()
    ]
    (record / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  index:\n    cmd: x\n    outs:\n"
        + lock[0]
        + "  select:\n    cmd: x\n    outs:\n"
        + lock[1]
    )
    (record / "params.yaml").write_text(f"index: {{classes: [{', '.join(CLASSES)}], group_by: scene}}\n")
    call(tmp_path, "git", "init", "-q", "-b", "main")
    call(tmp_path, "git", "add", "reports")
    call(tmp_path, "git", "-c", "user.name=A", "-c", "user.email=a@b.c", "commit", "-q", "-m", "First")
    commit = call(tmp_path, "git", "rev-parse", "HEAD").stdout.strip()
    return ResolvedChampion(
        sprint=SPRINT,
        tag="pets#prod#1",
        commit=commit,
        target="torch",
        path="weights/seed-0.pt",
        digest="0" * 32,
    )


def stored(root: Path, folder: Path) -> str:
    """Puts a folder into DVC's cache; its hash."""
    members = []
    for file in sorted(folder.iterdir()):
        content = file.read_bytes()
        members.append({"md5": put(root, content, ""), "relpath": file.name})
    return put(root, json.dumps(members).encode(), ".dir")


def put(root: Path, content: bytes, suffix: str) -> str:
    md5 = hashlib.md5(content).hexdigest()  # noqa: S324 - DVC's
    path = root / ".dvc" / "cache" / "files" / "md5" / md5[:2] / f"{md5[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5 + suffix


def test_its_tables_are_found_by_its_record(tmp_path: Path, champion: ResolvedChampion) -> None:
    found = champion_data(tmp_path, champion)
    assert found.tables is not None
    assert all(path.is_file() for path in (found.tables.images, found.tables.objects, found.tables.manifest))
    assert (found.classes, found.group_by, found.reason) == (CLASSES, "scene", "")
    assert is_here(tmp_path, champion)


def test_what_is_not_in_the_cache_is_named(tmp_path: Path, champion: ResolvedChampion) -> None:
    manifest = champion_data(tmp_path, champion).tables
    assert manifest is not None
    manifest.manifest.unlink()
    found = champion_data(tmp_path, champion)
    assert (found.tables, found.reason) == (
        None,
        "DVC's cache did not hold manifest.parquet of 0001-first",
    )
    assert not is_here(tmp_path, champion)


def test_a_damaged_cache_is_no_data(tmp_path: Path, champion: ResolvedChampion) -> None:
    tables = champion_data(tmp_path, champion).tables
    assert tables is not None
    tables.objects.chmod(0o644)
    tables.objects.write_bytes(b"another")
    found = champion_data(tmp_path, champion)
    assert found.tables is None
    assert "objects.parquet of 0001-first" in found.reason


def params(champion: ResolvedChampion, severity: Severity = Severity.WARNING) -> DriftParams:
    return DriftParams(
        champion=champion,
        class_names=list(CLASSES),
        group_by="scene",
        preset="detection",
        max_shift=0.2,
        severity=severity,
    )


def sprint(tmp_path: Path, camera: str = "") -> StageContext:
    folder = sprint_folder(tmp_path, "0002-second")
    images = PlantedImages()
    if camera:
        images.columns["camera"][:] = camera
    images.write(folder)
    return StageContext(root=tmp_path, folder=folder)


def test_the_stage_writes_what_differs(tmp_path: Path, champion: ResolvedChampion) -> None:
    context = sprint(tmp_path, camera="roof")
    drift.run(context, params(champion))
    found = DRIFT.read(context.folder)
    assert (found.champion, found.not_measured, [value.value for value in found.new_values]) == (
        SPRINT,
        "",
        ["roof"],
    )
    assert [result.id for result in found.results if not result.success] == ["detection.new_to_champion"]


def test_without_the_library_the_record_has_the_same_bytes(
    tmp_path: Path, champion: ResolvedChampion, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = sprint(tmp_path, camera="roof")
    drift.run(context, params(champion))
    before = (context.folder / DRIFT.name).read_bytes()
    monkeypatch.setattr("runner.adapters.system.extras.expectations_are_installed", lambda: False)
    monkeypatch.setattr("runner.checks.rule.run_rules", None)
    drift.run(context, params(champion))
    assert (context.folder / DRIFT.name).read_bytes() == before


def test_an_error_stops_the_sprint_after_the_record_is_written(
    tmp_path: Path, champion: ResolvedChampion
) -> None:
    context = sprint(tmp_path, camera="roof")
    with pytest.raises(FlywheelError) as stopped:
        drift.run(context, params(champion, Severity.ERROR))
    assert "camera = roof, new to the champion" in stopped.value.message
    assert DRIFT.read(context.folder).new_values


def test_data_that_is_not_here_is_not_measured_and_never_none(
    tmp_path: Path, champion: ResolvedChampion
) -> None:
    tables = champion_data(tmp_path, champion).tables
    assert tables is not None
    tables.objects.unlink()
    context = sprint(tmp_path)
    drift.run(context, params(champion, Severity.ERROR))
    found = DRIFT.read(context.folder)
    assert found.not_measured == "DVC's cache did not hold objects.parquet of 0001-first"
    assert found.results == found.images == []
