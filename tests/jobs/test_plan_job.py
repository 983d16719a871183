"""`flywheel ci plan`: plan.json is always there, annotations and summary say the same, the exit code tells."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from projects import call, commit
from proposals import SECOND, repository, write

from runner.domain.errors import FlywheelError
from runner.domain.files import read_json
from runner.jobs.plan import run
from runner.planning.proposal import Proposal
from runner.report import plan_comment

LOOSER = SECOND.replace("min: 0.7", "min: 0.65")
BROKEN = SECOND.replace("epochs: 1", "epoch: 1")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "project")


def variables(folder: Path, **more: str) -> dict[str, str]:
    return {
        "GITHUB_REPOSITORY": "acme/digits",
        "GITHUB_SERVER_URL": "https://git.localhost",
        "GITHUB_API_URL": "https://git.localhost/api/v3",
        "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
        **more,
    }


def planned(root: Path, output: Path) -> tuple[int, Proposal]:
    code = run(root, base="main", head=None, output=output, variables=variables(output.parent))
    return code, read_json(output / "plan.json", Proposal)


def test_a_plan_is_an_artifact_a_summary_and_warnings(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(root, {"specs/0003-third.yaml": LOOSER})
    commit(root, "A proposal")
    code, proposal = planned(root, tmp_path / "out")
    assert code == 0
    assert proposal.head_commit == call(root, "git", "rev-parse", "HEAD").stdout.strip()
    assert proposal.base_commit == call(root, "git", "rev-parse", "main").stdout.strip()
    assert (tmp_path / "summary.md").read_text() == plan_comment.render(proposal) + "\n"
    (warning,) = re.findall("^::warning .*$", capfd.readouterr().out, re.M)
    (finding,) = proposal.findings
    assert warning.startswith(
        "::warning file=specs/0003-third.yaml,line=6,col=5,title=flywheel%3A needs approval::"
    )
    assert warning.endswith(f"%0ATo approve it: /flywheel approve {finding.id}")


def test_where_something_is_wrong_the_artifact_is_there_all_the_same(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    write(root, {"specs/0003-third.yaml": BROKEN})
    commit(root, "A proposal")
    code, proposal = planned(root, tmp_path / "out")
    assert code == 2
    assert [problem.line for problem in proposal.problems] == [4]
    assert "::error file=specs/0003-third.yaml,line=4,col=54," in capfd.readouterr().out
    assert "1 problem to correct" in (tmp_path / "summary.md").read_text()


def test_what_is_refused_is_an_error_of_the_run(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (root / "specs/0003-third.yaml").symlink_to("/etc/passwd")
    commit(root, "A link")
    code, proposal = planned(root, tmp_path / "out")
    assert code == 2
    assert proposal.refused
    out = capfd.readouterr().out
    assert "::error title=flywheel%3A refused::specs/0003-third.yaml: a symbolic link" in out
    assert "root:" not in out + (tmp_path / "summary.md").read_text()


def test_a_specs_text_is_no_command_of_the_job(
    root: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    evil = 'title: "x\\n::error::evil\\n##[set-env name=PATH]evil"'
    write(root, {"specs/0003-third.yaml": BROKEN.replace("title: The second", evil)})
    write(
        root,
        {"specs/0004-fourth.yaml": LOOSER.replace("slice: dark", 'slice: "dark\\n::error::evil ##[error]"')},
    )
    commit(root, "A proposal")
    planned(root, tmp_path / "out")
    stopped = ""
    for line in capfd.readouterr().out.splitlines():
        if stopped:
            stopped = "" if line == f"::{stopped}::" else stopped
        elif line.startswith("::stop-commands::"):
            stopped = line.removeprefix("::stop-commands::")
        else:
            assert re.match(r"::(error|warning) (file=specs/|title=flywheel)", line) or "##[" not in line, (
                line
            )
            assert not line.startswith("::error::")


def test_the_event_names_the_base(root: Path, tmp_path: Path) -> None:
    write(root, {"specs/0003-third.yaml": SECOND})
    commit(root, "A proposal")
    base = call(root, "git", "rev-parse", "main").stdout.strip()
    event = tmp_path / "event.json"
    event.write_text(json.dumps({"pull_request": {"base": {"sha": base}}}))
    more = variables(tmp_path, GITHUB_EVENT_PATH=str(event))
    assert run(root, base=None, head=None, output=tmp_path / "out", variables=more) == 0
    assert read_json(tmp_path / "out/plan.json", Proposal).base_commit == base
    with pytest.raises(FlywheelError, match="the event names no base"):
        run(root, base=None, head=None, output=tmp_path / "out", variables=variables(tmp_path))


def test_another_head_than_the_one_checked_out_is_not_planned(root: Path, tmp_path: Path) -> None:
    write(root, {"specs/0003-third.yaml": SECOND})
    commit(root, "A proposal")
    call(root, "git", "checkout", "-q", "main")
    run(root, base="main", head="work", output=tmp_path / "out", variables=variables(tmp_path))
    proposal = read_json(tmp_path / "out/plan.json", Proposal)
    assert [sprint.plan for sprint in proposal.sprints] == [None]
