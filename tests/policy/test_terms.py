"""The terms: the base judges, whatever the proposal says of itself."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import msgspec
import pytest
from policy.mutations import BASE, FIRST, LAST, NEXT, S1, S2, Edit, P, findings, snapshots, write

from runner.domain.errors import FlywheelError
from runner.policy.findings import project_findings, sprint_findings
from runner.policy.reference import recorded_reference, references
from runner.policy.slices import slice_subject
from runner.policy.snapshot import Snapshot, load_snapshot
from runner.policy.terms import judged, same_terms, terms_of
from runner.record.terms import Terms

SPRINT = "0002-night"


def _terms(tmp_path: Path, *edits: tuple[str, str, str], sprint: str = SPRINT) -> tuple[Snapshot, Terms]:
    base, head = snapshots(tmp_path, Edit(name="edit", replaced=edits))
    return head, terms_of(base, head, sprint)


def _judged(head: Snapshot, terms: Terms, sprint: str = SPRINT) -> tuple[list[str], list[str]]:
    """The subjects of the project's and of the sprint's slices that are judged on."""
    assert head.project is not None
    project, loaded = judged(head.project, head.sprints[sprint], terms)
    return (
        [slice_subject(spec) for spec in project.slices],
        [slice_subject(spec) for spec in loaded.sprint.evaluate.slices],
    )


def test_the_bases_policy_judges_as_a_whole(tmp_path: Path) -> None:
    head, terms = _terms(
        tmp_path,
        (P, "max_drop: 0.02", "max_drop: 0.5"),
        (P, "significance: 0.25", "significance: 1"),
        (P, "time_limit: 6h, cost_limit: 20", "time_limit: 60h"),
        (P, "threads: 4", "threads: 8"),
    )
    assert head.project is not None
    project, loaded = judged(head.project, head.sprints[SPRINT], terms)
    assert project.policy.gates[0].max_drop == 0.02
    assert project.policy.holdout is not None
    assert project.policy.holdout.significance == 0.25
    assert (project.compute.time_limit, project.compute.cost_limit, project.compute.threads) == ("6h", 20, 8)
    assert loaded.policy_sources == ["flywheel.yaml:22:7", "flywheel.yaml:23:7"]
    assert len(loaded.policy_sources) == len(project.policy.gates)


def test_a_dropped_gate_is_kept_with_its_place_on_the_base(tmp_path: Path) -> None:
    head, terms = _terms(tmp_path, (S2, "  - {metric: recall, slice: dark, min: 0.70}\n", ""))
    assert head.project is not None
    _, loaded = judged(head.project, head.sprints[SPRINT], terms)
    ((gate, source, finding),) = loaded.kept
    assert (gate.metric, gate.slice, gate.min) == ("recall", "dark", 0.7)
    assert source == "specs/0002-night.yaml:28:5"
    assert [found.id for found in terms.findings] == [finding]
    assert len(loaded.gate_sources) == len(loaded.sprint.gates) == 7


def test_thresholds_that_were_searched_until_two_short_ids_are_one_hide_neither(tmp_path: Path) -> None:
    _, terms = _terms(
        tmp_path,
        (S2, "slice: dark, min: 0.70", "slice: dark, min: 0.10471541"),
        (S2, "class: one, min: 0.60", "class: one, min: 0.20015607"),
    )
    assert [found.short_id for found in terms.findings] == ["gate_loosened-e79b2c8c"] * 2
    assert len({found.id for found in terms.findings}) == 2
    assert [(kept.gate.slice, kept.gate.class_name) for kept in terms.kept_gates] == [
        ("dark", None),
        (None, "one"),
    ]


def test_slices_of_the_base_stay_and_new_ones_come_along(tmp_path: Path) -> None:
    head, terms = _terms(
        tmp_path,
        (P, "  - {name: dark, where: brightness < 0.25}\n", "  - {name: dim, where: brightness < 0.6}\n"),
        (P, "area_px < 800", "area_px < 100"),
        (S2, "    - {by: operator}\n", "    - {by: height}\n"),
        (S2, "brightness < 0.5", "brightness < 0.1"),
        (S2, "slice: dark, min", "slice: dim, min"),
    )
    assert _judged(head, terms) == (
        [
            "slice dark",
            "slices by camera, lighting",
            "slices by weather",
            "slice small",
            "slices that are searched for",
            "slice dim",
        ],
        ["slice gate", "slices by operator", "slices by height"],
    )
    conditions = {spec.name: spec.where or spec.objects for spec in (*terms.slices, *terms.sprint_slices)}
    assert conditions["small"] == "area_px < 800"
    assert conditions["gate"] == "camera = 'gate' and brightness < 0.5"


def test_a_slice_that_moves_to_the_project_is_judged_on_once(tmp_path: Path) -> None:
    head, terms = _terms(
        tmp_path, (S2, "    - {by: operator}\n", ""), (P, "slices:\n", "slices:\n  - {by: operator}\n")
    )
    assert terms.findings == []
    project, own = _judged(head, terms)
    assert (project.count("slices by operator"), own) == (1, ["slice gate"])


def test_a_slice_of_the_spec_that_moves_with_other_members_is_the_old_one(tmp_path: Path) -> None:
    head, terms = _terms(
        tmp_path,
        (S2, "    - {name: gate, where: camera = 'gate' and brightness < 0.5}\n", ""),
        (P, "slices:\n", "slices:\n  - {name: gate, where: camera = 'gate' and brightness < 0.9}\n"),
    )
    project, own = _judged(head, terms)
    assert "slice gate" not in project
    assert own == ["slice gate", "slices by operator"]
    assert terms.sprint_slices[0].where == "camera = 'gate' and brightness < 0.5"
    assert [str(found.kind) for found in terms.findings] == ["slice_changed"]


def test_a_project_that_changes_nothing_is_judged_as_it_says(tmp_path: Path) -> None:
    head, terms = _terms(tmp_path, (S2, "epochs: 30", "epochs: 60"))
    assert head.project is not None
    project, loaded = judged(head.project, head.sprints[SPRINT], terms)
    assert project == head.project
    assert loaded.sprint == head.sprints[SPRINT].sprint
    assert (loaded.kept, terms.findings, terms.reference) == ([], [], SPRINT)


def test_a_projects_first_proposal_judges_itself(tmp_path: Path) -> None:
    head = load_snapshot(write(tmp_path, BASE), "c" * 40)
    terms = terms_of(Snapshot(commit="b" * 40), head, SPRINT)
    assert (terms.reference, terms.findings, terms.kept_gates) == (None, [], [])
    assert head.project is not None
    assert terms.policy == head.project.policy


def test_a_base_that_is_not_valid_cannot_judge_and_that_is_found(tmp_path: Path) -> None:
    base = load_snapshot(write(tmp_path / "base", {**BASE, P: "kind: Project\n"}), "b" * 40)
    head = load_snapshot(write(tmp_path / "head", BASE), "c" * 40)
    assert [finding.message for finding in project_findings(base, head)] == [
        "the base branch's flywheel.yaml is not valid, so the proposal's own policy judges it"
    ]
    terms = terms_of(base, head, SPRINT)
    assert head.project is not None
    assert terms.policy == head.project.policy
    assert [str(found.kind) for found in terms.findings] == ["policy_loosened", "gate_removed"]


def test_a_base_without_any_valid_spec_keeps_no_gate_and_that_is_found(tmp_path: Path) -> None:
    broken = {S1: "kind: Sprint\n", S2: "kind: Sprint\n"}
    base = load_snapshot(write(tmp_path / "base", {**BASE, **broken}), "b" * 40)
    head = load_snapshot(write(tmp_path / "head", BASE), "c" * 40)
    assert [finding.message for finding in sprint_findings(base, head, SPRINT)] == [
        "the spec of 0002-night is not valid on the base branch, so what 0002-night demanded is not known"
    ]


@pytest.mark.parametrize(
    ("edit", "sprint", "unknown"),
    [
        (Edit(name="mended", written={S2: FIRST}), SPRINT, [SPRINT]),
        (Edit(name="new", written={NEXT: FIRST, S2: LAST}), "0003-next", [SPRINT]),
        (Edit(name="extends", written={NEXT: FIRST.replace("title:", "extends: 0002-night\ntitle:"), S2: LAST}), "0003-next", [SPRINT]),
        (Edit(name="old title", replaced=((S1, "A first", "Our first"),), written={S2: LAST}), "0001-first-model", []),
        (Edit(name="old recipe", replaced=((S1, "epochs: 30", "epochs: 31"),), written={S2: LAST}), "0001-first-model", [SPRINT]),
    ],
    ids=lambda value: value.name.replace(" ", "-") if isinstance(value, Edit) else "",
)  # fmt: skip
def test_what_a_spec_demands_that_is_not_valid_on_the_base_is_not_known(
    edit: Edit, sprint: str, unknown: list[str], tmp_path: Path
) -> None:
    broken = dataclasses.replace(edit, agreed={S2: LAST.replace("slice: dark, min", "slice: drak, min")})
    base, head = snapshots(tmp_path, broken)
    assert base.errors
    assert head.errors == []
    found = sprint_findings(base, head, sprint)
    assert [finding.before for finding in found if finding.subject.startswith("all gates of")] == unknown


def test_a_spec_that_is_not_valid_has_no_terms(tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, Edit(name="broken", replaced=((S2, "epochs: 30", "epochs: -1"),)))
    with pytest.raises(FlywheelError) as raised:
        terms_of(base, head, SPRINT)
    assert str(raised.value) == (
        "specs/0002-night.yaml: 0002-night is not valid at cccccccccc, so nothing can judge it\n"
        "  hint: flywheel validate"
    )


NEW = FIRST.replace("epochs: 30", "epochs: 31")


@pytest.mark.parametrize(
    ("edit", "sprint", "expected"),
    [
        (Edit(name="own", replaced=((S2, "epochs: 30", "epochs: 31"),)), SPRINT, [SPRINT]),
        (Edit(name="old title", replaced=((S1, "A first", "Our first"),)), "0001-first-model", ["0001-first-model"]),
        (Edit(name="old recipe", replaced=((S1, "epochs: 30", "epochs: 31"),)), "0001-first-model", ["0001-first-model", SPRINT]),
        (Edit(name="new", written={NEXT: NEW}), "0003-next", [SPRINT]),
        (Edit(name="between", written={"specs/0001-zz.yaml": NEW}), "0001-zz", ["0001-first-model", SPRINT]),
        (Edit(name="lowest", written={"specs/0000-zero.yaml": NEW}), "0000-zero", [SPRINT]),
        (Edit(name="renamed", removed=(S2,), written={NEXT: LAST}), "0003-next", [SPRINT]),
        (Edit(name="extends old", written={NEXT: "apiVersion: flywheel/v1\nkind: Sprint\ntitle: Next\nextends: 0001-first-model\n"}), "0003-next", ["0001-first-model", SPRINT]),
        (Edit(name="extends new", written={NEXT: "apiVersion: flywheel/v1\nkind: Sprint\ntitle: Next\nextends: 0009-mine\n", "specs/0009-mine.yaml": "apiVersion: flywheel/v1\nkind: Sprint\ntitle: Mine\nextends: 0001-first-model\n"}), "0003-next", ["0001-first-model", SPRINT]),
    ],
    ids=lambda value: value.name.replace(" ", "-") if isinstance(value, Edit) else "",
)  # fmt: skip
def test_the_reference_is_what_was_agreed(
    edit: Edit, sprint: str, expected: list[str], tmp_path: Path
) -> None:
    base, head = snapshots(tmp_path, edit)
    assert head.errors == []
    assert references(base, head, sprint) == expected
    assert terms_of(base, head, sprint).reference == expected[0]


def test_evidence_is_looked_for_where_there_is_a_record(tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, Edit(name="old", replaced=((S1, "A first", "Our first"),)))
    none = dataclasses.replace(base, recorded=frozenset(), newest_records=())
    assert recorded_reference(none, head, "0001-first-model") is None
    assert recorded_reference(base, head, "0001-first-model") == SPRINT
    assert terms_of(base, head, "0001-first-model").recorded_reference == SPRINT
    both = dataclasses.replace(base, recorded=frozenset({SPRINT, "0001-first-model"}))
    assert recorded_reference(both, head, "0001-first-model") == "0001-first-model"


def test_another_model_than_its_own_record_is_of_is_compared_with_the_newest_record(tmp_path: Path) -> None:
    edit = Edit(name="older data", replaced=((S1, "A first", "Our first"), ("data.dvc", "a.dir", "old.dir")))
    base, head = snapshots(tmp_path, edit)
    base = dataclasses.replace(base, recorded=frozenset({SPRINT, "0001-first-model"}))
    assert recorded_reference(base, head, "0001-first-model") == SPRINT
    assert references(base, head, "0001-first-model") == ["0001-first-model", SPRINT]


def test_in_a_shallow_clone_the_order_of_records_is_asked_for_only_where_it_matters(tmp_path: Path) -> None:
    base, head = snapshots(
        tmp_path, Edit(name="new", replaced=((S2, "The night", "A night"),), written={NEXT: NEW})
    )
    base = dataclasses.replace(base, newest_records=("0001-first-model", SPRINT), is_cut=True)
    assert terms_of(base, head, SPRINT).recorded_reference == SPRINT
    with pytest.raises(FlywheelError) as raised:
        terms_of(base, head, "0003-next")
    assert str(raised.value) == (
        "which of 0001-first-model, 0002-night was recorded last is not known in this shallow clone\n"
        "  hint: git fetch --unshallow (in CI: check out with fetch-depth: 0)"
    )


def test_terms_survive_their_file(tmp_path: Path) -> None:
    _, terms = _terms(
        tmp_path, (S2, "dark, min: 0.70", "dark, min: 0.10"), (P, "area_px < 800", "area_px < 80")
    )
    assert terms.kept_gates
    assert msgspec.json.decode(msgspec.json.encode(terms), type=Terms) == terms


def test_the_same_terms_from_a_later_commit_are_the_same(tmp_path: Path) -> None:
    edit = Edit(name="lax", replaced=((S2, "dark, min: 0.70", "dark, min: 0.10"),))
    base, head = snapshots(tmp_path, edit)
    moved = {**BASE, P: f"# a comment\n{BASE[P]}", S2: f"# another\n{BASE[S2]}"}
    later = load_snapshot(write(tmp_path / "later", moved), "d" * 40)
    terms, again = terms_of(base, head, SPRINT), terms_of(later, head, SPRINT)
    assert terms != again
    assert same_terms(terms, again)
    assert same_terms(terms, msgspec.structs.replace(terms, evidence=terms.findings))


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        (P, "max_drop: 0.02", "max_drop: 0.01"),
        (P, "brightness < 0.25", "brightness < 0.2"),
        (P, "time_limit: 6h", "time_limit: 1h"),
        (P, "[alice, bob]", "[alice]"),
        (S2, "dark, min: 0.70", "dark, min: 0.90"),
    ],
)
def test_terms_that_changed_on_the_base_are_others(file: str, old: str, new: str, tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, Edit(name="lax", replaced=((S2, "dark, min: 0.70", "dark, min: 0.10"),)))
    moved = {**BASE, file: BASE[file].replace(old, new)}
    later = load_snapshot(write(tmp_path / "later", moved), "d" * 40)
    assert not same_terms(terms_of(base, head, SPRINT), terms_of(later, head, SPRINT))


def test_an_id_changes_with_the_content_and_not_with_the_line(tmp_path: Path) -> None:
    ids = []
    for number, (old, new) in enumerate(
        [
            ("dark, min: 0.70", "dark, min: 0.60"),
            ("dark, min: 0.70", "dark,   min: 0.6"),
            ("dark, min: 0.70", "dark, min: 0.61"),
        ]
    ):
        edit = Edit(name=str(number), replaced=((S2, old, new),))
        base, head = snapshots(tmp_path / str(number), edit)
        ((found,)) = findings(base, head, edit)
        ids.append(found.id)
    assert ids[0] == ids[1] != ids[2]
