"""`flywheel ci sprint`: guarded, judged by the base, packed; what is printed obeys nobody; no secret stays behind."""

from __future__ import annotations

import re
import stat
from collections.abc import MutableMapping
from pathlib import Path

import pytest
from projects import SPEC, SPRINT, call, commit

from runner.adapters.dvc.cache_place import LOCAL_CONFIGURATION
from runner.adapters.dvc.local_config import VARIABLE
from runner.domain.errors import ExitCode, FlywheelError
from runner.domain.files import read_json
from runner.domain.verdict import Outcome, Verdict
from runner.jobs import sprint
from runner.record.catalogue import sprint_folder
from runner.record.terms import Terms
from runner.workflow.judged_sprint import JudgedSprint

NEXT = f"""\
apiVersion: flywheel/v1
kind: Sprint
title: The same, called otherwise
extends: {SPRINT}
"""
CANARY = "canary-5f1e"
CONFIG = f"['remote \"store\"']\n    url = s3://bucket/store\n    secret_access_key = {CANARY}\n"


@pytest.fixture
def proposal(project: Path) -> Path:
    """A branch that proposes a second sprint; its results are in DVC's run cache, but for those of `evaluate`."""
    call(project, "git", "checkout", "-q", "-b", "proposal")
    (project / "specs" / "0002-next.yaml").write_text(NEXT)
    commit(project, "Next")
    return project


def environment(folder: Path, **more: str) -> MutableMapping[str, str]:
    return {
        "GITHUB_REPOSITORY": "acme/digits",
        "GITHUB_SERVER_URL": "https://git.example",
        "GITHUB_API_URL": "https://git.example/api/v3",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **more,
    }


def job(project: Path, tmp_path: Path, *, head: str | None = None, **more: str) -> int:
    return sprint.run(
        project, base="main", head=head, output=tmp_path / "out", variables=environment(tmp_path, **more)
    )


def outside_blocks(text: str) -> list[str]:
    """The lines that GitHub's runner would read commands in."""
    lines, token = [], None
    for line in text.splitlines():
        if token is not None:
            token = None if line == f"::{token}::" else token
        elif match := re.fullmatch(r"::stop-commands::(\w+)", line):
            token = match[1]
        else:
            lines.append(line)
    assert token is None
    return lines


def test_a_proposed_sprint_is_run_summarised_and_packed(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert job(proposal, tmp_path) == 0
    printed = capfd.readouterr()
    assert outside_blocks(printed.out) == []
    assert printed.err == ""
    assert "0002-next: judged under the terms of " in printed.out
    manifest = read_json(tmp_path / "out" / "bundle" / "manifest.json", dict)
    assert manifest["sprints"] == ["0002-next"]
    assert manifest["base_commit"] == call(proposal, "git", "rev-parse", "main").stdout.strip()
    assert manifest["head_commit"] == call(proposal, "git", "rev-parse", "HEAD").stdout.strip()
    record = sprint_folder(tmp_path / "out" / "bundle", "0002-next")
    assert read_json(record / "terms.json", Terms).reference == SPRINT
    assert read_json(record / "verdict.json", Verdict).outcome is Outcome.PASS
    assert manifest["objects"]
    assert all((tmp_path / "out" / "outputs" / path).is_file() for path in manifest["objects"])
    page = (tmp_path / "out" / "html" / "0002-next.html").read_text(encoding="utf-8")
    assert page.startswith("<!doctype html>")
    assert "data:image/jpeg;base64," in page
    assert (
        (tmp_path / "summary.md")
        .read_text()
        .startswith("## ✓ PASS — 0002-next: The same, called otherwise\n")
    )


def test_a_proposal_that_changes_code_runs_no_sprint(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    for path in ("runner/stages/train.py", ".github/workflows/sprint.yml"):
        (proposal / path).parent.mkdir(parents=True, exist_ok=True)
        (proposal / path).write_text("")
    commit(proposal, "Code")
    assert job(proposal, tmp_path) == ExitCode.INVALID_CONFIGURATION
    assert (
        "error: the proposal changes code, so no sprint is run for it: .github/workflows/sprint.yml, "
        "runner/stages/train.py\n"
        "  hint: propose the code in one pull request, which runs the tests, and the sprint in another\n"
    ) in capfd.readouterr().out
    assert not (tmp_path / "out").exists()


def test_code_that_a_merged_proposal_brought_and_took_back_is_the_next_ones_own(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (proposal / "x.py").write_text("")
    commit(proposal, "Code")
    between = call(proposal, "git", "rev-parse", "HEAD").stdout.strip()
    call(proposal, "git", "revert", "--no-edit", "HEAD")
    call(proposal, "git", "checkout", "-q", "main")
    call(proposal, "git", "merge", "-q", "--no-ff", "-m", "Merge #1", "proposal")
    call(proposal, "git", "checkout", "-q", "-b", "next", between)
    (proposal / "specs" / "0003-dark.yaml").write_text(NEXT)
    commit(proposal, "A spec alone, beside the merge base")
    assert job(proposal, tmp_path) == ExitCode.INVALID_CONFIGURATION
    assert "error: the proposal changes code, so no sprint is run for it: x.py\n" in capfd.readouterr().out
    assert not (tmp_path / "out").exists()


def test_a_symlink_is_refused_before_anything_is_run(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "outside").mkdir()
    (sprint_folder(proposal, "0002-next")).mkdir()
    (sprint_folder(proposal, "0002-next") / "index").symlink_to(tmp_path / "outside")
    (sprint_folder(proposal, "0002-next") / "weights").symlink_to("../../.git/hooks")
    commit(proposal, "Links")
    hooks = sorted((proposal / ".git" / "hooks").iterdir())
    assert job(proposal, tmp_path) == ExitCode.INVALID_CONFIGURATION
    assert "the proposal holds 2 things that a pull request may not bring" in capfd.readouterr().out
    assert list((tmp_path / "outside").iterdir()) == []
    assert sorted((proposal / ".git" / "hooks").iterdir()) == hooks
    assert not (tmp_path / "out").exists()


def test_an_invalid_spec_is_refused_and_its_text_obeys_nobody(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = proposal / "specs" / "0002-next.yaml"
    spec.write_text(f'{NEXT}gates: [{{metric: "##[add-mask]x", min: 1}}]\n')
    commit(proposal, "Wrong")
    assert job(proposal, tmp_path) == ExitCode.INVALID_CONFIGURATION
    printed = capfd.readouterr()
    assert "specs/0002-next.yaml:5:" in printed.out
    assert outside_blocks(printed.out) == []
    assert printed.err == ""


def test_another_commit_than_the_one_that_is_checked_out_is_not_run(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    main = call(proposal, "git", "rev-parse", "main").stdout.strip()
    assert job(proposal, tmp_path, head=main) == ExitCode.INVALID_CONFIGURATION
    assert f"error: {main[:10]} is proposed, and " in capfd.readouterr().out


def test_a_record_that_the_proposal_brings_is_not_believed(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    folder = sprint_folder(proposal, "0002-next")
    folder.mkdir()
    (folder / "msgspec.py").write_text("raise SystemExit('a module of the proposal was imported')\n")
    (folder / "dvc.lock").write_text((sprint_folder(proposal, SPRINT) / "dvc.lock").read_text())
    (folder / "uses.json").write_text("[]\n")
    (sprint_folder(proposal, SPRINT) / "uses.json").write_text("[]\n")
    commit(proposal, "A record")
    assert job(proposal, tmp_path) == ExitCode.INVALID_CONFIGURATION  # a program, wherever it lies
    (folder / "msgspec.py").unlink()
    commit(proposal, "Without the program")
    assert job(proposal, tmp_path) == 0
    printed = capfd.readouterr().out
    for path in ("0001-tiny/uses.json", "0002-next/dvc.lock", "0002-next/uses.json"):
        assert f"reports/{path}: as on the base branch" in printed
    assert call(proposal, "git", "diff", "--quiet", "main", "--", f"reports/{SPRINT}").returncode == 0


def test_without_a_changed_sprint_nothing_is_run_or_packed(
    project: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / "README.md").write_text("Words.")
    call(project, "git", "checkout", "-q", "-b", "words")
    commit(project, "Words")
    assert job(project, tmp_path) == 0
    assert "no sprint is changed: nothing to run" in capfd.readouterr().err
    assert not (tmp_path / "out").exists()


def test_what_keeps_a_sprint_from_running_is_reported_without_secrets(
    proposal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(root: Path, name: str, **more: object) -> JudgedSprint:
        raise FlywheelError(
            f"the data could not be fetched: 403 for key {CANARY}",
            hint="look at the remote",
            exit_code=ExitCode.STAGE_FAILED,
        )

    monkeypatch.setattr(sprint, "run_sprint", refused)
    assert job(proposal, tmp_path, **{VARIABLE: CONFIG}) == 0
    record = sprint_folder(tmp_path / "out" / "bundle", "0002-next")
    report = (record / "report.md").read_text()
    assert "The stage prepare failed: the data could not be fetched: 403 for key &#42;&#42;&#42;." in report
    everything = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(CANARY.encode() in content for content in everything)
    assert CANARY not in capfd.readouterr().out


@pytest.mark.parametrize("fails", [False, True])
def test_the_dvc_configuration_is_there_for_the_run_alone(
    proposal: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: bool
) -> None:
    variables = environment(tmp_path, **{VARIABLE: CONFIG})
    seen: list[tuple[str, int, bool]] = []

    def look(root: Path, name: str, **more: object) -> JudgedSprint:
        path = root / LOCAL_CONFIGURATION
        seen.append((path.read_text(), stat.S_IMODE(path.stat().st_mode), VARIABLE in variables))
        if fails:
            raise ValueError("a bug")
        raise FlywheelError("not here", exit_code=ExitCode.MISSING_TOOL)

    monkeypatch.setattr(sprint, "run_sprint", look)
    with pytest.raises(ValueError) if fails else pytest.MonkeyPatch.context():
        code = sprint.run(proposal, base="main", head=None, output=tmp_path / "out", variables=variables)
        assert code == ExitCode.MISSING_TOOL
    assert seen == [(CONFIG, 0o600, False)]
    assert not (proposal / LOCAL_CONFIGURATION).exists()
    assert variables[VARIABLE] == CONFIG


def test_a_configuration_that_is_there_already_is_left_alone(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (proposal / LOCAL_CONFIGURATION).write_text("mine\n")
    assert job(proposal, tmp_path, **{VARIABLE: CONFIG}) == ExitCode.INVALID_CONFIGURATION
    assert (
        "error: .dvc/config.local: FLYWHEEL_DVC_CONFIG cannot be written there: File exists\n"
        in capfd.readouterr().out
    )
    assert (proposal / LOCAL_CONFIGURATION).read_text() == "mine\n"


def test_a_bundle_that_holds_a_secret_does_not_leave(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spec = proposal / "specs" / "0002-next.yaml"
    spec.write_text(NEXT.replace("called otherwise", CANARY))
    commit(proposal, "A title")
    assert job(proposal, tmp_path, **{VARIABLE: CONFIG}) == ExitCode.STAGE_FAILED
    expected = "holds a secret of the job's DVC configuration: nothing that the run made was left"
    assert expected in capfd.readouterr().out
    assert not (tmp_path / "summary.md").exists()
    assert list((tmp_path / "out").iterdir()) == []  # what later steps would upload, or render again


SECRETS = ["s3cr3t/value", 'quote"d']


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("outputs/files/md5/aa/bb", b"x" * 60 + b"s3cr3t/value" + b"x" * 60),
        ("outputs/files/md5/aa/bb", b"s3cr3t/value"),
        ("html/0002-next.html", b"<p>quote&quot;d</p>"),
        ("bundle/reports/0002-next/report.json", rb'{"hint": "quote\"d"}'),
    ],
)
@pytest.mark.parametrize("size", [64, 65, 66, 70, 71, 72, 10_000])
def test_a_secret_in_any_file_is_found_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, content: bytes, size: int
) -> None:
    monkeypatch.setattr(sprint, "CHUNK_BYTES", size)
    (tmp_path / "bundle").mkdir()
    (tmp_path / "bundle" / "old").write_bytes(b"of a run before")

    def fill(folder: Path) -> None:
        files = {
            "bundle/a.json": b"harmless",
            "html/a.html": b"harmless",
            "outputs/a": b"harmless",
            file: content,
        }
        for path, text in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(text)

    with pytest.raises(FlywheelError) as refused, sprint._looked_through(tmp_path, SECRETS) as left:
        fill(left)
    assert str(refused.value).startswith(f"{file}: holds a secret of the job's DVC configuration")
    assert list(tmp_path.iterdir()) == []


def test_nothing_lies_where_it_is_uploaded_before_it_was_looked_through(tmp_path: Path) -> None:
    def stopped() -> None:
        with sprint._looked_through(tmp_path, SECRETS) as left:
            (left / "bundle").mkdir()
            assert [path.name for path in tmp_path.iterdir()] == [left.name]
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert list(tmp_path.iterdir()) == []
    with sprint._looked_through(tmp_path, SECRETS) as left:
        (left / "bundle").mkdir()
        (left / "bundle" / "a.json").write_text("s3cr3t/valu")
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "bundle",
        "bundle/a.json",
    ]


def test_a_hostile_name_leaves_no_file(
    proposal: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (proposal / "specs" / "0003-$(touch owned).yaml").write_text(SPEC)
    commit(proposal, "A name")
    assert job(proposal, tmp_path) == ExitCode.INVALID_CONFIGURATION
    assert "specs/0003-$(touch owned).yaml: not a spec's name" in capfd.readouterr().out
    assert [path for path in proposal.rglob("owned") if path.is_file()] == []
