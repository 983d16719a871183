"""What a commit brings cannot make DVC write outside, nor a stage import it."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from pathlib import Path

import pytest
from projects import SPRINT, call, commit, flywheel

from runner.adapters.dvc import metafiles, repo
from runner.domain.errors import FlywheelError
from runner.record.catalogue import sprint_folder


def store(cache: Path, content: bytes, ending: str = "") -> str:
    """Puts an object into a DVC store, and returns its name."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest() + ending
    path = cache / md5[:2] / md5[2:]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5


@pytest.mark.parametrize(
    "member", ["../.git/hooks/pre-commit", "a/../../../outside", "/outside", ".git/config"]
)
def test_a_listing_that_leads_outside_is_refused_before_it_is_checked_out(
    project: Path, tmp_path: Path, member: str
) -> None:
    remote = tmp_path / "remote"
    call(project, sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", str(remote))
    objects = remote / "files" / "md5"
    hook = store(objects, b"#!/bin/sh\ntouch owned\n")
    listing = json.dumps([{"md5": hook, "relpath": member}]).encode()
    folder = store(objects, listing, ".dir")
    (project / "data.dvc").write_text(f"outs:\n- md5: {folder}\n  hash: md5\n  path: data\n")
    commit(project, "Other data")
    shutil.rmtree(project / "data")
    hooks = sorted((project / ".git" / "hooks").iterdir())

    refused = flywheel(project, "run", "--pull")

    assert refused.returncode == 2
    assert (
        f"error: data.dvc: its listing names a file outside the folder: '{member}'\n"
        "  hint: no `dvc add` writes such a listing: find out who made it, and track the data again\n"
    ) in refused.stderr
    assert sorted((project / ".git" / "hooks").iterdir()) == hooks
    assert not (project / "data").exists()
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(
    "beside",
    [
        {"relpath": "x"},
        {"etag": "1", "relpath": "x"},
        {"md5": None, "relpath": "x"},
        {"md5": "1" * 32},
        "x",
        None,
    ],
)
def test_an_entry_that_names_no_object_does_not_hide_one_that_leads_outside(
    tmp_path: Path, beside: object
) -> None:
    """DVC skips such an entry with a warning, and writes the others."""
    listing = json.dumps([beside, {"md5": "1" * 32, "relpath": "../outside"}]).encode()
    md5 = store(tmp_path / ".dvc" / "cache" / "files" / "md5", listing, ".dir")
    assert metafiles.leads_outside(tmp_path, md5) is not None


@pytest.mark.parametrize("content", [b"", b"{", b'{"relpath": "../x"}', b"[" * 100_000])
def test_what_is_no_listing_is_not_checked_out(tmp_path: Path, content: bytes) -> None:
    md5 = store(tmp_path / ".dvc" / "cache" / "files" / "md5", content, ".dir")
    assert metafiles.leads_outside(tmp_path, md5) is not None


def test_stages_outputs_are_looked_at_before_they_are_checked_out(tmp_path: Path) -> None:
    """By the lock that a commit brings, whoever wrote it."""
    cache, folder = tmp_path / ".dvc" / "cache" / "files" / "md5", sprint_folder(tmp_path, SPRINT)
    listing = json.dumps([{"md5": store(cache, b"evil"), "relpath": "../../../outside"}]).encode()
    folder.mkdir(parents=True)
    (folder / "dvc.lock").write_text(
        "schema: '2.0'\nstages:\n  train:\n    cmd: x\n    outs:\n"
        f"    - {{path: weights, hash: md5, md5: {store(cache, listing, '.dir')}}}\n"
    )
    with pytest.raises(FlywheelError) as refused:
        repo.check_out(tmp_path, [folder / "weights"])
    assert refused.value.message == (
        "the listing of weights/ names a file outside the folder: '../../../outside'"
    )
    assert str(refused.value.where) == f"reports/{SPRINT}/dvc.lock"


def test_an_ordinary_listing_leads_nowhere_else(finished: Path) -> None:
    md5 = metafiles.pointer_md5(finished / "data.dvc")
    assert md5 is not None
    assert metafiles.leads_outside(finished, md5) is None


@pytest.mark.fresh_processes
def test_a_stage_imports_nothing_from_the_folder_that_it_works_in(project: Path) -> None:
    planted = project / "msgspec.py"  # below reports/SPRINT/ it would be refused
    planted.write_text("raise SystemExit('a module of the commit was imported')\n")
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text().replace("iterations: 10", "iterations: 11"))
    result = flywheel(project, "run", check=True)
    assert "benchmark  running: options.iterations 10 → 11" in result.stderr
    assert "was imported" not in result.stderr
