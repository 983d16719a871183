"""What the test split of a new project can decide, said before anybody relies on a verdict of it."""

from __future__ import annotations

from collections.abc import Mapping

from runner.evaluation.judged import FEWEST_GROUPS
from runner.report.tables import WIDE

LEVEL = 0.95
_NAMED_CLASSES = 8


def undecidable(groups: int, per_class: Mapping[str, int], unit: str = "image") -> list[str]:
    """What to know of a test split that is too small to tell good from bad; empty where it is not.

    Args:
        groups: how many independent groups (images, where nothing groups them) hold a labelled object.
        per_class: in how many of them each class occurs.
        unit: what a group is called: `image`, or the column that groups images.

    >>> for problem in undecidable(7, {"cat": 7, "dog": 2}):
    ...     print(problem)  # doctest: +NORMALIZE_WHITESPACE
    the test split can hardly decide: 7 images are labelled there, and of what is truly 0.50 they show anything from
    0.14 to 0.86; label about 110 before you rely on a verdict
    classes that the test split can hardly judge by themselves: dog (2 images); label some 5 images or more of each
    >>> undecidable(400, {"cat": 210, "dog": 190})
    []
    """
    problems = []
    low, high = _expected_range(groups)
    if high - low > WIDE:
        problems.append(
            f"the test split can hardly decide: {_count(groups, unit)} {'is' if groups == 1 else 'are'} labelled there, "
            f"and of what is truly 0.50 they show anything from {low:.2f} to {high:.2f}; label about {_enough()} "
            "before you rely on a verdict"
        )
    few = {name: number for name, number in per_class.items() if number < FEWEST_GROUPS}
    if few:
        named = ", ".join(
            f"{name} ({_count(number, unit)})" for name, number in list(few.items())[:_NAMED_CLASSES]
        )
        more = f" and {len(few) - _NAMED_CLASSES} more" if len(few) > _NAMED_CLASSES else ""
        problems.append(
            f"classes that the test split can hardly judge by themselves: {named}{more}; "
            f"label some {_count(FEWEST_GROUPS, unit)} or more of each"
        )
    return problems


def _expected_range(groups: int) -> tuple[float, float]:
    """The exact binomial interval (Clopper & Pearson 1934) of half of the groups right."""
    from scipy.special import betaincinv

    if groups == 0:
        return 0.0, 1.0
    right, tail = groups / 2, (1 - LEVEL) / 2
    low = float(betaincinv(right, groups - right + 1, tail))
    return low, float(betaincinv(right + 1, groups - right, 1 - tail))


def _enough() -> int:
    """The fewest groups, in tens, that an interval of no more than `WIDE` takes."""
    groups = 10
    while (ends := _expected_range(groups))[1] - ends[0] > WIDE:
        groups += 10
    return groups


def _count(number: int, unit: str) -> str:
    if unit == "image":
        return f"{number} image{'' if number == 1 else 's'}"
    return f"{number} group{'' if number == 1 else 's'} by {unit}"
