"""Classes that labels give by name, matched to the project's."""

from __future__ import annotations

from collections.abc import Sequence

from runner.dataset.class_names import class_ids, plain_name
from runner.domain.label_faults import Flaw
from runner.domain.nearest import suggestion

_SHOWN = 40


class NamedClasses:
    """The project's classes by the names that labels use; what is asked once is remembered.

    >>> names = NamedClasses(["cat", "dog"])
    >>> names.number(" dog"), names.number("bird").message
    (1, '"bird" is not one of the project\\'s classes; classes: cat, dog')
    """

    def __init__(self, classes: Sequence[str]) -> None:
        self.classes = list(classes)
        self._known = class_ids(classes)
        self._written: dict[str, int | Flaw] = {}  # millions of labels use few names

    def number(self, name: str) -> int | Flaw:
        """The position of a class, or what is said where the project has none of that name."""
        found = self._written.get(name)
        if found is None:
            plain = plain_name(name)
            position = self._known.get(plain)
            found = self._written[name] = self._unknown(plain) if position is None else position
        return found

    def _unknown(self, name: str) -> Flaw:
        if not name.strip():
            return Flaw("unknown_class", "no class is named")
        shown = "".join(letter if letter.isprintable() else "?" for letter in name[:_SHOWN])
        near = suggestion(name, self.classes, plural="classes")
        return Flaw("unknown_class", f'"{shown}" is not one of the project\'s classes{near}')
