"""A proposal: which sprints it is about, what it changes, what of it is not valid; nothing is run for it."""

from __future__ import annotations

from pathlib import Path

import pytest
from projects import call, commit
from proposals import AFTER, FIRST, PROJECT, SECOND, repository, write

from runner.domain.errors import FlywheelError
from runner.planning.proposal import Proposal
from runner.planning.records import Action
from runner.pullrequests.proposing.propose import propose


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return repository(tmp_path / "project")


def proposed(root: Path, **contents: str) -> Proposal:
    """What a commit of these files proposes; keys are paths with `__` for `/` and no ending."""
    paths = {key.replace("__", "/").replace("_", "-"): text for key, text in contents.items()}
    write(root, {path if "." in path else f"{path}.yaml": text for path, text in paths.items()})
    commit(root, "A proposal")
    return propose(root, "main")


def statuses(proposal: Proposal) -> dict[str, str]:
    return {sprint.sprint: sprint.status for sprint in proposal.sprints}


def test_a_new_sprint_is_planned_beside_the_newest_on_the_base(root: Path) -> None:
    text = (
        SECOND.replace("freeze: 10", "freeze: 0")
        .replace("min: 0.7", "min: 0.65")
        .replace("max: 100", "max: 90")
    )
    proposal = proposed(root, specs__0003_third=text)
    (sprint,) = proposal.sprints
    assert (sprint.sprint, sprint.status, sprint.reference) == ("0003-third", "added", "0002-second")
    said = {change.text.removesuffix(f" {change.effect}"): change.effect for change in sprint.changes}
    assert said["freeze 10 → 0"] == "changed"
    assert [effect for text, effect in said.items() if "recall" in text] == ["loosened"]
    assert [effect for text, effect in said.items() if "size_mb" in text] == ["tightened"]
    assert sprint.plan is not None
    assert {stage.action for stage in sprint.plan.stages} == {Action.RUN}
    (finding,) = proposal.findings
    assert [(gate.text, gate.origin, gate.finding) for gate in sprint.gates] == [
        ("recall ≥ 0.65 on slice dark", "sprint", ""),
        ("size_mb ≤ 90", "sprint", ""),
        ("recall ≥ 0.70 on slice dark", "reference", finding.id),
    ]
    assert finding.where.startswith("specs/0003-third.yaml:")
    assert proposal.approvers == {"gate_loosened": ["alice", "bob", "carol"]}
    assert proposal.problems == proposal.refused == proposal.code == []


def test_without_an_index_counts_are_not_known_and_not_zero(root: Path) -> None:
    (sprint,) = proposed(root, specs__0003_third=SECOND).sprints
    assert sprint.data == []
    assert sprint.data_note.startswith("not known before the index is built")


def test_keys_in_another_order_are_no_change(root: Path) -> None:
    lines = FIRST.splitlines()
    text = "\n".join(["# A comment", *lines[:2], *lines[3:], lines[2]]) + "\n"
    proposal = proposed(root, specs__0001_first=text)
    (sprint,) = proposal.sprints
    assert (sprint.sprint, sprint.status, sprint.changes) == ("0001-first", "changed", [])
    assert proposal.findings == []


def test_a_sprint_that_extends_a_changed_one_is_affected(root: Path) -> None:
    call(root, "git", "checkout", "-q", "main")
    heir = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: An heir\nextends: 0001-first\n"
    write(root, {"specs/0003-heir.yaml": heir})
    commit(root, "An heir")
    call(root, "git", "checkout", "-q", "-B", "work")
    proposal = proposed(root, specs__0001_first=FIRST.replace("freeze: 10", "freeze: 5"))
    assert statuses(proposal) == {"0001-first": "changed", "0003-heir": "affected"}
    assert [change.text for change in proposal.sprints[1].changes] == ["freeze 10 → 5"]


def test_where_only_flywheel_yaml_changes_the_newest_sprint_is_affected(root: Path) -> None:
    proposal = proposed(root, flywheel=PROJECT.replace("brightness < 0.3", "brightness < 0.2"))
    assert statuses(proposal) == {"0002-second": "affected"}
    (change,) = proposal.project_changes
    assert change.path == "slices[dark]"
    assert [finding.kind.value for finding in proposal.findings] == ["slice_changed"]


def test_where_only_the_data_changes_the_newest_sprint_is_affected(root: Path) -> None:
    proposal = proposed(root, **{"data.dvc": AFTER})
    assert statuses(proposal) == {"0002-second": "affected"}
    assert proposal.data_pointer == ["0c" * 16 + ".dir", "1d" * 16 + ".dir"]
    (pointer,) = proposal.pointers
    assert pointer.before is not None
    assert pointer.after is not None
    assert (pointer.before.files, pointer.after.files, pointer.after.bytes) == (10, 40, 4000)


def test_a_removed_sprint_is_told_and_found(root: Path) -> None:
    (root / "specs/0002-second.yaml").unlink()
    commit(root, "Away")
    proposal = propose(root, "main")
    assert statuses(proposal) == {"0002-second": "removed"}
    assert "sprint_removed" in [finding.kind.value for finding in proposal.findings]


def test_other_files_propose_no_sprint(root: Path) -> None:
    proposal = proposed(root, **{"docs__guide.md": "text"})
    assert proposal.sprints == []
    assert proposal.findings == []


def test_code_is_named(root: Path) -> None:
    proposal = proposed(root, **{"runner__x.py": "1", "Makefile.": "all:"}, specs__0003_third=SECOND)
    assert "runner/x.py" in proposal.code


def test_what_is_not_committed_yet_is_part_of_it(root: Path) -> None:
    write(root, {"specs/0003-third.yaml": SECOND.replace("freeze: 10", "freeze: 3")})
    proposal = propose(root, "main")
    assert statuses(proposal) == {"0003-third": "added"}
    assert proposal.sprints[0].plan is not None
    assert proposal.uncommitted
    commit(root, "Now it is")
    assert not propose(root, "main").uncommitted


def test_a_deleted_record_is_one_finding_that_says_so_committed_or_not(root: Path) -> None:
    call(root, "git", "checkout", "-q", "main")
    write(root, {f"reports/0001-first/{name}": "{}" for name in ("metrics.json", "report.md")})
    commit(root, "A record")
    call(root, "git", "checkout", "-q", "-B", "work")
    call(root, "git", "rm", "-q", "-r", "reports/0001-first")
    uncommitted = propose(root, "main").findings
    commit(root, "Away with it")
    assert propose(root, "main").findings == uncommitted
    (finding,) = uncommitted
    assert "2 files were removed (metrics.json, report.md)" in finding.message


def test_every_error_of_every_file_is_a_problem_at_its_place(root: Path) -> None:
    proposal = proposed(
        root,
        specs__0003_third=SECOND.replace("epochs: 1", "epoch: 1").replace("slice: dark", "slice: drak"),
        **{"specs__night.yaml": FIRST},
    )
    places = {(problem.file, problem.line, problem.column) for problem in proposal.problems}
    assert {("specs/0003-third.yaml", 4, 54), ("specs/0003-third.yaml", 6, 39)} <= places
    assert "specs/night.yaml" in {problem.file for problem in proposal.problems}
    assert proposal.refused == []  # said once
    (sprint,) = (each for each in proposal.sprints if each.sprint == "0003-third")
    assert sprint.plan is None
    assert sprint.not_planned


def test_a_broken_project_leaves_nothing_planned(root: Path) -> None:
    proposal = proposed(
        root, flywheel=PROJECT.replace("task: detect", "task: detcet"), specs__0003_third=SECOND
    )
    assert any(problem.file == "flywheel.yaml" and problem.line == 4 for problem in proposal.problems)
    assert [sprint.plan for sprint in proposal.sprints] == [None]


def test_what_is_refused_is_told_and_nothing_is_planned(root: Path) -> None:
    (root / "specs/0003-third.yaml").symlink_to("/etc/passwd")
    proposal = proposed(root, specs__0004_fourth=SECOND, **{".dvc__config": "[core]\n    remote = evil\n"})
    assert len(proposal.refused) == 2
    assert [sprint.plan for sprint in proposal.sprints] == [None for _ in proposal.sprints]
    assert "/etc/passwd" not in str(proposal.sprints)


def test_another_commit_is_compared_and_not_planned(root: Path) -> None:
    proposed(root, specs__0003_third=SECOND.replace("freeze: 10", "freeze: 3"))
    call(root, "git", "checkout", "-q", "main")
    proposal = propose(root, "main", "work")
    (sprint,) = proposal.sprints
    assert [change.text for change in sprint.changes if "freeze" in change.text] == ["freeze 10 → 3"]
    assert sprint.plan is None
    assert "is not checked out" in sprint.not_planned


def test_a_branch_that_is_behind_takes_nothing_back(root: Path) -> None:
    """What the base agreed on since: a new sprint, a stricter gate of another file. The proposal touches neither."""
    call(root, "git", "checkout", "-q", "main")
    write(
        root,
        {"specs/0003-other.yaml": SECOND, "flywheel.yaml": PROJECT.replace("cpu_hour: 0.1", "cpu_hour: 0.2")},
    )
    commit(root, "Meanwhile")
    call(root, "git", "checkout", "-q", "work")
    proposal = proposed(root, specs__0004_late=SECOND)
    assert statuses(proposal) == {"0004-late": "added"}
    assert proposal.project_changes == []
    assert proposal.findings == []
    assert proposal.sprints[0].reference == "0003-other"


def test_a_file_that_both_changed_is_the_proposals(root: Path) -> None:
    call(root, "git", "checkout", "-q", "main")
    write(root, {"specs/0002-second.yaml": SECOND.replace("min: 0.7", "min: 0.8")})
    commit(root, "Stricter")
    call(root, "git", "checkout", "-q", "work")
    proposal = proposed(root, specs__0002_second=SECOND.replace("freeze: 10", "freeze: 0"))
    assert [finding.kind.value for finding in proposal.findings] == ["gate_loosened"]


def test_a_proposal_as_json_is_read_back(root: Path) -> None:
    import msgspec

    proposal = proposed(root, specs__0003_third=SECOND.replace("min: 0.7", "min: 0.6"))
    assert msgspec.json.decode(msgspec.json.encode(proposal), type=Proposal) == proposal


def test_an_unknown_base_is_an_error_that_says_what_to_do(root: Path) -> None:
    with pytest.raises(FlywheelError) as raised:
        propose(root, "nowhere")
    assert "nowhere" in raised.value.message
    assert "fetch" in str(raised.value.hint)


def test_nothing_is_written_for_a_plan(root: Path) -> None:
    proposed(root, specs__0003_third=SECOND)
    assert call(root, "git", "status", "--porcelain", "--ignored").stdout == ""
