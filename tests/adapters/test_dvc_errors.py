"""What DVC stumbles over is said in one sentence, with what to type; what its cache holds is looked at before it is used."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from projects import SPRINT, call, flywheel

from runner.adapters.dvc import metafiles, objects, repo
from runner.adapters.dvc.cache_objects import require_sound
from runner.adapters.dvc.errors import missing_plugin
from runner.adapters.dvc.new_repository import track
from runner.domain.errors import FlywheelError
from runner.record.catalogue import sprint_folder

CONFIG = "[core]\n    analytics = false\n    remote = store\n['remote \"store\"']\n    url = {url}\n"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with one tracked folder, as `dvc add` leaves it, and a remote in a folder."""
    root = tmp_path / "project"
    (root / "data").mkdir(parents=True)
    (root / "data" / "a.txt").write_text("abc")
    (root / ".dvc").mkdir()
    (root / ".dvc" / "config").write_text(CONFIG.format(url=tmp_path / "store"))
    call(root, "git", "init", "-q")
    track(root, "data")
    return root


@pytest.fixture(autouse=True)
def warnings_of_dvc_s_libraries() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def write(path: str, content: bytes) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).write_bytes(content)

    return change


def added(path: str, content: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        (root / path).write_text((root / path).read_text() + content)

    return change


@pytest.mark.parametrize(
    ("change", "code", "said"),
    [
        (added(".dvc/config", "<<<<<<< HEAD\n"), 2, ".dvc/config:6: the mark of a merge that was not finished"),
        (added(".dvc/config", "[core]\n"), 2, ".dvc/config: DVC's configuration is not valid: "),
        (added(".dvc/config", "[core2]\n    x = 1\n"), 2, ".dvc/config: DVC's configuration is not valid: "),
        (write(".dvc/config", b"[core]\n    remote = \xff\n"), 3, ".dvc/config:2: not UTF-8 text: byte 0xff"),
        (write(".dvcignore", b"a\n\xc3"), 3, ".dvcignore:2: not UTF-8 text: byte 0xc3"),
        (write("data/.dvcignore", b""), 3, "data/.dvcignore: DVC accepts no .dvcignore inside a folder that it tracks"),
        (added("data.dvc", "<<<<<<< HEAD\n"), 2, "data.dvc:7: the mark of a merge that was not finished"),
        (write("data.dvc", b"outs: [\xff]\n"), 3, "data.dvc: not a file that DVC can read"),
        (write("data.dvc", b"outs:\n- md5: abc\n- md5: abc\n  path: data\n"), 3, ".dvc: DVC cannot go on, as when one of its files"),
        (write("data.dvc", b"outs: 5\n"), 3, "data.dvc: not a file that DVC can read"),
    ],
)  # fmt: skip
def test_a_spoiled_file_of_dvc_s_is_named(
    repository: Path, change: Callable[[Path], None], code: int, said: str
) -> None:
    change(repository)
    with pytest.raises(FlywheelError) as refused:
        repo.is_unchanged(repository, repository / "data.dvc")
    shown = str(refused.value).replace(f"{repository}/", "")
    assert shown.startswith(said), shown
    assert refused.value.hint
    assert refused.value.exit_code == code


def test_a_remote_without_its_plugin_says_what_to_install(repository: Path) -> None:
    assert missing_plugin("gs://bucket/x") == "dvc-gs"
    (repository / ".dvc" / "config").write_text(CONFIG.format(url="gs://bucket/x"))
    shutil.rmtree(repository / ".dvc" / "cache")
    for fetch in (
        lambda: objects.pull(repository, "data.dvc"),
        lambda: objects.fetch_objects(repository, ["0" * 32], "x"),
    ):
        with pytest.raises(FlywheelError) as refused:
            fetch()
        assert refused.value.exit_code == 4
        assert refused.value.hint == "pip install dvc-gs"


def test_a_spoiled_object_is_not_served_as_data(repository: Path) -> None:
    md5 = metafiles.file_md5(repository / "data" / "a.txt")
    stored = metafiles.cache_path(repository, md5)
    call(repository, "rm", "-r", "data")
    stored.chmod(0o644)
    stored.write_text("abd")
    stored.chmod(0o444)  # DVC's own: what is writable it looks at itself
    place = stored.relative_to(repository).as_posix()
    with pytest.raises(FlywheelError) as refused:
        objects.pull(repository, "data.dvc")
    assert str(refused.value) == (
        f"{place}: spoiled in DVC's cache: what is stored for data/a.txt is not what its hash names\n"
        f"  hint: rm -f {place}, then run again: what a remote has is fetched with --pull, and what no remote has is made again"
    )
    assert not (repository / "data").exists()


def test_a_spoiled_listing_is_named_and_what_is_absent_is_no_fault(repository: Path) -> None:
    md5 = metafiles.pointer_md5(repository / "data.dvc") or ""
    require_sound(repository, md5, "data")
    require_sound(repository, "0" * 32, "elsewhere")
    listing = metafiles.cache_path(repository, md5)
    listing.chmod(0o644)
    listing.write_text("[]")
    with pytest.raises(FlywheelError) as refused:
        require_sound(repository, md5, "data")
    assert "what is stored for data is not" in refused.value.message


def test_a_run_serves_no_spoiled_model_and_makes_it_again_as_it_says(project: Path) -> None:
    """The stage is cached by its record; its output is gone from the folder, and spoiled in the cache."""
    folder = sprint_folder(project, SPRINT)
    weights = next((folder / "selection").iterdir())
    stored = metafiles.cache_path(project, metafiles.file_md5(weights))
    call(project, "rm", "-r", str(folder / "selection"))
    stored.chmod(0o644)
    stored.write_bytes(stored.read_bytes() + b"x")
    place = stored.relative_to(project).as_posix()
    ran = flywheel(project, "run", SPRINT)
    assert ran.returncode == 3
    assert f"error: {place}: spoiled in DVC's cache" in ran.stderr
    assert f"hint: rm -f {place}, then run again" in ran.stderr
    call(project, "rm", "-f", place)
    assert flywheel(project, "run", SPRINT).returncode == 0
    assert metafiles.file_md5(stored) == stored.parent.name + stored.name
