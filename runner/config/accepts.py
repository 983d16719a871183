"""Whether a document satisfies a JSON Schema: the keywords that our schemas use, yes or no, no explanation.

Importing jsonschema takes as long as all the rest of `flywheel validate`; it is needed only to say what is
wrong. A test holds this to jsonschema's answer on thousands of documents.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

Schema = dict[str, Any]

_TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "null": lambda value: value is None,
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
}
_ANNOTATIONS = frozenset(
    ("$schema", "$defs", "title", "description", "default", "errorMessage", "then", "else")
)


class UnknownKeywordError(Exception):
    """The schema uses a keyword that is not known here."""


def accepts(schema: Schema, document: Any) -> bool:
    """True when `document` satisfies `schema`.

    Raises:
        UnknownKeywordError: the schema uses a keyword that is not known here.
    """
    return _Validator(schema["$defs"]).accepts(schema, document)


class _Validator:
    def __init__(self, definitions: dict[str, Schema]) -> None:
        self.definitions = definitions

    def accepts(self, schema: Schema | bool, value: Any) -> bool:
        if isinstance(schema, bool):
            return schema
        return all(
            self._keyword(keyword, expected, schema, value)
            for keyword, expected in schema.items()
            if keyword not in _ANNOTATIONS
        )

    def _keyword(self, keyword: str, expected: Any, schema: Schema, value: Any) -> bool:
        match keyword:
            case "$ref":
                return self.accepts(self.definitions[expected.rpartition("/")[2]], value)
            case "type":
                return any(
                    _TYPES[name](value) for name in ([expected] if isinstance(expected, str) else expected)
                )
            case "enum":
                return any(_equal(value, choice) for choice in expected)
            case "const":
                return _equal(value, expected)
            case "allOf":
                return all(self.accepts(branch, value) for branch in expected)
            case "anyOf":
                return any(self.accepts(branch, value) for branch in expected)
            case "oneOf":
                return sum(self.accepts(branch, value) for branch in expected) == 1
            case "not":
                return not self.accepts(expected, value)
            case "if":
                branch = "then" if self.accepts(expected, value) else "else"
                return self.accepts(schema.get(branch, True), value)
        if isinstance(value, dict):
            return self._object(keyword, expected, schema, value)
        if isinstance(value, list):
            return self._array(keyword, expected, value)
        return _scalar(keyword, expected, value)

    def _object(self, keyword: str, expected: Any, schema: Schema, value: dict[str, Any]) -> bool:
        match keyword:
            case "required":
                return all(key in value for key in expected)
            case "properties":
                return all(self.accepts(expected[key], value[key]) for key in expected.keys() & value.keys())
            case "patternProperties":
                return all(
                    self.accepts(branch, entry)
                    for pattern, branch in expected.items()
                    for key, entry in value.items()
                    if re.search(pattern, key)
                )
            case "additionalProperties" if expected is False:
                known, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
                return all(
                    key in known or any(re.search(pattern, key) for pattern in patterns) for key in value
                )
            case "minProperties":
                return len(value) >= int(expected)
            case "maxProperties":
                return len(value) <= int(expected)
        return _other_type(keyword)

    def _array(self, keyword: str, expected: Any, value: list[Any]) -> bool:
        match keyword:
            case "items":
                return all(self.accepts(expected, entry) for entry in value)
            case "minItems":
                return len(value) >= int(expected)
            case "maxItems":
                return len(value) <= int(expected)
        return _other_type(keyword)


def _scalar(keyword: str, expected: Any, value: Any) -> bool:
    if isinstance(value, str):
        match keyword:
            case "pattern":
                return re.search(expected, value) is not None
            case "minLength":
                return len(value) >= int(expected)
            case "maxLength":
                return len(value) <= int(expected)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        match keyword:
            case "minimum":
                return bool(value >= expected)
            case "maximum":
                return bool(value <= expected)
            case "exclusiveMinimum":
                return bool(value > expected)
            case "multipleOf" if isinstance(value, int) and isinstance(expected, int):
                return value % expected == 0
    return _other_type(keyword)


_KEYWORDS = frozenset(
    (
        "required",
        "properties",
        "patternProperties",
        "additionalProperties",
        "minProperties",
        "maxProperties",
        "items",
        "minItems",
        "maxItems",
        "pattern",
        "minLength",
        "maxLength",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "multipleOf",
    )
)


def _other_type(keyword: str) -> bool:
    """A keyword that speaks of another type than the value's has nothing against it."""
    if keyword in _KEYWORDS:
        return True
    raise UnknownKeywordError(keyword)


def _equal(left: Any, right: Any) -> bool:
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
