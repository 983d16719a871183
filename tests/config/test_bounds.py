"""Every number that a spec or flywheel.yaml can hold has a lower and an upper bound, and so has every text that is written there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runner.config.load import validate

SCHEMAS = Path(__file__).parents[2] / "runner" / "config" / "schemas"
LOWER, UPPER = {"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"}


def numbers(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, dict):
        types = node.get("type", [])
        if {"integer", "number"} & {*([types] if isinstance(types, str) else types)} and "enum" not in node:
            yield path, node
        for key, value in node.items():
            yield from numbers(value, f"{path}/{key}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from numbers(value, f"{path}/{position}")


@pytest.mark.parametrize("kind", ["sprint", "project"])
def test_every_number_is_bounded_on_both_sides(kind: str) -> None:
    found = dict(numbers(json.loads((SCHEMAS / f"{kind}.schema.json").read_text())))
    assert found
    assert [path for path, node in found.items() if not (LOWER & node.keys() and UPPER & node.keys())] == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "benchmark: {warmup: 100000000000000000000}",
            "must be at most 100,000, found 100000000000000000000",
        ),
        ("benchmark: {iterations: 9999999999}", "must be at most 100,000, found 9999999999"),
        ("train: {epochs: 100000000000000000000}", "must be at most 10,000, found 100000000000000000000"),
        ("train: {imgsz: 3200000}", "must be at most 4,096, found 3200000"),
        ("train: {seeds: [4294967296]}", "must be at most 4,294,967,295, found 4294967296"),
        ("data: {train: {sample: {size: 10, seed: -1}}}", "must be at least 0, found -1"),
        ("evaluate: {confidence: {resamples: 100000000}}", "must be at most 100,000, found 100000000"),
        ("gates: [{metric: size_mb, max: 1.0e+300}]", "must be at most 1,000,000,000,000, found"),
    ],
)
def test_what_would_run_for_ever_is_refused(repository: Path, text: str, message: str) -> None:
    spec = repository / "specs" / "0002-more.yaml"
    spec.write_text(f"apiVersion: flywheel/v1\nkind: Sprint\ntitle: x\nextends: 0001-first-model\n{text}\n")
    assert next(error.message.split(": ", 1)[-1] for error in validate(repository)).startswith(message)
