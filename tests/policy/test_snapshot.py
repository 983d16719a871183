"""What a commit says, read from git's objects alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from policy.mutations import BASE, S2, P, write
from projects import call, commit

from runner.adapters.git import commit_trees
from runner.domain.errors import FlywheelError
from runner.policy.reference import same_recipe
from runner.policy.snapshot import load_snapshot, snapshot_of


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """The small project, committed."""
    folder = write(tmp_path / "repository", BASE)
    call(folder, "git", "init", "-q", "-b", "main")
    commit(folder, "A project")
    return folder


def test_a_snapshot_is_what_the_commit_says_whatever_lies_in_the_folder(repository: Path) -> None:
    (repository / P).write_text("broken: [")
    (repository / S2).unlink()
    snapshot = snapshot_of(repository, "main")
    assert snapshot.errors == []
    assert snapshot.names == ("0001-first-model", "0002-night")
    assert snapshot.project is not None
    assert snapshot.project.policy.teams == {"ml-leads": ["alice", "bob"]}
    assert snapshot.recorded == {"0002-night"}
    assert snapshot.commit == call(repository, "git", "rev-parse", "main").stdout.strip()
    assert str(snapshot.where(("policy", "gates", 0))) == "flywheel.yaml:22:7"
    assert call(repository, "git", "status", "--short").stdout == f" M {P}\n D {S2}\n"


def test_what_data_and_weights_are_is_read_from_their_pointers(tmp_path: Path) -> None:
    files = {
        P: BASE[P].replace("data/metadata.csv", "metadata.csv"),
        "data.dvc": BASE["data.dvc"],
        S2: BASE[S2].replace("yolo11n.yaml", "weights/n.pt"),
        "weights.dvc": "outs:\n- md5: w.dir\n  path: weights\n",
        "metadata.csv": "path,camera,scene,lighting,weather,operator\n",
    }
    inputs = dict(load_snapshot(write(tmp_path, files), "c" * 40).inputs)
    digest = inputs.pop("metadata.csv")
    assert inputs == {"data": "a.dir", "weights/n.pt": "w.dir"}
    (tmp_path / "metadata.csv").write_text("path,camera,scene,lighting,weather,operator\na,b,c,d,e,f\n")
    assert load_snapshot(tmp_path, "c" * 40).inputs["metadata.csv"] != digest


def test_the_record_that_changed_last_is_told_by_the_branch_not_by_dates_or_numbers(repository: Path) -> None:
    def record(sprint: str, content: str) -> None:
        write(repository, {f"reports/{sprint}/selection.json": content})
        commit(repository, sprint)

    assert snapshot_of(repository, "main").newest_records == ("0002-night",)
    call(repository, "git", "checkout", "-q", "-b", "proposal")
    record("0001-first-model", "1")
    call(repository, "git", "checkout", "-q", "main")
    record("0003-gone", "1")
    record("0002-night", "2")
    assert snapshot_of(repository, "main").newest_records == ("0002-night",)
    call(repository, "git", "merge", "-q", "--no-ff", "proposal", "-m", "Merged last, though it is older")
    assert snapshot_of(repository, "main").newest_records == ("0001-first-model",)
    record("0003-gone", "2")
    (repository / "reports/0003-gone/selection.json").unlink()
    commit(repository, "Removed")
    removed = snapshot_of(repository, "main")
    assert removed.newest_records == ("0003-gone",)
    assert removed.gone == {"0003-gone": call(repository, "git", "rev-parse", "main^").stdout.strip()}


@pytest.mark.parametrize(
    ("depth", "newest"), [(2, ("0001-first-model", "0002-night")), (3, ("0001-first-model",))]
)
def test_a_shallow_clone_tells_the_last_record_only_where_its_change_is_there(
    depth: int, newest: tuple[str, ...], repository: Path, tmp_path: Path
) -> None:
    write(repository, {"reports/0001-first-model/selection.json": "1"})
    commit(repository, "A record")
    write(repository, {"README.md": "words\n"})
    commit(repository, "Words")
    clone = tmp_path / "clone"
    call(tmp_path, "git", "clone", "-q", "--depth", str(depth), repository.as_uri(), str(clone))
    assert snapshot_of(clone, "HEAD").newest_records == newest


def test_a_spec_that_is_not_valid_is_an_error_and_the_others_are_there(repository: Path) -> None:
    (repository / S2).write_text(BASE[S2].replace("freeze: 10", "freez: 10"))
    commit(repository, "A mistake")
    snapshot = snapshot_of(repository, "HEAD")
    assert list(snapshot.sprints) == ["0001-first-model"]
    assert snapshot.names == ("0001-first-model", "0002-night")
    assert [str(error) for error in snapshot.errors] == [
        'specs/0002-night.yaml:13:66: train.freez: unknown key; did you mean "freeze"?'
    ]


def test_a_commit_without_flywheel_yaml_is_an_empty_snapshot(tmp_path: Path) -> None:
    folder = write(tmp_path / "empty", {"README.md": "nothing yet\n"})
    call(folder, "git", "init", "-q", "-b", "main")
    commit(folder, "Start")
    snapshot = snapshot_of(folder, "main")
    assert (snapshot.project, snapshot.document, snapshot.names, snapshot.errors) == (None, None, (), [])


def test_a_flywheel_yaml_that_is_not_valid_is_an_error(tmp_path: Path) -> None:
    snapshot = load_snapshot(write(tmp_path, {P: "kind: Project\n"}), "c" * 40)
    assert snapshot.project is None
    assert snapshot.document is not None
    assert 'missing key "task"' in "\n".join(str(error) for error in snapshot.errors)


def test_files_that_a_spec_names_are_there_and_no_others(repository: Path, tmp_path: Path) -> None:
    spec = (
        BASE[S2]
        .replace("yolo11n.yaml", "weights/my model.pt")
        .replace("owner: dock-team", "annotation: {strategy: boxes, guidelines: docs/how.md}")
    )
    files = {
        S2: spec,
        "weights/my model.pt": "x" * 300_000,
        "docs/how.md": "draw boxes\n",
        "docs/other.md": "no\n",
        "data/metadata.csv": "path,camera,scene,lighting,weather,operator\n",
    }
    write(repository, files)
    commit(repository, "Weights and guidelines")
    commit_trees.extract(repository, "HEAD", tmp_path / "out")
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*")}
    assert found["weights/my model.pt"].read_bytes() == b""
    assert found["docs/how.md"].read_bytes() == b""
    assert found["data/metadata.csv"].read_text() == files["data/metadata.csv"]
    assert "docs/other.md" not in found
    snapshot = snapshot_of(repository, "HEAD")
    assert snapshot.errors == []


@pytest.mark.parametrize("link", [P, S2, "data.dvc", "specs"])
def test_a_symbolic_link_is_refused(repository: Path, link: str) -> None:
    outside = repository.parent / "outside"
    (repository / link).rename(outside)
    (repository / link).symlink_to(outside)
    commit(repository, "A link")
    with pytest.raises(FlywheelError) as raised:
        snapshot_of(repository, "HEAD")
    assert str(raised.value) == (
        f"{link}: is a symbolic link; the project's files must be real\n"
        f"  hint: replace it with the file itself: git rm --cached {link}"
    )


def test_a_link_that_nobody_asks_for_is_left_alone(repository: Path) -> None:
    (repository / "notes").symlink_to("elsewhere")
    commit(repository, "A link")
    assert snapshot_of(repository, "HEAD").errors == []


def test_a_file_that_is_too_large_is_refused(repository: Path) -> None:
    (repository / S2).write_text(BASE[S2] + "#" * commit_trees.MAX_CONFIGURATION_BYTES)
    commit(repository, "Too much")
    with pytest.raises(FlywheelError) as raised:
        snapshot_of(repository, "HEAD")
    assert str(raised.value) == f"{S2}: larger than 256 KiB"


def test_more_files_than_anybody_writes_are_refused_before_they_are_read(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commit_trees, "MAX_FILES", 3)
    with pytest.raises(FlywheelError) as raised:
        snapshot_of(repository, "HEAD")
    assert str(raised.value).endswith(
        " holds 4 specs, pointers and tables: more than are read (3 files, 256 MiB)"
    )


def test_changed_files_are_the_proposals_own(repository: Path) -> None:
    call(repository, "git", "checkout", "-q", "-b", "proposal")
    (repository / S2).rename(repository / "specs" / "0003-late night\n.yaml")
    commit(repository, "Renamed")
    call(repository, "git", "checkout", "-q", "main")
    write(repository, {"README.md": "meanwhile\n"})
    commit(repository, "Meanwhile")
    assert commit_trees.changed_files(repository, "main", "proposal") == [
        S2,
        "specs/0003-late night\n.yaml",
    ]
    first = call(repository, "git", "rev-parse", "main~1").stdout.strip()
    assert commit_trees.fork_state(repository, "main", "proposal") == first


@pytest.mark.parametrize("ref", ["nowhere", "--output=/tmp/x", "", "HEAD:flywheel.yaml"])
def test_what_is_no_commit_is_refused(repository: Path, ref: str) -> None:
    with pytest.raises(FlywheelError) as raised:
        commit_trees.commit_of(repository, ref)
    assert str(raised.value) == (
        f'git knows no commit "{ref}"\n'
        "  hint: git fetch origin, and name a branch, a tag or a commit (in CI: check out with fetch-depth: 0)"
    )


def test_histories_without_a_common_commit_are_refused(repository: Path) -> None:
    call(repository, "git", "checkout", "-q", "--orphan", "other")
    commit(repository, "Another start")
    with pytest.raises(FlywheelError) as raised:
        commit_trees.changed_files(repository, "main", "other")
    assert str(raised.value).startswith("main and other have no commit in common here\n")


def test_a_sprint_that_fine_tunes_another_is_another_recipe_when_that_one_is(tmp_path: Path) -> None:
    tuned = (
        "apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\ntrain: {framework: ultralytics, from: 0002-night}\n"
    )
    files = {P: BASE[P], "data.dvc": BASE["data.dvc"], S2: BASE[S2], "specs/0003-tuned.yaml": tuned}
    base = load_snapshot(write(tmp_path / "base", files), "a" * 40)
    same = load_snapshot(write(tmp_path / "same", files | {S2: f"# why\n{BASE[S2]}"}), "b" * 40)
    assert same_recipe(base, same, "0003-tuned")
    longer = BASE[S2].replace("epochs: ", "epochs: 1")
    other = load_snapshot(write(tmp_path / "other", files | {S2: longer}), "c" * 40)
    assert other.errors == []
    assert not same_recipe(base, other, "0003-tuned")
