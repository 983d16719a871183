"""The policy's approvals, teams and frozen splits, and the limits of a run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from runner.config.load import load_project, validate
from runner.config.project import Compute, Policy

GATES = "policy:\n  gates: ["


def _with(repository: Path, policy: str = "", compute: str = "") -> Path:
    path = repository / "flywheel.yaml"
    text = path.read_text().replace(GATES, f"policy:\n{policy}  gates: [")
    path.write_text(text.replace("threads: 2}", f"threads: 2{compute}}}"))
    return repository


def test_what_a_policy_may_say(repository: Path) -> None:
    policy = (
        "  frozen: [test, val]\n"
        "  approvals: {gate_loosened: [ml-leads, dana], test_changed: [dana]}\n"
        "  teams: {ml-leads: [alice, bob_acme]}\n"
    )
    _with(repository, policy, ", time_limit: 6h, cost_limit: 12.5")
    assert validate(repository) == []
    project = load_project(repository)
    assert project.policy.approvals == {"gate_loosened": ["ml-leads", "dana"], "test_changed": ["dana"]}
    assert project.policy.teams == {"ml-leads": ["alice", "bob_acme"]}
    assert (project.compute.time_limit_s, project.compute.cost_limit) == (21600, 12.5)


WRONG = [
    (
        "  approvals: {gate_losened: [dana]}\n",
        '19:15: policy.approvals.gate_losened: unknown key; did you mean "gate_loosened"?',
    ),
    ("  approvals: {stale: []}\n", "19:22: policy.approvals.stale: needs at least 1 entry, found 0"),
    (
        "  approvals: {stale: [a b]}\n",
        "19:23: policy.approvals.stale[0]: a login or a team has letters, digits, `_`, `.`, `-`, at most 80",
    ),
    ("  approvals: {stale: [dana, Dana]}\n", '19:29: policy.approvals.stale[1]: "Dana" is named twice'),
    (
        "  approvals: {stale: [ML_Leads]}\n  teams: {ml-leads: [dana]}\n",
        '19:23: policy.approvals.stale[0]: unknown team "ML_Leads"; did you mean "ml-leads"?',
    ),
    ("  teams: {leads: [dana, eve, dana]}\n", '19:30: policy.teams.leads[2]: "dana" is named twice'),
    (
        "  teams: {leads: [dana], all: [leads]}\n",
        '19:32: policy.teams.all[0]: the team "leads" cannot be a member: name the people',
    ),
    (
        "  teams: {the leads: [dana]}\n",
        "19:11: policy.teams.the leads: a team's name has letters, digits, `_`, `.`, `-`, at most 80",
    ),
    ("  frozen: [pool]\n", '19:12: policy.frozen[0]: expected one of test, train, val, found "pool"'),
]


@pytest.mark.parametrize(
    ("policy", "message"), WRONG, ids=[message.split(": ", 1)[1] for _, message in WRONG]
)
def test_what_it_may_not(policy: str, message: str, repository: Path) -> None:
    errors = [str(error).removeprefix("flywheel.yaml:") for error in validate(_with(repository, policy))]
    assert errors == [message]


@pytest.mark.parametrize(
    ("written", "seconds"), [("6h", 21600.0), ("90m", 5400.0), ("3600s", 3600.0), (None, None)]
)
def test_a_time_limit_in_seconds(written: str | None, seconds: float | None) -> None:
    assert Compute(time_limit=written).time_limit_s == seconds


@pytest.mark.parametrize("written", ["6", "0h", "1.5h", "6 h", "-1h", "1d", "1h30m"])
def test_a_time_limit_has_a_whole_number_and_a_unit(written: str, repository: Path) -> None:
    (error,) = validate(_with(repository, compute=f', time_limit: "{written}"'))
    assert str(error) == (
        "flywheel.yaml:22:49: compute.time_limit: a time limit is a whole number with its unit: 6h, 90m or 3600s"
    )


def test_the_test_split_is_frozen_whatever_is_named() -> None:
    assert Policy().frozen_splits == ("test",)
    assert Policy(frozen=["val"]).frozen_splits == ("val", "test")
    assert msgspec.convert({"frozen": []}, Policy).frozen_splits == ("test",)
