"""plan.yml and the guards of sprint.yml, run by act with the real runner. Nothing is trained here."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from act_runs import CANARY, SECRETS, Finished, Repository
from projects import SPEC, SPRINT, make_project

from runner.planning.proposal import Proposal

MOVED_ON = "::error title=The pull request has moved on::"


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_project(tmp_path_factory.mktemp("untrained") / "project")


@pytest.fixture
def repository(untrained: Path, tmp_path: Path) -> Repository:
    project = Path(shutil.copytree(untrained, tmp_path / "project", symlinks=True))
    return Repository.of(project, tmp_path)


def propose_next(repository: Repository, text: str = SPEC) -> str:
    (repository.work / "specs" / "0002-next.yaml").write_text(
        text.replace("A sprint small", "The next, small")
    )
    return repository.propose()


def proposal_of(run: Finished) -> Proposal:
    files = run.artifact("flywheel-plan")
    assert list(files) == ["plan.json"]
    return msgspec.json.decode(files["plan.json"], type=Proposal)


def files_named(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name == name]


def test_the_plan_of_a_fork_s_pull_request_is_an_artifact_and_the_summary(repository: Repository) -> None:
    head = propose_next(repository)
    run = repository.act(
        "pull_request", "plan.yml", repository.pull_request(head_repository="eve/digits"), ref="proposal"
    )
    assert run.results == {"plan": "success"}, run.log
    proposal = proposal_of(run)
    assert (proposal.base_commit, proposal.head_commit) == (repository.sha("main"), head)
    assert [(sprint.sprint, sprint.status) for sprint in proposal.sprints] == [("0002-next", "added")]
    assert "0002-next" in run.summary
    assert SPRINT not in run.summary.split("\n", 1)[0]


def test_a_plan_asked_for_by_hand_is_of_that_pull_request(repository: Repository) -> None:
    head = propose_next(repository)
    run = repository.act("workflow_dispatch", "plan.yml", repository.dispatch(pr="7", sha=head))
    assert run.results == {"plan": "success"}, run.log
    assert proposal_of(run).head_commit == head


def test_an_invalid_spec_fails_the_job_with_an_annotation_and_still_hands_the_plan_on(
    repository: Repository,
) -> None:
    propose_next(repository, SPEC.replace("epochs: 1", "epochs: many"))
    run = repository.act("pull_request", "plan.yml", repository.pull_request(), ref="proposal")
    assert run.results == {"plan": "failure"}
    assert [problem.file for problem in proposal_of(run).problems] == ["specs/0002-next.yaml"]
    assert any("epochs" in str(line.get("raw", line.get("msg", ""))) for line in run.lines)


@pytest.mark.parametrize("workflow", ["plan.yml", "sprint.yml"])
def test_a_head_that_has_moved_stops_the_job(repository: Repository, workflow: str) -> None:
    asked = propose_next(repository)
    propose_next(repository, SPEC.replace("epochs: 1", "epochs: 2"))
    run = repository.act("workflow_dispatch", workflow, repository.dispatch(pr="7", sha=asked))
    assert set(run.results.values()) == {"failure"}
    assert MOVED_ON in run.raw
    assert run.names() == []


@pytest.mark.parametrize("workflow", ["plan.yml", "sprint.yml"])
def test_rule_04_a_spec_named_with_shell_syntax_leaves_no_file(repository: Repository, workflow: str) -> None:
    for name in ("0002-$(touch pwned).yaml", "0003-`touch pwned`.yaml", '0004-";touch pwned;".yaml'):
        (repository.work / "specs" / name).write_text(SPEC)
    repository.propose("$(touch pwned)")
    event = repository.pull_request()
    event["pull_request"]["title"] = event["pull_request"]["head"]["ref"] = "$(touch pwned)`touch pwned`"
    run = repository.act("pull_request", workflow, event, ref="proposal", secrets=SECRETS)
    assert set(run.results.values()) == {"failure"}
    assert files_named(repository.folder, "pwned") == []
    assert "flywheel-bundle" not in run.names()


def test_rule_02_a_fork_s_pull_request_has_no_sprint_job(repository: Repository) -> None:
    propose_next(repository)
    run = repository.act(
        "pull_request", "sprint.yml", repository.pull_request(head_repository="eve/digits"), ref="proposal"
    )
    assert (run.results, run.names(), run.summary) == ({}, [], "")


def test_rule_02_a_guard_that_the_proposal_took_out_of_its_copy_still_holds(repository: Repository) -> None:
    path = repository.work / ".github" / "workflows" / "sprint.yml"
    text = path.read_text()
    guard = next(line for line in text.splitlines(keepends=True) if line.startswith("    if: "))
    path.write_text(text.replace(guard, ""))
    propose_next(repository)
    event = repository.pull_request(head_repository="eve/digits")
    assert repository.act("pull_request", "sprint.yml", event, ref="proposal").results == {}


def test_rule_02_a_dispatch_of_another_branch_s_workflow_runs_nothing(repository: Repository) -> None:
    head = propose_next(repository)
    event = repository.dispatch("proposal", pr="7", sha=head)
    run = repository.act("workflow_dispatch", "sprint.yml", event, ref="proposal")
    assert run.results == {}


def test_a_proposal_s_own_run_sprint_is_not_what_runs(repository: Repository) -> None:
    path = repository.work / ".github" / "workflows" / "run-sprint.yml"
    path.write_text(path.read_text().replace("flywheel ci sprint", "touch pwned; flywheel ci sprint"))
    propose_next(repository)
    run = repository.act("pull_request", "sprint.yml", repository.pull_request(), ref="proposal")
    assert run.results == {"run": "failure"}
    assert "the proposal changes code, so no sprint is run for it" in run.log
    assert files_named(repository.folder, "pwned") == []


def test_rule_16_a_canary_that_is_printed_would_be_seen(repository: Repository) -> None:
    path = repository.work / ".github" / "workflows" / "run-sprint.yml"
    path.write_text(path.read_text().replace("flywheel ci sprint", 'echo "$FLYWHEEL_DVC_CONFIG" #'))
    repository.commit("A careless edit")
    repository.push_main()
    propose_next(repository)
    run = repository.act(
        "pull_request", "sprint.yml", repository.pull_request(), ref="proposal", secrets=SECRETS
    )
    assert CANARY.encode() in run.everything()
