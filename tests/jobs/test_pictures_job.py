"""The job that publishes pictures: of a believed run, drawn anew, on a branch that stays small."""

from __future__ import annotations

import io
from pathlib import Path

import msgspec
import pytest
from forges.fake_forge import FakeForge
from PIL import Image
from planted_record import FOLDER, SPRINT, Planted, access, git, jpeg, plant, remanifest
from projects import call, commit

from runner.adapters.git import trusted
from runner.domain.errors import FlywheelError
from runner.domain.records import StageFailure
from runner.forges.forge import WorkflowRun
from runner.jobs.pictures import BRANCH, publish, run


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    found = plant(tmp_path)
    found.pack()
    return found


def on_branch(planted: Planted) -> list[str]:
    return git(planted.origin, "ls-tree", "-r", "--name-only", BRANCH).splitlines()


def content(planted: Planted, path: str) -> bytes:
    return planted.held(BRANCH, path)


def another_head(planted: Planted, forge: FakeForge) -> tuple[str, WorkflowRun]:
    """The proposal's next commit, and its run."""
    (planted.proposal / "README.md").write_text("more\n")
    call(planted.proposal, "git", "add", "README.md")
    call(planted.proposal, "git", "commit", "-q", "-m", "More")
    call(planted.proposal, "git", "push", "-q", "origin", "more-dark")
    head = git(planted.proposal, "rev-parse", "HEAD")
    remanifest(planted.output / "bundle", head_commit=head)
    forge.change_pull(7, head_sha=head)
    found = forge.add_run(msgspec.structs.replace(forge.runs[0], id=101, head_sha=head))
    forge.add_artifact(101, "flywheel-bundle", planted.archive("bundle"))
    return head, found


def test_pictures_lie_where_the_comment_links_to(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    forge, _, run = planted.forge()
    assert publish(planted.trusted, forge, access(), run.id) == 0
    paths = on_branch(planted)
    folder = f"{SPRINT}/{planted.head}"
    assert {f"{folder}/gallery/01.jpg", f"{folder}/gallery/01-cam.jpg", f"{folder}/plots/slices.png"} <= set(
        paths
    )
    assert not [path for path in paths if not path.startswith(f"{folder}/")]
    assert content(planted, f"{folder}/plots/slices.png") == (
        (planted.proposal / FOLDER / "plots" / "slices.png").read_bytes()
    )
    assert capsys.readouterr().err == f"{len(paths)} pictures and notes of #7 pushed to {BRANCH}\n"
    assert git(planted.trusted, "status", "--porcelain") == ""
    assert git(planted.trusted, "branch", "--show-current") == "main"


def test_the_second_time_nothing_is_pushed(planted: Planted, capsys: pytest.CaptureFixture[str]) -> None:
    forge, _, run = planted.forge()
    publish(planted.trusted, forge, access(), run.id)
    before = git(planted.origin, "rev-parse", BRANCH)
    publish(planted.trusted, forge, access(), run.id)
    assert git(planted.origin, "rev-parse", BRANCH) == before
    assert capsys.readouterr().err.endswith(f" pictures and notes of #7 are on {BRANCH}\n")


def test_pictures_of_older_commits_of_the_same_pull_request_go_and_those_of_others_stay(
    planted: Planted,
) -> None:
    forge, _, run = planted.forge()
    publish(planted.trusted, forge, access(), run.id)
    others = [f"{SPRINT}/{'e' * 40}/pull-request", f"{SPRINT}/{'e' * 40}/gallery/01.jpg", "0001-a/x/y.png"]
    planted.put(BRANCH, dict.fromkeys(others, b"8\n"))
    head, again = another_head(planted, forge)
    publish(planted.trusted, forge, access(), again.id)
    paths = on_branch(planted)
    assert set(others) <= set(paths)
    assert [path for path in paths if planted.head in path] == []
    assert f"{SPRINT}/{head}/gallery/01.jpg" in paths
    assert git(planted.origin, "rev-list", "--count", BRANCH) == "1"


def test_a_picture_is_written_anew(planted: Planted) -> None:
    picture = planted.output / "bundle" / FOLDER / "gallery" / "01.jpg"
    picture.write_bytes(
        jpeg(size=(2000, 500), note="canary: where it was taken") + b"<script>appended</script>"
    )
    _undigested(planted)
    forge, _, run = planted.forge()
    publish(planted.trusted, forge, access(), run.id)
    shown = content(planted, f"{SPRINT}/{planted.head}/gallery/01.jpg")
    assert b"canary" not in shown
    assert b"script" not in shown
    with Image.open(io.BytesIO(shown)) as opened:
        assert (opened.format, opened.size) == ("JPEG", (1600, 400))
        assert not opened.getexif()


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda: b"<svg onload='alert(1)'/>", "not a JPEG picture that can be read"),
        (lambda: jpeg()[:300], "not a JPEG picture that can be read"),
        (lambda: jpeg(size=(6000, 4001)), "6000 × 4001 pixels: 24,000,000 are accepted"),
    ],
)
def test_what_is_no_picture_is_refused_and_nothing_is_pushed(
    planted: Planted, made: object, said: str
) -> None:
    (planted.output / "bundle" / FOLDER / "gallery" / "01.jpg").write_bytes(made())  # type: ignore[operator]
    _undigested(planted)
    forge, _, run = planted.forge()
    with pytest.raises(FlywheelError) as error:
        publish(planted.trusted, forge, access(), run.id)
    assert str(error.value) == f"{SPRINT}/gallery/01.jpg: {said}"
    assert git(planted.origin, "branch", "--list", BRANCH) == ""


def _undigested(planted: Planted) -> None:
    """The sprint's digests forget the picture."""
    path = planted.output / "bundle" / FOLDER / "digests.json"
    known = msgspec.json.decode(path.read_bytes(), type=dict[str, str])
    path.write_bytes(
        msgspec.json.encode({name: sha for name, sha in known.items() if "gallery/" not in name})
    )
    remanifest(planted.output / "bundle")


def test_a_branch_that_moves_between_is_read_again(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    forge, _, run = planted.forge()
    real, raced = trusted.push_refs, []

    def race(root: Path, *arguments: object, **more: object) -> bool:
        if not raced:  # another job was faster
            raced.append(planted.put(BRANCH, {"0001-a/x/y.png": b""}))
        return real(root, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(trusted, "push_refs", race)
    publish(planted.trusted, forge, access(), run.id)
    assert "0001-a/x/y.png" in on_branch(planted)
    assert f"{SPRINT}/{planted.head}/gallery/01.jpg" in on_branch(planted)


def test_a_head_that_moved_on_and_a_run_without_a_bundle_end_quietly(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    forge, _, run = planted.forge()
    forge.left.clear()
    assert publish(planted.trusted, forge, access(), run.id) == 0
    forge.change_pull(7, head_sha="f" * 40)
    assert publish(planted.trusted, forge, access(), run.id) == 0
    assert capsys.readouterr().err == (
        "run 100 left no bundle: nothing to show\n"
        f"nothing to show: no open pull request into main has the head {planted.head[:12]} any more\n"
    )
    assert git(planted.origin, "branch", "--list", BRANCH) == ""


def test_pictures_of_a_proposal_that_changes_code_are_not_published(planted: Planted) -> None:
    (planted.proposal / "Makefile").write_text("all:\n")
    commit(planted.proposal, "Code")
    call(planted.proposal, "git", "push", "-q", "origin", "more-dark")
    head = git(planted.proposal, "rev-parse", "HEAD")
    forge, _, run = planted.forge()
    forge.change_pull(7, head_sha=head)
    forge.runs[0] = msgspec.structs.replace(run, head_sha=head)
    with pytest.raises(FlywheelError, match=r"#7 changes code \(Makefile\)"):
        publish(planted.trusted, forge, access(), run.id)


def test_a_failed_sprint_has_a_note_alone(tmp_path: Path) -> None:
    planted = plant(tmp_path, failure=StageFailure(stage="train", message="out of memory"))
    planted.pack()
    forge, _, run = planted.forge()
    assert publish(planted.trusted, forge, access(), run.id) == 0
    assert not [path for path in on_branch(planted) if "/gallery/" in path]


def test_the_job_is_told_which_run(planted: Planted) -> None:
    with pytest.raises(FlywheelError) as error:
        run(planted.trusted, run_id=None)
    assert str(error.value) == "which run?\n  hint: flywheel ci pictures --run-id N"
