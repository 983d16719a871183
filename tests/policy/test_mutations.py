"""Every way to cheat is found, and nothing that a team does every day is."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from policy.mutations import BENIGN, CHEATS, Edit, findings, snapshots

from runner.domain.policy import FindingKind
from runner.gates import Gate
from runner.gates.text import rule
from runner.policy.affected import affected
from runner.policy.terms import judged, terms_of


def _named(edit: Edit) -> str:
    return edit.name.replace(" ", "-")


@pytest.mark.parametrize("edit", [edit for edit in CHEATS if edit.kind], ids=_named)
def test_a_way_to_cheat_is_found(edit: Edit, tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, edit)
    assert base.errors == []
    assert head.errors == []
    found = findings(base, head, edit)
    assert edit.kind in {finding.kind for finding in found}, [finding.message for finding in found]
    assert all(finding.message and (finding.where or edit.recorded) for finding in found)


@pytest.mark.parametrize("edit", [edit for edit in CHEATS if edit.judges], ids=_named)
def test_what_was_weakened_still_judges(edit: Edit, tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, edit)
    kept = []
    for name in affected(edit.changed(), base, head):
        loaded = head.sprints.get(name)
        if loaded is None:
            continue
        terms = terms_of(base, head, name)
        assert head.project is not None
        project, changed = judged(head.project, loaded, terms)
        assert project.policy == terms.policy
        kept += [(_shown(gate), finding) for gate, _, finding in changed.kept]
    found = {finding.id for finding in findings(base, head, edit)}
    assert edit.judges in {text for text, _ in kept}
    assert {finding for _, finding in kept} <= found


@pytest.mark.parametrize("edit", [edit for edit in CHEATS if edit.refused], ids=_named)
def test_what_no_configuration_may_say_is_refused(edit: Edit, tmp_path: Path) -> None:
    _, head = snapshots(tmp_path, edit)
    assert any(edit.refused in str(error) for error in head.errors)


@pytest.mark.parametrize("edit", BENIGN, ids=_named)
def test_everyday_work_raises_nothing(edit: Edit, tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, edit)
    assert base.errors == []
    assert head.errors == []
    assert [finding.message for finding in findings(base, head, edit)] == []
    for name in affected(edit.changed(), base, head):
        assert terms_of(base, head, name).kept_gates == []


def test_the_suite_covers_every_kind_but_those_that_time_and_verdicts_make() -> None:
    kinds = {edit.kind for edit in CHEATS if edit.kind}
    assert set(FindingKind) - kinds == {FindingKind.STALE, FindingKind.INCONCLUSIVE}


def test_names_are_unique() -> None:
    names = Counter(edit.name for edit in (*CHEATS, *BENIGN))
    assert [name for name, count in names.items() if count > 1] == []


def _shown(gate: Gate) -> str:
    return f"{gate.metric} {rule(gate)[1]:g}"
