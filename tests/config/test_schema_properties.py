"""`accepts` and jsonschema give the same answer, and what they accept the typed models decode."""

from __future__ import annotations

import copy
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.config.accepts import accepts
from runner.config.project import Project
from runner.config.schema import Kind, load_schema
from runner.config.sprint import Sprint

PROJECT: dict[str, Any] = {
    "apiVersion": "flywheel/v1",
    "kind": "Project",
    "name": "x",
    "task": "detect",
    "classes": ["a", "b"],
    "dataset": {"path": "data", "layout": "yolo", "metadata": "data/m.csv", "group_by": "scene"},
    "splits": {"train": "split = 'train'", "pool": "x"},
    "slices": [
        {"name": "dark", "where": "x"},
        {"by": "camera", "max": 3},
        {"name": "s", "objects": "y"},
        {"by": ["a", "b"]},
    ],
    "keypoints": {"names": ["a", "b"], "flip": [1, 0], "sigmas": [0.1, 0.2]},
    "policy": {
        "holdout": {"significance": 0.2},
        "gates": [{"metric": "map50", "max_drop": 0.1, "against": "champion"}],
    },
    "costs": {"currency": "EUR", "label": {"class": 1}},
    "compute": {"device": "cuda:1", "threads": 2},
}
SPRINT: dict[str, Any] = {
    "apiVersion": "flywheel/v1",
    "kind": "Sprint",
    "title": "x",
    "annotation": {"strategy": "boxes", "budget": {"money": 3}},
    "data": {
        "train": {"where": "x", "dedupe": {"distance": 3}, "sample": {"size": 3, "stratify": "a"}},
        "val": {"dedupe": {"method": "exact"}, "quota": {"by": "a", "max": 3, "images": {"x": 1}}},
        "exclude": "y",
    },
    "checks": [{"preset": "detection"}, {"expect_x": {"table": "images", "column": "a", "mostly": 0.5}}],
    "train": {
        "framework": "ultralytics",
        "model": "m",
        "imgsz": 320,
        "seeds": [0],
        "augment": {"mosaic": 0.5},
    },
    "export": [{"format": "onnx"}, {"format": "openvino", "precision": "int8", "calibration": {"size": 3}}],
    "evaluate": {
        "optimizing": "map50",
        "slices": [{"by": "weather"}, {"auto": "weakest", "max": 3}],
        "confidence": {"level": 0.9},
    },
    "gates": [{"metric": "recall", "min": 0.5, "decide": "point", "slice": "*", "class": "a"}],
}
EXTENSION = {**SPRINT, "extends": "0001-x", "train": {"epochs": 3, "freeze": None}, "annotation": None}
NAMES = [
    "extends", "where", "by", "name", "min", "max", "max_drop", "against", "precision", "calibration",
    "preset", "expect_y", "format", "framework", "size", "row_condition", "epochs", "unknown",
]  # fmt: skip
VALUES = st.sampled_from(
    [
        None,
        True,
        0,
        1,
        -1,
        0.5,
        30.5,
        10**9,
        "",
        "x",
        "int8",
        "onnx",
        "champion",
        "EUR",
        "x\n",
        [],
        {},
        [1],
        {"x": 1},
    ]
)


def paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [path, *(below for key, entry in entries for below in paths(entry, (*path, key)))]


@st.composite
def mutations(draw: st.DrawFn, document: dict[str, Any]) -> Any:
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(paths(changed)))
        holder = changed
        for key in path[:-1]:
            holder = holder[key]
        if not path:
            changed[draw(st.sampled_from(NAMES))] = copy.deepcopy(draw(VALUES))
            continue
        match draw(st.sampled_from(["replace", "delete", "add"])):
            case "replace":
                holder[path[-1]] = copy.deepcopy(draw(VALUES))
            case "delete":
                del holder[path[-1]]
            case _ if isinstance(holder[path[-1]], dict):
                holder[path[-1]][draw(st.sampled_from(NAMES))] = copy.deepcopy(draw(VALUES))
    return changed


@pytest.mark.parametrize("document", [PROJECT, SPRINT, EXTENSION], ids=["project", "sprint", "extension"])
@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data())
def test_every_tool_gives_the_same_answer(document: dict[str, Any], data: st.DataObject) -> None:
    from jsonschema import Draft202012Validator

    kind: Kind = "project" if document is PROJECT else "sprint"
    assert accepts(load_schema(kind), document)
    changed = data.draw(mutations(document))
    valid = Draft202012Validator(load_schema(kind)).is_valid(changed)
    assert accepts(load_schema(kind), changed) is valid
    if valid and not (isinstance(changed, dict) and "extends" in changed):
        msgspec.convert(changed, Project if kind == "project" else Sprint)
