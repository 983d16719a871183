"""Variants of a sprint: which there are, and the spec that each comes to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
from msgspec import UNSET

from runner.annotators.annotator import DRAWN
from runner.config.load import LoadedSprint
from runner.config.merging import overridden
from runner.config.project import Project
from runner.config.sprint import Sprint, Variant


def made_beside(sprint: Sprint) -> list[str]:
    """The variants that are made beside the sprint, as they are written: one that says nothing is the sprint itself."""
    given = {} if sprint.variants is UNSET else sprint.variants
    return [name for name, variant in given.items() if variant.patch]


def own_name(sprint: Sprint) -> str | None:
    """What the spec itself is called among its variants; None where it has no name of its own."""
    given = {} if sprint.variants is UNSET else sprint.variants
    return next((name for name, variant in given.items() if not variant.patch), None)


def said_by(sprint: Sprint, name: str) -> list[str]:
    """What a variant says over the spec, option by option: `train.model: yolo26s.pt`.

    Raises:
        KeyError: the sprint has no such variant.
    """
    return [
        f"{'.'.join(path)}: {shown_value(value)}" for path, value in _leaves(_named(sprint, name).patch, ())
    ]


def _leaves(block: dict[str, Any], above: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in block.items():
        if isinstance(value, dict) and value:
            yield from _leaves(value, (*above, key))
        else:
            yield (*above, key), value


def shown_value(value: Any) -> str:
    """A value as YAML would write it on one line, null for one that is taken away.

    >>> shown_value(None), shown_value([0, 1]), shown_value("yolo26s.pt")
    ('null', '[0, 1]', 'yolo26s.pt')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def variant_of(loaded: LoadedSprint, name: str) -> LoadedSprint:
    """The sprint as one of its variants says, with the same gates. It claims nothing, asks for no labels, and has no variants.

    With other labels it has no checks and no gates either: they speak of those that the project has.

    Raises:
        KeyError: the sprint has no such variant.
    """
    sprint, variant = loaded.sprint, _named(loaded.sprint, name)
    annotation = msgspec.structs.replace(sprint.annotation, batch=None) if sprint.annotation else None
    alone = msgspec.structs.replace(sprint, variants=UNSET, expect=None, annotation=annotation)
    if variant.strategy:
        alone = msgspec.structs.replace(alone, checks=[], gates=[])
        loaded = replace(loaded, gate_sources=[], kept=[])
    patched = overridden(msgspec.to_builtins(alone), variant.patch)
    return replace(loaded, sprint=msgspec.convert(patched, Sprint))


def project_of(project: Project, sprint: Sprint, name: str) -> Project:
    """The project as a variant sees it: of another task, where its labels are others.

    Raises:
        KeyError: the sprint has no such variant.
    """
    strategy = _named(sprint, name).strategy
    if not strategy or DRAWN[strategy] == project.task:
        return project
    return msgspec.structs.replace(project, task=DRAWN[strategy], keypoints=None)


def _named(sprint: Sprint, name: str) -> Variant:
    return ({} if sprint.variants is UNSET else sprint.variants)[name]
