"""From problems to errors: each at the place in the file that says what is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from runner.config.explain import SchemaProblem
from runner.config.merging import origin_of
from runner.config.yaml_loader import Document, show_path
from runner.domain.errors import FlywheelError, Where


def told(problems: Iterable[SchemaProblem], document: Document) -> list[SchemaProblem]:
    """Without those about values that the file's own errors already speak of."""
    return [
        problem
        for problem in problems
        if not any(problem.path[: len(broken)] == broken for broken in document.broken)
    ]


def located(problem: SchemaProblem, chain: list[Document]) -> FlywheelError:
    """An error at the place of what is wrong, in the document that says it."""
    document, path = origin_of(chain, problem.path)
    shown = show_path(path)
    return FlywheelError(
        f"{shown}: {problem.message}" if shown else problem.message,
        where=document.where(path, at_key=problem.at_key),
        hint=problem.hint,
    )


def in_order(errors: list[FlywheelError]) -> list[FlywheelError]:
    """Each error once, by file, line and column."""
    distinct = {str(error): error for error in errors}

    def place(error: FlywheelError) -> tuple[str, int, int]:
        where = error.where or Where("")
        return where.file, where.line or 0, where.column or 0

    return sorted(distinct.values(), key=place)
