"""sprint.yml and run-sprint.yml, run by act with the real runner; what was trained for all tests is not trained again."""

from __future__ import annotations

import hashlib
import json

import pytest
from github.conftest import NEXT
from projects import SPRINT
from simulated_forge.act import CANARY, HEAD, SECRETS, ActRepository, Finished

pytestmark = pytest.mark.xdist_group("sprint-act")


def test_the_changed_spec_is_run_and_its_report_is_the_step_summary(ran: Finished) -> None:
    assert ran.results == {"run": "success"}, ran.log
    assert NEXT in ran.summary.split("\n", 1)[0]
    assert "PASS" in ran.summary
    assert SPRINT not in ran.summary.split("\n", 1)[0]  # the sprint that did not change was not run


def test_the_bundle_names_the_commits_and_the_digest_of_every_file(
    proposed: ActRepository, ran: Finished
) -> None:
    bundle = ran.artifact("flywheel-bundle")
    manifest = json.loads(bundle.pop("manifest.json"))
    assert manifest["base_commit"] == proposed.sha("main")
    assert manifest["head_commit"] == proposed.sha(HEAD)
    assert manifest["sprints"] == [NEXT]
    assert manifest["files"] == {
        path: hashlib.sha256(content).hexdigest() for path, content in bundle.items()
    }
    assert f"reports/{NEXT}/verdict.json" in bundle
    outputs = ran.artifact("flywheel-outputs")
    assert manifest["objects"] == {
        path: hashlib.sha256(content).hexdigest() for path, content in outputs.items()
    }
    assert any(path.startswith("files/md5/") for path in outputs)


def test_the_report_is_also_a_page(ran: Finished) -> None:
    pages = ran.artifact("flywheel-html")
    assert list(pages) == [f"{NEXT}.html"]
    assert b"<!doctype html>" in pages[f"{NEXT}.html"][:200].lower()


def test_rule_16_the_secret_is_in_nothing_that_the_run_left(ran: Finished) -> None:
    assert CANARY.encode() not in ran.everything()
    kept = [path for path in ran.workspace.rglob("*") if path.is_file() and path.name != "event.json"]
    assert [path for path in kept if CANARY.encode() in path.read_bytes()] == []


def test_a_fork_s_sprint_runs_when_a_maintainer_starts_it(proposed: ActRepository) -> None:
    event = proposed.dispatch(pr="7", sha=proposed.sha(HEAD))
    run = proposed.act("workflow_dispatch", "sprint.yml", event, secrets=SECRETS)
    assert run.results == {"run": "success"}, run.log
    assert "flywheel-bundle" in run.names()
