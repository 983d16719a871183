"""Which fields the records had in every version of this project: what a record of an earlier one may lack, and may have.

`schemas.json` beside this file has them, the newest version last. A changed record type needs a new version there:
`python -m runner.record.schemas`. By it `verify` tells a field that was not recorded yet from one that was taken out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import inspect

from runner.domain.files import write_text
from runner.domain.records import Record
from runner.record.catalogue import CATALOGUE

FILE = Path(__file__).with_name("schemas.json")
Schema = dict[
    str, dict[str, str]
]  # the name of a record's type → its fields in JSON → their types as they are written


def schema() -> Schema:
    """Of today's records: of every type that a JSON file of the catalogue holds, or has inside."""
    types = {
        kind.cls
        for file in CATALOGUE
        if file.format == "json"
        for kind in _structs(inspect.type_info(file.type), set())
    }
    return {cls.__name__: _fields(cls) for cls in sorted(types, key=lambda cls: cls.__name__)}


@cache
def versions() -> list[Schema]:
    """Of every version, the newest last."""
    return [entry["types"] for entry in json.loads(FILE.read_text(encoding="utf-8"))]


def came_later(record: str, field: str) -> bool:
    """Whether some earlier version had the record's type without the field, or no such type."""
    return any(field not in version.get(record, {}) for version in versions()[:-1])


def is_gone(record: str, field: str) -> bool:
    """Whether an earlier version's records had a field that today's type does not."""
    return any(field in version.get(record, {}) for version in versions()[:-1])


def _structs(kind: inspect.Type, seen: set[type]) -> Iterator[inspect.StructType]:
    if isinstance(kind, inspect.StructType):
        if kind.cls in seen:
            return
        seen.add(kind.cls)
        if issubclass(kind.cls, Record):  # options of the spec have rules of their own: docs/config.md
            yield kind
            for field in kind.fields:
                yield from _structs(field.type, seen)
        return
    for name in ("type", "item_type", "value_type"):
        if hasattr(kind, name):
            yield from _structs(getattr(kind, name), seen)
    for name in ("types", "item_types"):
        for member in getattr(kind, name, ()):
            yield from _structs(member, seen)


def _fields(cls: Any) -> dict[str, str]:
    names = dict(zip(cls.__struct_fields__, cls.__struct_encode_fields__, strict=True))
    written = {
        name: text
        for base in reversed(cls.__mro__)
        for name, text in vars(base).get("__annotations__", {}).items()
    }
    return {names[name]: str(text) for name, text in written.items() if name in names}


def main() -> None:
    """Adds today's types as the newest version; one that was not committed yet is better taken out by hand before."""
    known = json.loads(FILE.read_text(encoding="utf-8")) if FILE.is_file() else []
    if not known or known[-1]["types"] != schema():
        known.append({"version": len(known) + 1, "types": schema()})
        write_text(FILE, json.dumps(known, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
