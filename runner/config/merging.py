"""A spec over the one that it extends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from runner.config.yaml_loader import Document

STARTS = ("model", "from")  # of `train`: exactly one of them


def merged_chain(chain: Sequence[Document]) -> dict[str, Any]:
    """What a run sees of a spec and those it extends, nearest first."""
    merged: dict[str, Any] = {}
    for document in reversed(chain):
        if isinstance(document.data, dict):
            merged = merge(_without_other_start(merged, document.data), document.data)
    return merged


def _without_other_start(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What a spec extends, without the start of the training where the spec itself names another."""
    below, above = base.get("train"), patch.get("train")
    if not isinstance(below, dict) or not isinstance(above, dict):
        return base
    given = {key for key in STARTS if above.get(key) is not None}
    dropped = set(STARTS) - given if len(given) == 1 else set()
    return base | {"train": {key: value for key, value in below.items() if key not in dropped}}


def merge(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What a spec says over the one it extends: mappings are merged, the rest replaced, null takes away.

    Source: JSON Merge Patch (RFC 7396).

    >>> merge({"a": {"b": 1, "c": 2}, "d": [1, 2]}, {"a": {"c": None, "e": 3}, "d": [3]})
    {'a': {'b': 1, 'e': 3}, 'd': [3]}
    """
    merged = dict(base)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict):
            below = merged.get(key)
            merged[key] = merge(below if isinstance(below, dict) else {}, value)
        else:
            merged[key] = value
    return merged
