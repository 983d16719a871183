"""Whether what a sprint was judged against is still so: from commits alone, nothing has run."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from projects import PROJECT, SPEC, SPRINT, call, commit

from runner.domain.champion import ResolvedChampion
from runner.domain.errors import FlywheelError
from runner.domain.policy import FindingKind
from runner.record.terms import Terms
from runner.workflow.judging.stale import renewed, terms_changed
from runner.workflow.merged_terms import Merge, merge_of, merged_terms, terms_now

NEXT = "0002-next"
LAXER = SPEC.replace("max: 100", "max: 200")


def champion(sprint: str, digest: str = "a.dir") -> ResolvedChampion:
    return ResolvedChampion(
        sprint=sprint,
        tag=f"m#prod#{sprint[3]}",
        commit="c" * 40,
        target="onnx-fp32",
        path="exports/onnx-fp32",
        digest=digest,
    )


def head(root: Path) -> str:
    return call(root, "git", "rev-parse", "HEAD").stdout.strip()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A sprint on main, and a laxer one that was merged."""
    call(tmp_path, "git", "init", "-q", "-b", "main")
    (tmp_path / "flywheel.yaml").write_text(PROJECT)
    (tmp_path / "specs").mkdir()
    (tmp_path / "data.dvc").write_text("outs:\n- md5: 0\n  path: data\n")
    (tmp_path / "specs" / f"{SPRINT}.yaml").write_text(SPEC)
    commit(tmp_path, "First")
    call(tmp_path, "git", "checkout", "-q", "-b", "pr")
    (tmp_path / "specs" / f"{NEXT}.yaml").write_text(LAXER)
    commit(tmp_path, "Next")
    call(tmp_path, "git", "checkout", "-q", "main")
    call(tmp_path, "git", "merge", "-q", "--no-ff", "-m", "Merge", "pr")
    return tmp_path


def change_policy(root: Path, policy: str) -> None:
    (root / "flywheel.yaml").write_text(f"{PROJECT}policy: {{gates: [{policy}]}}\n")
    commit(root, "Policy")


def test_a_merge_is_the_commit_that_brought_the_spec_to_the_branch(root: Path) -> None:
    merged, before = head(root), call(root, "git", "rev-parse", "HEAD^1").stdout.strip()
    (root / "README.md").write_text("later")
    commit(root, "Later")
    assert merge_of(root, NEXT) == Merge(before=before, after=merged)
    assert merge_of(root, SPRINT) == Merge(before=None, after=before)


def test_a_spec_that_no_commit_holds_was_merged_by_none(root: Path) -> None:
    (root / "specs" / "0003-mine.yaml").write_text(SPEC)
    with pytest.raises(FlywheelError, match="no commit of this branch holds the spec"):
        merge_of(root, "0003-mine")
    with pytest.raises(FlywheelError, match="no commit of this branch holds the spec"):
        merge_of(root, "0002")


def test_the_terms_are_those_of_the_branch_before_the_merge(root: Path) -> None:
    terms = terms_now(root, NEXT)
    assert [finding.kind for finding in terms.findings] == [FindingKind.GATE_LOOSENED]
    assert [kept.gate.max for kept in terms.kept_gates] == [100]
    assert terms_changed(terms, terms_now(root, NEXT)) == []
    assert terms_now(root, SPRINT).findings == []


def test_a_policy_that_somebody_changed_since_makes_a_sprint_stale(root: Path) -> None:
    terms = terms_now(root, NEXT)
    change_policy(root, "{metric: size_mb, max: 20}")
    today = terms_now(root, NEXT)
    assert [gate.max for gate in today.policy.gates] == [20]
    assert terms_changed(terms, today) == ["judged under other terms than those of the base branch (policy)"]
    assert [kept.gate.max for kept in today.kept_gates] == [
        100
    ]  # what the merge brought is as loose as it was


def test_terms_stay_verifiable_when_the_branch_moves_on(root: Path) -> None:
    terms = terms_now(root, NEXT)
    change_policy(root, "{metric: size_mb, max: 20}")
    first, second = merged_terms(root, NEXT, terms)
    assert (first, second) == (terms, terms_now(root, NEXT))


def stale(terms: Terms) -> list[tuple[str, str | None, str | None]]:
    assert {finding.kind for finding in terms.evidence} <= {FindingKind.STALE}
    return [(finding.subject, finding.before, finding.after) for finding in terms.evidence]


def test_another_champion_must_be_approved_and_judging_again_does_not_end_that(root: Path) -> None:
    terms = terms_now(root, NEXT)
    one = renewed(NEXT, terms, terms, None, champion("0001-a"))
    assert stale(one) == [("champion no champion → 0001-a", None, "0001-a exports/onnx-fp32 a.dir")]
    assert renewed(NEXT, one, one, champion("0001-a"), champion("0001-a")) == one
    two = renewed(NEXT, one, one, champion("0001-a"), champion("0002-b"))
    assert [subject for subject, _, _ in stale(two)] == ["champion no champion → 0002-b"]
    assert two.evidence[0].id != one.evidence[0].id  # an approval is of exactly one step
    assert stale(renewed(NEXT, two, two, champion("0002-b"), None)) == []


def test_the_same_model_under_another_tag_is_the_same_champion(root: Path) -> None:
    terms = terms_now(root, NEXT)
    again = msgspec.structs.replace(champion("0001-a"), tag="m#prod#9")
    assert stale(renewed(NEXT, terms, terms, champion("0001-a"), again)) == []
    assert len(stale(renewed(NEXT, terms, terms, champion("0001-a"), champion("0001-a", "b.dir")))) == 1


def test_other_terms_must_be_approved(root: Path) -> None:
    terms = terms_now(root, NEXT)
    change_policy(root, "{metric: size_mb, max: 20}")
    today = terms_now(root, NEXT)
    found = renewed(NEXT, terms, today, None, None)
    assert [subject for subject, _, _ in stale(found)] == ["policy of the base"]
    assert renewed(NEXT, found, found, None, None) == found
    change_policy(root, "{metric: size_mb, max: 10}")
    newer = renewed(NEXT, found, terms_now(root, NEXT), None, None)
    assert newer.evidence[0].id != found.evidence[0].id
