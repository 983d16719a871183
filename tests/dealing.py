"""The order in which tests are dealt to the processes of a test run, so that none waits while another builds what both need."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

LEFT_FOR_THE_END = 0.15  # of the quick tests: the processes end together


def dealt(items: Sequence[pytest.Item]) -> list[pytest.Item]:
    """One test of each state that is built once (`tests/built.py`), with quick tests for the other processes behind it; then
    the others that need such states, and quick ones at the end.

    Within each part the order stays as it was.
    """
    states = {item: _states(item) for item in items}
    functions = [names for item, names in states.items() if isinstance(item, pytest.Function)]
    of_all = frozenset.intersection(*functions) if functions else frozenset()
    states = {item: names - of_all for item, names in states.items()}
    openers = _openers(states)
    quick = [item for item in items if not states[item]]
    end = len(quick) - int(len(quick) * LEFT_FOR_THE_END)
    ordered: list[pytest.Item] = []
    for number, opener in enumerate(openers):
        share = quick[number * end // len(openers) : (number + 1) * end // len(openers)]
        ordered += [opener, *share]
    others = [item for item in items if states[item] and item not in set(openers)]
    return [*ordered, *others, *(quick[end:] if openers else quick)]


def _openers(states: dict[pytest.Item, frozenset[str]]) -> list[pytest.Item]:
    """For each state a test that needs it and least else; what others are made from comes first."""
    opener: dict[str, pytest.Item] = {}
    for name in sorted(frozenset[str]().union(*states.values())):
        opener[name] = min(
            (item for item in states if name in states[item]), key=lambda item: len(states[item])
        )
    by_depth = sorted(opener.values(), key=lambda item: len(states[item]))
    return list(dict.fromkeys(by_depth))


def _states(item: pytest.Item) -> frozenset[str]:
    """The fixtures of the whole test run that make something in a folder."""
    known = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 - pytest has no public name for it
    return frozenset(name for name, made in known.items() if _is_state(made[-1]))


def _is_state(made: pytest.FixtureDef[object]) -> bool:
    return made.scope == "session" and "tmp_path_factory" in made.argnames
