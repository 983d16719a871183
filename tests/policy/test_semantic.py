"""The semantic difference: what people say of two versions, and nothing where only the text differs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from policy.mutations import BASE, LAST, NEXT, S2, Edit, P, snapshots, write

from runner.policy.conditions import normal, same
from runner.policy.semantic import project_changes, sprint_changes
from runner.policy.snapshot import Snapshot, load_snapshot
from runner.policy.values import one_line


def _texts(base: Snapshot, head: Snapshot, sprint: str = "0002-night") -> list[str]:
    assert head.project is not None
    changes = sprint_changes(base.sprints["0002-night"], head.sprints[sprint], head.project)
    return [change.text for change in (*project_changes(base, head), *changes)]


SAID = [
    ((S2, "freeze: 10", "freeze: 0"), ["freeze 10 → 0"]),
    ((S2, "The night shift", "the NIGHT shift"), ["title The night shift → the NIGHT shift"]),  # no condition
    ((S2, ", freeze: 10", ""), ["freeze 10 → unset"]),
    ((S2, "freeze: 10", "freeze: 10, cos_lr: true"), ["cos_lr unset → true"]),
    ((S2, "dark, min: 0.70", "dark, min: 0.65"), ["gate recall on dark ≥ 0.70 → ≥ 0.65 loosened"]),
    ((S2, "dark, min: 0.70", "dark, min: 0.8"), ["gate recall on dark ≥ 0.70 → ≥ 0.80 tightened"]),
    (
        (S2, "min_gain: 0.01", "max_drop: 0.02"),
        ["gate map50 vs champion gain ≥ 0.01 → drop ≤ 0.02 loosened"],
    ),
    (
        (S2, "min: 0.45}", "min: 0.45, decide: point}"),
        ["gate map50_95 ≥ 0.45 → ≥ 0.45 by the point alone loosened"],
    ),
    ((S2, "gates:\n", "gates:\n  - {metric: f1, min: 0.5}\n"), ["gate f1 ≥ 0.50 added"]),
    (
        (S2, 'target: "*", max: 15', "max: 15"),
        ["gate size_mb ≤ 15 added", "gate size_mb for every target ≤ 15 removed"],
    ),
    ((S2, "    - {by: operator}\n", ""), ["slices by operator at most 20 removed"]),
    (
        (S2, "brightness < 0.5", "brightness < 0.4"),
        ["slice gate camera = 'gate' and brightness < 0.5 → camera = 'gate' and brightness < 0.4"],
    ),
    (
        (S2, "mostly: 0.97", "mostly: 0.9"),
        ["check expect_column_values_to_be_between of images.sharpness: mostly 0.97 → 0.9"],
    ),
    (
        (S2, "  - {preset: detection, max_unreadable: 0.02, min_objects_per_class: 20}\n", ""),
        ["check preset detection removed"],
    ),
    ((S2, "precision: fp16}", "precision: fp32}"), ["export openvino-fp32 added", "export openvino-fp16 removed"]),
    (
        (S2, "size: 300", "size: 100"),
        ["export openvino-int8: calibration.size 300 → 100"],
    ),
    (
        (S2, "  - {format: onnx}\n", "  - {format: onnx, precision: fp16}\n"),
        [
            "judged artefact onnx-fp32 → onnx-fp16",
            "export onnx-fp16 added",
            "export onnx-fp32 removed",
        ],
    ),
    ((S2, "level: 0.95", "level: 0.9"), ["confidence.level 0.95 → 0.9 loosened"]),
    ((P, "brightness < 0.25", "brightness < 0.35"), ["slice dark brightness < 0.25 → brightness < 0.35"]),
    ((P, "max_drop: 0.02", "max_drop: 0.05"), ["policy gate map50_95 vs champion drop ≤ 0.02 → drop ≤ 0.05 loosened"]),
    ((P, "[zero, one, two]", "[zero, two, one]"), ["classes [zero, one, two] → [zero, two, one]"]),
    ((P, "time_limit: 6h", "time_limit: 90m"), ["compute.time_limit 6h → 90m tightened"]),
    ((P, ", cost_limit: 20", ""), ["compute.cost_limit 20 → unset loosened"]),
]  # fmt: skip


@pytest.mark.parametrize(("edit", "said"), SAID, ids=[said[0] for _, said in SAID])
def test_a_change_is_said_in_words(edit: tuple[str, str, str], said: list[str], tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, Edit(name="one", replaced=(edit,)))
    assert _texts(base, head) == said


def test_a_change_knows_its_line_and_what_is_gone_has_none(tmp_path: Path) -> None:
    edits = ((S2, "freeze: 10", "freeze: 0"), (S2, "  - {metric: map50_95, min: 0.45}\n", ""))
    base, head = snapshots(tmp_path, Edit(name="two", replaced=edits))
    assert head.project is not None
    changes = sprint_changes(base.sprints["0002-night"], head.sprints["0002-night"], head.project)
    assert [(change.path, change.effect, change.where) for change in changes] == [
        ("train.freeze", "changed", "specs/0002-night.yaml:13:74"),
        ("gates[map50_95]", "removed", ""),
    ]


def test_a_value_is_added_or_removed_or_changed(tmp_path: Path) -> None:
    edits = ((S2, "freeze: 10", "cos_lr: true"), (S2, "epochs: 30", "epochs: 31"))
    base, head = snapshots(tmp_path, Edit(name="three", replaced=edits))
    assert head.project is not None
    changes = sprint_changes(base.sprints["0002-night"], head.sprints["0002-night"], head.project)
    assert sorted((change.path, change.effect) for change in changes) == [
        ("train.cos_lr", "added"),
        ("train.epochs", "changed"),
        ("train.freeze", "removed"),
    ]


def test_a_spec_that_extends_another_differs_by_what_it_says(tmp_path: Path) -> None:
    spec = (
        "apiVersion: flywheel/v1\nkind: Sprint\ntitle: Longer\nextends: 0002-night\n"
        "train: {epochs: 60, freeze: null}\n"
    )
    base, head = snapshots(tmp_path, Edit(name="new", written={NEXT: spec}))
    assert _texts(base, head, "0003-next") == [
        "title The night shift → Longer",
        "epochs 30 → 60",
        "freeze 10 → unset",
    ]


def test_naming_the_usual_metric_is_no_change(tmp_path: Path) -> None:
    base, head = snapshots(tmp_path, Edit(name="usual", replaced=((S2, "  optimizing: map50_95\n", ""),)))
    assert _texts(base, head) == []


def _shuffled(value: Any, chance: random.Random, *, path: tuple[str, ...] = ()) -> Any:
    """The same content: keys in another order, and lists whose order means nothing."""
    if isinstance(value, dict):
        keys = list(value)
        chance.shuffle(keys)
        return {key: _shuffled(value[key], chance, path=(*path, key)) for key in keys}
    if isinstance(value, list):
        entries = [_shuffled(item, chance, path=path) for item in value]
        if path and path[-1] in ("gates", "slices", "checks", "frozen", "value_set"):
            chance.shuffle(entries)
        return entries
    return value


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), flow=st.booleans())
def test_the_same_content_in_another_order_is_no_change(
    tmp_path_factory: pytest.TempPathFactory, seed: int, flow: bool
) -> None:
    chance = random.Random(seed)
    folder = tmp_path_factory.mktemp("shuffled")
    files = {
        name: yaml.safe_dump(
            _shuffled(yaml.safe_load(text), chance), sort_keys=False, default_flow_style=flow
        )
        for name, text in BASE.items()
        if name.endswith(".yaml")
    }
    base = load_snapshot(write(folder / "base", BASE), "b" * 40)
    head = load_snapshot(write(folder / "head", {**BASE, **files}), "c" * 40)
    assert head.errors == []
    assert _texts(base, head) == []


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("brightness<0.3", "brightness  <\n0.30"),
        ("a = 1 AND b = 'X'", "A = 1 and B = 'X'"),
        ("a != 1", "a <> 1"),
        ("((a = 1))", "a = 1"),
        ("camera in ('x','y')", "camera IN ( 'x' , 'y' )"),
        ('"brightness" < 0.25', "brightness < .250"),
        ("NOT (labelled) AND (width) > (5)", "not labelled and width > 5"),
        ("((a)) = 1", "a = 1"),
        ("abs((a)) = -1", "abs(a) = -1"),
    ],
)
def test_conditions_that_say_the_same(one: str, other: str) -> None:
    assert same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("camera = 'Dock'", "camera = 'dock'"),
        ("a < 0.3", "a <= 0.3"),
        ("(a = 1) OR (b = 2)", "a = 1 OR b = 3"),
        ("a = 1 AND (b = 2 OR c = 3)", "(a = 1 AND b = 2) OR c = 3"),
        ("path LIKE '%0.30%'", "path LIKE '%0.3%'"),
        ("a = 10", "a = 1"),
        ("a !~~ 'x'", "a ! ~~ 'x'"),
        ("concat(a, '0.30') = CAST(0.30 AS VARCHAR)", "concat(a, '0.30') = CAST(0.3 AS VARCHAR)"),
        ("'it''s' = a", "'its' = a"),
        ("a = 1", None),
        ('"true" = a', "true = a"),
        ('"current_date" = a', "current_date = a"),
        ("'brightness' = a", "brightness = a"),
        ("abs(a) = 1", "abs a = 1"),
        ("a IN (1)", "a IN 1"),
        ("a = 1 OR (b) AND c", "(a = 1 OR b) AND c"),
    ],
)
def test_conditions_that_do_not(one: str, other: str | None) -> None:
    assert not same(one, other)


def test_parentheses_stay_where_they_do_not_belong_together() -> None:
    assert normal("(a = 1) or (b = 2)") == "( a = 1 ) or ( b = 2 )"


def test_long_lists_that_differ_never_look_the_same() -> None:
    one, other = list(range(40)), [*range(39), 99]
    assert one_line(one) != one_line(other)
    assert str(one_line(one)).startswith("[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, … 28 more, ")


def test_the_suite_starts_from_a_valid_project(tmp_path: Path) -> None:
    snapshot = load_snapshot(write(tmp_path, BASE), "b" * 40)
    assert snapshot.errors == []
    assert list(snapshot.sprints) == ["0001-first-model", "0002-night"]
    assert snapshot.sprints["0002-night"].raw_sha256
    assert LAST in BASE.values()
