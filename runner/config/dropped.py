"""What a spec no longer has of the lists of the one it extends: a list of its own takes the place of the inherited one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import msgspec

from runner.config.merging import ADDED, merged_chain, origin_of
from runner.config.yaml_loader import DataPath, Document, show_path
from runner.domain.errors import FlywheelError
from runner.gates import Gate
from runner.gates.text import describe

_SHOWN = 8
_NAMING = {"gates": ("metric", "slice", "class", "target", "against"), "slices": ("name", "by", "auto")}


def dropped(chain: Sequence[Document]) -> list[FlywheelError]:
    """One warning per list of a spec that leaves out entries which the spec that it extends has.

    An entry that is written again with another value is no such one: an edit is seen where it is made.

    Args:
        chain: the documents of a valid spec, itself first.
    """
    if len(chain) < 2:
        return []
    return [warning for key, place in ADDED.items() for warning in _of_list(chain, key, place)]


def _of_list(chain: Sequence[Document], key: str, place: DataPath) -> Iterator[FlywheelError]:
    above, own = (_entries(merged_chain(part), place) for part in (chain[1:], chain))
    names = [_identity(key, entry) for entry in own]
    gone = [position for position, entry in enumerate(above) if _identity(key, entry) not in names]
    if not gone:
        return
    parent = str(chain[0].data["extends"])
    shown = [f"{_words(key, above[each])} ({_where(chain[1:], (*place, each))})" for each in gone[:_SHOWN]]
    more = f" and {len(gone) - _SHOWN} more" if len(gone) > _SHOWN else ""
    count = f"{len(gone)} of the {len(above)}" if len(above) > 1 else "the one"
    yield FlywheelError(
        f"`{show_path(place)}` takes the place of the list of {parent}: {count} "
        f"{'is' if len(gone) == 1 else 'are'} no longer there: {', '.join(shown)}{more}",
        where=chain[0].where(place, at_key=True),
        hint=f"to keep them, write what is new under `add: {{{key}: […]}}` in place of `{show_path(place)}`",
    )


def _where(chain: Sequence[Document], path: DataPath) -> str:
    document, local = origin_of(chain, path)
    return str(document.where(local))


def _entries(data: Mapping[str, Any], path: DataPath) -> list[Any]:
    value: Any = data
    for key in path:
        value = value.get(key) if isinstance(value, Mapping) else None
    return value if isinstance(value, list) else []


def _identity(key: str, entry: Any) -> object:
    """What makes it the same entry, whatever it demands."""
    if key == "checks":
        name = "preset" if "preset" in entry else next(iter(entry), "")
        options = entry.get(name) if isinstance(entry.get(name), Mapping) else {}
        return name, str(entry.get("preset")), options.get("table"), str(options.get("column"))
    if key == "export":
        return entry.get("format"), entry.get("precision", "fp32")
    return tuple(str(entry.get(each)) for each in _NAMING[key])


def _words(key: str, entry: Mapping[str, Any]) -> str:
    match key:
        case "gates":
            return describe(msgspec.convert(entry, Gate))
        case "slices":
            by = entry.get("by")
            named = ", ".join(by) if isinstance(by, list) else by
            return str(entry.get("name") or (f"by {named}" if named else "the weakest"))
        case "export":
            return f"{entry.get('format')}-{entry.get('precision', 'fp32')}"
        case _:
            return str(entry.get("preset") or next(iter(entry)))
