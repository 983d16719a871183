"""export: what the stage writes, and when it must not."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.records import ExportedTarget
from runner.stages import export
from tests.models_fixture import context, project, sprint


def test_every_target_is_listed_in_the_specs_order(tiny_root: Path) -> None:
    exported = read_json(context(tiny_root).folder / "exports.json", list[ExportedTarget])
    assert [each.target for each in exported] == [target.name for target in sprint().export]
    assert all((context(tiny_root).folder / each.path).is_dir() for each in exported)


def test_missing_weights_leave_no_half_written_folder(tiny_root: Path, tmp_path: Path) -> None:
    folder = context(tmp_path).folder
    shutil.copytree(
        context(tiny_root).folder, folder, ignore=shutil.ignore_patterns("exports", "*.safetensors")
    )
    with pytest.raises(FlywheelError) as caught:
        export.run(context(tmp_path), export.resolve(project(), sprint().export))
    assert caught.value.hint == "fetch it again (dvc pull), or run the sprint again"
    assert not [path.name for path in folder.iterdir() if "exports" in path.name and path.is_dir()]
