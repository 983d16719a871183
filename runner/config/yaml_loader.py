"""YAML to plain data, with the line and column of every key and value, and without YAML's dangers.

Read from parser events, so that nothing is built before it was allowed: no aliases (a 294-byte file can
become 580 MB), no tags, no duplicate keys, no second document, limits on size and depth. Scalars follow YAML
1.2's core schema: `on`, `no` and `yes` are text.
"""

from __future__ import annotations

import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from runner.domain.errors import FlywheelError, Where

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20

DataPath = tuple[str | int, ...]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
# YAML 1.2.2, section 10.3.2 (core schema).
_NULL = re.compile(r"(?:~|null|Null|NULL)?")
_BOOLEAN = re.compile(r"(?:true|True|TRUE|false|False|FALSE)")
_INTEGER = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NOT_FINITE = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_EXACT = 2**53


class Place(NamedTuple):
    """Where an entry is written: (line, column) of its key (for a list entry: its value) and of its value."""

    key: tuple[int, int]
    value: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class Document:
    """One YAML file.

    Attributes:
        file: its path as shown to a user, relative to the repository.
        data: plain data: dict, list, str, int, float, bool, None.
        places: of every entry, by its path in `data`; the document itself is `()`.
        errors: what is wrong with the file as YAML. `data` holds what could be read all the same.
        broken: paths whose value could not be read; what is said about them would mislead.
        digest: SHA-256 of the file's bytes, in hex.
    """

    file: str
    data: Any
    places: dict[DataPath, Place]
    errors: list[FlywheelError] = field(default_factory=list)
    broken: set[DataPath] = field(default_factory=set)
    digest: str = ""

    def where(self, path: DataPath, *, at_key: bool = False) -> Where:
        """The place of an entry, or of the nearest entry around it."""
        while path and path not in self.places:
            path, at_key = path[:-1], True
        place = self.places.get(path, Place((1, 1), (1, 1)))
        return Where(self.file, *(place.key if at_key else place.value))


def read_document(root: Path, file: str) -> Document:
    """Reads one YAML file of the repository at `root`. What is wrong with it is in `errors`.

    Raises:
        FlywheelError: there is no such file, or it cannot be read.
    """
    path = root / file
    if path.is_symlink():
        symlink = FlywheelError("is a symlink; the project's files must be regular files", where=Where(file))
        return _refused(file, symlink)
    try:
        if path.stat().st_size > MAX_BYTES:
            return _refused(file, FlywheelError(f"larger than {MAX_BYTES // 1024} KiB", where=Where(file)))
        content = path.read_bytes()
    except FileNotFoundError:
        raise FlywheelError("file not found", where=Where(file)) from None
    except OSError as error:
        raise FlywheelError(f"could not be read: {error.strerror}", where=Where(file)) from error
    return parse_document(content, file)


def parse_document(content: bytes, file: str, *, max_bytes: int = MAX_BYTES) -> Document:
    """Parses YAML. Never raises for what the file says: that is in `errors`."""
    if len(content) > max_bytes:
        return _refused(file, FlywheelError(f"larger than {max_bytes // 1024} KiB", where=Where(file)))
    try:
        text = content.removeprefix(BOM_UTF8).decode()
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode()
        where = Where(file, before.count("\n") + 1, len(before) - before.rfind("\n"))
        return _refused(file, FlywheelError("not UTF-8 text", where=where, hint="save the file as UTF-8"))
    builder = _Builder(text, file)
    data = builder.build()
    return Document(
        file=file,
        data=data,
        places=builder.places,
        errors=builder.errors,
        broken=builder.broken,
        digest=sha256(content).hexdigest(),
    )


def show_path(path: DataPath) -> str:
    """A path as a user would write it.

    >>> show_path(("evaluate", "slices", 2, "wher"))
    'evaluate.slices[2].wher'
    """
    shown = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return shown.removeprefix(".")


def _refused(file: str, error: FlywheelError) -> Document:
    return Document(file=file, data=None, places={}, errors=[error], broken={()})


class _StopError(Exception):
    """Nothing after this point of the file can be read."""


class _Builder:
    """Builds plain data from YAML events, one pass, collecting errors."""

    def __init__(self, text: str, file: str) -> None:
        self.text = text
        self.file = file
        self.places: dict[DataPath, Place] = {}
        self.errors: list[FlywheelError] = []
        self.broken: set[DataPath] = set()
        self.events: Iterator[Any] = iter(())

    def build(self) -> Any:
        self.events = iter(yaml.parse(self.text, Loader=_LOADER))
        try:
            return self._stream()
        except _StopError:
            self.broken.add(())
        except yaml.YAMLError as error:
            self.errors.append(_syntax_error(error, self.text, self.file))
            self.broken.add(())
        return None

    def _stream(self) -> Any:
        next(self.events)  # StreamStart
        if isinstance(next(self.events), yaml.StreamEndEvent):
            self.places[()] = Place((1, 1), (1, 1))
            return None
        event = next(self.events)
        data = self._value(event, (), _at(event))
        next(self.events)  # DocumentEnd
        after = next(self.events)
        if not isinstance(after, yaml.StreamEndEvent):
            self._refuse(after, "a second YAML document; one file holds one document")
        return data

    def _value(self, event: Any, path: DataPath, key: tuple[int, int]) -> Any:
        self.places[path] = Place(key, _at(event))
        if isinstance(event, yaml.AliasEvent):
            self._refuse(event, f"alias *{event.anchor}: write the value out; aliases are not allowed")
            self.broken.add(path)
            return None
        if event.anchor is not None:
            self._refuse(event, f"anchor &{event.anchor}: anchors and aliases are not allowed")
        if event.tag is not None:
            self._refuse(event, f"tag {_short_tag(event.tag)}: tags are not allowed")
            self.broken.add(path)
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if len(path) >= MAX_DEPTH:
            self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
            raise _StopError
        return self._mapping(path) if isinstance(event, yaml.MappingStartEvent) else self._sequence(path)

    def _sequence(self, path: DataPath) -> list[Any]:
        entries: list[Any] = []
        while not isinstance(event := next(self.events), yaml.SequenceEndEvent):
            entries.append(self._value(event, (*path, len(entries)), _at(event)))
        return entries

    def _mapping(self, path: DataPath) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := next(self.events), yaml.MappingEndEvent):
            key = self._key(event)
            if key in entries:
                first = self.places[*path, key].key[0]
                self._refuse(
                    event, f"{show_path((*path, key))}: duplicate key, first written in line {first}"
                )
                self._skip()
            else:
                entries[key] = self._value(next(self.events), (*path, key), _at(event))
        return entries

    def _key(self, event: Any) -> str:
        if not isinstance(event, yaml.ScalarEvent):
            self._refuse(event, "a key must be plain text")
            raise _StopError
        if event.anchor is not None or event.tag is not None:
            self._refuse(event, "a key must be plain text, without tag or anchor")
        return str(event.value)

    def _skip(self) -> None:
        """Passes over a value, to go on after it."""
        depth = 0
        while True:
            event = next(self.events)
            if isinstance(event, yaml.CollectionStartEvent):
                depth += 1
            elif isinstance(event, yaml.CollectionEndEvent):
                depth -= 1
            if depth > MAX_DEPTH:
                self._refuse(event, f"nested deeper than {MAX_DEPTH} levels")
                raise _StopError
            if depth == 0:
                return

    def _scalar(self, event: Any, path: DataPath) -> Any:
        if not event.implicit[0]:
            return event.value
        try:
            return plain_scalar(event.value)
        except ValueError as error:
            self._refuse(event, f"{show_path(path)}: {error}")
            self.broken.add(path)
            return None

    def _refuse(self, event: Any, message: str) -> None:
        self.errors.append(FlywheelError(message, where=Where(self.file, *_at(event))))


def plain_scalar(text: str) -> str | int | float | bool | None:
    """An unquoted scalar by YAML 1.2's core schema. A whole float becomes an int, as JSON Schema sees it.

    Raises:
        ValueError: a number that is not finite, or has too many digits.

    >>> [plain_scalar(text) for text in ("on", "true", "0.5", "1e3", "~", "2024-01-01")]
    ['on', True, 0.5, 1000, None, '2024-01-01']
    """
    if _NULL.fullmatch(text):
        return None
    if _BOOLEAN.fullmatch(text):
        return text[0] in "tT"
    if _INTEGER.fullmatch(text):
        if len(text) > 300:
            raise ValueError("a number of so many digits is not accepted")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _NOT_FINITE.fullmatch(text):
        raise ValueError(f"{text} is not accepted: a number must be finite")
    if _FLOAT.fullmatch(text):
        number = float(text)
        if not math.isfinite(number):
            raise ValueError("a number so large is not accepted")
        return int(number) if number.is_integer() and abs(number) < _EXACT else number
    return text


def _at(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _short_tag(tag: str) -> str:
    standard = "tag:yaml.org,2002:"
    return "!!" + tag.removeprefix(standard) if tag.startswith(standard) else tag


def _syntax_error(error: yaml.YAMLError, text: str, file: str) -> FlywheelError:
    mark = getattr(error, "problem_mark", None)
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "not readable"
    where = Where(file, mark.line + 1, mark.column + 1) if mark else Where(file)
    if (context := getattr(error, "context", None)) and (start := getattr(error, "context_mark", None)):
        problem = f"{problem} ({context}, line {start.line + 1})"
    lines = text.splitlines()
    around = lines[mark.line] if mark and mark.line < len(lines) else ""
    tabs = around.startswith("\t") or "\t" in around[: len(around) - len(around.lstrip())]
    hint = "YAML is indented with spaces, not tabs" if tabs else None
    if str(problem).startswith("mapping values are not allowed"):
        hint = "text with a colon in it is written in quotes; or a line is indented too far"
    return FlywheelError(f"not valid YAML: {problem}", where=where, hint=hint)
