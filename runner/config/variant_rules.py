"""What is wrong with `variants` beyond their schema: test images, what a variant comes to, and variants that are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Any

import msgspec

from runner.annotators.annotator import DRAWN
from runner.config.explain import SchemaProblem
from runner.config.merging import overridden
from runner.config.node import Node
from runner.config.sprint import Sprint
from runner.domain.task import TaskName
from runner.tasks import TASKS

_BOXES = "boxes"
_OWN = ("variants", "expect", "extends")  # of the spec alone


def variant_problems(
    merged: dict[str, Any],
    task: TaskName | None,
    problems_of: Callable[[dict[str, Any], TaskName | None], Iterable[SchemaProblem]],
) -> Iterator[SchemaProblem]:
    """Args:
    merged: a spec, with what it extends, that is right but for its variants.
    task: the project's; None when flywheel.yaml cannot tell.
    problems_of: everything that is wrong with such a spec in a project of some task.
    """
    variants = Node(merged).get("variants")
    base = {key: value for key, value in merged.items() if key not in _OWN}
    known: dict[bytes, str] = {}
    for _, variant in variants.items():
        if variant.get("data", "test").value is not None:
            yield SchemaProblem(
                path=variant.get("data", "test").path,
                message="a variant is measured on the spec's test images: on others the two could not be compared",
                hint="take it out, or change `data.test` of the spec itself, for all variants",
                at_key=True,
            )
            continue
        others = list(_label_problems(variant.get("annotation"), task))
        yield from others
        if others:
            continue
        patch = variant.value if isinstance(variant.value, dict) else {}
        derived = overridden(base, {key: value for key, value in patch.items() if value is not None})
        seen_as = DRAWN.get(variant.get("annotation", "strategy").text or "", task)
        if seen_as != task:  # what speaks of the project's labels does not speak of these
            derived = {key: value for key, value in derived.items() if key not in ("checks", "gates")}
        wrong = [
            replace(problem, path=(*variant.path, *problem.path), rule=False)
            for problem in problems_of(derived, seen_as)
        ]
        yield from wrong
        if not wrong:
            yield from _same(variant, derived, base, known)


def _label_problems(annotation: Node, task: TaskName | None) -> Iterator[SchemaProblem]:
    """Labels that cannot be made of those that the project has."""
    for key, option in annotation.items():
        if key != "strategy":
            message = (
                "of `annotation` a variant says `strategy` alone: the labels are those that the data has"
            )
            yield SchemaProblem(path=option.path, message=message, at_key=True)
    strategy = annotation.get("strategy")
    if strategy.value is None or task is None or any(key != "strategy" for key, _ in annotation.items()):
        return
    if strategy.text == _BOXES and TASKS[task].ranked and DRAWN[_BOXES] != task:
        return
    may = (
        f"of those of task {task} a variant makes {_BOXES} alone"
        if TASKS[task].ranked and DRAWN[_BOXES] != task
        else f"the labels of task {task} have nothing that could be left out"
    )
    yield SchemaProblem(
        path=strategy.path,
        message=f"a variant is trained on the labels that the data has, or on less of them: {may}",
    )


def _same(
    variant: Node, derived: dict[str, Any], base: dict[str, Any], known: dict[bytes, str]
) -> Iterator[SchemaProblem]:
    """A variant that comes to the same as another one, or says at length what the spec says."""
    name, meaning = str(variant.path[-1]), _meaning(derived)
    if meaning in known:
        message = f"it comes to the same as the variant {known[meaning]}"
        yield SchemaProblem(path=variant.path, message=message, hint="take one of them out", at_key=True)
    elif meaning == _meaning(base) and variant.value:
        yield SchemaProblem(
            path=variant.path,
            message="it comes to the same as the spec itself",
            hint=f"to give the spec a name among its variants, write `{name}: {{}}`",
            at_key=True,
        )
    known.setdefault(meaning, name)


def _meaning(spec: dict[str, Any]) -> bytes:
    """What a spec comes to: defaults that are written out are no difference."""
    return msgspec.json.encode(msgspec.convert(spec, Sprint), order="sorted")
