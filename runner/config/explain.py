"""What is wrong with a document, in a user's words: from a schema's violations to messages."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from runner.adapters.system.json_schema import Violation
from runner.config.yaml_loader import DataPath
from runner.domain.nearest import nearest, suggestion

_TYPE_NAMES = {
    "object": "a mapping",
    "array": "a list",
    "string": "text",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "nothing",
}


@dataclass(frozen=True, kw_only=True)
class SchemaProblem:
    """One thing that is wrong.

    `at_key`: it is the key that is wrong, not the value. `rule`: options that clash.
    """

    path: DataPath
    message: str
    at_key: bool = False
    rule: bool = False
    hint: str | None = None


def explain(violations: Iterable[Violation]) -> list[SchemaProblem]:
    """One problem for each thing to correct, without those that only follow from another."""
    problems: dict[tuple[DataPath, str], SchemaProblem] = {}
    for violation in violations:
        for problem in _explain(violation):
            problems.setdefault((problem.path, problem.message), problem)
    unknown = {problem.path[:-1] for problem in problems.values() if problem.message.startswith("unknown ")}
    mistyped = {(problem.path[:-1], meant) for problem in problems.values() if (meant := _meant(problem))}
    wrong_type = {problem.path for problem in problems.values() if problem.message.startswith("expected ")}
    return [
        problem
        for problem in problems.values()
        if not (problem.rule and problem.path in unknown | wrong_type)
        and not ((missing := _missing(problem)) and (problem.path, missing) in mistyped)
    ]


def describe(value: Any) -> str:
    """A value as a message shows it.

    >>> describe("fast"), describe(True), describe([1])
    ('text ("fast")', 'true', 'a list')
    """
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case str():
            return f'text ("{value[:40]}{"…" if len(value) > 40 else ""}")'
        case dict():
            return "a mapping"
        case _:
            return "a list"


def _explain(violation: Violation) -> Iterator[SchemaProblem]:
    match violation.keyword:
        case "additionalProperties":
            yield from _unknown_keys(violation)
        case "type":
            yield SchemaProblem(path=violation.path, message=_wrong_type(violation))
        case "enum" | "const":
            yield SchemaProblem(path=violation.path, message=_wrong_choice(violation))
        case _ if message := violation.schema.get("errorMessage"):
            rule = violation.keyword != "pattern"
            yield SchemaProblem(path=violation.path, message=message, rule=rule)
        case "required":
            for key in violation.expected:
                if key not in violation.found:
                    message = f'missing key "{key}"{_only_value(key, violation.schema)}'
                    yield SchemaProblem(path=violation.path, message=message, at_key=True)
        case _:
            yield SchemaProblem(path=violation.path, message=_out_of_range(violation))


def _only_value(key: str, schema: dict[str, Any]) -> str:
    """What to write, where only one value is accepted."""
    accepted = schema.get("properties", {}).get(key, {})
    values = [accepted["const"]] if "const" in accepted else accepted.get("enum", [])
    return f": write `{key}: {values[0]}`" if len(values) == 1 else ""


def _unknown_keys(violation: Violation) -> Iterator[SchemaProblem]:
    known = list(violation.schema.get("properties", {}))
    patterns = list(violation.schema.get("patternProperties", {}))
    for key in violation.found:
        if key in known or any(re.search(pattern, key) for pattern in patterns):
            continue
        if patterns:
            unknown_check = "unknown check; write `preset: detection` or an expectation (`expect_…`)"
            message = violation.schema.get("errorMessage", unknown_check)
        else:
            others = [name for name in known if name not in violation.found]
            message = "unknown key" + suggestion(
                key, others or known, plural="keys not used yet" if others else "keys"
            )
        yield SchemaProblem(path=(*violation.path, key), message=message, at_key=True)


def _wrong_type(violation: Violation) -> str:
    given = [violation.expected] if isinstance(violation.expected, str) else violation.expected
    expected = [name for name in given if name != "null"]
    names = " or ".join(_TYPE_NAMES[name] for name in expected)
    message = f"expected {names}, found {describe(violation.found)}"
    if "string" in expected and isinstance(violation.found, (bool, int, float)):
        return message + "; write it in quotes"
    if {"number", "integer"} & set(expected) and isinstance(violation.found, str):
        return message + ("; write it without quotes" if _is_number(violation.found) else "")
    return message


def _wrong_choice(violation: Violation) -> str:
    expected = violation.expected if violation.keyword == "enum" else [violation.expected]
    choices = [str(choice) for choice in expected if choice is not None]
    found = describe(violation.found) if not isinstance(violation.found, str) else f'"{violation.found[:40]}"'
    if isinstance(violation.found, str) and len(choices) > 1 and (meant := nearest(violation.found, choices)):
        return f'unknown value {found}; did you mean "{meant}"?'
    return f"expected {choices[0] if len(choices) == 1 else 'one of ' + ', '.join(choices)}, found {found}"


def _out_of_range(violation: Violation) -> str:
    expected, found = violation.expected, violation.found
    match violation.keyword:
        case "minimum":
            return f"must be at least {expected}, found {found}"
        case "exclusiveMinimum":
            return f"must be more than {expected}, found {found}"
        case "maximum":
            return f"must be at most {expected:,.15g}, found {found}"
        case "multipleOf":
            below = found // expected * expected
            nearby = f"the nearest are {below} and {below + expected}"
            return f"must be a multiple of {expected}, found {found}; {nearby}"
        case "minLength":
            return "must not be empty"
        case "maxLength":
            return f"longer than {expected} characters ({len(found)})"
        case "minItems":
            return f"needs at least {_entries(expected)}, found {len(found)}"
        case "maxItems":
            return f"at most {_entries(expected)}, found {len(found)}"
    return "not accepted here"


def _entries(count: int) -> str:
    return "1 entry" if count == 1 else f"{count} entries"


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _meant(problem: SchemaProblem) -> str | None:
    found = re.fullmatch(r'unknown key; did you mean "(.+)"\?', problem.message)
    return found[1] if found else None


def _missing(problem: SchemaProblem) -> str | None:
    found = re.match(r'missing key "(.+?)"', problem.message)
    return found[1] if found else None
