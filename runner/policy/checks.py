"""Data checks side by side: which is the same check, and whether it lets more through than before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from runner.checks.bias_rules import BiasLimits
from runner.checks.champion_rules import USUAL_SHIFT
from runner.checks.data_rules import FRAME_CORRELATION
from runner.checks.expectations import OWN_KEYS, parse_check
from runner.domain.records import Severity

Block = Mapping[str, Any]
_NAMES_ROWS = ("column", "column_A", "column_B", "column_list", "column_set")
_TIGHTER_WHEN_MORE = frozenset(("mostly", "min_value", "strict_min", "strict_max", "near_duplicate_distance"))
_TIGHTER_WHEN_LESS = frozenset(
    (
        *("max_value", "max_unreadable", "frame_correlation"),
        *("max_shortcut", "max_shift", "max_class_ratio", "max_champion_shift"),
    )
)
# What is unset where it is the usual one.
_USUAL_BIAS = {"max_champion_shift": USUAL_SHIFT, "champion_severity": str(Severity.WARNING)}
_ALLOWED_SETS = frozenset(("expect_column_values_to_be_in_set", "expect_column_distinct_values_to_be_in_set"))
_DEMANDED_SETS = frozenset(
    ("expect_column_values_to_not_be_in_set", "expect_column_distinct_values_to_contain_set")
)
_Z_SCORES = "expect_column_value_z_scores_to_be_less_than"
# Each row by itself, so that what holds of all rows holds of those of one split.
_JUDGES_ROWS = (
    *("expect_column_values_", "expect_column_pair_values_", "expect_multicolumn_"),
    *("expect_compound_columns_", "expect_select_column_values_"),
)


def check_key(block: Block) -> tuple[str, ...]:
    """What makes it the same check: the preset, or the expectation with its table and columns."""
    if "preset" in block:
        return ("preset", str(block["preset"]))
    ((name, arguments),) = block.items()
    return (name, *(str(arguments.get(key)) for key in ("table", *_NAMES_ROWS)))


def check_subject(block: Block) -> str:
    """`check preset detection`, `check expect_column_values_to_be_between of images.sharpness`."""
    if "preset" in block:
        return f"check preset {block['preset']}"
    ((name, arguments),) = block.items()
    columns = [str(arguments[key]) for key in _NAMES_ROWS if key in arguments]
    return f"check {name} of {'.'.join([str(arguments.get('table')), ', '.join(columns)]).rstrip('.')}"


def options(block: Block) -> dict[str, Any]:
    """The check's options with its defaults written out, without what only describes it."""
    check = parse_check(block)
    if "preset" in block:
        usual = {
            "frame_correlation": FRAME_CORRELATION,
            "altered_copies": True,
            **_USUAL_BIAS,
            **msgspec.to_builtins(BiasLimits()),
        }
        found: dict[str, Any] = {**usual, **msgspec.to_builtins(check)}
        bias = found.pop("bias", {})
        return {key: value for key, value in {**found, **bias}.items() if key != "preset"}
    ((_, written),) = block.items()
    written = {**written, **({"value_set": _sorted(written["value_set"])} if "value_set" in written else {})}
    defaults = {"severity": str(Severity.ERROR), "mostly": 1, "strict_min": False, "strict_max": False}
    kept = {key: value for key, value in written.items() if key not in (*_NAMES_ROWS, "description", "table")}
    return {**{key: value for key, value in defaults.items() if key not in kept}, **kept}


def _sorted(values: Any) -> Any:
    """The order of a set means nothing."""
    return sorted(values, key=repr) if isinstance(values, list) else values


def weakened(before: Block, after: Block) -> list[str]:
    """The options by which the check lets more through; empty when it is the same or stricter.

    What is not known to be stricter counts as weaker: somebody should look at it.
    """
    old, new = options(before), options(after)
    name = next(iter(after))
    return [
        key
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
        and not _is_tighter(name, key, old.get(key), new.get(key))
        and not (key == "split" and _looks_at_more(name, old, new))
    ]


def _is_tighter(expectation: str, key: str, old: Any, new: Any) -> bool:
    match key:
        case "severity" | "champion_severity":
            return bool(new == Severity.ERROR)
        case "altered_copies":
            return new is True
        case "value_set" if expectation in _ALLOWED_SETS:
            return _is_within(new, old)
        case "value_set" if expectation in _DEMANDED_SETS:
            return _is_within(old, new)
        case "threshold" if expectation == _Z_SCORES:
            return _number(new) and _number(old) and bool(new < old)
    if key in _TIGHTER_WHEN_MORE:
        return _is_limit(new) and (old is None or _is_less(old, new))
    if key in _TIGHTER_WHEN_LESS:
        return _is_limit(new) and (old is None or _is_less(new, old))
    if key.startswith("min_") and key not in OWN_KEYS:  # a preset's: fewer of them is told
        return _number(new) and _number(old) and bool(new > old)
    return False


def _looks_at_more(expectation: str, old: Block, new: Block) -> bool:
    """Whether a check that looked at one split looks at all rows, and cannot make up for that split's with others.

    A figure of all rows, or a share of them (`mostly`), may hold where that of one split does not.
    """
    strict = old.get("mostly") == new.get("mostly") == 1
    return new.get("split") is None and strict and expectation.startswith(_JUDGES_ROWS)


def _is_within(inner: Any, outer: Any) -> bool:
    return isinstance(inner, list) and isinstance(outer, list) and all(item in outer for item in inner)


def _number(value: Any) -> bool:
    return isinstance(value, (int, float))


def _is_limit(value: Any) -> bool:
    return _number(value) or _date(value) is not None


def _is_less(one: Any, other: Any) -> bool:
    """Of two numbers, or of two dates that are written as text."""
    if _number(one) and _number(other):
        return bool(one < other)
    dates = _date(one), _date(other)
    if dates[0] is None or dates[1] is None or (dates[0].tzinfo is None) != (dates[1].tzinfo is None):
        return False
    return dates[0] < dates[1]


def _date(value: Any) -> datetime | None:
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


class CheckPair(Struct, frozen=True, kw_only=True):
    """A check before and after; one is None where it was added or removed."""

    before: Block | None
    after: Block | None
    position: int

    @property
    def subject(self) -> str:
        return next(check_subject(block) for block in (self.after, self.before) if block is not None)


def pair_checks(before: Sequence[Block], after: Sequence[Block]) -> list[CheckPair]:
    """Every check that differs: those after in their order, then those that are gone. The order means nothing."""
    open_before = list(range(len(before)))
    pairs: dict[int, int] = {}
    for equal in (_identical, _not_weaker, _same):
        for new, block in enumerate(after):
            match = next((old for old in open_before if equal(before[old], block)), None)
            if new not in pairs and match is not None:
                pairs[new] = match
                open_before.remove(match)
    changed = [
        CheckPair(before=before[pairs[new]] if new in pairs else None, after=block, position=new)
        for new, block in enumerate(after)
        if new not in pairs or options(before[pairs[new]]) != options(block)
    ]
    gone = [CheckPair(before=before[old], after=None, position=old) for old in open_before]
    return [*changed, *gone]


def _identical(one: Block, other: Block) -> bool:
    return check_key(one) == check_key(other) and options(one) == options(other)


def _not_weaker(one: Block, other: Block) -> bool:
    return _same(one, other) and not weakened(one, other)


def _same(one: Block, other: Block) -> bool:
    return check_key(one) == check_key(other)
