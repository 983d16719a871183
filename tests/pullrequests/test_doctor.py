"""What `doctor` says of a repository's files and of its settings on the forge."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
from forges.fake_forge import FakeForge

from runner.cli.doctor import render
from runner.domain.errors import ExitCode, FlywheelError
from runner.forges.environment import Environment
from runner.pullrequests.doctor.diagnose import doctor
from runner.pullrequests.doctor.diagnosis import Diagnosis
from runner.pullrequests.doctor.files import diagnose_files
from runner.pullrequests.doctor.forge import diagnose_forge
from runner.pullrequests.doctor.workflows import plan_is_filtered

PROJECT = """\
apiVersion: flywheel/v1
kind: Project
name: digits
task: detect
classes: [one]
dataset: {path: data, layout: yolo}
model: {name: digits, stage: prod}
"""
SHA = "a" * 40
ENVIRONMENT = Environment(
    repository="acme/digits", server_url="https://forge.example", api_url="https://forge.example/api/v3"
)


@pytest.fixture
def healthy(tmp_path: Path) -> Path:
    """A repository whose files are as they should be."""
    workflows = tmp_path / ".github" / "workflows"
    workflows.mkdir(parents=True)
    for name in ("plan", "run-sprint", "report", "promote", "chat"):
        (workflows / f"{name}.yml").write_text(
            f"jobs: {{a: {{steps: [{{uses: actions/checkout@{SHA}}}, {{uses: ./trusted/.github/actions/x}}]}}}}\n"
        )
    (workflows / "sprint.yml").write_text(
        "jobs: {a: {uses: acme/digits/.github/workflows/run-sprint.yml@main}}\n"
    )
    (tmp_path / "flywheel.yaml").write_text(PROJECT)
    (tmp_path / "data.dvc").write_text("outs: []\n")
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc" / "config").write_text(
        "[core]\n    remote = store\n['remote \"store\"']\n    url = https://dvc.example/store\n"
    )
    git(tmp_path, "init", "-q")
    return tmp_path


def git(root: Path, *arguments: str) -> None:
    subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True)


def of_files(root: Path) -> dict[str, Diagnosis]:
    return {each.id: each for each in diagnose_files(root, "acme/digits", "main")}


def test_a_healthy_checkout_has_no_problem(healthy: Path) -> None:
    found = of_files(healthy)
    assert {name: each.state for name, each in found.items()} == dict.fromkeys(
        (
            "configuration",
            "model",
            "workflows",
            "reusable-workflow",
            "triggers",
            "pinned-actions",
            "data",
            "dvc-remote",
            "symlinks",
        ),
        "ok",
    )


def test_a_missing_workflow_is_named_with_the_command_that_writes_it(healthy: Path) -> None:
    (healthy / ".github" / "workflows" / "chat.yml").unlink()
    found = of_files(healthy)["workflows"]
    assert (found.state, found.detail, found.fix) == (
        "problem",
        "missing in .github/workflows: chat.yml",
        "flywheel init --workflows",
    )


@pytest.mark.parametrize(
    ("called", "detail"),
    [
        (
            "./.github/workflows/run-sprint.yml",
            "sprint.yml does not call OWNER/NAME/.github/workflows/run-sprint.yml@BRANCH",
        ),
        (
            "OWNER/REPO/.github/workflows/run-sprint.yml@main",
            "it calls the workflow of OWNER/REPO, this repository is acme/digits",
        ),
        (
            "acme/digits/.github/workflows/run-sprint.yml@dev",
            "it calls the workflow at dev, the default branch is main",
        ),
    ],
)
def test_the_sprint_must_call_the_default_branchs_workflow(healthy: Path, called: str, detail: str) -> None:
    (healthy / ".github" / "workflows" / "sprint.yml").write_text(f"jobs: {{a: {{uses: {called}}}}}\n")
    found = of_files(healthy)["reusable-workflow"]
    assert (found.state, found.detail) == ("problem", detail)


@pytest.mark.parametrize("name", ["plan", "sprint", "promote"])
def test_workflows_that_would_not_start_for_the_default_branch_are_named(healthy: Path, name: str) -> None:
    event = "push" if name == "promote" else "pull_request"
    path = healthy / ".github" / "workflows" / f"{name}.yml"
    path.write_text(f"on: {{{event}: {{branches: [dev]}}}}\n{path.read_text()}")
    found = of_files(healthy)["triggers"]
    assert (found.state, found.detail, found.fix) == (
        "problem",
        f"{name}.yml: dev: the default branch is main, for which {name}.yml would not start",
        "flywheel init --workflows --force --branch main",
    )
    path.write_text(path.read_text().replace("[dev]", "['ma*']"))
    assert of_files(healthy)["triggers"].state == "ok"
    path.write_text(path.read_text().replace("['ma*']", "['ma*', '!main']"))
    assert of_files(healthy)["triggers"].state == "problem"


def test_what_depends_on_a_default_branch_that_is_not_known_is_not_said_to_be_well(healthy: Path) -> None:
    plan = healthy / ".github" / "workflows" / "plan.yml"
    plan.write_text(f"on: {{pull_request: {{branches: [main]}}}}\n{plan.read_text()}")
    found = {each.id: each for each in diagnose_files(healthy, "acme/digits", None)}
    ask = "flywheel doctor with a token asks the forge; or let the clone note it: git remote set-head origin --auto"
    assert (found["reusable-workflow"].state, found["reusable-workflow"].detail) == (
        "unknown",
        "acme/digits at main, and which branch is the default one is not known",
    )
    assert (found["triggers"].state, found["triggers"].detail) == (
        "unknown",
        "plan.yml: main; which branch is the default one is not known",
    )
    assert (found["reusable-workflow"].fix, found["triggers"].fix) == (ask, ask)


def test_offline_the_default_branch_is_what_the_clone_noted(healthy: Path) -> None:
    git(healthy, "-c", "user.name=a", "-c", "user.email=a@b", "commit", "-q", "--allow-empty", "-m", "x")
    git(healthy, "update-ref", "refs/remotes/origin/trunk", "HEAD")
    git(healthy, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    found = {each.id: each for each in doctor(healthy, ENVIRONMENT, None, offline=True)}
    assert found["reusable-workflow"].detail == "it calls the workflow at main, the default branch is trunk"


@pytest.mark.parametrize(("origin", "verb"), [(None, "add"), ("/srv/git/digits.git", "set-url")])
def test_a_placeholder_is_filled_in_once_there_is_a_remote(
    healthy: Path, origin: str | None, verb: str
) -> None:
    path = healthy / ".github" / "workflows" / "sprint.yml"
    path.write_text(path.read_text().replace("acme/digits", "OWNER/REPO"))
    if origin:
        git(healthy, "remote", "add", "origin", origin)
    found = {each.id: each for each in doctor(healthy, None, None)}
    fix = f"git remote {verb} origin https://HOST/OWNER/NAME, then: flywheel init --workflows --force"
    assert (found["reusable-workflow"].fix, found["forge"].fix) == (fix, fix)


def test_an_action_named_by_tag_is_a_problem(healthy: Path) -> None:
    (healthy / ".github" / "workflows" / "chat.yml").write_text(
        "jobs: {a: {steps: [{uses: actions/checkout@v4}, {run: 'echo uses: me@v1'}]}}\n"
    )
    found = of_files(healthy)["pinned-actions"]
    assert (found.state, found.detail) == ("problem", ".github/workflows/chat.yml: actions/checkout@v4")


def test_a_model_is_needed_to_promote(healthy: Path) -> None:
    (healthy / "flywheel.yaml").write_text(PROJECT.replace("model: {name: digits, stage: prod}\n", ""))
    found = of_files(healthy)["model"]
    assert (found.state, found.fix) == (
        "warning",
        "add to flywheel.yaml: model: {name: digits, stage: prod}",
    )


def test_files_that_git_tracks_below_the_dataset_are_found(healthy: Path) -> None:
    (healthy / "data").mkdir()
    (healthy / "data" / "x.jpg").write_bytes(b"x")
    git(healthy, "add", "-A")
    assert of_files(healthy)["data"].detail == "git tracks 1 file below data/"


@pytest.mark.parametrize(
    ("config", "state", "detail"),
    [
        ("", "problem", "no default remote is set in .dvc/config"),
        (
            "[core]\n    remote = store\n['remote \"store\"']\n    url = ../store\n",
            "warning",
            'the default remote "store" is a folder (../store): a CI machine has another one',
        ),
    ],
)
def test_the_dvc_remote_must_be_reachable_from_ci(
    healthy: Path, config: str, state: str, detail: str
) -> None:
    (healthy / ".dvc" / "config").write_text(config)
    found = of_files(healthy)["dvc-remote"]
    assert (found.state, found.detail) == (state, detail)


def test_before_dvc_has_a_remote_it_needs_a_repository(healthy: Path) -> None:
    (healthy / ".dvc" / "config").write_text("")
    assert of_files(healthy)["dvc-remote"].fix == "dvc remote add -d store s3://…, and commit .dvc/config"
    (healthy / ".dvc" / "config").unlink()
    assert of_files(healthy)["dvc-remote"].fix == (
        "dvc init, then: dvc remote add -d store s3://…, and commit .dvc/config"
    )


def test_credentials_in_git_are_found(healthy: Path) -> None:
    (healthy / ".dvc" / "config.local").write_text("secret")
    git(healthy, "add", "-A", "-f")
    assert of_files(healthy)["dvc-remote"].detail == (
        ".dvc/config.local is tracked by git: what is secret in it is in every clone"
    )


def test_a_committed_symlink_is_found(healthy: Path) -> None:
    (healthy / "link").symlink_to("/etc")
    git(healthy, "add", "-A")
    assert of_files(healthy)["symlinks"].state == "problem"


# --- the forge ------------------------------------------------------------------------------------

SETTINGS: dict[str, Any] = {
    "actions/permissions/workflow": {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": False,
    },
    "actions/permissions": {"enabled": True, "allowed_actions": "all", "sha_pinning_required": True},
    "actions/permissions/fork-pr-contributor-approval": {"approval_policy": "all_external_contributors"},
    "environments/gpu": {"name": "gpu", "protection_rules": [{"id": 1, "type": "required_reviewers"}]},
    "environments/promote": {
        "name": "promote",
        "protection_rules": [],
        "deployment_branch_policy": {"protected_branches": False, "custom_branch_policies": True},
    },
    "environments/promote/deployment-branch-policies": {
        "total_count": 1,
        "branch_policies": [{"id": 1, "name": "main"}],
    },
    "actions/secrets?per_page=100": {"total_count": 0, "secrets": []},
    "environments/gpu/secrets?per_page=100": {"total_count": 1, "secrets": [{"name": "FLYWHEEL_DVC_CONFIG"}]},
    "environments/promote/secrets?per_page=100": {
        "total_count": 2,
        "secrets": [{"name": "FLYWHEEL_DVC_CONFIG"}, {"name": "FLYWHEEL_PUSH_KEY"}],
    },
    "actions/variables/FLYWHEEL_RUNS_ON": {"name": "FLYWHEEL_RUNS_ON", "value": '["self-hosted", "gpu"]'},
    "actions/runners?per_page=100": {
        "total_count": 1,
        "runners": [
            {
                "id": 1,
                "status": "online",
                "busy": False,
                "labels": [{"name": "self-hosted"}, {"name": "gpu"}, {"name": "linux"}],
            }
        ],
    },
    "rules/branches/main": [
        {"type": "pull_request", "parameters": {}},
        {
            "type": "required_status_checks",
            "parameters": {"required_status_checks": [{"context": "flywheel / policy"}]},
        },
    ],
    "rulesets?per_page=100": [
        {"id": 1, "name": "main", "source": "acme/digits", "enforcement": "active", "target": "branch"},
        {"id": 2, "name": "tags", "source": "acme/digits", "enforcement": "active", "target": "tag"},
    ],
    "rulesets/2": {
        "id": 2,
        "name": "tags",
        "source": "acme/digits",
        "enforcement": "active",
        "target": "tag",
        "conditions": {
            "ref_name": {"include": ["refs/tags/main", "refs/tags/*#*", "refs/tags/*@*"], "exclude": []}
        },
        "rules": [{"type": "creation"}, {"type": "update"}],
    },
    "actions/permissions/artifact-and-log-retention": {"days": 90, "maximum_allowed_days": 365},
}
TAG_MAIN = "whoever may write can make a tag `main`, and `uses: …@main` takes a tag before a branch"


def of_forge(filtered: bool = False, **changes: Any) -> dict[str, Diagnosis]:
    forge = FakeForge(
        settings={**SETTINGS, **{key.replace("__", "/"): value for key, value in changes.items()}}
    )
    return {each.id: each for each in diagnose_forge(forge, plan_is_filtered=filtered)}


def test_a_healthy_setup_has_no_problem() -> None:
    assert {each.state for each in of_forge().values()} == {"ok"}


@pytest.mark.parametrize(
    ("path", "answer", "rule", "state", "detail"),
    [
        (
            "actions/permissions/workflow",
            {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": True},
            "token-permissions",
            "problem",
            "a job that names no permissions may write; a workflow may approve pull requests",
        ),
        ("actions/permissions", {"enabled": True}, "sha-pinning", "warning", "not required"),
        ("actions/permissions", {"enabled": False}, "sha-pinning", "problem", "Actions are switched off"),
        (
            "actions/permissions/fork-pr-contributor-approval",
            {"approval_policy": "first_time_contributors"},
            "fork-approval",
            "warning",
            "the rule is first time contributors",
        ),
        ("environments/gpu", None, "environment-gpu", "problem", "there is no environment `gpu`"),
        (
            "environments/gpu",
            {"name": "gpu", "protection_rules": []},
            "environment-gpu",
            "warning",
            "it has no required reviewers: every same-repository pull request uses the runner and the data credentials",
        ),
        (
            "environments/promote",
            {"name": "promote", "deployment_branch_policy": None},
            "environment-promote",
            "problem",
            "every branch gets in, with the right to write to the store",
        ),
        (
            "environments/promote/deployment-branch-policies",
            {"branch_policies": [{"name": "main"}, {"name": "release/*"}]},
            "environment-promote",
            "problem",
            "these branches get in: main, release/*",
        ),
        (
            "actions/secrets?per_page=100",
            {"secrets": [{"name": "FLYWHEEL_DVC_CONFIG"}]},
            "secrets",
            "problem",
            "FLYWHEEL_DVC_CONFIG is a secret of the repository: every workflow of every branch can read it",
        ),
        (
            "environments/gpu/secrets?per_page=100",
            {"secrets": []},
            "secrets",
            "warning",
            "the environment gpu has no FLYWHEEL_DVC_CONFIG",
        ),
        (
            "actions/variables/FLYWHEEL_RUNS_ON",
            {"value": "gpu"},
            "runners",
            "problem",
            "FLYWHEEL_RUNS_ON is no JSON list of labels: gpu",
        ),
        (
            "actions/runners?per_page=100",
            {"runners": [{"status": "offline", "labels": [{"name": "self-hosted"}, {"name": "gpu"}]}]},
            "runners",
            "warning",
            "no runner of this repository with the labels gpu, self-hosted is online (runners of an organisation's "
            "group, and those that start for one job, are not seen here)",
        ),
        (
            "rules/branches/main",
            [],
            "branch-rules",
            "problem",
            "anybody with write access may push to main without a pull request",
        ),
        ("rulesets?per_page=100", [], "tag-rules", "problem", TAG_MAIN),
        (
            "rulesets?per_page=100",
            [{"id": 2, "name": "tags", "enforcement": "evaluate", "target": "tag"}],
            "tag-rules",
            "problem",
            TAG_MAIN,
        ),
        (
            "rulesets/2",
            {
                "conditions": {"ref_name": {"include": ["~ALL"], "exclude": ["refs/tags/m*"]}},
                "rules": [{"type": "creation"}],
            },
            "tag-rules",
            "problem",
            TAG_MAIN,
        ),
        (
            "rulesets/2",
            {"conditions": {"ref_name": {"include": ["~ALL"]}}, "rules": [{"type": "deletion"}]},
            "tag-rules",
            "problem",
            TAG_MAIN,
        ),
        (
            "rulesets/2",
            {"conditions": {"ref_name": {"include": ["refs/tags/main"]}}, "rules": [{"type": "creation"}]},
            "tag-rules",
            "warning",
            "whoever may write can make a tag `model#stage#N`, and so assign any commit's model to the stage",
        ),
        (
            "environments/promote/secrets?per_page=100",
            {"secrets": [{"name": "FLYWHEEL_DVC_CONFIG"}]},
            "push-key",
            "problem",
            "the rules of main stop GITHUB_TOKEN, and `promote` has no FLYWHEEL_PUSH_KEY",
        ),
        (
            "actions/permissions/artifact-and-log-retention",
            {"days": 30},
            "retention",
            "warning",
            "30 days: a pull request that is merged later has to be run again",
        ),
        (
            "actions/permissions/workflow",
            ["odd"],
            "token-permissions",
            "unknown",
            "the forge answered otherwise than documented: Expected `object`, got `array`",
        ),
    ],
)
def test_each_setting_that_is_wrong_is_named(
    path: str, answer: Any, rule: str, state: str, detail: str
) -> None:
    found = of_forge(**{path: answer})[rule]
    assert (found.state, found.detail) == (state, detail)
    assert found.fix or state == "unknown"


def test_a_required_check_that_never_comes_is_a_problem(healthy: Path) -> None:
    plan = healthy / ".github" / "workflows" / "plan.yml"
    assert not plan_is_filtered(healthy)
    plan.write_text('on: {pull_request: {paths: ["specs/**"]}}\njobs: {}\n')
    assert plan_is_filtered(healthy)
    found = of_forge(filtered=True)["branch-rules"]
    assert (found.state, found.detail) == (
        "problem",
        "flywheel / policy is required, and plan.yml has `paths`: a pull request that touches no spec waits for ever",
    )


def test_what_the_token_may_not_read_is_not_known() -> None:
    refused = FlywheelError("GET …/secrets: 403", hint="secrets: read", exit_code=ExitCode.PUBLISH_FAILED)
    found = of_forge(**{"actions/secrets?per_page=100": refused})["secrets"]
    assert (found.state, found.detail, found.fix) == ("unknown", "GET …/secrets: 403", "secrets: read")


def test_without_a_token_the_forge_is_not_asked(healthy: Path) -> None:
    found = doctor(healthy, ENVIRONMENT, None)
    assert found[-1].detail == "acme/digits was not asked: no token"
    text = render(found)
    assert text.splitlines()[0] == "ok         flywheel.yaml and the specs are valid: no errors"
    assert text.splitlines()[-1] == "8 ok, 0 problems, 0 warnings, 2 not known"


def test_offline_the_forge_is_not_asked_whatever_the_token(healthy: Path) -> None:
    found = doctor(healthy, ENVIRONMENT, None, offline=True)[-1]
    assert (found.detail, found.fix) == ("acme/digits was not asked: --offline", "flywheel doctor")


def test_a_forge_that_does_not_answer_is_one_line(healthy: Path) -> None:
    forge = FakeForge()
    forge.fail("default_branch", FlywheelError("no answer", exit_code=ExitCode.PUBLISH_FAILED))
    found = doctor(healthy, ENVIRONMENT, forge)
    assert [each.detail for each in found if each.id == "forge"] == ["no answer"]
