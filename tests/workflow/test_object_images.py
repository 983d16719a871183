"""Images that stay in an object store: fetched by the manifest's URLs where stages look at them, compared, and put aside else."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from mini_datasets import write_image
from object_store import BUCKET, ObjectStore, object_store
from projects import call, commit, flywheel

from runner.domain.errors import FlywheelError
from runner.planning import resolve
from runner.workflow.load import load_written
from runner.workflow.running import run
from runner.workflow.terms import settle
from tests.projects import as_command

SPRINT = "0001-few"
PROJECT = f"""\
apiVersion: flywheel/v1
kind: Project
name: far
task: detect
classes: [thing]
dataset:
  path: data
  layout: manifest
  remote: {{prefixes: ["s3://{BUCKET}/2026/"]}}
model: {{name: far, stage: prod}}
compute: {{threads: 1}}
"""
SPEC = """\
apiVersion: flywheel/v1
kind: Sprint
title: Four of twelve
data: {train: {sample: {size: 2, seed: 1}}, val: {sample: {size: 1, seed: 1}}, test: {sample: {size: 1, seed: 1}}}
train: {framework: ultralytics, model: yolo11n.yaml, epochs: 1, imgsz: 64, batch: 8}
export: [{format: onnx}]
checks: [{preset: detection}]
gates: [{metric: size_mb, max: 100}]
"""
SPLITS = ["train"] * 6 + ["val"] * 3 + ["test"] * 3


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


def pictures(folder: Path) -> dict[str, bytes]:
    for number in range(len(SPLITS)):
        write_image(folder / f"{number:02d}.png", number)
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.png"))}


def write_manifest(project: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    (project / "data").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), project / "data" / "manifest.parquet")


def rows_of(content: dict[str, bytes], prefix: str = f"s3://{BUCKET}/2026/") -> list[dict[str, Any]]:
    return [
        {
            "uri": f"{prefix}{name}",
            "split": split,
            "sha256": hashlib.sha256(data).hexdigest() if number % 3 else None,
            "etag": hashlib.md5(data, usedforsecurity=False).hexdigest(),
            "size": len(data),
            "classes": ["thing"],
            "boxes": [[2.0, 2.0, 20.0, 20.0]],
        }
        for number, ((name, data), split) in enumerate(zip(content.items(), SPLITS, strict=True))
    ]


@pytest.fixture(scope="module")
def indexed(server: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of twelve images in a bucket, which a run fetched for the index, and then lost."""
    root = tmp_path_factory.mktemp("far") / "project"
    (root / "specs").mkdir(parents=True)
    (root / "flywheel.yaml").write_text(PROJECT)
    (root / "specs" / f"{SPRINT}.yaml").write_text(SPEC)
    content = pictures(tmp_path_factory.mktemp("pictures"))
    for name, data in content.items():
        server[f"2026/{name}"] = data
    write_manifest(root, rows_of(content))
    call(root, "git", "init", "-q")
    call(root, sys.executable, "-m", "dvc", "init", "-q")
    (root / ".dvcignore").write_text("/data/remote\n")
    (root / ".gitignore").write_text("/data\n/.flywheel\n")
    call(root, sys.executable, "-m", "dvc", "add", "-q", "data")
    commit(root, "Images elsewhere")
    patch = cut(2)
    for name, value in server.environment.items():
        patch.setenv(name, value)
    result = flywheel(root, "run", SPRINT, "--pull")
    patch.undo()
    assert "fetching 12 of 12 images of data/manifest.parquet" in result.stderr
    assert "select     done in" in result.stderr
    commit(root, "The index")
    return root


def cut(stages: int) -> pytest.MonkeyPatch:
    patch = pytest.MonkeyPatch()
    patch.setattr(resolve, "SPRINT", dataclasses.replace(resolve.SPRINT, steps=resolve.SPRINT.steps[:stages]))
    return patch


@pytest.fixture
def project(
    indexed: Path, server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    import shutil

    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    root = Path(shutil.copytree(indexed, tmp_path / "project", symlinks=True))
    shutil.rmtree(root / "data" / "remote")
    patch = cut(3)
    yield root
    patch.undo()
    s3fs.S3FileSystem.clear_instance_cache()


def ready(root: Path, *, pull: bool = True) -> list[str]:
    said: list[str] = []
    with as_command(root):
        situation = settle(load_written(root, SPRINT), None, said.append).situation
        run._ready(situation, pull=pull, say=said.append)
    return said


def refused(root: Path, code: int = 3, *, pull: bool = True) -> str:
    with pytest.raises(FlywheelError) as error:
        ready(root, pull=pull)
    return str(error.value)


def here(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "data" / "remote" / "s3" / BUCKET / "2026").glob("*.png"))


def test_a_sprint_of_four_images_fetches_four(project: Path, indexed: Path) -> None:
    shown = flywheel(project, "plan", SPRINT, check=True).stdout
    assert "  to fetch: 4 of 12 files, " in shown
    assert refused(project, pull=False).startswith(
        "data/manifest.parquet: 4 of the 4 images that are looked at are not here ("
    )
    assert ready(project) == ["fetching 4 of 12 images of data/manifest.parquet"]
    selected = json.loads((project / f"reports/{SPRINT}/selection.json").read_text())["splits"]
    assert len(here(project)) == sum(split["images"] for split in selected.values()) == 4
    assert ready(project, pull=False) == []
    call(project, sys.executable, "-m", "dvc", "status", "-q", "data.dvc")  # DVC sees no change


def test_what_was_changed_here_or_there_is_put_aside_and_never_used(
    project: Path, server: ObjectStore
) -> None:
    ready(project)
    name = here(project)[0]
    image = project / "data" / "remote" / "s3" / BUCKET / "2026" / name
    whole = image.read_bytes()
    image.write_bytes(b"x" * len(whole))
    assert ready(project) == ["fetching 1 of 12 images of data/manifest.parquet"]
    assert image.read_bytes() == whole
    image.unlink()
    server[f"2026/{name}"] = b"y" * len(whole)
    try:
        said = refused(project)
    finally:
        server[f"2026/{name}"] = whole
    assert said.startswith(f"s3://{BUCKET}/2026/{name}: 1 of 1 images could not be fetched: its ")
    assert "what came was put aside (.flywheel/quarantine/) and not used" in said
    assert not image.exists()
    digest = hashlib.sha256(b"y" * len(whole)).hexdigest()
    assert (project / ".flywheel" / "quarantine" / digest).is_file()


def test_an_image_that_is_gone_is_named(project: Path, server: ObjectStore) -> None:
    ready(project)
    name = here(project)[0]
    image = project / "data" / "remote" / "s3" / BUCKET / "2026" / name
    whole = image.read_bytes()
    image.unlink()
    del server[f"2026/{name}"]
    try:
        assert refused(project) == (
            f"s3://{BUCKET}/2026/{name}: 1 of 1 images could not be fetched: there is no such object\n"
            "  hint: upload it again, or take its row out of the manifest; then run the same command again: what was fetched is kept"
        )
    finally:
        server[f"2026/{name}"] = whole


def test_without_credentials_or_a_server_it_says_which(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import s3fs

    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "4 of 4 images could not be fetched: the storage does not answer (" in refused(project)
    s3fs.S3FileSystem.clear_instance_cache()
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "4 of 4 images could not be fetched: there are no credentials for the storage" in refused(project)


def changed(project: Path, **row: Any) -> None:
    """A manifest with another first row, added to DVC; nothing was indexed of it."""
    import pyarrow.parquet as pq

    rows = pq.read_table(project / "data" / "manifest.parquet").to_pylist()
    rows[0] |= row
    write_manifest(project, rows)
    call(project, sys.executable, "-m", "dvc", "add", "-q", "data")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"uri": "file:///etc/passwd"}, "'file:///etc/passwd' is not below what `dataset.remote.prefixes` of flywheel.yaml names"),
        ({"uri": "http://169.254.169.254/latest/meta-data"}, "is not below what `dataset.remote.prefixes`"),
        ({"uri": "s3://other/2026/x.png"}, "is not below what `dataset.remote.prefixes`"),
        ({"uri": f"s3://{BUCKET}/2026/../2025/x.png"}, "is not below what `dataset.remote.prefixes`"),
        ({"sha256": None, "etag": None}, "nothing in the manifest tells its bytes from others"),
    ],
)  # fmt: skip
def test_a_row_may_lead_nowhere_else(project: Path, row: dict[str, Any], said: str) -> None:
    changed(project, **row)
    assert said in refused(project)
    assert not (project / "data" / "remote").exists()


def test_dvc_must_be_told_to_leave_them_out(project: Path) -> None:
    (project / ".dvcignore").write_text("")
    said = refused(project)
    assert said.endswith("hint: echo /data/remote >> .dvcignore && git add .dvcignore")
    call(project, "sh", "-c", said.partition("hint: ")[2])
    ready(project)
    assert len(here(project)) == 4


def test_the_index_is_of_all_images_or_not_built(project: Path) -> None:
    from runner.layouts.manifest_fetch import require_fetched

    ready(project)
    with pytest.raises(FlywheelError, match="8 of the 12 images of the manifest are not here, as s3://"):
        require_fetched(project, "data", "manifest")
