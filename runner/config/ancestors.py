"""The sprint that a spec fine-tunes: it must be there, must have run, and may not start from the spec itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.nearest import suggestion
from runner.trainers import CHAMPION


def ancestor_problems(
    name: str, named: Node, sprints: Sequence[str], ancestor_of: Callable[[str], str | None]
) -> Iterator[SchemaProblem]:
    """What is wrong with `train.from` by the specs alone.

    Args:
        named: the spec's `train.from`; a node of None where there is none.
        sprints: every sprint's name.
        ancestor_of: what the `train.from` of another sprint says.
    """
    line, following = [name], named.text
    while following and following != CHAMPION:
        if following in line:
            circle = " → ".join([*line[line.index(following) :], following])
            yield SchemaProblem(path=named.path, message=f"training would start from its own model: {circle}")
            return
        if following not in sprints:
            if len(line) == 1:
                ending = suggestion(following, [each for each in sprints if each != name], plural="sprints")
                yield SchemaProblem(path=named.path, message=f'no sprint "{following}"{ending}')
            return
        line.append(following)
        following = ancestor_of(following)


def folds_problems(named: Node, folds: Node) -> Iterator[SchemaProblem]:
    """Folds hold images out, which the model that training starts from may have seen.

    Args:
        named: the spec's `train.from`. `folds`: its `evaluate.folds`.
    """
    if named.text is not None and folds.value is not None:
        yield SchemaProblem(
            path=folds.path,
            message=f"the folds would start from a model that has seen what they hold out: train.from is {named.text}",
            hint="name a `model` in train in its place, or leave evaluate.folds out",
        )


def not_run_problems(root: Path, named: Node) -> Iterator[SchemaProblem]:
    """Of a valid spec: the sprint whose model it fine-tunes has no record to start from.

    Asked where there is a checkout with records, and not of a commit's configuration by itself.
    """
    sprint = named.text
    if sprint in (None, CHAMPION) or (root / "reports" / str(sprint) / "training.json").is_file():
        return
    yield SchemaProblem(
        path=named.path,
        message=f"{sprint} has not run: there is no model on record to start from",
        hint=f"flywheel run {sprint}, and commit its record",
    )
