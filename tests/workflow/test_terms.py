"""`run --base`: the base branch's policy, slices and gates judge, and every command agrees with what was judged."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from projects import SPRINT, call, commit, flywheel

from runner.adapters.git import repository
from runner.domain.files import read_json, write_json
from runner.domain.policy import Finding, FindingKind
from runner.domain.verdict import Outcome, Verdict
from runner.record.catalogue import sprint_folder
from runner.record.report import SprintReport
from runner.record.terms import Terms
from runner.workflow.terms import computed, read_terms, recomputed
from runner.workflow.verifying.verify import verify

STRICT = "  - {metric: map50_95, min: 0.9, decide: point}\n"
LOOSE = "  - {metric: map50_95, min: 0.0, decide: point}\n"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def record(project: Path, file: str, record_type: Any) -> Any:
    return read_json(sprint_folder(project, SPRINT) / file, record_type)


@pytest.fixture
def proposal(project: Path) -> Path:
    """A branch on which a gate of main is loosened; nothing of it has run."""
    spec = project / "specs" / f"{SPRINT}.yaml"
    spec.write_text(spec.read_text() + STRICT)
    commit(project, "A gate")
    call(project, "git", "checkout", "-q", "-b", "proposal")
    edit(spec, STRICT, LOOSE)
    commit(project, "A looser gate")
    return project


def test_a_loosened_gate_judges_as_before_until_it_is_approved(proposal: Path) -> None:
    result = flywheel(proposal, "run", "--base", "main")
    assert result.returncode == 1
    (finding,) = record(proposal, "terms.json", Terms).findings
    assert finding.kind is FindingKind.GATE_LOOSENED
    assert f"PASS once {finding.id} is approved. 1 of 3 gates failed" in result.stdout
    verdict = record(proposal, "verdict.json", Verdict)
    assert [(gate.gate, gate.outcome.value, gate.finding) for gate in verdict.gates] == [
        ("size_mb ≤ 100", "PASS", None),
        ("map50_95 ≥ 0.00", "PASS", None),
        ("map50_95 ≥ 0.90", "FAIL", finding.id),
    ]
    assert verdict.outcome_under(frozenset({finding.id})) is Outcome.PASS
    assert record(proposal, "report.json", SprintReport).findings[0].finding == finding


def test_every_command_agrees_with_what_was_judged(proposal: Path) -> None:
    flywheel(proposal, "run", "--base", "main")
    (finding,) = record(proposal, "terms.json", Terms).findings
    report = (sprint_folder(proposal, SPRINT) / "report.json").read_bytes()
    kept = f"map50_95 ≥ 0.90 (the base's, until {finding.id} is approved)"
    assert kept in flywheel(proposal, "plan", "--base", "main").stdout
    assert flywheel(proposal, "report").returncode == 1
    assert (sprint_folder(proposal, SPRINT) / "report.json").read_bytes() == report
    assert "failed" in flywheel(proposal, "status").stdout
    assert flywheel(proposal, "verify", SPRINT).stdout.endswith("made again: identical\n")


def test_the_same_run_again_does_nothing_and_leaves_every_file(proposal: Path) -> None:
    flywheel(proposal, "run", "--base", "main")
    folder = sprint_folder(proposal, SPRINT)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()}
    again = flywheel(proposal, "run", "--base", "main")
    assert again.stderr.splitlines()[1:] == [f"{SPRINT}: nothing to run, every stage is unchanged"]
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir() if path.is_file()} == before


def test_without_a_base_the_terms_are_removed_and_that_is_said(proposal: Path) -> None:
    flywheel(proposal, "run", "--base", "main")
    said = f"{SPRINT}: no --base: judged under this working tree's own policy; once it has run, terms.json is removed"
    planned = flywheel(proposal, "plan")
    assert planned.stderr == f"{said}\n"
    assert "the base's" not in planned.stdout
    own = flywheel(proposal, "run")
    assert own.returncode == 0
    assert own.stderr.splitlines()[0] == said
    assert not (sprint_folder(proposal, SPRINT) / "terms.json").exists()
    assert "terms" not in json.loads((sprint_folder(proposal, SPRINT) / "report.json").read_text())
    assert "terms.json" not in flywheel(proposal, "run").stderr


@pytest.mark.parametrize("base", [(), ("--base", "main~1")])
def test_a_run_that_is_refused_leaves_the_terms_of_the_last_one(
    proposal: Path, base: tuple[str, ...]
) -> None:
    flywheel(proposal, "run", "--base", "main")
    commit(proposal, "The record")
    path = sprint_folder(proposal, SPRINT) / "terms.json"
    before = path.read_bytes()
    edit(proposal / "specs" / f"{SPRINT}.yaml", "epochs: 1", "epochs: 2")
    shutil.rmtree(proposal / "data")
    shutil.rmtree(proposal / ".dvc" / "cache")  # from which the images that are looked at would be laid out
    refused = flywheel(proposal, "run", *base)
    assert refused.returncode == 3
    assert "the dataset is not here" in refused.stderr
    assert path.read_bytes() == before
    assert flywheel(proposal, "plan").returncode == 0
    assert path.read_bytes() == before


def test_the_proposals_own_policy_and_slices_do_not_judge_it(project: Path) -> None:
    config = project / "flywheel.yaml"
    policy = "policy: {gates: [{metric: map50_95, min: 0.9, decide: point}]}\n"
    config.write_text(config.read_text() + policy)
    commit(project, "A policy")
    call(project, "git", "checkout", "-q", "-b", "proposal")
    edit(config, policy, "")
    edit(config, "  - {name: dark, where: brightness < 0.3}\n", "")
    commit(project, "Without it")

    assert flywheel(project, "run", "--base", "main").returncode == 1

    terms = record(project, "terms.json", Terms)
    assert {finding.kind for finding in terms.findings} >= {
        FindingKind.POLICY_LOOSENED,
        FindingKind.SLICE_REMOVED,
    }
    (own, policys) = record(project, "verdict.json", Verdict).gates
    assert (own.origin, policys.origin, policys.outcome) == ("sprint", "policy", Outcome.FAIL)
    evaluation = json.loads((sprint_folder(project, SPRINT) / "evaluation.json").read_text())
    assert "dark" in [part["name"] for part in evaluation["targets"][0]["slices"]]


def test_another_test_split_than_the_references_is_found_in_the_data(project: Path) -> None:
    (project / "specs" / "0002-next.yaml").write_text(
        f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: On fewer test images\nextends: {SPRINT}\n"
        "data: {test: {sample: {size: 8}}}\nexport: []\n"
    )
    flywheel(project, "run", "0002-next", "--base", "main")
    folder = sprint_folder(project, "0002-next")
    terms = read_json(folder / "terms.json", Terms)
    kinds = [(finding.kind, finding.subject) for finding in terms.evidence]
    assert kinds == [(FindingKind.TEST_CHANGED, "split test")]
    assert f"those that {SPRINT} was judged on" in terms.evidence[0].message
    assert recomputed(project, "0002-next", terms) == terms
    assert flywheel(project, "verify", "0002-next").stdout.endswith("identical\n")


@pytest.mark.parametrize("change", ["kept_gates", "findings"])
def test_terms_that_do_not_follow_from_the_base_are_told(proposal: Path, change: str) -> None:
    flywheel(proposal, "run", "--base", "main")
    path = sprint_folder(proposal, SPRINT) / "terms.json"
    content = json.loads(path.read_text())
    content[change] = []
    path.write_text(json.dumps(content))
    found = {(each.file, each.problem) for each in verify(proposal, SPRINT).findings}
    file = f"reports/{SPRINT}/terms.json"
    assert {(file, "changed"), (file, "does not follow")} <= found


def test_a_finding_of_a_base_that_moved_on_only_asks_for_more(proposal: Path) -> None:
    flywheel(proposal, "run", "--base", "main")
    folder = sprint_folder(proposal, SPRINT)
    terms = read_terms(folder)
    assert terms is not None
    stale = Finding(kind=FindingKind.STALE, sprint=SPRINT, subject="champion", message="It is another one.")
    content = json.loads(json.dumps(json.loads((folder / "terms.json").read_text())))
    content["evidence"] = [
        {"kind": "stale", "sprint": SPRINT, "subject": "champion", "message": stale.message}
    ]
    write_json(folder / "terms.json", content)
    flywheel(proposal, "report")
    assert verify(proposal, SPRINT).identical
    assert record(proposal, "report.json", SprintReport).findings[1].finding == stale


def test_a_base_that_this_clone_lacks_is_said_and_not_held_against_the_record(proposal: Path) -> None:
    flywheel(proposal, "run", "--base", "main")
    folder = sprint_folder(proposal, SPRINT)
    edit(folder / "terms.json", record(proposal, "terms.json", Terms).base_commit, "ab" * 20)
    flywheel(proposal, "report")
    result = verify(proposal, SPRINT)
    note = f"reports/{SPRINT}/terms.json was not made again: git has no commit abababab"
    assert result.identical
    assert result.notes == [f"{note}ab here, or not its history"]
    assert f"  not compared: {note}ab here, or not its history" in flywheel(proposal, "verify", SPRINT).stdout


def test_terms_whose_order_of_records_a_shallow_clone_lacks_are_not_made_again(
    proposal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    terms = computed(proposal, SPRINT, "main")
    edit(proposal / "specs" / f"{SPRINT}.yaml", "epochs: 1", "epochs: 2")  # a new candidate

    monkeypatch.setattr(repository, "is_shallow", lambda root: True)
    assert recomputed(proposal, SPRINT, terms) is None


def test_a_base_that_nobody_knows_changes_nothing(project: Path) -> None:
    result = flywheel(project, "run", "--base", "nowhere")
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith('error: git knows no commit "nowhere"\n')
    assert call(project, "git", "status", "--porcelain").stdout == ""


def test_a_run_without_a_base_asks_git_nothing_more(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from runner.adapters.git import repository

    flywheel(project, "run", check=True)
    asked: list[str] = []
    really = repository.run_git

    def counted(root: Path, *arguments: str, **more: Any) -> Any:
        asked.append(arguments[0])
        return really(root, *arguments, **more)

    monkeypatch.setattr(repository, "run_git", counted)
    again = flywheel(project, "run", check=True)
    assert again.stderr == f"{SPRINT}: nothing to run, every stage is unchanged\n"
    # what lies below the record's folder, the registry's tags, and uses of the test split on other branches
    assert set(asked) <= {"for-each-ref", "ls-files", "cat-file"}
