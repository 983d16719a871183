"""JSON Schema validation by the jsonschema library, as plain records."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class Violation(Struct, frozen=True, kw_only=True):
    """One keyword of a schema that an instance does not satisfy.

    Attributes:
        path: of the value in the document.
        keyword: the schema's keyword ("type", "required", …); "" where the schema is `false`.
        expected: the keyword's value in the schema.
        found: the value in the document.
        schema: the schema object that holds the keyword.
    """

    path: tuple[str | int, ...]
    keyword: str
    expected: Any
    found: Any
    schema: dict[str, Any]


def violations(schema: dict[str, Any], document: Any) -> list[Violation]:
    """Every violation of a draft 2020-12 schema."""
    from jsonschema import Draft202012Validator

    return [
        Violation(
            path=tuple(error.absolute_path),
            keyword=str(error.validator or ""),
            expected=error.validator_value,
            found=error.instance,
            schema=error.schema if isinstance(error.schema, dict) else {},
        )
        for error in Draft202012Validator(schema).iter_errors(document)
    ]
