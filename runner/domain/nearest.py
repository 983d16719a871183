"""The nearest valid name to a mistyped one."""

from __future__ import annotations

from collections.abc import Iterable

_SHOWN = 40


def nearest(name: str, candidates: Iterable[str]) -> str | None:
    """The candidate that `name` was most likely meant to be, or None when nothing is close.

    >>> nearest("wher", ["where", "name"])
    'where'
    >>> nearest("mAP50-95", ["map50_95", "map50"])
    'map50_95'
    >>> nearest("colour", ["where", "name"]) is None
    True
    """
    from difflib import get_close_matches

    plain = {_plain(candidate): candidate for candidate in candidates}
    if exact := plain.get(_plain(name)):
        return exact
    found = get_close_matches(_plain(name), plain, n=1, cutoff=0.6)
    return plain[found[0]] if found else None


def suggestion(name: str, candidates: Iterable[str], *, plural: str = "known") -> str:
    """The end of a message: the nearest name, or what there is.

    >>> suggestion("wher", ["where", "name"])
    '; did you mean "where"?'
    >>> suggestion("colour", ["where", "name"], plural="columns")
    '; columns: name, where'
    """
    names = sorted(set(candidates))
    if found := nearest(name, names):
        return f'; did you mean "{found}"?'
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return f"; {plural}: {shown}" if names else ""


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").replace(" ", "_")
