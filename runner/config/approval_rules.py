"""Who may approve: what the schema says of it, and names that are written twice or only look like a team's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runner.config.explain import SchemaProblem
from runner.config.node import Node
from runner.domain.policy import FindingKind

_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,79}(?!\n)$"
PEOPLE: dict[str, Any] = {
    "title": "People",
    "type": "array",
    "minItems": 1,
    "items": {
        "type": "string",
        "pattern": _NAME,
        "errorMessage": "a login or a team has letters, digits, `_`, `.`, `-`, at most 80",
    },
}
_OF_PEOPLE = {"$ref": "#/$defs/People"}
# Types cannot say which keys there are: the kinds of findings, and names of teams.
POLICY_PROPERTIES: dict[str, dict[str, Any]] = {
    "approvals": {
        "properties": dict.fromkeys(map(str, FindingKind), _OF_PEOPLE),
        "additionalProperties": False,
    },
    "teams": {
        "patternProperties": {_NAME: _OF_PEOPLE},
        "additionalProperties": False,
        "errorMessage": "a team's name has letters, digits, `_`, `.`, `-`, at most 80",
    },
}


def approval_problems(policy: Node) -> Iterator[SchemaProblem]:
    """Of `policy.approvals` and `policy.teams`, beyond their schema."""
    teams = {_plain(name): name for name, _ in policy.get("teams").items()}
    for _, members in policy.get("teams").items():
        yield from _repeated(members)
        for member in members.entries():
            if member.text in teams.values():
                message = f'the team "{member.text}" cannot be a member: name the people'
                yield SchemaProblem(path=member.path, message=message)
    for _, names in policy.get("approvals").items():
        yield from _repeated(names)
        for name in names.entries():
            meant = teams.get(_plain(name.text or ""))
            if name.text and meant is not None and meant != name.text:
                yield SchemaProblem(
                    path=name.path, message=f'unknown team "{name.text}"; did you mean "{meant}"?'
                )


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "").replace(".", "")


def _repeated(names: Node) -> Iterator[SchemaProblem]:
    seen: set[str] = set()
    for name in names.entries():
        if name.text and name.text.lower() in seen:
            yield SchemaProblem(path=name.path, message=f'"{name.text}" is named twice')
        seen.add((name.text or "").lower())
