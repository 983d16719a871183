"""Least privilege (rule 3): each job's `permissions:`, as its workflow file grants them, are enough and none is too many.

`contents` is git's alone (the checkout, the pictures' branch, the record): nothing is asked of the API with it.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from forges.emulator import HEAD_SHA, PULL, Emulator
from forges.fault_matrix import BOT, CHECK, MARKER

from runner.adapters.web.retries import Patience
from runner.domain.errors import FlywheelError
from runner.forges.github import GitHub, session
from runner.forges.sticky import put_sticky

WORKFLOWS = Path(__file__).parents[2] / ".github" / "workflows"
MERGE_SHA = "a" * 40
Asking = Callable[[GitHub, Path], object]

# What the jobs ask of the forge, by the method's name.
PULLS: dict[str, Asking] = {
    "pull_request": lambda forge, folder: forge.pull_request(7),
    "pull_requests_with_head": lambda forge, folder: forge.pull_requests_with_head(HEAD_SHA),
    "pull_requests_of_branch": lambda forge, folder: forge.pull_requests_of_branch(
        "acme/digits", "more-dark"
    ),
    "changed_base": lambda forge, folder: forge.changed_base(7),
    "comments": lambda forge, folder: forge.comments(7),
    "reviews": lambda forge, folder: forge.reviews(7),
}
RUNS: dict[str, Asking] = {
    "workflow_run": lambda forge, folder: forge.workflow_run(100),
    "workflow_runs": lambda forge, folder: forge.workflow_runs("sprint.yml", head_sha=HEAD_SHA),
    "artifacts": lambda forge, folder: forge.artifacts(100),
    "download": lambda forge, folder: forge.download(1, folder / "bundle.zip", max_bytes=10_000),
}
ANYBODY: dict[str, Asking] = {
    "default_branch": lambda forge, folder: forge.default_branch(),
    "permission": lambda forge, folder: forge.permission("bob"),
}
SAYING: dict[str, Asking] = {
    "put_sticky": lambda forge, folder: put_sticky(forge, 7, MARKER, f"{MARKER}\ntext", BOT),
    "edit_comment": lambda forge, folder: put_sticky(forge, 7, MARKER, f"{MARKER}\nother text", BOT),
}
CHECKS: dict[str, Asking] = {
    "put_check_run": lambda forge, folder: forge.put_check_run(CHECK),
    "check_runs": lambda forge, folder: forge.check_runs(HEAD_SHA),
}
MERGED: dict[str, Asking] = {
    "pull_requests_merged_by": lambda forge, folder: forge.pull_requests_merged_by(MERGE_SHA),
}
CHAT: dict[str, Asking] = {
    "react": lambda forge, folder: forge.react(1, "rocket"),
    "dispatch": lambda forge, folder: forge.dispatch("sprint.yml", "main", {"pr": "7", "sha": HEAD_SHA}),
}
JOBS: dict[tuple[str, str], dict[str, Asking]] = {
    ("plan", "plan"): {},
    ("run-sprint", "run"): {},
    ("report", "pictures"): PULLS | RUNS | ANYBODY,
    ("report", "publish"): PULLS | RUNS | ANYBODY | SAYING | CHECKS,
    ("promote", "promote"): PULLS | RUNS | ANYBODY | SAYING | CHECKS | MERGED,
    ("chat", "answer"): PULLS | RUNS | ANYBODY | SAYING | CHECKS | CHAT,
}
ASKED = [(job, name) for job, asked in JOBS.items() for name in asked]


def permissions(workflow: str, job: str) -> dict[str, str]:
    """What the workflow's file grants the job."""
    text = (WORKFLOWS / f"{workflow}.yml").read_text()
    granted = yaml.safe_load(text)["jobs"][job]["permissions"]
    return {str(name): str(level) for name, level in granted.items()}


LESS = [
    (job, scope, to)
    for job, asked in JOBS.items()
    if asked
    for scope, level in permissions(*job).items()
    if scope != "contents"
    for to in (("none", "read") if level == "write" else ("none",))
]


@pytest.fixture
def repository(github: Emulator, tmp_path: Path) -> Emulator:
    archive = tmp_path / "stored.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("manifest.json", "{}")
    merged = {**PULL, "number": 8, "head_sha": "c" * 40, "merged": True, "merge_commit": MERGE_SHA}
    github.change(pulls=[merged])
    github.comment(7, "bob", "/flywheel run")
    return github.add_artifact(100, "flywheel-bundle", archive)


def forge(github: Emulator, granted: dict[str, str]) -> GitHub:
    environment = github.environment(granted)
    return GitHub(environment, session(environment, Patience(attempts=0)))


@pytest.mark.parametrize(("job", "name"), ASKED, ids=[f"{job[1]}-{name}" for job, name in ASKED])
def test_a_job_may_do_what_it_does(
    repository: Emulator, tmp_path: Path, job: tuple[str, str], name: str
) -> None:
    JOBS[job][name](forge(repository, permissions(*job)), tmp_path)


@pytest.mark.parametrize(
    ("job", "scope", "to"), LESS, ids=[f"{job[1]}-{scope}-{to}" for job, scope, to in LESS]
)
def test_a_job_needs_each_of_its_permissions(
    repository: Emulator, tmp_path: Path, job: tuple[str, str], scope: str, to: str
) -> None:
    granted = permissions(*job)
    less = forge(repository, {**granted, scope: to})
    refused = {}
    for name, ask in JOBS[job].items():
        try:
            ask(less, tmp_path)
        except FlywheelError as error:
            refused[name] = error
    assert refused, f"{job[0]}.yml grants {job[1]} more than it needs: {scope}: {granted[scope]}"
    assert all("GitHub answered 403" in error.message for error in refused.values())
    assert all(f"{scope}: " in (error.hint or "") for error in refused.values())


@pytest.mark.parametrize(
    ("workflow", "job"), [job for job, asked in JOBS.items() if not asked], ids=lambda value: str(value)
)
def test_a_job_that_asks_nothing_of_the_forge_may_do_nothing_there(workflow: str, job: str) -> None:
    assert permissions(workflow, job) == {"contents": "read"}


def test_no_workflow_grants_anything_to_all_its_jobs() -> None:
    for path in sorted(WORKFLOWS.glob("*.yml")):
        assert yaml.safe_load(path.read_text())["permissions"] == {}, path.name
