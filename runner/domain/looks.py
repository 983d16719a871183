"""Alpha spending over looks: one question that is asked again, on test images of which some were looked at before.

The first look spends what the confidence level says, and costs no power. Each further one spends half of what the one before
it did, so that all looks together, however many follow, spend at most twice as much. By the union bound this holds whatever
the looks have in common, also where a model was trained anew between two of them.

Source: Lan & DeMets (1983), Discrete sequential boundaries for clinical trials, Biometrika 70, for spending a significance
    over looks whose number and times nobody knows beforehand. Why no other scheme: docs/adr/0016.
"""

from __future__ import annotations

USUAL_LEVEL = 0.95
LAST_HALVED = 20  # beyond it a bootstrap could not tell levels apart, and all further looks spend the same


def share_of_look(look: int) -> float:
    """The part of the first look's significance that the `look`-th may spend, the first one being 1.

    Example:
        >>> [share_of_look(look) for look in (1, 2, 3, 4)]
        [1.0, 0.5, 0.25, 0.125]
    """
    return float(2.0 ** (1 - min(look, LAST_HALVED)))


def level_of_look(level: float, look: int) -> float:
    """The confidence level that the `look`-th look at a question is judged by, where the first is judged by `level`.

    Example:
        >>> [level_of_look(0.95, look) for look in (1, 2, 3)]
        [0.95, 0.975, 0.9875]
    """
    return level if look <= 1 else round(1 - (1 - level) * share_of_look(look), 12)
