"""After a merge: the record comes to main from a verified bundle, and what may be is promoted; with real git and DVC remotes."""

from __future__ import annotations

import json
import shutil
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from forges.fake_forge import FakeForge, pull_request, workflow_run, zip_folder
from projects import SPRINT, call, commit, flywheel
from promoting import clone, with_remotes

from runner.domain.errors import FlywheelError
from runner.forges.forge import Review
from runner.jobs import promote as job
from runner.loop.bundle import pack

pytestmark = pytest.mark.xdist_group("sprint-loop")

A, B = "0002-next", "0003-third"
LATER = "2027-01-02T12:00:00Z"
SPEC = f"""\
apiVersion: flywheel/v1
kind: Sprint
title: A smaller model is asked for
extends: {SPRINT}
gates:
  - {{metric: size_mb, max: 50}}
"""  # nothing of it needs approval, and everything but the verdict is in DVC's run cache


@dataclass
class World:
    """A forge, its git repository, the DVC remote, and the machine that runs sprints."""

    folder: Path
    project: Path
    bare: Path
    forge: FakeForge = field(default_factory=FakeForge)
    merges: dict[int, tuple[str, str]] = field(default_factory=dict)  # number → main before and after

    def propose(self, number: int, sprint: str, spec: str, **changes: Any) -> None:
        """A pull request whose sprint ran under main's terms, with its bundle and outputs."""
        project = self.project
        call(project, "git", "fetch", "-q", "origin")
        call(project, "git", "checkout", "-q", "-f", "-B", f"pr-{number}", "origin/main")
        (project / "specs" / f"{sprint}.yaml").write_text(spec)
        for path, text in changes.items():
            (project / path).write_text(text)
        commit(project, f"Propose {sprint}")
        call(project, "git", "push", "-q", "-f", "origin", f"pr-{number}")
        base, head = self.sha("origin/main"), self.sha("HEAD")
        result = flywheel(project, "run", sprint, "--base", base)
        assert result.returncode in (0, 1), result.stderr
        out = self.folder / f"run-{number}"
        pack(project, [sprint], base, head, out)
        shutil.rmtree(project / "reports" / sprint)
        pull = pull_request(number, head_sha=head, head_ref=f"pr-{number}", base_sha=base, author="alice")
        self.forge.add_pull(pull)
        run = self.forge.add_run(workflow_run(100 + number, head_sha=head, head_branch=f"pr-{number}"))
        for part in ("bundle", "outputs"):
            archive = zip_folder(out / part, self.folder / f"{part}-{number}.zip")
            self.forge.add_artifact(run.id, f"flywheel-{part}", archive)

    def merge(self, number: int) -> None:
        """Merges the pull request on the forge."""
        merging = clone(self.bare, self.folder / f"merging-{number}")
        before = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        call(merging, "git", "merge", "-q", "--no-ff", "-m", f"Merge #{number}", f"origin/pr-{number}")
        call(merging, "git", "push", "-q", "origin", "main")
        after = call(merging, "git", "rev-parse", "HEAD").stdout.strip()
        self.forge.change_pull(number, state="closed", merged=True, merge_commit=after)
        self.merges[number] = (before, after)

    def job(self, number: int | None = None, *, name: str = "job", **asked: str) -> int:
        """The promote job, in a clone of its own."""
        root = self.folder / f"{name}-{len(list(self.folder.glob(f'{name}-*')))}"
        clone(self.bare, root)
        return self.job_in(root, number, **asked)

    def job_in(self, root: Path, number: int | None = None, **asked: str) -> int:
        event = self.folder / "event.json"
        before, after = self.merges[number] if number is not None else ("", "")
        event.write_text(json.dumps({"before": before, "after": after}))
        variables = {
            "GITHUB_REPOSITORY": "acme/digits",
            "GITHUB_SERVER_URL": "https://git.example.org",
            "GITHUB_API_URL": "https://git.example.org/api/v3",
            "GITHUB_EVENT_NAME": "push",
            "GITHUB_EVENT_PATH": str(event),
            "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
        }
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # DVC has some of its own
            return job.run(
                root,
                sprint=asked.get("sprint"),
                rollback=asked.get("rollback"),
                forge=self.forge,
                variables=variables,
            )

    def sha(self, ref: str) -> str:
        return call(self.project, "git", "rev-parse", f"{ref}^{{commit}}").stdout.strip()

    @property
    def tags(self) -> list[str]:
        return call(self.bare, "git", "tag").stdout.split()

    @property
    def subjects(self) -> list[str]:
        """Of main's commits, the newest first."""
        return call(self.bare, "git", "log", "--first-parent", "--format=%s", "main").stdout.splitlines()

    def said(self, number: int, start: str) -> str:
        """Our comment that begins so."""
        (found,) = [
            each.body
            for each in self.forge.discussion.get(number, [])
            if each.body.startswith(f"<!-- flywheel:{start}")
        ]
        return found


@pytest.fixture
def world(project: Path, tmp_path: Path) -> World:
    """A repository on a forge, with one sprint on main that was never promoted."""
    (project / ".gitignore").write_text("/.flywheel/\n/data\n")
    return World(folder=tmp_path, project=project, bare=with_remotes(project, tmp_path))


def test_a_merged_sprint_is_recorded_verified_and_promoted(world: World) -> None:
    world.propose(7, A, SPEC)
    world.merge(7)
    assert world.job(7) == 0
    assert world.subjects[:3] == [
        f"flywheel: {A} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {A} [skip ci]",
        "Merge #7",
    ]
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert world.said(7, f"promotion:{A}") == (
        f"<!-- flywheel:promotion:{A} -->\n## 🚀 `{A}` was promoted as v1.0.0\n\n"
        f"It holds the stage `prod` of `tiny-digits`. Its record is in `reports/{A}/`, its model card in `reports/{A}/model-card.md`.\n\n"
        "To go back: a comment `/flywheel rollback`.\n"
    )
    author = call(world.bare, "git", "log", "-1", "--format=%an <%ae>", "main").stdout.strip()
    assert author == "github-actions[bot] <github-actions[bot]@users.noreply.git.example.org>"
    fresh = clone(world.bare, world.folder / "fresh")
    call(fresh, sys.executable, "-m", "dvc", "pull", "-q", f"reports/{A}/dvc.yaml")
    assert flywheel(fresh, "verify", A, check=True).stdout.endswith("identical\n")
    assert (fresh / "reports" / A / "exports" / "onnx-fp32" / "model.onnx").is_file()


def test_the_job_run_again_changes_nothing(world: World) -> None:
    world.propose(7, A, SPEC)
    world.merge(7)
    world.job(7)
    before = (world.tags, world.subjects, world.said(7, "promotion"))
    assert world.job(7) == 0
    assert (world.tags, world.subjects, world.said(7, "promotion")) == before


def test_a_second_sprint_is_judged_again_and_waits_until_that_is_approved(world: World) -> None:
    world.forge.permissions |= {"carol": "maintain"}
    world.propose(7, A, SPEC)
    world.propose(8, B, SPEC.replace("50", "40"))
    world.merge(7)
    world.merge(8)
    assert world.job(7) == 0
    # what was approved before the new report does not count for it
    world.forge.reviewed[8] = [
        Review(
            author="carol",
            state="APPROVED",
            commit=world.forge.pulls[8].head_sha,
            submitted_at="2027-01-01T13:00:00Z",
        )
    ]
    world.forge.now = "2027-01-01T14:00:00Z"
    assert world.job(8) == 0
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    assert world.subjects[:2] == [
        f"flywheel: {B} is judged again [skip ci]",
        f"flywheel: record of {B} [skip ci]",
    ]
    said = world.said(8, "promotion")
    (finding,) = [
        line.split("`")[1].split()[-1]
        for line in said.splitlines()
        if line.startswith("- `/flywheel approve")
    ]
    assert said.startswith(
        f"<!-- flywheel:promotion:{B} -->\n## ⏳ `{B}` is recorded, and waits for approval\n"
    )
    assert finding.startswith("stale-")
    assert finding in world.said(8, f"report:{B}")
    assert f"flywheel / {B}" in {each.name for each in world.forge.checks[world.forge.pulls[8].head_sha]}

    assert world.job(sprint=B) == 0
    assert len(world.tags) == 2  # nobody approved
    world.forge.now = LATER
    world.forge.add_comment(8, "alice", f"/flywheel approve {finding}")
    assert world.job(sprint=B) == 0
    assert len(world.tags) == 2  # the author's own
    assert "it is the author's own" in world.said(8, "promotion").replace("&#39;", "'")
    world.forge.add_comment(8, "carol", f"/flywheel approve {finding}")
    assert world.job(sprint=B) == 0
    assert world.tags == [
        "tiny-digits#prod#1",
        "tiny-digits#prod#2",
        "tiny-digits@v1.0.0",
        "tiny-digits@v1.1.0",
    ]
    assert f"in place of `{A}`" in world.said(8, "promotion")
    contents = call(world.bare, "git", "tag", "-l", "--format=%(contents)", "tiny-digits#prod#2").stdout
    assert f"approvals: {finding} by carol" in contents


def test_a_merge_whose_job_was_cancelled_is_recorded_by_the_next(world: World) -> None:
    world.propose(1, A, SPEC)
    world.merge(1)
    assert world.job(1) == 0
    world.propose(2, B, SPEC)
    world.propose(3, "0004-fourth", SPEC)
    world.merge(2)
    world.merge(3)
    assert world.job(3, name="only-the-last") == 0
    fresh = clone(world.bare, world.folder / "fresh-after-both")
    assert (fresh / "reports" / B / "verdict.json").is_file()
    assert (fresh / "reports" / "0004-fourth" / "verdict.json").is_file()


def test_main_that_moves_while_the_record_is_pushed_is_no_loss(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    from runner.loop import after_merge

    world.propose(7, A, SPEC)
    world.merge(7)
    push, moved = after_merge.git_write.push_refs, []

    def moving(root: Path, refs: list[str], access: object) -> bool:
        if not moved:
            other = clone(world.bare, world.folder / "other")
            (other / "README.md").write_text("meanwhile")
            commit(other, "Meanwhile")
            call(other, "git", "push", "-q")
            moved.append(True)
        return push(root, refs, access)  # type: ignore[arg-type]

    monkeypatch.setattr(after_merge.git_write, "push_refs", moving)
    assert world.job(7) == 0
    assert world.subjects[:4] == [
        f"flywheel: {A} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {A} [skip ci]",
        "Meanwhile",
        "Merge #7",
    ]
    assert world.tags == ["tiny-digits#prod#1", "tiny-digits@v1.0.0"]
    tagged = call(world.bare, "git", "rev-parse", "tiny-digits#prod#1^{commit}").stdout
    assert tagged == call(world.bare, "git", "rev-parse", "main").stdout


def test_a_verdict_that_is_not_pass_is_recorded_and_not_promoted(world: World) -> None:
    world.propose(7, A, SPEC.replace("max: 50", "max: 0.001"))
    world.merge(7)
    assert world.job(7) == 0
    assert world.subjects[0] == f"flywheel: record of {A} [skip ci]"
    assert world.tags == []
    assert world.said(7, "promotion").startswith(
        f"<!-- flywheel:promotion:{A} -->\n## ⚪ `{A}` is recorded, and was not promoted\n\n- FAIL: "
    )


def test_a_run_that_is_not_believed_records_nothing_and_says_why(world: World) -> None:
    world.propose(7, A, SPEC)
    world.merge(7)
    world.forge.runs[0] = workflow_run(107, path=".github/workflows/sprint.yml", head_sha="2" * 40)
    before = world.subjects
    assert world.job(7) == 1
    assert (world.subjects, world.tags) == (before, [])
    assert "no finished run of sprint.yml" in world.said(7, "promotion:nothing")


def test_artifacts_that_expired_are_named_with_what_to_do(world: World) -> None:
    import msgspec

    world.propose(7, A, SPEC)
    world.merge(7)
    run = world.forge.runs[0].id
    world.forge.left[run] = [msgspec.structs.replace(each, expired=True) for each in world.forge.left[run]]
    assert world.job(7) == 5
    assert "**Next:**" in world.said(7, "promotion:nothing")
    assert world.tags == []


def test_a_rollback_is_pushed_and_is_done_once(world: World) -> None:
    world.propose(7, A, SPEC)
    world.merge(7)
    world.job(7)
    with pytest.raises(FlywheelError, match="is the first that was promoted"):
        world.job(rollback="previous")
    call(world.project, "git", "fetch", "-q", "origin")
    world.propose(8, B, SPEC.replace("50", "40"))
    world.merge(8)
    assert world.job(8) == 0
    assert world.tags[:2] == ["tiny-digits#prod#1", "tiny-digits#prod#2"]
    assert world.job(rollback="previous") == 0
    assert "tiny-digits#prod#3" in world.tags
    assert world.subjects[0] == f"flywheel: tiny-digits goes back to {A} v1.0.0 [skip ci]"
    done = (world.tags, world.subjects)
    assert world.job(rollback="previous") == 0
    assert (world.tags, world.subjects) == done


def test_a_clone_with_work_in_it_is_left_alone(world: World) -> None:
    root = clone(world.bare, world.folder / "mine")
    (root / "flywheel.yaml").write_text((root / "flywheel.yaml").read_text() + "# mine\n")
    with pytest.raises(FlywheelError, match="holds changes or commits that were not pushed"):
        world.job_in(root, sprint=SPRINT)
    assert (root / "flywheel.yaml").read_text().endswith("# mine\n")


def merged_record(world: World, number: int, message: str) -> None:
    """A merged pull request whose author wrote a record, and ran nothing."""
    project, record = world.project, world.folder / "run-7" / "bundle" / "reports" / A
    call(project, "git", "fetch", "-q", "origin")
    call(project, "git", "checkout", "-q", "-f", "-B", f"pr-{number}", "origin/main")
    shutil.copytree(record, project / "reports" / A, dirs_exist_ok=True)
    (project / "specs" / f"{A}.yaml").write_text(SPEC)
    (project / "reports" / A / "notes.md").write_text(message)
    commit(project, message)
    call(project, "git", "push", "-q", "-f", "origin", f"pr-{number}")
    pull = pull_request(number, head_sha=world.sha("HEAD"), head_ref=f"pr-{number}", author="mallory")
    world.forge.add_pull(pull)
    world.merge(number)


def test_a_record_that_a_pull_request_brought_is_not_promoted(world: World) -> None:
    """Whoever may write can start the job by hand; the record is as its author wrote it."""
    world.propose(7, A, SPEC)
    merged_record(world, 8, f"flywheel: record of {A}")
    with pytest.raises(FlywheelError) as refused:
        world.job(sprint=A)
    assert refused.value.message == (
        f"the record of {A} came with #8: what a pull request says of its own runs is not believed"
    )
    assert world.tags == []


def test_a_commit_that_calls_itself_the_record_does_not_stand_in_for_it(world: World) -> None:
    world.propose(7, A, SPEC)
    world.merge(7)
    merged_record(world, 8, f"flywheel: record of {A} [skip ci]")
    forged = clone(world.bare, world.folder / "forged") / "reports" / A / "verdict.json"
    forged.write_text(forged.read_text().replace("PASS", "FAIL"))
    commit(forged.parents[2], f"flywheel: record of {A} [skip ci]")
    call(forged.parents[2], "git", "push", "-q")
    assert world.job(7) == 0
    assert world.subjects[:2] == [
        f"flywheel: {A} is tiny-digits v1.0.0 [skip ci]",
        f"flywheel: record of {A} [skip ci]",
    ]
    fresh = clone(world.bare, world.folder / "fresh-after-forgery")
    record = world.folder / "run-7" / "bundle" / "reports" / A / "verdict.json"
    assert (fresh / "reports" / A / "verdict.json").read_bytes() == record.read_bytes()
