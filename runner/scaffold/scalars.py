"""Text as YAML that every reader takes for that text."""

from __future__ import annotations

import json
import re

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
# What YAML 1.1 readers take for something else than text.
_NOT_TEXT = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null"))


def scalar(text: str) -> str:
    """Text as a YAML scalar, quoted where it could be read as something else.

    >>> scalar("cat"), scalar("no"), scalar("3"), scalar('a: "b"')
    ('cat', '"no"', '"3"', '"a: \\\\"b\\\\""')
    """
    if _PLAIN.fullmatch(text) and text.lower() not in _NOT_TEXT:
        return text
    return json.dumps(text, ensure_ascii=False)
