"""A machine without the data: from an S3 remote it fetches the images that stages look at, and no others."""

from __future__ import annotations

import dataclasses
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from object_store import BUCKET, ObjectStore, object_store
from projects import SPRINT, call, commit, flywheel, make_project

from runner.adapters.dvc import metafiles, objects
from runner.domain.errors import FlywheelError
from runner.planning import resolve
from runner.planning.records import Plan
from runner.workflow.load import load_written
from runner.workflow.running import run
from runner.workflow.terms import settle
from tests.projects import as_command

NEXT = "0002-few"
FEW = (
    "data: {train: {sample: {size: 4, seed: 1}}, val: {sample: {size: 3, seed: 1}}, "
    "test: {sample: {size: 2, seed: 1}}}\n"
)


def up_to(stage: int) -> pytest.MonkeyPatch:
    """Sprints that end after so many stages: index, select, check."""
    patch = pytest.MonkeyPatch()
    patch.setattr(resolve, "SPRINT", dataclasses.replace(resolve.SPRINT, steps=resolve.SPRINT.steps[:stage]))
    return patch


@pytest.fixture(scope="module")
def server() -> Iterator[ObjectStore]:
    with object_store() as running:
        yield running


@pytest.fixture(scope="module")
def pushed(server: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose data and index are in a bucket, and a sprint that selects nine of its images."""
    project = tmp_path_factory.mktemp("pushed") / "project"
    project.mkdir()
    make_project(project)
    patch = up_to(2)
    for name, value in server.environment.items():
        patch.setenv(name, value)
    flywheel(project, "run", SPRINT)
    call(project, sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", f"s3://{BUCKET}/store")
    call(project, sys.executable, "-m", "dvc", "push", "-q")
    patch.undo()
    spec = (project / "specs" / f"{SPRINT}.yaml").read_text()
    (project / "specs" / f"{NEXT}.yaml").write_text(spec + FEW)
    commit(project, "A remote, and a sprint of few images")
    return project


@pytest.fixture
def clone(
    pushed: Path, server: ObjectStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    import s3fs

    s3fs.S3FileSystem.clear_instance_cache()
    for name, value in server.environment.items():
        monkeypatch.setenv(name, value)
    call(tmp_path, "git", "clone", "-q", str(pushed), "clone")
    patch = up_to(3)
    yield tmp_path / "clone"
    patch.undo()
    s3fs.S3FileSystem.clear_instance_cache()


def ready(clone: Path, *, pull: bool = True) -> tuple[Plan, list[str]]:
    """What `flywheel run` does before its first stage, and what it says."""
    said: list[str] = []
    with as_command(clone):
        situation = settle(load_written(clone, NEXT), None, said.append).situation
        _, plan = run._ready(situation, pull=pull, say=said.append)
    return plan, said


def refused(clone: Path, *, pull: bool = True) -> str:
    with pytest.raises(FlywheelError) as error:
        ready(clone, pull=pull)
    assert error.value.exit_code == 3
    return str(error.value)


def dataset(clone: Path) -> str:
    return metafiles.pointer_md5(clone / "data.dvc") or ""


def laid_out(clone: Path) -> dict[str, Path]:
    folder = clone / ".flywheel" / "data" / dataset(clone).removesuffix(".dir")
    return {file.relative_to(folder).as_posix(): file for file in sorted(folder.rglob("*")) if file.is_file()}


def in_store(clone: Path, pushed: Path, path: str) -> str:
    """The key of a file of the dataset."""
    md5 = (metafiles.cached_members(pushed, dataset(clone)) or {})[path]
    return f"store/files/md5/{md5[:2]}/{md5[2:]}"


def keep_index_alone(clone: Path) -> None:
    """As a machine that fetched the index and the listing of the dataset, and none of its files."""
    shutil.rmtree(clone / ".flywheel" / "data")
    for md5 in (metafiles.cached_members(clone, dataset(clone)) or {}).values():
        metafiles.cache_path(clone, md5).unlink(missing_ok=True)


def test_a_sprint_of_nine_images_fetches_nine_files(clone: Path, pushed: Path) -> None:
    assert "to fetch: all of the dataset, 75 files" in flywheel(clone, "plan", NEXT, check=True).stdout
    plan, said = ready(clone)
    files = laid_out(clone)
    assert len(files) == 9
    assert all(file.read_bytes() == (pushed / "data" / path).read_bytes() for path, file in files.items())
    size = sum(file.stat().st_size for file in files.values())
    assert said[-1] == f"fetching 9 files of data/ through DVC ({size / 1000:.1f} kB)"
    assert not (clone / "data").exists()
    members = metafiles.cached_members(clone, dataset(clone)) or {}
    assert sum(metafiles.is_cached(clone, md5) for md5 in members.values()) == 9
    assert plan.runs == ["select", "check"]
    assert ready(clone, pull=False)[1] == []  # they are here

    keep_index_alone(clone)
    shown = flywheel(clone, "plan", NEXT, check=True).stdout
    assert f"  to fetch: 9 of 75 files, {size / 1000:.1f} kB of " in shown
    assert refused(clone, pull=False) == (
        f"data/: the dataset is not here, and 9 of its files are needed ({size / 1000:.1f} kB)\n"
        f"  hint: flywheel run {NEXT} --pull fetches these, dvc pull data.dvc all of it"
    )


def test_a_fetch_that_was_killed_goes_on(clone: Path, pushed: Path) -> None:
    ready(clone)
    few = laid_out(clone)
    keep_index_alone(clone)
    members = metafiles.cached_members(clone, dataset(clone)) or {}
    objects.fetch(clone, [members[path] for path in list(few)[:4]], "data.dvc")
    _, said = ready(clone)
    assert said[-1].startswith("fetching 5 files of data/ through DVC")
    assert laid_out(clone).keys() == few.keys()


def test_what_was_spoiled_here_is_fetched_again_and_what_comes_spoiled_is_never_used(
    clone: Path, pushed: Path, server: ObjectStore
) -> None:
    ready(clone)
    path = next(iter(laid_out(clone)))
    key = in_store(clone, pushed, path)
    whole = server[key]
    stored = metafiles.cache_path(clone, key.removeprefix("store/files/md5/").replace("/", ""))
    shutil.rmtree(clone / ".flywheel" / "data")
    stored.chmod(0o644)
    stored.write_bytes(b"x" * len(whole))
    assert refused(clone, pull=False) == (
        f"data/{path}: 1 files are not what their hashes name, in DVC's cache: {path}\n"
        f"  hint: they were put aside (.flywheel/quarantine/) and not used; flywheel run {NEXT} --pull fetches them again"
    )
    ready(clone)
    assert laid_out(clone)[path].read_bytes() == whole

    keep_index_alone(clone)
    server[key] = b"x" * len(whole)
    try:
        assert refused(clone) == (
            f"data/{path}: 1 files are not what their hashes name, as the remote has them: {path}\n"
            "  hint: they were put aside (.flywheel/quarantine/) and not used; "
            "remove these objects from the remote, and where the data was added: dvc push data.dvc"
        )
    finally:
        server[key] = whole
    assert path not in laid_out(clone)
    assert not stored.exists()


def test_an_object_that_is_gone_is_named_by_its_image(clone: Path, pushed: Path, server: ObjectStore) -> None:
    ready(clone)
    path = next(iter(laid_out(clone)))
    key = in_store(clone, pushed, path)
    whole = server[key]
    keep_index_alone(clone)
    del server[key]
    try:
        assert refused(clone) == (
            f"data/{path}: 1 of 9 could not be fetched from DVC's remote: there is no such object\n"
            "  hint: where the data was added: dvc push data.dvc"
        )
    finally:
        server[key] = whole
    ready(clone)  # the other eight are kept
    assert path in laid_out(clone)


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        (
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""},
            "there are no credentials for the storage\n  hint: set AWS_ACC",
        ),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "the storage does not answer ("),
    ],
    ids=["no credentials", "no server"],
)
def test_a_storage_that_gives_nothing_says_why_and_what_to_do(
    clone: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # no ~/.aws of this machine
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
        if not value:
            monkeypatch.delenv(name)
    assert f"fetched from DVC's remote: {said}" in refused(clone)


def with_own_remote(clone: Path, folder: Path) -> None:
    """The data has a remote of its own, as data.dvc says; the repository's holds all else."""
    call(clone, sys.executable, "-m", "dvc", "remote", "add", "-q", "own", str(folder))
    pointer = clone / "data.dvc"
    pointer.write_text(f"{pointer.read_text()}  remote: own\n")


def test_data_with_a_remote_of_its_own_is_fetched_from_there(clone: Path, pushed: Path) -> None:
    call(clone, sys.executable, "-m", "dvc", "remote", "modify", "store", "url", str(clone / "nothing"))
    with_own_remote(clone, pushed / ".dvc" / "cache")  # laid out as a remote is
    with as_command(clone):
        objects.pull(clone, "data.dvc")
    assert sorted(path.name for path in (clone / "data").rglob("*.jpg"))


def test_a_part_of_data_with_a_remote_of_its_own_is_looked_for_there_alone(
    clone: Path, tmp_path: Path
) -> None:
    (tmp_path / "own").mkdir()
    with_own_remote(clone, tmp_path / "own")
    assert "there is no such object" in refused(clone)


def test_a_bucket_that_is_not_there(clone: Path) -> None:
    call(clone, sys.executable, "-m", "dvc", "remote", "modify", "store", "url", "s3://elsewhere/store")
    assert refused(clone) == (
        "data.dvc: nothing could be fetched from DVC's remote: there is no s3://elsewhere/store, or nothing in it\n"
        "  hint: check its name where it is written (DVC's: dvc remote list) and the storage's address (AWS_ENDPOINT_URL)"
    )
