"""What came to the branch without approval is a finding of every later proposal, until somebody approves it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from policy.mutations import BASE, FIRST, LAST, S1, S2, P, evaluation, selection, write
from projects import call, commit

from runner.domain.files import encode_json
from runner.domain.policy import CARRIED, Agreed, FindingKind
from runner.policy.agreed import agreed_at
from runner.policy.findings import approving_policy
from runner.policy.terms import terms_of
from runner.record.catalogue import sprint_folder
from runner.record.terms import Terms
from runner.workflow.terms import computed, with_evidence

NIGHT, NEXT = "0002-night", "0003-next"
NEXT_SPEC = f"specs/{NEXT}.yaml"
EXTENDS = "apiVersion: flywheel/v1\nkind: Sprint\ntitle: Next\nextends: {}\n"
LAX = LAST.replace("dark, min: 0.70", "dark, min: 0.10")
LOOSE = P, BASE[P].replace("max_drop: 0.02", "max_drop: 0.9")
K = FindingKind


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two sprints, the second of which has run."""
    folder = write(tmp_path / "repository", BASE)
    call(folder, "git", "init", "-q", "-b", "main")
    commit(folder, "A project")
    return folder


def merged(root: Path, files: Mapping[str, str | None], name: str = "pr") -> None:
    """A pull request that was merged, whatever anybody said of it."""
    call(root, "git", "checkout", "-q", "-B", name)
    pushed(root, files)
    call(root, "git", "checkout", "-q", "main")
    call(root, "git", "merge", "-q", "--no-ff", "-m", f"Merge {name}", name)


def pushed(root: Path, files: Mapping[str, str | None]) -> None:
    """A commit on what is checked out."""
    for path, text in files.items():
        if text is None:
            (root / path).unlink()
    write(root, {path: text for path, text in files.items() if text is not None})
    commit(root, "A change")


def proposed(root: Path, files: Mapping[str, str], sprint: str = NEXT) -> Terms:
    """The terms of a proposal on top of main."""
    write(root, files)
    return computed(root, sprint, "main")


def found(terms: Terms) -> list[tuple[FindingKind, str]]:
    return [(finding.kind, finding.subject) for finding in terms.findings]


def promoted(root: Path, sprint: str, terms: Terms | None = None) -> None:
    """What `promote` commits; the record with its terms was there before."""
    record = f"reports/{sprint}"
    if terms is not None:
        pushed(root, {f"{record}/terms.json": encode_json(terms).decode()})
    pushed(
        root,
        {
            "dvc.yaml": f"artifacts: {{m: {{path: {record}/exports/x}}}}\n# {sprint}\n",
            f"{record}/model-card.md": "# card\n",
        },
    )


def approved(root: Path, sprint: str, terms: Terms, *, beside: Mapping[str, str] = {}) -> None:
    """What `promote` commits of approvals whose sprint did not pass."""
    agreed = [
        Agreed(finding=each, by="dana", at="2026-11-21T10:00:00Z", channel="comment")
        for each in terms.all_findings
    ]
    pushed(root, {f"reports/{sprint}/agreed.json": encode_json(agreed).decode(), **beside})


def test_a_gate_that_was_loosened_without_approval_judges_the_next_sprint(root: Path) -> None:
    merged(root, {S2: LAX})
    terms = proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})
    assert found(terms) == [(K.GATE_LOOSENED, "gate recall on dark")]
    assert terms.findings[0].message.endswith(f"looser than what {NIGHT} must meet{CARRIED}")
    assert [(kept.gate.min, kept.finding) for kept in terms.kept_gates] == [(0.7, terms.findings[0].id)]


def test_a_lax_sprint_that_nobody_approved_is_no_way_around_its_parent(root: Path) -> None:
    merged(root, {"specs/0003-lax.yaml": EXTENDS.format(NIGHT) + "gates: [{metric: size_mb, max: 500}]\n"})
    for number in range(3):
        merged(root, {"README.md": f"{number}"}, f"words-{number}")
    terms = proposed(root, {"specs/0004-again.yaml": EXTENDS.format("0003-lax")}, "0004-again")
    assert (K.GATE_REMOVED, "gate recall on dark") in found(terms)
    assert 0.7 in [kept.gate.min for kept in terms.kept_gates]


@pytest.mark.parametrize("bring", [merged, pushed], ids=["merged", "pushed"])
@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("max_drop: 0.02", "max_drop: 0.9", K.POLICY_LOOSENED),
        ("[zero, one, two]", "[zero, one]", K.CLASS_MAP_CHANGED),
        ("  - {name: small, objects: area_px < 800}\n", "", K.SLICE_REMOVED),
        ("test: split = 'test'", "test: split = 'test' AND brightness > 0.2", K.TEST_CHANGED),
        (", group_by: scene", "", K.GROUPING_CHANGED),
        ("stage: prod", "stage: fresh", K.REGISTRY_CHANGED),
        ("time_limit: 6h", "time_limit: 600h", K.LIMIT_RAISED),
    ],
)  # fmt: skip
def test_what_ran_no_sprint_is_carried_along_too(
    root: Path, bring: Any, old: str, new: str, kind: FindingKind
) -> None:
    bring(root, {P: BASE[P].replace(old, new)})
    spec = {NEXT_SPEC: LAST.replace("class: one, min", "class: zero, min")}
    assert kind in [finding.kind for finding in proposed(root, spec).findings]


def test_through_several_merges_and_until_it_is_put_back(root: Path) -> None:
    merged(root, dict([LOOSE]))
    merged(root, {S1: FIRST.replace("max: 100", "max: 90")}, "stricter")
    merged(root, {NEXT_SPEC: EXTENDS.format(NIGHT)}, "another")
    again = {"specs/0004-again.yaml": EXTENDS.format(NEXT)}
    assert found(proposed(root, again, "0004-again")) == [(K.POLICY_LOOSENED, "gate map50_95 vs champion")]
    assert found(proposed(root, {**again, P: BASE[P]}, "0004-again")) == []


def test_before_the_first_run_nothing_was_agreed_on(tmp_path: Path) -> None:
    root = write(
        tmp_path / "new", {path: text for path, text in BASE.items() if not path.startswith("reports/")}
    )
    call(root, "git", "init", "-q", "-b", "main")
    commit(root, "A project")
    pushed(root, {S2: LAX, **dict([LOOSE])})
    pushed(root, {"reports/0002-night/selection.json": selection()})
    assert found(proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})) == []


def test_a_promotion_approves_what_its_terms_found(root: Path) -> None:
    pushed(root, {S2: LAX})
    terms = terms_of(agreed_at(root, "main~1"), agreed_at(root, "main"), NIGHT)
    assert found(terms) == [(K.GATE_LOOSENED, "gate recall on dark")]
    promoted(root, NIGHT, terms)
    assert found(proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})) == []


def test_a_promotion_approves_nothing_that_came_to_the_branch_after_its_merge(root: Path) -> None:
    pushed(root, {S2: LAST.replace("min: 0.60", "min: 0.65")})
    merged(root, dict([LOOSE]))
    promoted(root, NIGHT, terms_of(agreed_at(root, "main~2"), agreed_at(root, "main~1"), NIGHT))
    assert found(proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})) == [
        (K.POLICY_LOOSENED, "gate map50_95 vs champion")
    ]


def test_what_was_promoted_without_a_base_was_agreed_by_whoever_did(root: Path) -> None:
    pushed(root, {S2: LAX})
    promoted(root, NIGHT)
    assert found(proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})) == []


def test_of_two_sprints_in_one_merge_the_promoted_one_does_not_approve_the_other(root: Path) -> None:
    lax = EXTENDS.format(NIGHT) + "gates: [{metric: size_mb, max: 500}]\n"
    merged(root, {"specs/0004-lax.yaml": lax, NEXT_SPEC: EXTENDS.format(NIGHT)})
    promoted(root, NEXT, terms_of(agreed_at(root, "main^1"), agreed_at(root, "main"), NEXT))
    terms = proposed(root, {"specs/0005-again.yaml": EXTENDS.format("0004-lax")}, "0005-again")
    assert (K.GATE_REMOVED, "gate recall on dark") in found(terms)


def test_an_approval_without_a_promotion_is_read_from_what_promote_committed(root: Path) -> None:
    merged(root, {S2: LAX})
    terms = terms_of(agreed_at(root, "main^1"), agreed_at(root, "main"), NIGHT)
    approved(root, NIGHT, terms)
    assert found(proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})) == []


def test_an_approval_that_came_along_with_a_change_is_not_believed(root: Path) -> None:
    merged(root, {S2: LAX})
    terms = terms_of(agreed_at(root, "main^1"), agreed_at(root, "main"), NIGHT)
    approved(root, NIGHT, terms, beside={S1: FIRST.replace("A first", "The first")})
    assert found(proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})) == [
        (K.GATE_LOOSENED, "gate recall on dark")
    ]


def test_an_approval_is_of_what_it_said(root: Path) -> None:
    merged(root, {S2: LAX})
    terms = terms_of(agreed_at(root, "main^1"), agreed_at(root, "main"), NIGHT)
    approved(root, NIGHT, terms)
    lower = LAST.replace("dark, min: 0.70", "dark, min: 0.05")
    assert [(each.before, each.after) for each in proposed(root, {S2: lower}, NIGHT).findings] == [
        ("≥ 0.10", "≥ 0.05")
    ]


def test_who_got_in_by_a_merge_that_nobody_approved_does_not_approve_it(root: Path) -> None:
    merged(root, {P: BASE[P].replace("[alice, bob]", "[alice, bob, mallory]")})
    terms = proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})
    assert K.APPROVALS_WEAKENED in [finding.kind for finding in terms.findings]
    assert terms.policy.teams == {"ml-leads": ["alice", "bob"]}
    base = agreed_at(root, "main")
    assert base.project is not None
    assert base.project.policy.teams == {"ml-leads": ["alice", "bob", "mallory"]}
    assert approving_policy(base) == terms.policy
    restored = proposed(root, {P: BASE[P]})
    assert (found(restored), restored.policy) == ([], terms.policy)


@pytest.mark.parametrize(("bring", "expected"), [(pushed, []), (merged, [K.APPROVALS_WEAKENED] * 2)])
def test_a_team_begins_by_naming_approvers_on_the_branch_itself(
    bring: Any, expected: list[FindingKind], tmp_path: Path
) -> None:
    nobody = BASE[P].replace("  approvals: {gate_loosened: [ml-leads], test_changed: [dana]}\n", "")
    root = write(tmp_path / "new", {**BASE, P: nobody})
    call(root, "git", "init", "-q", "-b", "main")
    commit(root, "A project")
    bring(root, {P: BASE[P]})
    assert [finding.kind for finding in computed(root, NIGHT, "main").findings] == expected
    pushed(
        root, {P: BASE[P].replace("max_drop: 0.02", "max_drop: 0.9")}
    )  # what else is weaker is a finding all the same
    weaker = [finding.kind for finding in computed(root, NIGHT, "main").findings]
    assert sorted(weaker) == sorted([K.POLICY_LOOSENED, *expected])


def test_what_is_weakened_beside_the_first_approvers_is_a_finding(tmp_path: Path) -> None:
    nobody = BASE[P].replace("  approvals: {gate_loosened: [ml-leads], test_changed: [dana]}\n", "")
    root = write(tmp_path / "new", {**BASE, P: nobody})
    call(root, "git", "init", "-q", "-b", "main")
    commit(root, "A project")
    pushed(
        root,
        {P: BASE[P].replace("[zero, one, two]", "[zero, one]").replace("max_drop: 0.02", "max_drop: 0.9")},
    )
    kinds = [
        finding.kind for finding in proposed(root, {S2: LAST.replace("class: one, ", "")}, NIGHT).findings
    ]
    assert {K.POLICY_LOOSENED, K.CLASS_MAP_CHANGED} <= set(kinds)


def test_what_was_dropped_with_approval_is_not_demanded_once_more_when_an_old_sprint_runs_again(
    root: Path,
) -> None:
    dropped = LAST.replace("  - {metric: recall, slice: dark, min: 0.70}\n", "")
    pushed(root, {NEXT_SPEC: dropped})
    pushed(root, {f"reports/{NEXT}/selection.json": selection()})
    promoted(root, NEXT, terms_of(agreed_at(root, "main~2"), agreed_at(root, "main~1"), NEXT))
    pushed(root, {"reports/0002-night/selection.json": selection(digest="e")})
    assert agreed_at(root, "main").newest_records == (NIGHT,)
    assert found(proposed(root, {"specs/0004-again.yaml": EXTENDS.format(NEXT)}, "0004-again")) == []


def test_an_old_sprint_that_runs_again_is_not_all_that_the_next_is_compared_with(root: Path) -> None:
    """Its record is the newest then, and it may have the highest number; what was promoted last counts all the same."""
    pushed(root, {"specs/9999-note.yaml": FIRST})
    promoted(root, NIGHT)
    pushed(root, {"reports/9999-note/selection.json": selection()})
    terms = proposed(root, {"specs/0000-zero.yaml": FIRST.replace("epochs: 30", "epochs: 60")}, "0000-zero")
    assert (K.GATE_REMOVED, "gate recall on dark") in found(terms)


# --- records --------------------------------------------------------------------------------------

HALF = selection(split_digests={"train": "r1", "val": "v1", "test": "t2"})


def shown(root: Path, own: str, sprint: str = NEXT) -> list[tuple[FindingKind, str]]:
    """What the record of a proposal shows beside what is agreed."""
    terms = proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)}, NEXT)
    write(root, {f"reports/{sprint}/selection.json": own, f"reports/{sprint}/evaluation.json": evaluation()})
    with_it = with_evidence(root, sprint_folder(root, sprint), terms)
    return [(finding.kind, finding.subject) for finding in with_it.evidence]


CHANGED = [(K.TEST_CHANGED, "split test")]


def test_test_images_that_nobody_approved_are_not_agreed_for_the_next(root: Path) -> None:
    assert shown(root, HALF) == CHANGED
    call(root, "git", "checkout", "-q", "--", ".")
    call(root, "git", "clean", "-q", "-fd")
    merged(root, {"reports/0002-night/selection.json": HALF})
    assert shown(root, HALF) == CHANGED


def test_images_of_another_frozen_split_that_a_merge_changed_are_not_agreed(root: Path) -> None:
    other = selection(split_digests={"train": "r1", "val": "v2", "test": "t1"})
    merged(root, {"reports/0002-night/selection.json": other})
    assert shown(root, other) == [(K.TEST_CHANGED, "split val")]


@pytest.mark.parametrize("content", [None, "", "{", "[]"], ids=["removed", "empty", "cut", "other"])
def test_a_record_that_a_merge_took_away_or_spoiled_says_still_what_was_agreed(
    root: Path, content: str | None
) -> None:
    merged(root, {"reports/0002-night/selection.json": content})
    assert shown(root, HALF) == CHANGED
    assert shown(root, selection()) == []


def test_a_record_that_nobody_can_read_is_not_the_same(root: Path) -> None:
    call(root, "git", "checkout", "-q", "--orphan", "other")
    write(root, {"reports/0002-night/selection.json": "{"})
    commit(root, "It never could be read")
    call(root, "git", "branch", "-q", "-M", "main")
    assert shown(root, selection()) == [(K.TEST_CHANGED, "split test"), (K.TEST_CHANGED, "split val")]


def test_two_records_that_came_at_once_both_count(root: Path) -> None:
    pushed(
        root,
        {
            "specs/0004-more.yaml": EXTENDS.format(NIGHT),
            "reports/0002-night/selection.json": selection(digest="e"),
            "reports/0004-more/selection.json": selection(digest="e"),
        },
    )
    terms = proposed(root, {NEXT_SPEC: EXTENDS.format(NIGHT)})
    assert [each.sprint for each in terms.records] == [NIGHT, "0004-more"]
    assert json.loads(encode_json(terms))["recorded_reference"] == NIGHT
