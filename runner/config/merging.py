"""A spec over the one that it extends: what is merged, what is added, and where each entry is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from runner.config.yaml_loader import DataPath, Document

STARTS = ("model", "from")  # of `train`: exactly one of them
ADDED: dict[str, DataPath] = {
    "checks": ("checks",),
    "export": ("export",),
    "slices": ("evaluate", "slices"),
    "gates": ("gates",),
}
"""The lists that `add` can lengthen: its key → their places in a spec."""


def merged_chain(chain: Sequence[Document]) -> dict[str, Any]:
    """What a run sees of a spec and those it extends, nearest first."""
    merged: dict[str, Any] = {}
    for document in reversed(chain):
        if isinstance(document.data, dict):
            patch = {key: value for key, value in document.data.items() if key != "add"}
            merged = overridden(_without_own(merged), patch)
            if isinstance(document.data.get("variants"), dict):
                merged["variants"] = document.data["variants"]  # null says something there
            for key, path in ADDED.items():
                merged = _lengthened(merged, path, _list(document.data, ("add", key)))
    return merged


def origin_of(chain: Sequence[Document], path: DataPath) -> tuple[Document, DataPath]:
    """The document that says what stands at a path of the merged spec, and the path in that document.

    They differ for what was added to a list: the fifth gate of the merged spec may be `add.gates[0]` of the nearest.
    """
    for key, place in ADDED.items():
        depth = len(place)
        if path[:depth] == place and len(path) > depth and isinstance(path[depth], int):
            position = int(path[depth])
            for document, prefix, length in _segments(chain, key, place):
                if position < length:
                    return document, (*prefix, position, *path[depth + 1 :])
                position -= length
    return _holder_of(chain, path), path


def _holder_of(chain: Sequence[Document], path: DataPath) -> Document:
    """The nearest document that has what stands at `path`."""
    for length in range(len(path), 0, -1):
        for document in chain:
            if path[:length] in document.places:
                return document
    return chain[0]


def _segments(
    chain: Sequence[Document], key: str, place: DataPath
) -> Iterator[tuple[Document, DataPath, int]]:
    """The parts that a merged list consists of: which document writes them, where, and how many entries."""
    parts: list[tuple[Document, DataPath, int]] = []
    for document in reversed(chain):
        if place in document.places:
            parts = [(document, place, len(_list(document.data, place)))]
        if added := _list(document.data, ("add", key)):
            parts.append((document, ("add", key), len(added)))
    yield from parts


def _list(data: Any, path: DataPath) -> list[Any]:
    for key in path:
        data = data.get(key) if isinstance(data, dict) else None
    return data if isinstance(data, list) else []


def _lengthened(merged: dict[str, Any], path: DataPath, entries: list[Any]) -> dict[str, Any]:
    if not entries:
        return merged
    key, rest = str(path[0]), path[1:]
    below = merged.get(key)
    if rest:
        return merged | {key: _lengthened(below if isinstance(below, dict) else {}, rest, entries)}
    return merged | {key: [*(below if isinstance(below, list) else []), *entries]}


def _without_other_start(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What a spec extends, without the start of the training where the spec itself names another."""
    below, above = base.get("train"), patch.get("train")
    if not isinstance(below, dict) or not isinstance(above, dict):
        return base
    given = {key for key in STARTS if above.get(key) is not None}
    dropped = set(STARTS) - given if len(given) == 1 else set()
    return base | {"train": {key: value for key, value in below.items() if key not in dropped}}


def _without_own(base: dict[str, Any]) -> dict[str, Any]:
    """What a spec extends, without what is that sprint's alone: its variants, and the batch that it had labelled."""
    base = {key: value for key, value in base.items() if key != "variants"}
    annotation = base.get("annotation")
    if not isinstance(annotation, dict):
        return base
    return base | {"annotation": {key: value for key, value in annotation.items() if key != "batch"}}


def overridden(base: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A spec, or a variant of it, over what it starts from; training has one start."""
    return merge(_without_other_start(base, patch), patch)


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
