"""plan.yml and the guards of sprint.yml, run by act with the real runner. Nothing is trained here."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import msgspec
import pytest
from projects import SPEC, SPRINT, make_project
from simulated_forge.act import CANARY, HEAD, PULL, SECRETS, ActRepository, Finished

from runner.planning.proposal import Proposal

RUN_SPRINT = ".github/workflows/run-sprint.yml"
MOVED_ON = "::error title=The pull request has moved on::"


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> ActRepository:
    folder = tmp_path_factory.mktemp("untrained")
    return ActRepository.start(folder, make_project(folder / "project"))


@pytest.fixture
def repository(untrained: ActRepository, tmp_path: Path) -> ActRepository:
    return untrained.copy(tmp_path)


def propose_next(repository: ActRepository, text: str = SPEC, files: Mapping[str, str] = {}) -> str:
    spec = text.replace("A sprint small", "The next, small")
    return repository.propose(PULL, {"specs/0002-next.yaml": spec, **files})


def proposal_of(run: Finished) -> Proposal:
    files = run.artifact("flywheel-plan")
    assert list(files) == ["plan.json"]
    return msgspec.json.decode(files["plan.json"], type=Proposal)


def files_named(folder: Path, name: str) -> list[Path]:
    return [path for path in folder.rglob("*") if path.name == name]


def test_the_plan_of_a_fork_s_pull_request_is_an_artifact_and_the_summary(repository: ActRepository) -> None:
    head = propose_next(repository)
    event = repository.pull_request(head_repository="eve/digits")
    run = repository.act("pull_request", "plan.yml", event, ref=HEAD, fresh=True)
    assert run.results == {"plan": "success"}, run.log
    proposal = proposal_of(run)
    assert (proposal.base_commit, proposal.head_commit) == (repository.sha("main"), head)
    assert [(sprint.sprint, sprint.status) for sprint in proposal.sprints] == [("0002-next", "added")]
    assert "0002-next" in run.summary
    assert SPRINT not in run.summary.split("\n", 1)[0]


def test_a_plan_asked_for_by_hand_is_of_that_pull_request(repository: ActRepository) -> None:
    head = propose_next(repository)
    run = repository.act("workflow_dispatch", "plan.yml", repository.dispatch(pr="7", sha=head))
    assert run.results == {"plan": "success"}, run.log
    assert proposal_of(run).head_commit == head


def test_an_invalid_spec_fails_the_job_with_an_annotation_and_still_hands_the_plan_on(
    repository: ActRepository,
) -> None:
    propose_next(repository, SPEC.replace("epochs: 1", "epochs: many"))
    run = repository.act("pull_request", "plan.yml", repository.pull_request(), ref=HEAD)
    assert run.results == {"plan": "failure"}
    assert [problem.file for problem in proposal_of(run).problems] == ["specs/0002-next.yaml"]
    assert any("epochs" in str(line.get("raw", line.get("msg", ""))) for line in run.lines)


@pytest.mark.parametrize("workflow", ["plan.yml", "sprint.yml"])
def test_a_head_that_has_moved_stops_the_job(repository: ActRepository, workflow: str) -> None:
    asked = propose_next(repository)
    propose_next(repository, SPEC.replace("epochs: 1", "epochs: 2"))
    run = repository.act("workflow_dispatch", workflow, repository.dispatch(pr="7", sha=asked))
    assert set(run.results.values()) == {"failure"}
    assert MOVED_ON in run.raw
    assert run.names() == []


@pytest.mark.parametrize("workflow", ["plan.yml", "sprint.yml"])
def test_rule_04_a_spec_named_with_shell_syntax_leaves_no_file(
    repository: ActRepository, workflow: str
) -> None:
    names = ("0002-$(touch pwned).yaml", "0003-`touch pwned`.yaml", '0004-";touch pwned;".yaml')
    specs = {f"specs/{name}": SPEC for name in names}
    repository.propose(PULL, specs, commit_message="$(touch pwned)")
    event = repository.pull_request()
    event["pull_request"]["title"] = event["pull_request"]["head"]["ref"] = "$(touch pwned)`touch pwned`"
    run = repository.act("pull_request", workflow, event, ref=HEAD, secrets=SECRETS)
    assert set(run.results.values()) == {"failure"}
    assert files_named(repository.folder, "pwned") == []
    assert "flywheel-bundle" not in run.names()


def test_rule_02_a_fork_s_pull_request_has_no_sprint_job(repository: ActRepository) -> None:
    propose_next(repository)
    run = repository.act(
        "pull_request", "sprint.yml", repository.pull_request(head_repository="eve/digits"), ref=HEAD
    )
    assert (run.results, run.names(), run.summary) == ({}, [], "")


def test_rule_02_a_guard_that_the_proposal_took_out_of_its_copy_still_holds(
    repository: ActRepository,
) -> None:
    path = ".github/workflows/sprint.yml"
    text = repository.show_file(path)
    guard = next(line for line in text.splitlines(keepends=True) if line.startswith("    if: "))
    propose_next(repository, files={path: text.replace(guard, "")})
    event = repository.pull_request(head_repository="eve/digits")
    assert repository.act("pull_request", "sprint.yml", event, ref=HEAD).results == {}


def test_rule_02_a_dispatch_of_another_branch_s_workflow_runs_nothing(repository: ActRepository) -> None:
    head = propose_next(repository)
    event = repository.dispatch(HEAD, pr="7", sha=head)
    run = repository.act("workflow_dispatch", "sprint.yml", event, ref=HEAD)
    assert run.results == {}


def test_a_proposal_s_own_run_sprint_is_not_what_runs(repository: ActRepository) -> None:
    text = repository.show_file(RUN_SPRINT)
    changed = text.replace("flywheel ci sprint", "touch pwned; flywheel ci sprint")
    propose_next(repository, files={RUN_SPRINT: changed})
    run = repository.act("pull_request", "sprint.yml", repository.pull_request(), ref=HEAD)
    assert run.results == {"run": "failure"}
    assert "the proposal changes code, so no sprint is run for it" in run.log
    assert files_named(repository.folder, "pwned") == []


def test_rule_16_a_canary_that_is_printed_would_be_seen(repository: ActRepository) -> None:
    text = repository.show_file(RUN_SPRINT)
    careless = text.replace("flywheel ci sprint", 'echo "$FLYWHEEL_DVC_CONFIG" #')
    repository.on_main({RUN_SPRINT: careless})
    propose_next(repository)
    run = repository.act("pull_request", "sprint.yml", repository.pull_request(), ref=HEAD, secrets=SECRETS)
    assert CANARY.encode() in run.everything()
