"""How a number of images is shared out between the values of a column."""

from __future__ import annotations

from collections.abc import Mapping


def equal_shares(available: Mapping[str, int], size: int) -> dict[str, int]:
    """Shares `size` out equally; what a value cannot fill goes to the others, a remainder to the first names.

    >>> equal_shares({"a": 10, "b": 2, "c": 10}, 12)
    {'a': 5, 'b': 2, 'c': 5}
    >>> equal_shares({"a": 3, "b": 3}, 5)
    {'a': 3, 'b': 2}
    >>> equal_shares({"a": 1}, 5)
    {'a': 1}
    """
    shares = dict.fromkeys(available, 0)
    left = min(size, sum(available.values()))
    while left:
        open_names = sorted(name for name, count in available.items() if shares[name] < count)
        each = left // len(open_names)
        for name in open_names if each else open_names[:left]:
            given = min(max(each, 1), available[name] - shares[name])
            shares[name] += given
            left -= given
    return shares


def proportional_shares(available: Mapping[str, int], size: int) -> dict[str, int]:
    """Shares `size` out as the values occur, by the largest remainder: of equal ones, the first names.

    No share is more than a value has, and none is further than one from its exact part.

    >>> proportional_shares({"day": 70, "dusk": 10, "night": 20}, 10)
    {'day': 7, 'dusk': 1, 'night': 2}
    >>> proportional_shares({"a": 1, "b": 1, "c": 1}, 2)
    {'a': 1, 'b': 1, 'c': 0}
    >>> proportional_shares({"a": 1}, 5)
    {'a': 1}
    """
    total = max(sum(available.values()), 1)
    size = min(size, sum(available.values()))
    shares = {name: count * size // total for name, count in available.items()}
    remainders = sorted(available, key=lambda name: (-(available[name] * size % total), name))
    for name in remainders[: size - sum(shares.values())]:
        shares[name] += 1
    return shares
