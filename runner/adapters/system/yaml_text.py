"""YAML that every reader takes for the same: ours, DVC's (ruamel.yaml, YAML 1.2) and Ultralytics' (PyYAML, YAML 1.1).

A class called `00007`, `7e2`, `on` or `1:30` is a number or a truth value to one of them and text to another. So
text that any of them could take for something else is written in quotes, and what DVC wrote is read as DVC reads it.
"""

from __future__ import annotations

import re
from typing import Any

import yaml

WIDTH = 110
MAX_DEPTH = 100
_MANY_LEVELS = re.compile(r"(?m)(?:[-?:][ \t]+){50}|^[ ]{100}")
# Text without a letter beyond those of numbers, dates and times; and the words of YAML 1.1 and 1.2.
_NUMBER_LIKE = re.compile(r"[-+.0-9_][-+.:0-9_a-fA-FoOxXtTzZ ]*|[-+]?\.(?:inf|nan)", re.IGNORECASE)
_WORDS = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~", "=", "<<", ""))
_TAG = "tag:yaml.org,2002:"
# Source: ruamel.yaml 0.19, resolver.py, `implicit_resolvers` of version 1.2, which DVC reads and writes by.
_RESOLVERS: tuple[tuple[str, str, str], ...] = (
    ("bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    (
        "float",
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$",
        "-+0123456789.",
    ),
    (
        "int",
        r"^(?:[-+]?0b[0-1_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+)$",
        "-+0123456789",
    ),
    ("null", r"^(?:~|null|Null|NULL|)$", "~nN"),
    ("merge", r"^<<$", "<"),
)


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Plain scalars as YAML 1.2 has them; dates stay text."""

    yaml_implicit_resolvers: dict[str, Any] = {}


class _Dumper(yaml.SafeDumper):
    """Quotes text that one of the readers could take for something else."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def dump(content: Any) -> str:
    """Plain data as YAML, keys in their order, the same value to every reader.

    >>> print(dump({"classes": ["cat", "00007", "7e2", "on", "1:30"]}), end="")
    classes:
    - cat
    - '00007'
    - '7e2'
    - 'on'
    - '1:30'
    """
    return str(yaml.dump(content, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=WIDTH))


def load(content: str | bytes) -> Any:
    """What DVC reads from the same text.

    Raises:
        yaml.YAMLError: it is not YAML.

    >>> load("[00017, 1e-05, on, 1:30, 2026-01-31, 'true', true, ~]")
    [17, 1e-05, 'on', '1:30', '2026-01-31', 'true', True, None]
    """
    _require_shallow(content)
    return yaml.load(content, Loader=_Loader)  # noqa: S506 - a safe loader


def load_text(content: str | bytes) -> Any:
    """Lists and mappings in which every scalar is the text that is written: `on`, `null`, `007`.

    Raises:
        yaml.YAMLError: it is not YAML.

    >>> load_text("names: {0: on, 1: null, '2': 007}")
    {'names': {'0': 'on', '1': 'null', '2': '007'}}
    """
    _require_shallow(content)
    return yaml.load(content, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - builds text only


def _require_shallow(content: str | bytes) -> None:
    """libyaml's composer recurses in C: a file of 300,000 brackets would end the process.

    Raises:
        yaml.YAMLError: it is nested deeper than `MAX_DEPTH`.
    """
    text = content if isinstance(content, str) else content.decode("utf-8", "replace")
    if text.count("[") + text.count("{") <= MAX_DEPTH and not _MANY_LEVELS.search(text):
        return
    depth = 0
    for event in yaml.parse(content, Loader=_Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise yaml.YAMLError(f"nested deeper than {MAX_DEPTH} levels")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _integer(loader: Any, node: Any) -> int:
    text = str(loader.construct_scalar(node)).replace("_", "")
    sign, digits = (-1 if text.startswith("-") else 1), text.lstrip("+-")
    return sign * int(digits, {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2], 10))


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    ambiguous = text.lower() in _WORDS or _NUMBER_LIKE.fullmatch(text)
    return dumper.represent_scalar(f"{_TAG}str", text, style="'" if ambiguous else None)


for _kind, _pattern, _first in _RESOLVERS:
    _Loader.add_implicit_resolver(
        f"{_TAG}{_kind}", re.compile(_pattern), list(_first) + [""] * (_kind == "null")
    )
_Loader.add_constructor(f"{_TAG}int", _integer)
_Dumper.add_representer(str, _text)
