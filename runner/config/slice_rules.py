"""What is wrong with slices, and with the slices that gates name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from runner.config.columns import Columns, column_problems, condition_problems
from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.nearest import suggestion

_FOUND = "what `auto` finds differs from sprint to sprint: describe the region with `name` and `where`"


class SliceNames(Struct, frozen=True, kw_only=True):
    """The slices that a file defines.

    Attributes:
        names: of slices with `name`.
        columns: of slices with `by`, each its columns in the order of its slices' names.
        auto: slices are searched for.
    """

    names: frozenset[str] = frozenset()
    columns: frozenset[tuple[str, ...]] = frozenset()
    auto: bool = False

    def __or__(self, other: SliceNames) -> SliceNames:
        return SliceNames(
            names=self.names | other.names,
            columns=self.columns | other.columns,
            auto=self.auto or other.auto,
        )

    @property
    def patterns(self) -> frozenset[str]:
        """What a gate may write: names, and `column=<value>` for each value."""
        return self.names | {_pattern(columns) for columns in self.columns}


def slice_names(slices: Node) -> SliceNames:
    """Reads the slices of a file's data, which may be wrong in places."""
    entries = slices.entries()
    return SliceNames(
        names=frozenset(text for entry in entries if (text := entry.get("name").text)),
        columns=frozenset(columns for entry in entries if (columns := _columns(entry))),
        auto=any(entry.get("auto").value is not None for entry in entries),
    )


def slice_problems(
    slices: Node, images: Columns, objects: Columns, in_project: SliceNames
) -> Iterator[SchemaProblem]:
    """What is wrong with the slices of one file; `in_project` are those of flywheel.yaml, for a spec."""
    yield from _repeated(slices, in_project)
    for entry in slices.entries():
        by = entry.get("by")
        yield from column_problems(by, images)
        seen: set[str] = set()
        for column in by.entries():
            yield from column_problems(column, images)
            if column.text and column.text in seen:
                yield SchemaProblem(path=column.path, message=f'the column "{column.text}" is named twice')
            seen.add(column.text or "")
        yield from condition_problems(entry.get("where"), images)
        yield from condition_problems(entry.get("objects"), objects)


def gate_slice_problems(name: Node, known: SliceNames) -> Iterator[SchemaProblem]:
    """What is wrong with the slice that a gate names."""
    if name.text is None or name.text in known.names:
        return
    if name.text == "*":
        if not known.names | known.columns:
            message = "there are no slices: neither here nor in flywheel.yaml"
            yield SchemaProblem(path=name.path, message=f"{message}; {_FOUND}" if known.auto else message)
        return
    values = _values(name.text)
    if tuple(values) in known.columns:
        return
    for columns in sorted(known.columns):
        if name.text == ", ".join(columns):
            message = f'"{name.text}" has one slice per value: write "{_pattern(columns)}"'
            yield SchemaProblem(path=name.path, message=message)
            return
        if set(columns) == set(values):
            right = ", ".join(f"{column}={values[column]}" for column in columns)
            message = f'unknown slice "{name.text}"; the columns are crossed in another order: "{right}"'
            yield SchemaProblem(path=name.path, message=message)
            return
    ending = suggestion(name.text, known.patterns | {"*"}, plural="slices")
    hint = _FOUND if known.auto and "did you mean" not in ending else None
    yield SchemaProblem(path=name.path, message=f'unknown slice "{name.text}"{ending}', hint=hint)


def _columns(entry: Node) -> tuple[str, ...]:
    by = entry.get("by")
    return (by.text,) if by.text else tuple(text for column in by.entries() if (text := column.text))


def _pattern(columns: tuple[str, ...]) -> str:
    return ", ".join(f"{column}=<value>" for column in columns)


def _values(name: str) -> dict[str, str]:
    """The columns and values of `a=x, b=y`; a value may hold a comma, but none that a `word=` follows."""
    parts = [part.partition("=") for part in re.split(r", (?=[^=,]+=)", name)]
    return {column: value for column, sign, value in parts if sign and value}


def _repeated(slices: Node, in_project: SliceNames) -> Iterator[SchemaProblem]:
    names: set[str] = set()
    crossed: set[frozenset[str]] = set()
    in_project_crossed = {frozenset(columns) for columns in in_project.columns}
    auto = in_project.auto
    for entry in slices.entries():
        name, by, searched = entry.get("name"), entry.get("by"), entry.get("auto")
        columns = frozenset(_columns(entry))
        shown = ", ".join(_columns(entry))
        if name.text:
            yield from _seen(name, name.text, name.text in names, name.text in in_project.names)
            names.add(name.text)
        if columns:
            yield from _seen(by, shown, columns in crossed, columns in in_project_crossed)
            crossed.add(columns)
        if searched.value is not None:
            if auto:
                message = "weak slices are already searched for; `auto` is written once, for project and spec"
                yield SchemaProblem(path=searched.path, message=message, at_key=True)
            auto = True


def _seen(node: Node, shown: str, here: bool, in_project: bool) -> Iterator[SchemaProblem]:
    if here:
        yield SchemaProblem(path=node.path, message=f'the slice "{shown}" is named twice')
    if in_project:
        yield SchemaProblem(
            path=node.path, message=f'the slice "{shown}" is already defined in flywheel.yaml'
        )
