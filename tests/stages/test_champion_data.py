"""The champion's index and selection are taken from DVC's cache by its record; where they are not there, that is said."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from planted_bias import CLASSES, PlantedImages
from projects import call

from runner.domain.champion import ResolvedChampion
from runner.stages.champion_data import champion_data, is_here

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
        "DVC's cache did not hold manifest.parquet of 0001-first when the checks ran",
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
