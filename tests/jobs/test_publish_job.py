"""`flywheel ci publish`: which runs are published, and how the job ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from forges.fake_forge import FakeForge, pull_request, workflow_run, wrote
from msgspec.structs import replace
from planted_bundle import SPRINT, Proposed, bundle_files, propose_sprint, zipped
from planted_report import failing_inputs

from runner.domain.errors import ExitCode, FlywheelError
from runner.jobs import publish
from runner.report.build import build

RUN = 100
SHORTENED = 50_000  # bytes; far more than this comment takes


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Proposed:
    return propose_sprint(tmp_path_factory.mktemp("proposed"))


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"workflow_run": {"id": RUN}}))
    return {
        "GITHUB_REPOSITORY": "acme/digits",
        "GITHUB_SERVER_URL": "https://git.example.org",
        "GITHUB_API_URL": "https://git.example.org/api/v3",
        "GITHUB_EVENT_PATH": str(event),
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }


def forge_with(proposed: Proposed, folder: Path, **run: object) -> FakeForge:
    """A failing sprint's run, changed as asked."""
    forge = FakeForge()
    forge.add_pull(pull_request(7, head_sha=proposed.head, base_sha=proposed.base))
    forge.add_run(workflow_run(RUN, **{"head_sha": proposed.head, **run}))
    report = build(failing_inputs())
    spec = replace(report.spec, sha256=proposed.digest(f"specs/{SPRINT}.yaml"))
    archive = zipped(folder / "bundle.zip", bundle_files([replace(report, spec=spec)], proposed))
    forge.add_artifact(RUN, "flywheel-bundle", archive)
    return forge


def test_the_run_of_the_event_is_published(
    proposed: Proposed, tmp_path: Path, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    forge = forge_with(proposed, tmp_path)
    assert publish.run(proposed.root, run_id=None, forge=forge, variables=variables) == 0
    (comment,) = forge.discussion[7]
    assert len(comment.body.encode()) < SHORTENED
    said = capsys.readouterr().out.splitlines()
    assert said == [
        f"#7: flywheel / {SPRINT}: {forge.checks[proposed.head][0].title}",
        f"#7: the report of {SPRINT}, {len(comment.body.encode()):,} bytes",
        "#7: flywheel / policy: 1 finding needs approval",
    ]


@pytest.mark.parametrize(
    ("run", "said"),
    [
        ({"conclusion": "cancelled"}, "run 100: cancelled: nothing to publish\n"),
        ({"conclusion": "skipped"}, "run 100: skipped: nothing to publish\n"),
        ({"conclusion": None, "status": "in_progress"}, "run 100: in_progress: nothing to publish\n"),
    ],
)
def test_a_run_that_did_not_end_by_itself_is_not_published(
    proposed: Proposed,
    tmp_path: Path,
    variables: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    run: dict[str, object],
    said: str,
) -> None:
    forge = forge_with(proposed, tmp_path, **run)
    assert publish.run(proposed.root, run_id=RUN, forge=forge, variables=variables) == 0
    assert capsys.readouterr().out == said
    assert wrote(forge) == []


def test_a_head_that_moved_is_no_error(
    proposed: Proposed, tmp_path: Path, variables: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    forge = forge_with(proposed, tmp_path)
    forge.change_pull(7, head_sha="9" * 40)
    assert publish.run(proposed.root, run_id=RUN, forge=forge, variables=variables) == 0
    assert capsys.readouterr().out == (
        f"run 100: no open pull request into main has the head {proposed.head[:12]} any more: nothing to publish\n"
    )
    assert wrote(forge) == []


def test_what_is_not_believed_ends_the_job_with_5_and_is_in_the_summary(
    proposed: Proposed, tmp_path: Path, variables: dict[str, str]
) -> None:
    forge = forge_with(proposed, tmp_path, event="push")
    with pytest.raises(FlywheelError) as caught:
        publish.run(proposed.root, run_id=RUN, forge=forge, variables=variables)
    assert caught.value.exit_code == ExitCode.PUBLISH_FAILED
    summary = Path(variables["GITHUB_STEP_SUMMARY"]).read_text()
    assert summary.startswith("### Not published\n\nrun 100 is not believed: it was started by 'push'")
    assert wrote(forge) == []


def test_an_event_without_a_run_says_what_to_type(
    proposed: Proposed, tmp_path: Path, variables: dict[str, str]
) -> None:
    Path(variables["GITHUB_EVENT_PATH"]).write_text("{}")
    with pytest.raises(FlywheelError) as caught:
        publish.run(proposed.root, run_id=None, forge=FakeForge(), variables=variables)
    assert str(caught.value) == "the event names no run\n  hint: flywheel ci publish --run-id RUN"
