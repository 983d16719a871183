"""Publishing over HTTP, with a token that may do what the job in report.yml may, and when answers are lost."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from forges.emulator import Emulator, Fault
from msgspec.structs import replace
from planted_bundle import SPRINT, Proposed, bundle_files, propose_sprint, zipped
from planted_report import failing_inputs, sprint_inputs

from runner.adapters.web.retries import Patience
from runner.domain.errors import ExitCode, FlywheelError
from runner.jobs import publish
from runner.report.build import build
from runner.report.inputs import ReportInputs

JOB = {"actions": "read", "checks": "write", "contents": "read", "pull-requests": "write"}
RUN = 100


@pytest.fixture(autouse=True)
def _waits_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a job waits before it asks again is shown in tests/adapters/test_http.py."""
    monkeypatch.setattr("runner.adapters.web.http.Patience", partial(Patience, sleep=lambda seconds: None))


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Proposed:
    return propose_sprint(tmp_path_factory.mktemp("proposed"))


def leave(github: Emulator, proposed: Proposed, archive: Path, inputs: ReportInputs, run: int = RUN) -> None:
    """A finished run of the pull request's commit, with a report."""
    report = build(inputs)
    spec = replace(report.spec, sha256=proposed.digest(f"specs/{SPRINT}.yaml"))
    github.pull(head_sha=proposed.head, base_sha=proposed.base)
    github.change(
        runs=[
            {
                "id": run,
                "path": ".github/workflows/sprint.yml",
                "event": "pull_request",
                "head_sha": proposed.head,
                "head_branch": "more-dark",
                "head_repository": "acme/digits",
                "status": "completed",
                "conclusion": "success",
                "title": "More dark images",
            }
        ]
    )
    github.add_artifact(
        run,
        "flywheel-bundle",
        zipped(archive, bundle_files([replace(report, spec=spec)], proposed)),
    )


def job(github: Emulator, proposed: Proposed, run: int = RUN, permissions: dict[str, str] = JOB) -> int:
    return publish.run(proposed.root, run_id=run, variables=github.variables(permissions))


def test_the_jobs_permissions_are_enough_and_the_next_run_edits(
    github: Emulator, proposed: Proposed, tmp_path: Path
) -> None:
    leave(github, proposed, tmp_path / "1.zip", failing_inputs())
    assert job(github, proposed) == 0
    ((author, body),) = github.bodies()
    assert author == "github-actions[bot]"
    assert body.startswith(f"<!-- flywheel:report:{SPRINT} -->\n<!-- flywheel:verdicts ")
    checks = {each["name"]: each["conclusion"] for each in github.check_runs(proposed.head)}
    assert checks == {f"flywheel / {SPRINT}": "failure", "flywheel / policy": "action_required"}
    leave(github, proposed, tmp_path / "2.zip", sprint_inputs(), run=101)
    assert job(github, proposed, run=101) == 0
    ((_, body),) = github.bodies()
    assert "## ✓ PASS" in body
    assert "Older verdicts (1)" in body
    writes = github.forget() and job(github, proposed, run=101)
    assert writes == 0
    assert [each for each in github.writes() if "comments" in each[1]] == []


# contents: read is for git (the checkout, the pictures' branch); the API is not asked for it.
@pytest.mark.parametrize("scope", ["actions", "checks", "pull-requests"])
def test_each_of_the_jobs_permissions_is_needed(
    github: Emulator, proposed: Proposed, tmp_path: Path, scope: str
) -> None:
    leave(github, proposed, tmp_path / "1.zip", failing_inputs())
    with pytest.raises(FlywheelError) as caught:
        job(github, proposed, permissions={name: level for name, level in JOB.items() if name != scope})
    assert caught.value.exit_code == ExitCode.PUBLISH_FAILED
    assert "403" in str(caught.value)
    assert scope in str(caught.value)


@pytest.mark.parametrize("fault", ["applied-then-502", "applied-then-reset"])
@pytest.mark.parametrize("path", ["issues/7/comments", "check-runs"])
def test_a_lost_answer_leaves_one_comment_and_one_check(
    github: Emulator, proposed: Proposed, tmp_path: Path, fault: Fault, path: str
) -> None:
    leave(github, proposed, tmp_path / "1.zip", failing_inputs())
    github.fault(fault, method="POST", path=path)
    assert job(github, proposed) == 0
    assert len(github.bodies()) == 1
    assert sorted(each["name"] for each in github.check_runs(proposed.head)) == [
        f"flywheel / {SPRINT}",
        "flywheel / policy",
    ]


def test_a_comment_that_is_refused_does_not_lose_the_checks(
    github: Emulator, proposed: Proposed, tmp_path: Path
) -> None:
    leave(github, proposed, tmp_path / "1.zip", failing_inputs())
    github.fault("422", method="POST", path="issues/7/comments")
    with pytest.raises(FlywheelError) as caught:
        job(github, proposed)
    assert caught.value.message.startswith(f"not published: the report of {SPRINT}: ")
    assert "nothing is lost" in caught.value.message
    assert len(github.check_runs(proposed.head)) == 2
    assert job(github, proposed) == 0
    assert len(github.bodies()) == 1
