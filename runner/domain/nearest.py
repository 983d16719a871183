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
    >>> nearest("map5", ["ar", "map50_95", "map50", "map75"])
    'map50'
    >>> nearest("colour", ["where", "name"]) is None
    True
    """
    from difflib import get_close_matches

    plain = {_plain(candidate): candidate for candidate in candidates}
    if exact := plain.get(_plain(name)):
        return exact
    written = _plain(name)
    found = get_close_matches(written, plain, n=3, cutoff=0.6)
    # Of equally close ones the library takes the last of the alphabet; people mistype the end of a word.
    return plain[min(found, key=lambda other: _rank(written, other))] if found else None


def _rank(written: str, other: str) -> tuple[float, int, str]:
    from difflib import SequenceMatcher

    ratio = SequenceMatcher(None, other, written).ratio()
    beginning = next(
        (position for position, pair in enumerate(zip(written, other, strict=False)) if len(set(pair)) > 1),
        min(len(written), len(other)),
    )
    return -round(ratio, 6), -beginning, other


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
