"""What must hold of the workflows and is not seen when act runs them: one function per rule, each returning violations."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from runner.cli import ci
from runner.cli.main import build_parser

Files = Mapping[str, str]  # `.github/workflows/plan.yml` → its text
TRUSTED = ("report.yml", "promote.yml", "chat.yml")  # what never looks at a pull request's tree
LOOP = ("plan.yml", "sprint.yml", "run-sprint.yml", *TRUSTED)
TRIGGERS = {
    "plan.yml": {"pull_request", "workflow_dispatch"},
    "sprint.yml": {"pull_request", "workflow_dispatch"},
    "run-sprint.yml": {"workflow_call"},
    "report.yml": {"workflow_run"},
    "promote.yml": {"push", "workflow_dispatch"},
    "chat.yml": {"issue_comment"},
    "tests.yml": {"push", "pull_request", "merge_group"},
}
PERMISSIONS = {
    "plan.yml/plan": {"contents": "read"},
    "sprint.yml/sprint": {"contents": "read"},
    "run-sprint.yml/run": {"contents": "read"},
    "report.yml/pictures": {"actions": "read", "contents": "write", "pull-requests": "read"},
    "report.yml/publish": {
        "actions": "read",
        "checks": "write",
        "contents": "read",
        "pull-requests": "write",
    },
    "promote.yml/promote": {
        "actions": "read",
        "checks": "write",
        "contents": "write",
        "pull-requests": "write",
    },
    "chat.yml/answer": {
        "actions": "write",
        "checks": "write",
        "contents": "read",
        "pull-requests": "write",
    },
    "tests.yml/test": {"contents": "read"},
}
ENVIRONMENTS = {"run-sprint.yml/run": "gpu", "promote.yml/promote": "promote"}
SECRETS = {
    "sprint.yml/sprint": {"FLYWHEEL_DVC_CONFIG"},  # the call's mapping: empty outside the environment
    "run-sprint.yml/run": {"FLYWHEEL_DVC_CONFIG"},
    "promote.yml/promote": {"FLYWHEEL_DVC_CONFIG", "FLYWHEEL_PUSH_KEY"},
}
PULL_REQUEST = "github.event.pull_request.number || inputs.pr"
GROUPS = {
    "plan.yml": (f"plan-${{{{ {PULL_REQUEST} }}}}", "true"),
    "sprint.yml": (f"sprint-${{{{ {PULL_REQUEST} }}}}", "true"),
    "report.yml": ("report-${{ github.event.workflow_run.id }}", "false"),
    "promote.yml": ("promote", "false"),
    "chat.yml": ("chat-${{ github.event.comment.id }}", "false"),
    "tests.yml": ("tests-${{ github.ref }}", "true"),
}
SAME_REPOSITORY = "github.event.pull_request.head.repo.full_name == github.repository"
# What somebody else than a maintainer chose the text of.
FREE_TEXT = re.compile(
    r"(pull_request\.(title|body|head\.ref|head\.label)|head_ref|comment\.body|issue\.(title|body)"
    r"|workflow_run\.(head_branch|display_title|head_commit)|head_commit\.message|commits)"
)


def document(text: str) -> dict[str, Any]:
    """The YAML with every scalar as text, so that `on` stays a key."""
    loaded = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 - builds text, lists and mappings only
    assert isinstance(loaded, dict)
    return loaded


def workflows(files: Files) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, text in files.items():
        if path.startswith(".github/workflows/"):
            yield path.rpartition("/")[2], document(text)


def jobs(files: Files) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every job as `plan.yml/plan`."""
    for name, workflow in workflows(files):
        for job_name, job in workflow["jobs"].items():
            yield f"{name}/{job_name}", job


def steps(files: Files) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step, of the composite actions as well."""
    for place, job in jobs(files):
        for step in job.get("steps", []):
            yield place, step
    for path, text in files.items():
        if path.endswith("action.yml"):
            for step in document(text)["runs"]["steps"]:
                yield path, step


def scripts(files: Files) -> Iterator[tuple[str, str]]:
    for place, step in steps(files):
        if "run" in step:
            yield place, step["run"]
    yield from ((path, text) for path, text in files.items() if path.endswith(".sh"))


def checkouts(files: Files) -> Iterator[tuple[str, dict[str, str]]]:
    for place, step in steps(files):
        if step.get("uses", "").startswith("actions/checkout@"):
            yield place, step.get("with", {})


def no_pull_request_target(files: Files) -> Iterator[str]:
    for name, workflow in workflows(files):
        if "pull_request_target" in workflow["on"]:
            yield f"{name}: pull_request_target"


def trusted_jobs_never_check_out_a_proposal(files: Files) -> Iterator[str]:
    for place, given in checkouts(files):
        if place.startswith(TRUSTED) and given.get("ref") != "${{ github.event.repository.default_branch }}":
            yield f"{place}: checks out {given.get('ref')}"


def self_hosted_jobs_have_the_fork_guard(files: Files) -> Iterator[str]:
    for place, job in jobs(files):
        elsewhere = job.get("runs-on") != "ubuntu-latest" or "uses" in job
        if elsewhere and SAME_REPOSITORY not in job.get("if", ""):
            yield f"{place}: may run on a machine of ours without the fork guard"


def each_job_may_do_what_it_needs_and_no_more(files: Files) -> Iterator[str]:
    for name, workflow in workflows(files):
        if workflow.get("permissions") != {}:
            yield f"{name}: top-level permissions {workflow.get('permissions')}"
    for place, job in jobs(files):
        if job.get("permissions") != PERMISSIONS.get(place):
            yield f"{place}: permissions {job.get('permissions')}"


def each_permission_says_what_for(files: Files) -> Iterator[str]:
    granted = re.compile(r"^ {6}(actions|checks|contents|pull-requests): (read|write)(?P<why>.*)$", re.M)
    for path, text in files.items():
        if path.rpartition("/")[2] in LOOP:
            for found in granted.finditer(text):
                if not found["why"].startswith(" # "):
                    yield f"{path}: {found[0].strip()} does not say what for"


def no_expression_in_a_script(files: Files) -> Iterator[str]:
    for place, script in scripts(files):
        if "${{" in script:
            yield f"{place}: an expression in a script"


def no_free_text_reaches_a_step(files: Files) -> Iterator[str]:
    for place, step in steps(files):
        for value in (*step.get("env", {}).values(), *step.get("with", {}).values()):
            if FREE_TEXT.search(value):
                yield f"{place}: {value}"


def scripts_write_no_output_of_others(files: Files) -> Iterator[str]:
    for place, script in scripts(files):
        for line in script.splitlines():
            if re.search(r"GITHUB_(OUTPUT|ENV|STEP_SUMMARY|STATE)", line):
                yield f"{place}: writes {line.strip()}"
            if re.search(r"::\w+[^$]*\$(?!1$|1\")", line) and "refuse" not in line:
                yield f"{place}: a command with a variable in it: {line.strip()}"


def secrets_only_in_environments(files: Files) -> Iterator[str]:
    for place, job in jobs(files):
        used = set(re.findall(r"secrets\.(\w+)", yaml.safe_dump(job))) - {"GITHUB_TOKEN"}
        if used - SECRETS.get(place, set()) or job.get("secrets") == "inherit":
            yield f"{place}: secrets {sorted(used)}"
        if used and job.get("environment") is None and "uses" not in job:
            yield f"{place}: a secret outside an environment"
        if job.get("environment") != ENVIRONMENTS.get(place):
            yield f"{place}: environment {job.get('environment')}"


def every_job_has_a_time_limit(files: Files) -> Iterator[str]:
    for place, job in jobs(files):
        limit = int(job.get("timeout-minutes", 0))
        if "uses" not in job and not 0 < limit <= 360:
            yield f"{place}: no time limit"
        for step in job.get("steps", []):
            if "ci sprint" in step.get("run", "") and not 0 < int(step.get("timeout-minutes", 0)) < limit:
                yield f"{place}: the run's own limit leaves no time to upload"


def nothing_is_cached(files: Files) -> Iterator[str]:
    for place, step in steps(files):
        if "cache" in step.get("uses", "") or any("cache" in key for key in step.get("with", {})):
            yield f"{place}: {step.get('uses')}"


def actions_are_pinned_by_commit(files: Files) -> Iterator[str]:
    used = re.compile(r"uses: (?P<what>[^\s#]+)(?P<comment>.*)")
    for path, text in files.items():
        for found in used.finditer(text):
            own = found["what"].startswith("./trusted/") or "/workflows/run-sprint.yml@" in found["what"]
            pinned = re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", found["what"])
            if not own and not (pinned and re.fullmatch(r" # v\d+\.\d+\.\d+", found["comment"])):
                yield f"{path}: {found[0]}"


def checkouts_keep_no_credentials(files: Files) -> Iterator[str]:
    for place, given in checkouts(files):
        if given.get("persist-credentials") != "false":
            yield f"{place}: the token stays in .git/config"


def one_run_at_a_time(files: Files) -> Iterator[str]:
    for name, workflow in workflows(files):
        found = workflow.get("concurrency", {})
        if name in GROUPS and (found.get("group"), found.get("cancel-in-progress")) != GROUPS[name]:
            yield f"{name}: concurrency {found}"
    for place, job in jobs(files):
        if place == "run-sprint.yml/run":
            group = job.get("concurrency", {})
            if group.get("cancel-in-progress") != "true" or group["group"].startswith("sprint-"):
                yield f"{place}: concurrency {group}"  # the caller's own group would wait for itself


def workflows_start_when_they_should(files: Files) -> Iterator[str]:
    for name, workflow in workflows(files):
        started = workflow["on"]
        if set(started) != TRIGGERS[name]:
            yield f"{name}: starts on {sorted(started)}"
        for event in ("pull_request", "push"):
            if name in LOOP and event in started:
                paths = set(started[event].get("paths", []))
                if not {"specs/**", "flywheel.yaml", "**.dvc"} <= paths or not started[event].get("branches"):
                    yield f"{name}: {event} of {started[event]}"
    for name, workflow in workflows(files):
        if name == "report.yml" and workflow["on"]["workflow_run"]["workflows"] != ["plan", "sprint"]:
            yield f"{name}: follows {workflow['on']['workflow_run']}"


def sprints_run_the_default_branch_s_workflow(files: Files) -> Iterator[str]:
    for place, job in jobs(files):
        called = job.get("uses")
        if called and not re.fullmatch(
            r"[\w.-]+/[\w.-]+/\.github/workflows/run-sprint\.yml@[\w./-]+", called
        ):
            yield f"{place}: calls {called}"
        if called and "with" in job:
            yield f"{place}: hands on inputs that a pull request could forge"


def promotion_is_the_default_branch_s(files: Files) -> Iterator[str]:
    guard = "github.ref == format('refs/heads/{0}', github.event.repository.default_branch)"
    for place, job in jobs(files):
        if place == "promote.yml/promote" and job.get("if") != guard:
            yield f"{place}: if {job.get('if')}"
        if place == "run-sprint.yml/run" and guard not in job["if"].replace("\n", " "):
            yield f"{place}: a dispatch of another branch is let in"


def artifacts_are_kept_for_ninety_days(files: Files) -> Iterator[str]:
    for place, step in steps(files):
        given = step.get("with", {})
        if step.get("uses", "").startswith("actions/upload-artifact@"):
            if given.get("retention-days") != "90":
                yield f"{place}: {given.get('name')} is kept {given.get('retention-days')} days"
            if given.get("name") not in (
                "flywheel-plan",
                "flywheel-bundle",
                "flywheel-outputs",
                "flywheel-html",
            ):
                yield f"{place}: an artifact named {given.get('name')}"


def titles_name_the_pull_request_and_the_commit(files: Files) -> Iterator[str]:
    for name, workflow in workflows(files):
        if name in ("plan.yml", "sprint.yml"):
            commit = "github.event.pull_request.head.sha || inputs.sha"
            title = f"{name.removesuffix('.yml')} #${{{{ {PULL_REQUEST} }}}} ${{{{ {commit} }}}}"
            if workflow.get("run-name") != title:
                yield f"{name}: run-name {workflow.get('run-name')}"


def the_runner_is_the_default_branch_s(files: Files) -> Iterator[str]:
    for place, step in steps(files):
        used = step.get("uses", "")
        if used.startswith("./") and not used.startswith("./trusted/"):
            yield f"{place}: {used}"
        if re.search(r"\b(make|pip|python3?) ", step.get("run", "")) and not place.startswith("tests.yml"):
            yield f"{place}: {step['run']}"
    for place, given in checkouts(files):
        if place.startswith(LOOP):
            of_default = given.get("ref") == "${{ github.event.repository.default_branch }}"
            if given.get("path") != ("trusted" if of_default else "proposal"):
                yield f"{place}: {given}"


def commands_are_ones_that_flywheel_knows(files: Files) -> Iterator[str]:
    known = build_parser()
    found = set()
    for place, script in scripts(files):
        for line in script.splitlines():
            if line.strip().startswith("flywheel ci "):
                words = [re.sub(r"\$\w+|\"\$\{\w+\[@\]\}\"", "1", word) for word in shlex.split(line)[1:]]
                try:
                    found.add(known.parse_args([word for word in words if word != "${asked[@]}"]).job)
                except SystemExit:
                    yield f"{place}: {line.strip()}"
    for job in sorted(set(ci.JOBS) - found):
        yield f"no workflow calls flywheel ci {job}"
