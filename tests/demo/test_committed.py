"""The committed demo: data.dvc, its remote, flywheel.yaml and the first spec fit together."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml

from runner.config.project import Project
from runner.config.sprint import Sprint
from runner.demo.counts import CLASSES, Counts

ROOT = Path(__file__).parents[2]
REMOTE = ROOT / "demo" / "remote" / "files" / "md5"
LIMIT_BYTES = 10_000_000


@pytest.fixture(scope="module")
def out() -> dict[str, Any]:
    (found,) = yaml.safe_load((ROOT / "data.dvc").read_text())["outs"]
    return dict(found)


@pytest.fixture(scope="module")
def tree(out: dict[str, Any]) -> dict[str, str]:
    """Path within the data set to MD5."""
    entries = json.loads(stored(out["md5"]))
    return {entry["relpath"]: entry["md5"] for entry in entries}


def stored(md5: str) -> bytes:
    return (REMOTE / md5[:2] / md5[2:]).read_bytes()


def test_the_remote_holds_exactly_the_files_of_data_dvc(out: dict[str, Any], tree: dict[str, str]) -> None:
    held = {path.parent.name + path.name for path in REMOTE.glob("*/*")}
    assert held == {out["md5"], *tree.values()}
    assert (out["path"], out["remote"], out["nfiles"]) == ("data", "demo", len(tree))


def test_every_object_in_the_remote_has_the_content_of_its_name(tree: dict[str, str]) -> None:
    for md5 in tree.values():
        assert hashlib.md5(stored(md5), usedforsecurity=False).hexdigest() == md5


def test_the_remote_is_small_enough_for_git() -> None:
    assert sum(path.stat().st_size for path in REMOTE.rglob("*") if path.is_file()) < LIMIT_BYTES


def test_the_data_has_the_generators_sizes(tree: dict[str, str]) -> None:
    counts = Counts()
    for split in ("train", "val", "test", "pool"):
        images = [path for path in tree if path.startswith(f"images/{split}/")]
        assert len(images) == getattr(counts, split)


def test_listed_faults_are_files_of_the_data(tree: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(stored(tree["faults.csv"]).decode())))
    assert len(rows) == 29
    for row in rows:
        assert row["path"] in tree or row["kind"] == "under_represented"


def test_pull_on_a_fresh_clone_gives_exactly_these_files(tree: dict[str, str], tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    for name in (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "data.dvc"):
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, clone / name)
    shutil.copytree(ROOT / "demo", clone / "demo")
    # Settings of this machine's DVC (a shared cache, another remote) must play no part.
    alone = {"HOME": str(tmp_path), "XDG_CONFIG_HOME": str(tmp_path), "DVC_NO_ANALYTICS": "1"}
    environment = (
        os.environ | alone | {"DVC_GLOBAL_CONFIG_DIR": str(tmp_path), "DVC_SITE_CACHE_DIR": str(tmp_path)}
    )
    subprocess.run(["git", "init", "--quiet", str(clone)], check=True)
    command = [sys.executable, "-m", "dvc", "pull", "--quiet", "data.dvc"]
    subprocess.run(command, cwd=clone, env=environment, check=True)
    pulled = {
        path.relative_to(clone / "data").as_posix(): hashlib.md5(
            path.read_bytes(), usedforsecurity=False
        ).hexdigest()
        for path in (clone / "data").rglob("*")
        if path.is_file()
    }
    assert pulled == tree


def test_project_and_spec_are_valid_and_name_the_demos_classes() -> None:
    project = msgspec.convert(yaml.safe_load((ROOT / "flywheel.yaml").read_text()), Project)
    assert tuple(project.classes) == CLASSES
    for path in sorted((ROOT / "specs").glob("*.yaml")):
        spec = yaml.safe_load(path.read_text())
        if "extends" not in spec:
            assert msgspec.convert(spec, Sprint).train.augment.fliplr == 0, (
                f"{path}: digits must not be mirrored"
            )
