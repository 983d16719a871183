"""Numbers of specs: meant to be told apart by, and not required to differ."""

from __future__ import annotations

from pathlib import Path

from runner.config.load import SPECS, list_sprints
from runner.domain.errors import FlywheelError, Where

_DIGITS = 4


def shared_numbers(root: Path) -> list[FlywheelError]:
    """A warning for each spec whose number an earlier one has.

    No errors: two branches may each take the next number, and after both are merged neither is wrong.
    """
    first: dict[str, str] = {}
    return [
        FlywheelError(
            f"has the number of {owner}: the number alone names neither",
            where=Where(f"{SPECS}/{name}.yaml"),
            hint="if it has not run yet, give it the next number",
        )
        for name in list_sprints(root)
        if (owner := first.setdefault(name[:_DIGITS], name)) != name
    ]
