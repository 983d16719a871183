"""Records of other versions of flywheel: read for what today's types know, and written back with what they do not.

A reader of a record is lenient: a field that no type of today knows is passed over, and one that was not recorded has its
default. What a pull request's job hands over is decoded strictly (`domain.files.decode_json`): every record type forbids
unknown fields, and here alone they are taken out before.
"""

from __future__ import annotations

from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from runner.domain.files import decode_json, encode_json

T = TypeVar("T")


def decode_any_version(content: bytes, kind: type[T]) -> T:
    """A typed record from its bytes, whichever version wrote them.

    Raises:
        msgspec.MsgspecError: they are no such record: no JSON, or what today's type needs was not recorded.
    """
    try:
        return decode_json(content, kind)
    except msgspec.ValidationError:
        known = known_part(decode_json(content, object), inspect.type_info(kind))
        return decode_json(msgspec.json.encode(known), kind)


def amended(before: bytes, content: T, kind: type[T]) -> bytes:
    """The bytes of a record that takes an older one's place, with what that one has and today's type does not know."""
    try:
        old = decode_json(before, object)
    except msgspec.MsgspecError:
        return encode_json(content)
    new = msgspec.json.decode(msgspec.json.encode(content))
    return encode_json(with_unknown_of(old, new, inspect.type_info(kind)))


def known_part(value: Any, kind: inspect.Type) -> Any:
    """JSON without the fields that its type does not know.

    >>> from runner.domain.records import Device
    >>> known_part({"kind": "cpu", "colour": "grey"}, inspect.type_info(Device))
    {'kind': 'cpu'}
    """
    kind = member_of(kind, value)
    match kind:
        case inspect.StructType() if isinstance(value, dict):
            fields = fields_of(kind)
            tag = {kind.tag_field: value[kind.tag_field]} if kind.tag_field in value else {}
            return tag | {
                name: known_part(entry, fields[name].type) for name, entry in value.items() if name in fields
            }
        case inspect.DictType() if isinstance(value, dict):
            return {name: known_part(entry, kind.value_type) for name, entry in value.items()}
        case inspect.ListType() | inspect.VarTupleType() if isinstance(value, list):
            return [known_part(entry, kind.item_type) for entry in value]
    return value


def with_unknown_of(old: Any, new: Any, kind: inspect.Type) -> Any:
    """What is to be written, with the fields that an older record has there and today's type does not know.

    The entries of a list are those of the old one that say the same in what is known.

    Args:
        old: JSON as it lies there. `new`: JSON of today's version. `kind`: the type of both.
    """
    kind = member_of(kind, new)
    if isinstance(kind, inspect.StructType) and isinstance(old, dict) and isinstance(new, dict):
        fields = fields_of(kind)
        kept = {name: value for name, value in old.items() if name not in fields}
        return {
            name: with_unknown_of(old[name], value, fields[name].type)
            if name in old and name in fields
            else value
            for name, value in new.items()
        } | kept
    if isinstance(kind, inspect.ListType) and isinstance(old, list) and isinstance(new, list):
        before = {msgspec.json.encode(_typed(entry, kind.item_type)): entry for entry in old}
        return [
            with_unknown_of(before.get(msgspec.json.encode(entry), entry), entry, kind.item_type)
            for entry in new
        ]
    return new


def fields_of(kind: inspect.StructType) -> dict[str, inspect.Field]:
    """A struct's fields by their names in JSON."""
    return {field.encode_name: field for field in kind.fields}


def member_of(kind: inspect.Type, value: Any) -> inspect.Type:
    """Of a union the member that a JSON value is of; any other type itself."""
    if isinstance(kind, inspect.Metadata):
        return member_of(kind.type, value)
    if not isinstance(kind, inspect.UnionType):
        return kind
    members = [member_of(member, value) for member in kind.types]
    structs = [member for member in members if isinstance(member, inspect.StructType)]
    if isinstance(value, dict) and structs:
        tagged = [one for one in structs if one.tag_field is not None and value.get(one.tag_field) == one.tag]
        return (tagged or structs)[0]
    kinds: tuple[type[inspect.Type], ...] = (inspect.DictType,) if isinstance(value, dict) else ()
    kinds = (inspect.ListType, inspect.VarTupleType) if isinstance(value, list) else kinds
    return next((member for member in members if isinstance(member, kinds)), inspect.AnyType())


def _typed(entry: Any, kind: inspect.Type) -> Any:
    """An old entry as today's version writes what it knows of it; itself where that is no such record."""
    kind = member_of(kind, entry)
    if not isinstance(kind, inspect.StructType):
        return entry
    try:
        return msgspec.convert(known_part(entry, kind), kind.cls)
    except msgspec.ValidationError:
        return entry
