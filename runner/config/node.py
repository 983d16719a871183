"""A cautious view of plain data that may be wrong: what is missing or of another type is simply not there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner.config.yaml_loader import DataPath


@dataclass(frozen=True)
class Node:
    """A value in a document, and its path."""

    value: Any
    path: DataPath = ()

    def get(self, *keys: str) -> Node:
        """The value below, key by key; a node of None when there is none."""
        value, path = self.value, self.path
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
            path = (*path, key)
        return Node(value, path)

    def entries(self) -> list[Node]:
        """A list's entries; none when this is no list."""
        values = self.value if isinstance(self.value, list) else []
        return [Node(value, (*self.path, index)) for index, value in enumerate(values)]

    def items(self) -> list[tuple[str, Node]]:
        """A mapping's entries; none when this is no mapping."""
        values = self.value if isinstance(self.value, dict) else {}
        return [(key, Node(value, (*self.path, key))) for key, value in values.items()]

    @property
    def text(self) -> str | None:
        """The value when it is text that is not empty."""
        return self.value if isinstance(self.value, str) and self.value else None

    @property
    def number(self) -> float | None:
        """The value when it is a number."""
        return (
            self.value if isinstance(self.value, (int, float)) and not isinstance(self.value, bool) else None
        )
