"""Runs of pull requests are looks at the test split, merged or not: they are noted on a branch, and the next run counts them."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest
from planted_record import FOLDER, SPRINT, Planted, access, git, plant, remanifest
from projects import call

from runner.adapters.git import trusted
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.image_set import packed
from runner.domain.records import StageFailure
from runner.domain.verdict import SplitUse
from runner.jobs.pictures import BRANCH as PICTURES
from runner.jobs.pictures import publish
from runner.jobs.sprint import _note_looks
from runner.planning.holdout import HoldoutQuestion, recorded_uses, with_use
from runner.planning.holdout_uses import uses_on_branches
from runner.pullrequests.looks import BRANCH, looks_of, note_looks

IMAGES = packed(["a", "b"])


def use(evaluation: bytes, before: int = 0, images: str = IMAGES) -> SplitUse:
    return SplitUse(
        split_digest="5" * 32,
        evaluation_digest=hashlib.sha256(evaluation).hexdigest(),
        significance=0.025,
        uses_before=before,
        spent_before=0.025 * before,
        comparison="c",
        images=images,
    )


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """A bundle whose uses.json tells of an older use, and of that of its own evaluation."""
    found = plant(tmp_path)
    found.pack()
    folder = found.output / "bundle" / FOLDER
    own = use((folder / "evaluation.json").read_bytes(), 1, images="")
    (folder / "uses.json").write_bytes(msgspec.json.encode([use(b"older"), own]))
    known = msgspec.json.decode((folder / "digests.json").read_bytes(), type=dict[str, str])
    kept = {name: sha for name, sha in known.items() if not name.endswith("/uses.json")}
    (folder / "digests.json").write_bytes(msgspec.json.encode(kept))
    remanifest(found.output / "bundle")
    return found


def noted(planted: Planted) -> list[SplitUse]:
    content = planted.held(BRANCH, f"{FOLDER}/uses.json")
    return msgspec.json.decode(content, type=list[SplitUse]) if content else []


def test_the_look_of_a_run_is_noted_with_its_images(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    forge, _, run = planted.forge()
    publish(planted.trusted, forge, access(), run.id)
    assert [(each.uses_before, each.images) for each in noted(planted)] == [(1, IMAGES)]
    assert capsys.readouterr().err.endswith(f"looks at the test split noted on {BRANCH}: 1\n")
    before = git(planted.origin, "rev-parse", BRANCH)
    publish(planted.trusted, forge, access(), run.id)
    assert git(planted.origin, "rev-parse", BRANCH) == before


@pytest.mark.parametrize("change", [{"state": "closed"}, {"head_sha": "f" * 40}])
def test_a_pull_request_that_was_closed_or_went_on_was_a_look_all_the_same(
    planted: Planted, change: dict[str, str]
) -> None:
    forge, _, run = planted.forge()
    forge.change_pull(7, **change)
    publish(planted.trusted, forge, access(), run.id)
    assert len(noted(planted)) == 1
    assert git(planted.origin, "branch", "--list", PICTURES) == ""


def test_a_run_that_is_not_believed_is_no_look(planted: Planted) -> None:
    """Else a stranger could spend a project's budget."""
    (planted.proposal / "Makefile").write_text("all:\n")
    call(planted.proposal, "git", "add", "-A")
    call(planted.proposal, "git", "commit", "-q", "-m", "Code")
    call(planted.proposal, "git", "push", "-q", "origin", "more-dark")
    head = git(planted.proposal, "rev-parse", "HEAD")
    forge, _, run = planted.forge()
    forge.change_pull(7, head_sha=head)
    forge.runs[0] = msgspec.structs.replace(run, head_sha=head)
    with pytest.raises(FlywheelError, match="changes code"):
        publish(planted.trusted, forge, access(), run.id)
    assert noted(planted) == []


def test_a_run_that_failed_looked_at_nothing(tmp_path: Path) -> None:
    planted = plant(tmp_path, failure=StageFailure(stage="train", message="out of memory"))
    planted.pack()
    forge, _, run = planted.forge()
    publish(planted.trusted, forge, access(), run.id)
    assert git(planted.origin, "branch", "--list", BRANCH) == ""


def test_every_push_is_a_look_that_the_next_run_counts(planted: Planted) -> None:
    for number in (1, 2):
        note_looks(planted.trusted, {SPRINT: [use(b"push %d" % number)]}, access())
    assert [bool(each.images) for each in noted(planted)] == [True, False]
    assert git(planted.origin, "rev-list", "--count", BRANCH) == "2"
    call(planted.proposal, "git", "fetch", "-q", "origin")
    elsewhere, trouble = uses_on_branches(planted.proposal)
    asked = HoldoutQuestion(images=packed(["a", "z"]), comparison="c")
    now = with_use(recorded_uses(planted.proposal), SPRINT, "grown", "push 3", 0.95, asked, elsewhere)[-1]
    assert (now.uses_before, now.look, trouble) == (2, 3, [])


def test_a_look_that_was_noted_meanwhile_is_kept(planted: Planted, monkeypatch: pytest.MonkeyPatch) -> None:
    real, raced = trusted.push_refs, []

    def race(root: Path, *arguments: object, **more: object) -> bool:
        if not raced:
            raced.append(root)
            assert note_looks(planted.trusted, {"0001-another": [use(b"faster")]}, access()) == 1
        return real(root, *arguments, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(trusted, "push_refs", race)
    assert note_looks(planted.trusted, {SPRINT: [use(b"slower")]}, access()) == 1
    files = git(planted.origin, "ls-tree", "-r", "--name-only", BRANCH).splitlines()
    assert files == sorted(["reports/0001-another/uses.json", f"{FOLDER}/uses.json"])


def test_a_branch_that_holds_something_else_is_not_written_over(planted: Planted) -> None:
    made = planted.put(BRANCH, {f"{FOLDER}/uses.json": b"{}"})
    with pytest.raises(FlywheelError, match="holds no uses of the test split") as refused:
        note_looks(planted.trusted, looks_of(planted.output / "bundle" / "reports", [SPRINT]), access())
    assert refused.value.exit_code is ExitCode.PUBLISH_FAILED
    assert git(planted.origin, "rev-parse", BRANCH) == made


# --- where no forge's report.yml follows ------------------------------------------------------------


def ran_here(planted: Planted) -> None:
    folder = planted.proposal / FOLDER
    own = use((folder / "evaluation.json").read_bytes(), 1)
    (folder / "uses.json").write_bytes(msgspec.json.encode([own]))


def test_a_run_without_a_forge_notes_its_look_itself(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    ran_here(planted)
    _note_looks(planted.proposal, [SPRINT])
    assert [each.uses_before for each in noted(planted)] == [1]
    assert capsys.readouterr().err == f"looks at the test split noted on {BRANCH}: 1\n"


def test_a_look_that_cannot_be_noted_is_told_and_stops_nothing(
    planted: Planted, capsys: pytest.CaptureFixture[str]
) -> None:
    ran_here(planted)
    call(planted.proposal, "git", "remote", "set-url", "origin", "/nowhere")
    _note_looks(planted.proposal, [SPRINT])
    assert capsys.readouterr().err.startswith(
        f"the looks at the test split could not be noted on {BRANCH}: branch {BRANCH} could not be looked up: "
    )
