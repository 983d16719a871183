"""The index of the working tree, without a sprint."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from runner.adapters.tables.duckdb import condition_mask
from runner.adapters.tables.parquet import read_table
from runner.config.project import Dataset, Project
from runner.dataset import measured
from runner.dataset.kept import kept_folder
from runner.domain.errors import ExitCode, FlywheelError
from runner.planning import project_index as module
from runner.planning.project_index import project_index
from runner.record.catalogue import sprint_folder
from runner.stages import index
from runner.stages.stage import StageContext

cv2 = pytest.importorskip("cv2")
PROJECT = Project(
    apiVersion="flywheel/v1",
    kind="Project",
    name="p",
    task="detect",
    classes=["cat", "dog"],
    dataset=Dataset(path="data", layout="yolo"),
)


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(measured, "RACY_NS", -(10**12))  # the files count as written long ago
    for number, name in enumerate(("train/a", "train/b", "pool/c")):
        for kind in ("images", "labels"):
            (tmp_path / "data" / kind / name).parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(tmp_path / f"data/images/{name}.png"), np.full((40, 80), 60 * number, np.uint8))
    (tmp_path / "data/labels/train/a.txt").write_text("0 0.5 0.5 0.5 0.5\n9 0 0 0 0\n")
    return tmp_path


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_is_what_the_stage_would_write(root: Path) -> None:
    found = project_index(root, PROJECT)
    sprint = sprint_folder(root, "0001-first")
    index.run(StageContext(root=root, folder=sprint), index.resolve(PROJECT))
    assert files(found.folder) == files(sprint / "index")
    assert read_table(found.images)["n_cat"].tolist() == [0, 1, 0]
    assert read_table(found.objects)["class"].tolist() == ["cat"]
    assert len(read_table(found.thumbnails)["grey"]) == 3
    assert condition_mask(found.images, "brightness < 0.2").tolist() == [False, True, False]


def test_it_is_of_now_and_an_earlier_one_stays_a_while(root: Path) -> None:
    first = project_index(root, PROJECT)
    assert (first.read, project_index(root, PROJECT).read) == (3, 0)
    before = files(first.folder)
    (root / "data/labels/train/a.txt").write_text("1 0.5 0.5 0.5 0.5\n")
    (root / "data/images/train/b.png").unlink()
    (root / "data/images/train/broken.png").write_bytes(b"")
    second = project_index(root, PROJECT)
    assert second.read == 1
    assert read_table(second.objects)["class"].tolist() == ["dog"]
    assert read_table(second.images)["readable"].tolist() == [True, True, False]
    assert second.folder != first.folder
    assert files(first.folder) == before


def test_a_damaged_one_is_written_anew_and_old_ones_are_removed(root: Path) -> None:
    found = project_index(root, PROJECT)
    before = files(found.folder)
    found.images.write_bytes(b"damaged")
    assert project_index(root, PROJECT) == module.ProjectIndex(folder=found.folder, notes=found.notes, read=0)
    assert files(found.folder) == before
    tables = kept_folder(root) / "tables"
    for number in range(3):
        (tables / f".{number}").mkdir()
        os.utime(tables / f".{number}", (time.time() - module.KEPT_S - number - 1,) * 2)
    project_index(root, PROJECT)
    assert sorted(path.name for path in tables.iterdir()) == [".0", ".1", found.folder.name]


def test_data_that_is_not_here_is_said_with_how_to_fetch_it(tmp_path: Path) -> None:
    with pytest.raises(FlywheelError, match=r"data/ is not here\n  hint: fetch it: dvc pull data.dvc"):
        project_index(tmp_path, PROJECT)
    assert not (tmp_path / ".flywheel").exists()


def test_a_folder_that_cannot_be_written_is_said(root: Path) -> None:
    (root / ".flywheel").write_text("")
    with pytest.raises(FlywheelError, match="could not be written: Not a directory") as refused:
        project_index(root, PROJECT)
    assert refused.value.exit_code is ExitCode.STAGE_FAILED
