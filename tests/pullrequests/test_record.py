"""The record on the default branch: exactly what was judged, written by a trusted job, whatever interrupts it."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
from planted_record import FOLDER, SPEC, SPRINT, Planted, access, git, plant, record, remanifest, sha256
from projects import SPRINT as TINY
from projects import call, commit, flywheel

from runner.adapters.dvc.artifacts import push_objects
from runner.adapters.git import trusted as git_write
from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.domain.records import LastFailure, StageFailure
from runner.pullrequests.bundles.bundle import Bundle, pack
from runner.pullrequests.bundles.unpack import Expected, open_bundle, open_outputs
from runner.pullrequests.merged.record import commit_record, lay_out, unlike_tree, write_record
from runner.record.catalogue import sprint_folder
from runner.workflow.verifying.verify import verify

MESSAGE = f"flywheel: record of {SPRINT} [skip ci]"


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    found = plant(tmp_path)
    found.pack()
    return found


def opened(planted: Planted) -> Bundle:
    into = planted.output / f"opened-{len(list(planted.output.iterdir()))}"
    return open_bundle(planted.output / "bundle", into, Expected(head=planted.head))


def publish(planted: Planted) -> str:
    """What the promote job does with a record; the commit that arrived."""
    bundle = opened(planted)
    paths = write_record(planted.trusted, bundle)
    commit_record(planted.trusted, paths, bundle.manifest.sprints, access())
    return git_write.push(planted.trusted, "main", access())


def of_main(planted: Planted, path: str) -> bytes:
    """A file as the forge's default branch holds it."""
    return planted.held("main", path)


def test_the_record_is_what_was_judged_and_nothing_else_is_touched(planted: Planted) -> None:
    merge = planted.merge()
    commit_sha = publish(planted)
    assert git(planted.origin, "rev-parse", "main", "main^") == f"{commit_sha}\n{merge}"
    changed = git(planted.origin, "diff", "--name-only", "main^", "main").splitlines()
    assert all(path.startswith(f"{FOLDER}/") for path in changed)
    inside = {path.removeprefix(f"{FOLDER}/") for path in changed}
    assert {
        "dvc.lock",
        "params.yaml",
        "metrics.json",
        "verdict.json",
        "report.md",
        "digests.json",
        ".gitignore",
    } <= inside
    assert not [path for path in inside if path.startswith(("gallery/", "weights/", "predictions/"))]
    for path in changed:
        if not path.endswith(".gitignore"):
            assert of_main(planted, path) == (planted.proposal / path).read_bytes()
    assert of_main(planted, f"{FOLDER}/.gitignore") == (
        b"/index\n/selection\n/weights\n/exports\n/predictions\n/outcomes\n/gallery\n"
    )
    assert git(planted.trusted, "status", "--porcelain") == ""


def test_the_commit_is_the_bots_and_says_nothing_that_a_spec_says(planted: Planted) -> None:
    planted.merge()
    publish(planted)
    said = git(planted.origin, "log", "-1", "--format=%an|%ae|%cn|%B", "main")
    assert said == (
        "github-actions[bot]|github-actions[bot]@users.noreply.git.example.org|github-actions[bot]|" + MESSAGE
    )


def test_no_hook_runs(planted: Planted) -> None:
    planted.merge()
    for name in (
        "pre-commit",
        "commit-msg",
        "post-commit",
        "pre-push",
        "reference-transaction",
        "pre-rebase",
    ):
        hook = planted.trusted / ".git" / "hooks" / name
        hook.write_text(f"#!/bin/sh\ntouch {planted.output}/ran-{name}\nexit 1\n")
        hook.chmod(0o755)
    publish(planted)
    assert git(planted.origin, "log", "-1", "--format=%s", "main") == MESSAGE
    assert not list(planted.output.glob("ran-*"))


def test_the_second_time_there_is_nothing_to_do(planted: Planted) -> None:
    planted.merge()
    first = publish(planted)
    bundle = opened(planted)
    assert commit_record(planted.trusted, write_record(planted.trusted, bundle), [SPRINT], access()) is None
    assert git_write.push(planted.trusted, "main", access()) == first
    fresh = planted.output / "fresh"  # of a job that was killed after its push
    call(planted.output, "git", "clone", "-q", str(planted.origin), str(fresh))
    assert commit_record(fresh, write_record(fresh, bundle), [SPRINT], access()) is None


@pytest.mark.parametrize("after", ["some files", "the tree", "the commit"])
def test_a_job_that_was_killed_is_done_again(planted: Planted, after: str) -> None:
    planted.merge()
    paths = write_record(planted.trusted, opened(planted))
    if after == "some files":
        for path in paths[::2]:
            (planted.trusted / path).unlink()
    if after == "the commit":
        commit_record(planted.trusted, paths, [SPRINT], access())
    publish(planted)
    assert git(planted.origin, "log", "--format=%s", "-2", "main") == f"{MESSAGE}\nMerge"
    assert (
        of_main(planted, f"{FOLDER}/verdict.json")
        == (planted.proposal / FOLDER / "verdict.json").read_bytes()
    )


def test_a_branch_that_moved_meanwhile_keeps_what_it_got(planted: Planted, tmp_path: Path) -> None:
    planted.merge()
    other = tmp_path / "other"
    call(tmp_path, "git", "clone", "-q", str(planted.origin), str(other))
    (other / "README.md").write_text("more\n")
    commit(other, "Elsewhere")
    call(other, "git", "push", "-q", "origin", "main")
    publish(planted)
    assert git(planted.origin, "log", "--format=%s", "-3", "main") == f"{MESSAGE}\nElsewhere\nMerge"
    assert git(planted.origin, "diff", "--name-only", "main^", "main").startswith(f"{FOLDER}/")


def test_another_job_that_pushed_the_same_record_first_is_no_conflict(
    planted: Planted, tmp_path: Path
) -> None:
    planted.merge()
    bundle = opened(planted)
    commit_record(planted.trusted, write_record(planted.trusted, bundle), [SPRINT], access())
    other = tmp_path / "other"
    call(tmp_path, "git", "clone", "-q", str(planted.origin), str(other))
    commit_record(other, write_record(other, bundle), [SPRINT], access())
    (other / "README.md").write_text("more\n")
    commit(other, "Elsewhere")
    call(other, "git", "push", "-q", "origin", "main")
    git_write.push(planted.trusted, "main", access())
    assert git(planted.origin, "log", "--format=%s", "-3", "main") == f"Elsewhere\n{MESSAGE}\nMerge"


def test_a_change_of_the_same_files_meanwhile_is_left_to_a_person(planted: Planted, tmp_path: Path) -> None:
    planted.merge()
    commit_record(planted.trusted, write_record(planted.trusted, opened(planted)), [SPRINT], access())
    other = tmp_path / "other"
    call(tmp_path, "git", "clone", "-q", str(planted.origin), str(other))
    (other / FOLDER).mkdir(parents=True)
    (other / FOLDER / "verdict.json").write_text("{}\n")
    commit(other, "Elsewhere")
    call(other, "git", "push", "-q", "origin", "main")
    before = git(planted.trusted, "rev-parse", "HEAD")
    with pytest.raises(FlywheelError, match="main was changed in the same files meanwhile") as error:
        git_write.push(planted.trusted, "main", access())
    assert error.value.exit_code == 5
    assert git(planted.trusted, "rev-parse", "HEAD") == before
    assert git(planted.trusted, "status", "--porcelain") == ""


def test_what_was_not_merged_is_not_recorded(planted: Planted) -> None:
    with pytest.raises(FlywheelError) as error:  # the spec is not on main
        write_record(planted.trusted, opened(planted))
    assert str(error.value) == (
        f"{SPEC}: {SPEC} here is not what {SPRINT} ran with: its record is not written\n"
        f"  hint: run the sprint again as it was merged: a pull request that changes {SPEC}"
    )
    planted.merge()
    (planted.trusted / "data.dvc").write_text("outs: []\n")
    with pytest.raises(FlywheelError, match=f"data.dvc here is not what {SPRINT} ran with"):
        write_record(planted.trusted, opened(planted))
    assert not (planted.trusted / FOLDER).exists()


def test_a_project_that_moved_on_is_named_but_does_not_keep_the_record_away(planted: Planted) -> None:
    planted.merge()
    assert unlike_tree(planted.trusted, opened(planted), SPRINT) == []
    (planted.trusted / "flywheel.yaml").write_text("# another policy\n")
    assert unlike_tree(planted.trusted, opened(planted), SPRINT) == ["flywheel.yaml"]
    assert f"{FOLDER}/verdict.json" in write_record(planted.trusted, opened(planted))


def test_report_and_plots_are_drawn_here_and_the_digests_say_so(planted: Planted) -> None:
    folder = planted.output / "bundle"
    (folder / FOLDER / "report.md").write_text("# All is well\n")
    (folder / FOLDER / "plots" / "slices.svg").write_text("<svg onload='alert(1)'/>")
    (folder / FOLDER / "plots" / "evil.svg").write_text("<svg/>")
    path = folder / FOLDER / "digests.json"
    known = json.loads(path.read_text())
    for name in ("report.md", "plots/slices.svg", "plots/evil.svg"):
        known[f"{FOLDER}/{name}"] = sha256(folder / FOLDER / name)
    path.write_text(json.dumps(known))
    remanifest(folder)
    planted.merge()
    write_record(planted.trusted, opened(planted))
    for name in ("report.md", "plots/slices.svg", "digests.json"):
        assert (planted.trusted / FOLDER / name).read_bytes() == (
            planted.proposal / FOLDER / name
        ).read_bytes()
    assert not (planted.trusted / FOLDER / "plots" / "evil.svg").exists()


def test_a_sprint_that_ran_again_replaces_its_record_and_keeps_its_uses_and_peoples_notes(
    planted: Planted,
) -> None:
    planted.merge()
    publish(planted)
    folder = planted.trusted / FOLDER
    (folder / "notes.md").write_text("mine\n")
    (folder / "failure.json").write_text(json.dumps({"stage": "train", "message": "of an older run"}))
    old = {"split_digest": "4" * 64, "evaluation_digest": "d" * 64, "significance": 0.025, "uses_before": 2, "spent_before": 0.05}  # fmt: skip
    (folder / "uses.json").write_text(json.dumps([old]))
    commit(planted.trusted, "Meanwhile")
    call(planted.trusted, "git", "push", "-q", "origin", "main")
    publish(planted)
    assert (folder / "notes.md").read_text() == "mine\n"
    assert not (folder / "failure.json").exists()
    uses = json.loads((folder / "uses.json").read_text())
    assert [use["evaluation_digest"][0] for use in uses] == ["e", "d"]
    known = json.loads((folder / "digests.json").read_text())
    assert known[f"{FOLDER}/uses.json"] == sha256(folder / "uses.json")
    assert git(planted.trusted, "status", "--porcelain") == ""


def test_what_a_labelling_round_wrote_is_neither_brought_nor_taken_away_by_a_run(tmp_path: Path) -> None:
    """The batch came with the pull request; the sprint's run failed, and its record has other files."""
    planted = plant(tmp_path, failure=StageFailure(stage="train", message="out of memory"))
    planted.pack()
    planted.merge()
    (planted.trusted / FOLDER).mkdir(parents=True)
    names = ("batch.csv", "batch.json", "answers.jsonl")
    for name in names:
        (planted.trusted / FOLDER / name).write_text("{}\n")
    commit(planted.trusted, "What was merged with it")
    call(planted.trusted, "git", "push", "-q", "origin", "main")
    publish(planted)
    assert {(planted.trusted / FOLDER / name).read_text() for name in (*names,)} == {"{}\n"}
    assert (planted.trusted / FOLDER / "failure.json").is_file()


def test_a_failure_is_recorded_but_never_over_a_verdict(tmp_path: Path) -> None:
    planted = plant(tmp_path, failure=StageFailure(stage="train", message="out of memory"))
    planted.pack()
    planted.merge()
    publish(planted)
    assert git(planted.origin, "ls-tree", "-r", "--name-only", "main", FOLDER + "/").splitlines() == sorted(
        f"{FOLDER}/{name}" for name in (
            "failure.json", "report.json", "report.md", "params.yaml", "timings.json",
            *(f"plots/{path.name}" for path in (planted.trusted / FOLDER / "plots").iterdir()),
        )
    )  # fmt: skip
    shutil.rmtree(planted.proposal / FOLDER)
    record(planted.proposal)
    planted.pack()
    publish(planted)
    assert not (planted.trusted / FOLDER / "failure.json").exists()
    assert (planted.trusted / FOLDER / "dvc.yaml").is_file()
    judged = {path: path.read_bytes() for path in (planted.trusted / FOLDER).rglob("*") if path.is_file()}
    failed = StageFailure(stage="train", message="out of memory")
    # Another spec: a seed that training refuses, say, must not cost the record that the next proposal is compared with.
    for folder in (planted.proposal, planted.trusted):
        (folder / SPEC).write_text("# another spec\n")
    shutil.rmtree(planted.proposal / FOLDER)
    record(planted.proposal, failure=failed)
    planted.pack()
    assert write_record(planted.trusted, opened(planted)) == [f"{FOLDER}/last-failure.json"]
    assert {path: path.read_bytes() for path in judged} == judged
    told = read_json(planted.trusted / FOLDER / "last-failure.json", LastFailure)
    assert told == LastFailure(spec_sha256=sha256(planted.proposal / SPEC), failure=failed)
    shutil.rmtree(planted.proposal / FOLDER)
    record(planted.proposal)
    planted.pack()
    assert f"{FOLDER}/last-failure.json" in write_record(planted.trusted, opened(planted))
    assert not (planted.trusted / FOLDER / "last-failure.json").exists()


def test_no_record_is_written_through_a_link(planted: Planted, tmp_path: Path) -> None:
    planted.merge()
    (tmp_path / "elsewhere").mkdir()
    (planted.trusted / "reports").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(FlywheelError, match="a symbolic link: no record is written through it"):
        write_record(planted.trusted, opened(planted))
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_outputs_are_laid_out_for_verify(planted: Planted) -> None:
    planted.merge()
    bundle = opened(planted)
    open_outputs(planted.archive("outputs"), bundle, planted.output / "cache")
    lay_out(planted.trusted, bundle, planted.output / "cache")
    for name in ("predictions/torch.parquet", "index/images.parquet", "gallery/01.jpg"):
        laid = planted.trusted / FOLDER / name
        assert laid.read_bytes() == (planted.proposal / FOLDER / name).read_bytes()
        laid.write_bytes(b"")  # one's own, and no link to the cache
    assert not (planted.trusted / FOLDER / "weights").exists()
    objects = sorted((planted.proposal / ".dvc/cache").rglob("*/md5/*/*"))
    for path in objects:
        kept = planted.trusted / path.relative_to(planted.proposal)
        assert kept.read_bytes() == path.read_bytes()
    kept.unlink()
    kept.write_bytes(b"spoiled")
    lay_out(planted.trusted, bundle, planted.output / "cache")
    assert kept.read_bytes() == path.read_bytes()


def test_what_was_judged_is_on_main_after_the_merge_and_dvc_pull_gets_it(
    project: Path, tmp_path: Path
) -> None:
    """From a real run to a fresh clone of main: identical, by `flywheel verify` and by the bytes of the weights."""
    origin = tmp_path / "origin.git"
    base, head = git(project, "rev-parse", "HEAD^"), git(project, "rev-parse", "HEAD")
    call(tmp_path, "git", "clone", "-q", "--bare", str(project), str(origin))
    call(origin, "git", "update-ref", "refs/heads/main", base)  # the spec, and no record yet
    (tmp_path / "store").mkdir()
    pack(project, [TINY], base, head, tmp_path / "out")
    bundle = open_bundle(tmp_path / "out" / "bundle", tmp_path / "opened", Expected(head=head))
    hashes = open_outputs(tmp_path / "out" / "outputs", bundle, tmp_path / "cache")
    call(tmp_path, "git", "clone", "-q", str(origin), "trusted")
    trusted = tmp_path / "trusted"
    call(trusted, sys.executable, "-m", "dvc", "remote", "add", "-q", "-d", "store", str(tmp_path / "store"))
    commit(trusted, "A remote")
    paths = write_record(trusted, bundle)
    lay_out(trusted, bundle, tmp_path / "cache")
    assert push_objects(trusted, hashes) == len(set(hashes))
    result = verify(trusted, TINY)
    assert result.identical, result.findings
    commit_record(trusted, paths, [TINY], access())
    git_write.push(trusted, "main", access())
    assert git(trusted, "status", "--porcelain") == ""
    call(tmp_path, "git", "clone", "-q", str(origin), "fresh")
    call(tmp_path / "fresh", sys.executable, "-m", "dvc", "pull", "-q", f"reports/{TINY}/dvc.yaml")
    for path in sorted((sprint_folder(project, TINY)).rglob("*")):
        if path.is_file():
            assert (tmp_path / "fresh" / path.relative_to(project)).read_bytes() == path.read_bytes()
    assert flywheel(tmp_path / "fresh", "verify", TINY).returncode == 0
