"""From problems to errors: each at the place in the file that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from runner.config.explain import Problem
from runner.config.yaml_loader import DataPath, Document, show_path
from runner.domain.errors import FlywheelError, Where


def told(problems: Iterable[Problem], document: Document) -> list[Problem]:
    """Without those about values that the file's own errors already speak of."""
    return [
        problem
        for problem in problems
        if not any(problem.path[: len(broken)] == broken for broken in document.broken)
    ]


def holder_of(chain: list[Document], path: DataPath) -> Document:
    """The document that says what stands at `path`: the nearest that has it."""
    for length in range(len(path), 0, -1):
        for document in chain:
            if path[:length] in document.places:
                return document
    return chain[0]


def located(problem: Problem, chain: list[Document]) -> FlywheelError:
    shown = show_path(problem.path)
    return FlywheelError(
        f"{shown}: {problem.message}" if shown else problem.message,
        where=holder_of(chain, problem.path).where(problem.path, at_key=problem.at_key),
        hint=problem.hint,
    )


def in_order(errors: list[FlywheelError]) -> list[FlywheelError]:
    """Each error once, by file, line and column."""
    distinct = {str(error): error for error in errors}

    def place(error: FlywheelError) -> tuple[str, int, int]:
        where = error.where or Where("")
        return where.file, where.line or 0, where.column or 0

    return sorted(distinct.values(), key=place)
