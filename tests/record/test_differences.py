"""What decides in two versions of a record, and what is only rendered otherwise."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec import inspect

from runner.domain.evaluation import Interval
from runner.domain.files import encode_json
from runner.domain.verdict import GateResult, Outcome, Verdict
from runner.record.catalogue import VERDICT
from runner.record.differences import record_differences
from runner.record.parameters import compiled_difference, other_versions

GATE = GateResult(
    gate="recall ≥ 0.70",
    metric="recall",
    target="onnx-fp32",
    slice=None,
    outcome=Outcome.PASS,
    value=0.8,
    interval=Interval(low=0.72, high=0.86),
    decided_by="interval",
    threshold=0.7,
    explanation="recall is 0.80",
    finding="gate_loosened-1",
)
TODAY = Verdict(
    outcome=Outcome.PASS, gates=[GATE], optimizing="map50_95", optimizing_value=0.5, level=0.95, family=3
)
Change = Callable[[dict[str, Any]], object]


def differing(change: Change, *, resampled_otherwise: bool = False) -> list[tuple[str, bool]]:
    """The paths that differ once a stored verdict was changed, and whether each is only rendered otherwise."""
    stored, rebuilt = (json.loads(encode_json(TODAY)) for _ in range(2))
    change(stored)
    found = record_differences(
        stored, rebuilt, inspect.type_info(VERDICT.type), resampled_otherwise=resampled_otherwise
    )
    return [(difference.detail.partition(" is ")[0], difference.rendered) for difference in found]


def gate(**changes: object) -> Change:
    return lambda stored: stored["gates"][0].update(changes)


@pytest.mark.parametrize(
    ("change", "path"),
    [
        (lambda stored: stored.update(outcome="FAIL"), "outcome"),
        (lambda stored: stored.update(optimizing_value=0.51), "optimizing_value"),
        (lambda stored: stored.update(champion="0001-x"), "champion"),
        (lambda stored: stored.pop("gates"), "gates"),
        (lambda stored: stored["gates"].clear(), "gates[0]"),
        (lambda stored: stored["gates"][0].pop("finding"), "gates[0].finding"),
        (lambda stored: stored["gates"][0].pop("outcome"), "gates[0].outcome"),
        (gate(outcome="INCONCLUSIVE"), "gates[0].outcome"),
        (gate(value=0.81), "gates[0].value"),
        (gate(threshold=0.6), "gates[0].threshold"),
        (gate(target="torch"), "gates[0].target"),
        (gate(decided_by="point"), "gates[0].decided_by"),
        (gate(reviewed=True), "gates[0].reviewed"),  # a field of no version
    ],
)
def test_what_decides_is_no_rendering_whatever_version_is_claimed(change: Change, path: str) -> None:
    assert differing(change, resampled_otherwise=True) == [(path, False)]


@pytest.mark.parametrize("change", [gate(explanation="0.80"), gate(explanation="")])
def test_words_are_a_rendering(change: Change) -> None:
    assert differing(change) == [("gates[0].explanation", True)]


def test_an_interval_is_a_rendering_of_another_version_of_the_evaluation_alone() -> None:
    change = gate(interval={"low": 0.7, "high": 0.9})
    assert differing(change) == [("gates[0].interval.low", False), ("gates[0].interval.high", False)]
    assert {rendered for _, rendered in differing(change, resampled_otherwise=True)} == {True}


def test_what_came_later_may_be_absent_and_what_every_version_had_may_not() -> None:
    kind = inspect.type_info(VERDICT.type)
    rebuilt = json.loads(encode_json(TODAY)) | {"claim": json.loads(encode_json(GATE)), "wear": None}
    stored = {name: value for name, value in rebuilt.items() if name not in ("claim", "wear")}
    found = list(record_differences(stored, rebuilt, kind, resampled_otherwise=False))
    assert [(each.detail.partition(" ")[0], each.rendered) for each in found] == [
        ("wear", False),
        ("claim", True),
    ]


SECTION = {"version": 4, "digest": "a", "split": "test", "classes": ["cat"]}


@pytest.mark.parametrize(
    ("stored", "found"),
    [
        (SECTION, None),
        (SECTION | {"version": 3, "digest": "b"}, None),
        ({"version": 3, "digest": "b", "split": "test"}, None),  # `classes` came later
        (SECTION | {"version": 3, "seed": 1}, None),  # `seed` is gone
        (SECTION | {"version": 3, "split": "val"}, 'select.split is "val", rebuilt "test"'),
        (SECTION | {"version": 3, "classes": []}, 'select.classes[0] is absent, rebuilt "cat"'),
        (SECTION | {"split": "val"}, 'select.split is "val", rebuilt "test"'),
        (SECTION | {"seed": 1}, "select.seed is 1, rebuilt absent"),
    ],
)
def test_another_version_of_a_stage_may_be_told_other_things_but_not_the_same_thing_otherwise(
    stored: dict[str, object], found: str | None
) -> None:
    sections = {"select": stored}, {"select": SECTION}
    assert compiled_difference(*sections, other_versions(*sections)) == found


def test_a_stage_cannot_be_left_out_by_claiming_another_version() -> None:
    assert compiled_difference({}, {"select": SECTION}, {"select": (3, 4)}) is not None


def test_of_a_pipeline_the_stages_of_the_same_version_must_be_the_same() -> None:
    today = {"stages": {"select": {"cmd": "a"}, "train": {"cmd": "b"}}}
    stored = {"stages": {"select": {"cmd": "a"}, "train": {"cmd": "rm"}}}
    assert compiled_difference(stored, today, {"train": (1, 2)}) is None
    assert compiled_difference(stored, today, {"select": (1, 2)}) == 'stages.train.cmd is "rm", rebuilt "b"'
